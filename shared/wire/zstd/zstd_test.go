package zstd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"patchbay/shared/errs"
	"patchbay/shared/wire"
)

// frame puts a hand-made zstd payload under a header that claims size bytes.
func frame(kind wire.Kind, size int, payload []byte) []byte {
	f := make([]byte, wire.HeaderSize, wire.HeaderSize+len(payload))
	copy(f, []byte{'P', 'B', wire.Version, byte(kind), wire.CodecZstd})
	binary.LittleEndian.PutUint64(f[8:], 1)
	binary.LittleEndian.PutUint32(f[20:], uint32(size))
	return append(f, payload...)
}

func add(f []byte) (*wire.Message, error) {
	return (&wire.Assembler{Codec: New()}).Add(f)
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

func bomb(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 256<<20); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRoundTrip(t *testing.T) {
	x := make([]float32, 300_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	m, err := wire.New(wire.KindResult, 9, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors = []wire.Tensor{wire.Floats("x", x, 300, 1000), wire.Floats("zero", make([]float32, 50_000), 50_000)}
	frames, err := wire.Encoder{Codec: New()}.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	a := wire.Assembler{Codec: New()}
	var got *wire.Message
	for _, f := range frames {
		sent += len(f)
		if got, err = a.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if got == nil || !bytes.Equal(got.Tensors[0].Data, m.Tensors[0].Data) || !bytes.Equal(got.Tensors[1].Data, m.Tensors[1].Data) {
		t.Fatal("the arrays do not come back")
	}
	// Gaussian float32 does not compress at all without byte planes, to 0.85 with them.
	if raw := 4 * 350_000; sent > raw*80/100 {
		t.Errorf("%d bytes were sent for %d", sent, raw)
	}
}

func TestBombIsRefusedWithoutMemory(t *testing.T) {
	payload := bomb(t)
	New()
	for _, claim := range []int{wire.MaxFrame, 1000, 0} {
		var err error
		n := allocated(func() { _, err = add(frame(wire.KindResult, claim, payload)) })
		if err == nil {
			t.Errorf("claim %d: a bomb of 256 MiB was taken", claim)
		}
		if limit := uint64(4 << 20); n > limit {
			t.Errorf("claim %d: refusing a bomb allocated %d bytes, the limit is %d", claim, n, limit)
		}
	}
}

func TestClaimOverTheLimitIsRefusedBeforeDecoding(t *testing.T) {
	_, err := add(frame(wire.KindResult, 256<<20, bomb(t)))
	if errs.KindOf(err) != errs.TooLarge {
		t.Errorf("error %v", err)
	}
}

// A forged frame of 12 bytes (magic, single segment, content size 60 MiB, one empty block) made
// the decoder allocate 60 MiB before it failed.
func TestForgedFrameIsRefusedWithoutMemory(t *testing.T) {
	for _, h := range []string{
		"28b52ffd" + "a0" + "0000c003" + "010000", // single segment, 60 MiB
		"28b52ffd" + "80" + "90" + "0000c003" + "010000",
		"28b52ffd" + "00" + "f8" + "010000", // no content size, window 2 TiB
		"28b52ffd" + "e0" + "ffffffffffffffff" + "010000",
		"502a4d18" + "00000010" + "00000000", // skippable
		"28b52ffd",
		"",
	} {
		payload, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, claim := range []int{wire.MaxFrame, 0} {
			n := allocated(func() { _, err = add(frame(wire.KindResult, claim, payload)) })
			if err == nil {
				t.Errorf("%s: taken", h)
			}
			if limit := uint64(wire.MaxFrame + 256<<10); n > limit {
				t.Errorf("%s: refusing it allocated %d bytes, the limit is %d", h, n, limit)
			}
		}
	}
}

func TestSizeMustBeExact(t *testing.T) {
	payload := New().Compress(nil, make([]byte, 1000))
	for _, claim := range []int{0, 999, 1001} {
		if _, err := add(frame(wire.KindResult, claim, payload)); err == nil {
			t.Errorf("1000 bytes were taken for %d", claim)
		}
	}
}

func TestRequestCapHoldsForCompressedFrames(t *testing.T) {
	payload := New().Compress(nil, make([]byte, 900<<10))
	a := wire.Assembler{Codec: New()}
	first := frame(wire.KindRequest, 900<<10, payload)
	first[5] = wire.FlagMore
	if _, err := a.Add(first); err != nil {
		t.Fatal(err)
	}
	first[5] |= wire.FlagRest
	if _, err := a.Add(first); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("a request of 1.8 MiB was taken: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	f.Add(New().Compress(nil, bytes.Repeat([]byte("abc"), 400)), uint16(1200))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0xc0, 3, 1, 0, 0}, uint16(0))
	f.Fuzz(func(t *testing.T, src []byte, size uint16) {
		dst := make([]byte, size)
		if err := New().Decompress(dst, src); err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("error of kind %v", errs.KindOf(err))
		}
	})
}
