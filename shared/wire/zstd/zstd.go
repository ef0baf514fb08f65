// Package zstd is the compressing codec of the wire. It decodes only into the size that a
// frame's header claims and this end has accepted (SECURITY.md, T5): klauspost's streaming
// decoder ignores its memory cap, so it is never used.
package zstd

import (
	"sync"

	"github.com/klauspost/compress/zstd"

	"patchbay/shared/errs"
	"patchbay/shared/wire"
)

// Codec compresses frames with zstd. It is safe for concurrent use.
type Codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	// decodes bounds how many frames are decompressed at once in the whole process.
	decodes chan struct{}
}

const (
	maxWindow = 8 << 20
	maxMemory = 2 * wire.MaxFrame
)

// New gives the process's codec.
var New = sync.OnceValue(func() *Codec {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(wire.MaxFrame), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err) // constant options: a defect of ours
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(maxMemory), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err)
	}
	return &Codec{enc, dec, make(chan struct{}, 4)}
})

// Compress implements wire.Codec.
func (c *Codec) Compress(dst, src []byte) []byte { return c.enc.EncodeAll(src, dst) }

// Decompress implements wire.Codec.
func (c *Codec) Decompress(dst, src []byte) error {
	if err := checkHeader(src, len(dst)); err != nil {
		return err
	}
	c.decodes <- struct{}{}
	defer func() { <-c.decodes }()
	out, err := c.dec.DecodeAll(src, dst[:0:len(dst)])
	if err != nil {
		return bad("a compressed frame does not decode to the %d bytes it claims: %w", len(dst), err)
	}
	if len(out) != len(dst) {
		return bad("a compressed frame claims %d bytes and holds %d", len(dst), len(out))
	}
	return nil
}

// checkHeader refuses what the decoder would first allocate for: a forged frame of 12 bytes
// made it take 60 MiB before it failed.
func checkHeader(src []byte, size int) error {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return bad("a compressed frame has no zstd header: %w", err)
	}
	switch {
	case h.Skippable:
		return bad("a compressed frame starts with a skippable zstd frame")
	case h.DictionaryID != 0:
		return bad("a compressed frame asks for a dictionary")
	case !h.HasFCS || h.FrameContentSize != uint64(size):
		return bad("a compressed frame must state its content size, %d bytes", size)
	case h.WindowSize > maxWindow:
		return bad("a compressed frame asks for a window of %d bytes, the limit is %d", h.WindowSize, maxWindow)
	}
	return nil
}

func bad(format string, args ...any) error {
	return errs.E("zstd.Decompress", errs.Invalid, format, args...)
}
