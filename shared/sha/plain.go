package sha

import (
	"encoding/binary"
	"math/bits"
)

// plain is SHA-256 as FIPS 180-4, section 6.2, writes it down.
type plain struct {
	h   [8]uint32
	buf [64]byte
	n   uint64 // bytes so far
}

func newPlain() *plain {
	p := new(plain)
	p.Reset()
	return p
}

// Reset implements hash.Hash.
func (p *plain) Reset() {
	*p = plain{h: [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}}
}

// Size implements hash.Hash.
func (p *plain) Size() int { return Size }

// BlockSize implements hash.Hash.
func (p *plain) BlockSize() int { return 64 }

// Write implements hash.Hash.
func (p *plain) Write(b []byte) (int, error) {
	n := len(b)
	if at := int(p.n % 64); at > 0 {
		k := copy(p.buf[at:], b)
		b = b[k:]
		if at+k == 64 {
			p.block(p.buf[:])
		}
	}
	for ; len(b) >= 64; b = b[64:] {
		p.block(b[:64])
	}
	if len(b) > 0 {
		copy(p.buf[:], b)
	}
	p.n += uint64(n)
	return n, nil
}

// Sum implements hash.Hash: the padding goes to a copy, so writing may go on.
func (p *plain) Sum(to []byte) []byte {
	q := *p
	pad := make([]byte, 1, 72)
	pad[0] = 0x80
	for (q.n+uint64(len(pad)))%64 != 56 {
		pad = append(pad, 0)
	}
	q.Write(binary.BigEndian.AppendUint64(pad, p.n*8))
	for _, v := range q.h {
		to = binary.BigEndian.AppendUint32(to, v)
	}
	return to
}

// block takes 64 bytes into the state.
func (p *plain) block(b []byte) {
	var w [64]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	for i := 16; i < 64; i++ {
		v, u := w[i-2], w[i-15]
		s1 := bits.RotateLeft32(v, -17) ^ bits.RotateLeft32(v, -19) ^ v>>10
		s0 := bits.RotateLeft32(u, -7) ^ bits.RotateLeft32(u, -18) ^ u>>3
		w[i] = s1 + w[i-7] + s0 + w[i-16]
	}
	a, b1, c, d, e, f, g, h := p.h[0], p.h[1], p.h[2], p.h[3], p.h[4], p.h[5], p.h[6], p.h[7]
	for i := range 64 {
		s1 := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
		t1 := h + s1 + (e&f ^ ^e&g) + k[i] + w[i]
		s0 := bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
		t2 := s0 + (a&b1 ^ a&c ^ b1&c)
		h, g, f, e, d, c, b1, a = g, f, e, d+t1, c, b1, a, t1+t2
	}
	for i, v := range [8]uint32{a, b1, c, d, e, f, g, h} {
		p.h[i] += v
	}
}

// k are the first 32 bits of the fractions of the cube roots of the first 64 primes.
var k = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
