package tensor

import (
	"encoding/binary"
	"math"
)

// Decode writes the float32 values of src, whole blocks of type d, to dst. It is the one
// definition of what a stored type means; kernels that decode on their own are tested against it.
// len(dst) is a multiple of the block; src holds at least as many blocks.
func Decode(d DType, dst []float32, src []byte) {
	if d == F32 && littleEndian {
		copy(float32Bytes(dst), src[:4*len(dst)])
		return
	}
	elems, size := d.Block()
	decode := blockDecoders[d]
	for i := 0; i < len(dst); i += elems {
		decode(dst[i:i+elems], src[:size])
		src = src[size:]
	}
}

var blockDecoders = [...]func(dst []float32, b []byte){
	F32: func(dst []float32, b []byte) { dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	F16: func(dst []float32, b []byte) { dst[0] = half(b) },
	BF16: func(dst []float32, b []byte) {
		dst[0] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	},
	I8:   func(dst []float32, b []byte) { dst[0] = float32(int8(b[0])) },
	U8:   func(dst []float32, b []byte) { dst[0] = float32(b[0]) },
	I32:  func(dst []float32, b []byte) { dst[0] = float32(int32(binary.LittleEndian.Uint32(b))) },
	I64:  func(dst []float32, b []byte) { dst[0] = float32(int64(binary.LittleEndian.Uint64(b))) },
	Q4_0: func(dst []float32, b []byte) { nibbles(dst, b[2:18], nil, half(b), -8*half(b)) },
	Q4_1: func(dst []float32, b []byte) { nibbles(dst, b[4:20], nil, half(b), half(b[2:])) },
	Q5_0: func(dst []float32, b []byte) { nibbles(dst, b[6:22], b[2:6], half(b), -16*half(b)) },
	Q5_1: func(dst []float32, b []byte) { nibbles(dst, b[8:24], b[4:8], half(b), half(b[2:])) },
	Q8_0: decodeQ8_0,
	Q4_K: func(dst []float32, b []byte) { superblock(dst, b, b[16:144], nil) },
	Q5_K: func(dst []float32, b []byte) { superblock(dst, b, b[48:176], b[16:48]) },
	Q6_K: decodeQ6_K,
}

// nibbles decodes 32 codes of 4 bits, low nibbles first, with a fifth bit each from high if
// given: d*code + m.
func nibbles(dst []float32, codes, high []byte, d, m float32) {
	var fifth uint32
	if high != nil {
		fifth = binary.LittleEndian.Uint32(high)
	}
	for i, c := range codes {
		lo, hi := uint32(c&15)|fifth>>i&1<<4, uint32(c>>4)|fifth>>(i+16)&1<<4
		dst[i], dst[i+16] = d*float32(lo)+m, d*float32(hi)+m
	}
}

func decodeQ8_0(dst []float32, b []byte) {
	d := half(b)
	for i := range 32 {
		dst[i] = d * float32(int8(b[2+i]))
	}
}

// superblock decodes Q4_K and Q5_K: 8 groups of 32 with 6-bit scales and minima.
func superblock(dst []float32, b, codes, high []byte) {
	d, dmin := half(b), half(b[2:])
	for g := range 8 {
		sc, m := ScaleMinK4(g, b[4:16])
		scale, offset := d*float32(sc), dmin*float32(m)
		for i := range 32 {
			c := codes[g/2*32+i] >> (4 * (g & 1)) & 15
			if high != nil {
				c |= high[i] >> g & 1 << 4
			}
			dst[g*32+i] = scale*float32(c) - offset
		}
	}
}

// ScaleMinK4 unpacks the 6-bit scale and minimum of group g from the 12 bytes of a K-quant.
func ScaleMinK4(g int, q []byte) (scale, minimum byte) {
	if g < 4 {
		return q[g] & 63, q[g+4] & 63
	}
	return q[g+4]&15 | q[g-4]>>6<<4, q[g+4]>>4 | q[g]>>6<<4
}

func decodeQ6_K(dst []float32, b []byte) {
	ql, qh, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range 256 {
		h, j := i/128, i%128 // two halves of 128, each four quarters of 32
		k, l := j/32, j%32
		c := ql[h*64+(k&1)*32+l] >> (4 * (k >> 1)) & 15
		c |= qh[h*32+l] >> (2 * k) & 3 << 4
		dst[i] = d * float32(int8(scales[h*8+k*2+l/16])) * float32(int8(c)-32)
	}
}

func half(b []byte) float32 { return HalfToFloat(binary.LittleEndian.Uint16(b)) }

// HalfToFloat widens an IEEE half.
func HalfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero and subnormals
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
