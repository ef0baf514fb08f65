package wire

import (
	"errors"

	"patchbay/shared/errs"
)

// Codec compresses the payload of frames. Package wire/zstd has the only one besides raw; it is
// a package of its own so that the tab's worker does not link it.
type Codec interface {
	// Compress appends src compressed to dst.
	Compress(dst, src []byte) []byte
	// Decompress fills dst, which has exactly the decoded length, and fails on anything longer
	// or shorter without allocating for it.
	Decompress(dst, src []byte) error
}

// Below minCompress bytes a frame's header and zstd's own cost more than they save.
const minCompress = 512

// Encoder makes frames of messages. The zero value writes raw frames.
type Encoder struct {
	Codec Codec // nil: raw
	Chunk int   // largest payload of a frame, decoded; 0: Chunk
}

// Encode makes raw frames, as the tab's MessagePort carries them.
func Encode(m Message) ([][]byte, error) { return Encoder{Chunk: MaxFrame}.Encode(m) }

// Encode cuts the message into frames. Their sequence numbers are 0; see Stamp.
func (e Encoder) Encode(m Message) ([][]byte, error) {
	blob, header, err := writeBlob(m)
	if err != nil {
		return nil, err
	}
	if limit := MaxMessage(m.Kind); len(blob) > limit {
		return nil, errs.E("wire.Encode", errs.TooLarge, "a message of kind %d would take %d bytes, the limit is %d; ask for fewer reads, layers or positions", m.Kind, len(blob), limit)
	}
	chunk := e.Chunk
	if chunk <= 0 || chunk > MaxFrame {
		chunk = Chunk
	}
	var frames [][]byte
	for off := 0; ; off += chunk {
		part := blob[off:min(off+chunk, len(blob))]
		h := Header{Kind: m.Kind, Request: m.Request, Size: uint32(len(part))}
		if off > 0 {
			h.Flags = FlagRest
		}
		if off+len(part) < len(blob) {
			h.Flags |= FlagMore
		}
		// Planes help arrays and hurt text: a frame is split when most of it is array.
		frames = append(frames, e.frame(h, part, header-off < len(part)/2))
		if h.Flags&FlagMore == 0 {
			return frames, nil
		}
	}
}

// frame compresses one payload if that pays: ratio at most 0.95.
func (e Encoder) frame(h Header, part []byte, split bool) []byte {
	if e.Codec != nil && len(part) >= minCompress {
		src, hz := part, h
		if split {
			src = make([]byte, len(part))
			planes(src, part)
			hz.Flags |= FlagPlanes
		}
		hz.Codec = CodecZstd
		out := e.Codec.Compress(make([]byte, HeaderSize, HeaderSize+len(part)), src)
		if len(out)-HeaderSize <= len(part)*95/100 {
			hz.put(out)
			return out
		}
	}
	out := make([]byte, HeaderSize+len(part))
	h.put(out)
	copy(out[HeaderSize:], part)
	return out
}

func asError(err error, to **errs.Error) bool { return errors.As(err, to) }
