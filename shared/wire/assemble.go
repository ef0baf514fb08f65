package wire

import (
	"patchbay/shared/errs"
)

// MaxMessage is the largest message of a kind, decoded, in bytes. Both sides refuse more before
// anything is decompressed or allocated (SECURITY.md, T5).
func MaxMessage(k Kind) int {
	switch k {
	case KindHello:
		return 4 << 10
	case KindRequest:
		return 1 << 20
	case KindCancel, KindCancelled, KindGap:
		return 1 << 10
	case KindError:
		return 64 << 10
	case KindWelcome, KindEvent:
		return 4 << 20
	case KindResult:
		return 256 << 20
	}
	return 0
}

// maxOpen bounds how many half-received messages one peer may leave lying.
const maxOpen = 16

// Assembler turns frames back into messages. Frames of different requests may interleave; those
// of one request may not. A client keeps its assembler when it resumes a session over a new
// line: a message may have begun on the old one. It is not safe for concurrent use.
type Assembler struct {
	// Codec undoes zstd; while nil such frames are refused. A server leaves it nil until the
	// client has shown its token.
	Codec Codec
	// Allow, if set, says which kinds may arrive.
	Allow func(Kind) bool

	open map[uint64]*partial
}

type partial struct {
	kind Kind
	data []byte
}

// Add takes one frame. It returns the message that the frame completes, or nil when more is to
// come. After an error the stream is not to be trusted further: close it. frame may be reused
// by the caller afterwards.
func (a *Assembler) Add(frame []byte) (*Message, error) {
	h, err := ReadHeader(frame)
	if err != nil {
		return nil, err
	}
	p, err := a.begin(h)
	if p == nil || err != nil {
		return nil, err
	}
	at := len(p.data)
	p.data = grow(p.data, int(h.Size))
	if err := a.decode(h, p.data[at:], frame[HeaderSize:]); err != nil {
		return nil, err
	}
	if h.Flags&FlagMore != 0 {
		return nil, nil
	}
	delete(a.open, h.Request)
	m, err := readBlob(p.data)
	if err != nil {
		return nil, err
	}
	m.Kind, m.Request = h.Kind, h.Request
	return m, nil
}

// begin finds the message that a frame belongs to and checks the caps, before any allocation.
// It gives nil for the rest of a message whose beginning never came.
func (a *Assembler) begin(h Header) (*partial, error) {
	if a.Allow != nil && !a.Allow(h.Kind) {
		return nil, bad("a message of kind %d is not expected here", h.Kind)
	}
	if h.Codec == CodecZstd && a.Codec == nil {
		return nil, errs.E(opRead, errs.Unsupported, "compressed frames are not accepted here; send codec 0")
	}
	p := a.open[h.Request]
	switch rest := h.Flags&FlagRest != 0; {
	case !rest:
		// A message that was half sent when another begins has its end in a Gap.
		delete(a.open, h.Request)
		p = &partial{kind: h.Kind}
	case p == nil:
		return nil, nil // its beginning lies in a Gap
	case p.kind != h.Kind:
		return nil, bad("request %d: a message of kind %d goes on with a frame of kind %d", h.Request, p.kind, h.Kind)
	}
	if total, limit := len(p.data)+int(h.Size), MaxMessage(h.Kind); total > limit {
		return nil, errs.E(opRead, errs.TooLarge, "a message of kind %d has %d bytes or more, the limit is %d", h.Kind, total, limit)
	}
	if h.Flags&FlagMore != 0 && a.open[h.Request] == nil {
		if len(a.open) >= maxOpen {
			return nil, errs.E(opRead, errs.TooLarge, "more than %d messages are half sent", maxOpen)
		}
		if a.open == nil {
			a.open = map[uint64]*partial{}
		}
		a.open[h.Request] = p
	}
	return p, nil
}

func (a *Assembler) decode(h Header, dst, payload []byte) error {
	if h.Codec == CodecRaw && h.Flags&FlagPlanes == 0 {
		copy(dst, payload)
		return nil
	}
	src := payload
	if h.Codec == CodecZstd {
		if h.Flags&FlagPlanes == 0 {
			return a.Codec.Decompress(dst, payload)
		}
		src = make([]byte, len(dst))
		if err := a.Codec.Decompress(src, payload); err != nil {
			return err
		}
	}
	unplanes(dst, src)
	return nil
}

// grow extends b by n bytes. Capacity doubles, so that memory follows what really arrived and
// never what a header claims.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need > cap(b) {
		c := make([]byte, len(b), max(need, min(2*cap(b), need+(16<<20))))
		copy(c, b)
		b = c
	}
	return b[:len(b)+n]
}
