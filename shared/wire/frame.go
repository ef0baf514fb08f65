package wire

import (
	"encoding/binary"

	"patchbay/shared/errs"
)

// The frame format. docs/wire.md states these numbers and a test holds it to them.
const (
	HeaderSize = 24      // bytes before the payload
	MaxFrame   = 1 << 20 // largest payload of one frame, decoded
	Chunk      = 256 << 10

	FlagMore   = 1 // more frames of this message follow
	FlagPlanes = 2 // the payload was split into byte planes before compression
	FlagRest   = 4 // this frame goes on with the message of an earlier one

	CodecRaw  = 0
	CodecZstd = 1
)

// Header is the first 24 bytes of a frame, little-endian.
type Header struct {
	Kind     Kind
	Codec    uint8
	Flags    uint8
	Request  uint64
	Sequence uint32 // stamped by the sender of a resumable stream; 0 otherwise
	Size     uint32 // bytes of the payload once decoded
}

// put writes the header over the first HeaderSize bytes of b.
func (h Header) put(b []byte) {
	b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = 'P', 'B', Version, byte(h.Kind), h.Codec, h.Flags, 0, 0
	binary.LittleEndian.PutUint64(b[8:], h.Request)
	binary.LittleEndian.PutUint32(b[16:], h.Sequence)
	binary.LittleEndian.PutUint32(b[20:], h.Size)
}

// ReadHeader checks and reads a frame's header; nothing is allocated.
func ReadHeader(frame []byte) (Header, error) {
	if len(frame) < HeaderSize {
		return Header{}, bad("a frame of %d bytes is shorter than its header of %d", len(frame), HeaderSize)
	}
	if frame[0] != 'P' || frame[1] != 'B' {
		return Header{}, bad("a frame starts with %q where PB was expected", frame[:2])
	}
	if frame[2] != Version {
		return Header{}, errs.E(opRead, errs.Unsupported, "the other side speaks version %d of the wire, this one version %d; reload the page, or bring both to the same release", frame[2], Version)
	}
	h := Header{Kind: Kind(frame[3]), Codec: frame[4], Flags: frame[5],
		Request:  binary.LittleEndian.Uint64(frame[8:]),
		Sequence: binary.LittleEndian.Uint32(frame[16:]),
		Size:     binary.LittleEndian.Uint32(frame[20:])}
	return h, h.check(frame)
}

func (h Header) check(frame []byte) error {
	switch {
	case h.Kind < KindHello || h.Kind > lastKind:
		return bad("message kind %d is not known", h.Kind)
	case h.Codec > CodecZstd:
		return errs.E(opRead, errs.Unsupported, "codec %d is not known; 0 is raw, 1 is zstd", h.Codec)
	case h.Flags&^(FlagMore|FlagPlanes|FlagRest) != 0 || frame[6] != 0 || frame[7] != 0:
		return bad("a reserved bit of the frame header is set")
	case h.Size > MaxFrame:
		return errs.E(opRead, errs.TooLarge, "a frame claims %d bytes decoded, the limit is %d", h.Size, MaxFrame)
	case h.Codec == CodecRaw && int(h.Size) != len(frame)-HeaderSize:
		return bad("a raw frame claims %d bytes and holds %d", h.Size, len(frame)-HeaderSize)
	}
	return nil
}

// Stamp writes the sequence number into an encoded frame.
func Stamp(frame []byte, sequence uint32) { binary.LittleEndian.PutUint32(frame[16:], sequence) }

// More reports whether further frames of an encoded frame's message follow.
func More(frame []byte) bool { return frame[5]&FlagMore != 0 }

// planes gathers byte 0 of every four bytes, then byte 1, 2 and 3, then the up to three bytes
// left over. Signs and exponents of float32 (and float16) so lie side by side and compress.
func planes(dst, src []byte) {
	n := len(src) / 4
	for i := range n {
		dst[i], dst[n+i], dst[2*n+i], dst[3*n+i] = src[4*i], src[4*i+1], src[4*i+2], src[4*i+3]
	}
	copy(dst[4*n:], src[4*n:])
}

// unplanes undoes planes.
func unplanes(dst, src []byte) {
	n := len(src) / 4
	for i := range n {
		dst[4*i], dst[4*i+1], dst[4*i+2], dst[4*i+3] = src[i], src[n+i], src[2*n+i], src[3*n+i]
	}
	copy(dst[4*n:], src[4*n:])
}

const opRead errs.Op = "wire.Read"

func bad(format string, args ...any) error { return errs.E(opRead, errs.Invalid, format, args...) }
