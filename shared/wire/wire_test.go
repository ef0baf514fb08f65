package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

func sample(n int) Message {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	m, _ := New(KindResult, 7, map[string]any{"hello": "Łódź", "n": n})
	m.Tensors = []Tensor{
		Floats("run/resid", x, n/2, 2),
		{Name: "ids", DType: tensor.I32, Shape: []int{2}, Data: []byte{1, 0, 0, 0, 2, 0, 0, 0}},
		{Name: "half", DType: tensor.F16, Shape: []int{3}, Data: []byte{0, 60, 0, 64, 0, 66}, Enc: "f16"},
	}
	return m
}

func through(t *testing.T, frames [][]byte, a *Assembler) *Message {
	t.Helper()
	for i, f := range frames {
		m, err := a.Add(f)
		if err != nil {
			t.Fatal(err)
		}
		if last := i == len(frames)-1; (m != nil) != last {
			t.Fatalf("frame %d of %d: message complete: %v", i, len(frames), m != nil)
		}
		if m != nil {
			return m
		}
	}
	return nil
}

func equal(t *testing.T, got *Message, want Message) {
	t.Helper()
	if got.Kind != want.Kind || got.Request != want.Request || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("got kind %d request %d body %s", got.Kind, got.Request, got.Body)
	}
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("got %d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for i, w := range want.Tensors {
		g := got.Tensors[i]
		if g.Name != w.Name || g.DType != w.DType || g.Enc != w.Enc || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("tensor %d: %s %s %v %q differs", i, g.Name, g.DType, g.Shape, g.Enc)
		}
	}
}

func TestRoundTripRaw(t *testing.T) {
	for _, n := range []int{0, 2, 1000, MaxFrame} {
		m := sample(n)
		frames, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if len(f) > MaxFrame+HeaderSize {
				t.Errorf("a frame has %d bytes", len(f))
			}
		}
		equal(t, through(t, frames, &Assembler{}), m)
	}
}

func TestFramesOfRequestsInterleave(t *testing.T) {
	a, b := sample(300_000), sample(300_000)
	b.Request = 8
	fa, _ := Encoder{}.Encode(a)
	fb, _ := Encoder{}.Encode(b)
	var as Assembler
	done := 0
	for i := range fa {
		for _, f := range [][]byte{fa[i], fb[i]} {
			m, err := as.Add(f)
			if err != nil {
				t.Fatal(err)
			}
			if m != nil {
				done++
			}
		}
	}
	if done != 2 {
		t.Errorf("%d messages arrived, want 2", done)
	}
}

func TestStamp(t *testing.T) {
	frames, _ := Encode(sample(2))
	Stamp(frames[0], 41)
	h, err := ReadHeader(frames[0])
	if err != nil || h.Sequence != 41 || More(frames[0]) {
		t.Errorf("header %+v, error %v", h, err)
	}
}

// hand makes a raw frame with any payload.
func hand(kind Kind, flags uint8, request uint64, payload []byte) []byte {
	f := make([]byte, HeaderSize+len(payload))
	Header{Kind: kind, Flags: flags, Request: request, Size: uint32(len(payload))}.put(f)
	copy(f[HeaderSize:], payload)
	return f
}

func blob(header string, data ...byte) []byte {
	b := make([]byte, 8)
	b[0], b[1] = byte(len(header)), byte(len(header)>>8)
	return append(append(b, header...), data...)
}

func TestBadFrames(t *testing.T) {
	good, _ := Encode(Message{Kind: KindCancel, Request: 1})
	with := func(at int, v byte) []byte {
		f := slices.Clone(good[0])
		f[at] = v
		return f
	}
	cases := []struct {
		name  string
		frame []byte
		kind  errs.Kind
		words string
	}{
		{"empty", nil, errs.Invalid, "shorter than its header"},
		{"short", good[0][:23], errs.Invalid, "shorter than its header"},
		{"magic", with(0, 'X'), errs.Invalid, "PB was expected"},
		{"version", with(2, 9), errs.Unsupported, "speaks version 9"},
		{"kind 0", with(3, 0), errs.Invalid, "kind 0"},
		{"kind 200", with(3, 200), errs.Invalid, "kind 200"},
		{"codec", with(4, 7), errs.Unsupported, "codec 7"},
		{"zstd without codec", with(4, 1), errs.Unsupported, "codec 0"},
		{"flags", with(5, 128), errs.Invalid, "reserved"},
		{"reserved", with(6, 1), errs.Invalid, "reserved"},
		{"size too large", with(23, 0xff), errs.TooLarge, "limit is 1048576"},
		{"size wrong", with(20, 1), errs.Invalid, "claims 1 bytes"},
		{"no blob", hand(KindCancel, 0, 1, nil), errs.Invalid, "no safetensors header"},
		{"long header", hand(KindCancel, 0, 1, []byte{255, 255, 255, 255, 255, 255, 255, 255}), errs.Invalid, "claims"},
		{"no object", hand(KindCancel, 0, 1, blob(`[]`)), errs.Invalid, "not a JSON object"},
		{"torn", hand(KindCancel, 0, 1, blob(`{"a":`)), errs.Invalid, "a"},
		{"trailing", hand(KindCancel, 0, 1, blob(`{} {}`)), errs.Invalid, "end where it should"},
		{"twice", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`)), errs.Invalid, "twice"},
		{"msg no JSON", hand(KindCancel, 0, 1, blob(`{"__metadata__":{"msg":"{"}}`)), errs.Invalid, "not JSON"},
		{"dtype", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"X9","shape":[0],"data_offsets":[0,0]}}`)), errs.Invalid, "X9"},
		{"negative shape", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`)), errs.Invalid, "impossible"},
		{"overflow", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`)), errs.Invalid, "impossible"},
		{"gap", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 1, 2)), errs.Invalid, "stands at"},
		{"past the end", hand(KindCancel, 0, 1, blob(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 1, 2)), errs.Invalid, "stands at"},
		{"left over", hand(KindCancel, 0, 1, blob(`{}`, 1)), errs.Invalid, "belong to no tensor"},
		{"over the kind's cap", hand(KindCancel, 0, 1, make([]byte, 2<<10)), errs.TooLarge, "limit is 1024"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := (&Assembler{}).Add(c.frame)
			if m != nil || errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.words) {
				t.Errorf("message %v, error %v (%v)", m, err, errs.KindOf(err))
			}
		})
	}
}

func TestAssemblerCapsWholeMessages(t *testing.T) {
	var a Assembler
	part := make([]byte, 512<<10)
	for i := range 3 {
		flags := uint8(FlagMore | FlagRest)
		if i == 0 {
			flags = FlagMore
		}
		_, err := a.Add(hand(KindRequest, flags, 5, part))
		if i < 2 && err != nil {
			t.Fatal(err)
		}
		if i == 2 && errs.KindOf(err) != errs.TooLarge {
			t.Errorf("1.5 MiB of a request were taken: %v", err)
		}
	}
}

func TestAssemblerCapsOpenMessages(t *testing.T) {
	var a Assembler
	for i := range maxOpen + 1 {
		_, err := a.Add(hand(KindRequest, FlagMore, uint64(i), nil))
		if (err != nil) != (i == maxOpen) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

func TestAssemblerRefusesMixedKindsAndUnexpectedOnes(t *testing.T) {
	a := Assembler{Allow: func(k Kind) bool { return k != KindHello }}
	if _, err := a.Add(hand(KindHello, 0, 0, nil)); err == nil {
		t.Error("an unexpected kind was taken")
	}
	a.Add(hand(KindRequest, FlagMore, 1, nil))
	if _, err := a.Add(hand(KindCancel, FlagRest, 1, nil)); err == nil {
		t.Error("a cancel in the middle of a request's frames was taken")
	}
}

// After a gap the client has the beginning of one message and the end of another.
func TestHalfMessagesOfAGapDoNoHarm(t *testing.T) {
	a, m := Assembler{}, sample(300_000)
	frames, _ := Encoder{}.Encode(m)
	for _, f := range [][]byte{frames[2], frames[0], frames[1]} { // an end without a beginning, a beginning without an end
		if got, err := a.Add(f); got != nil || err != nil {
			t.Fatal(got, err)
		}
	}
	equal(t, through(t, frames, &a), m)
	gone := Fail(7, errs.E("x", errs.Gone, "gone"))
	short, _ := Encode(gone)
	a.Add(frames[0])
	if got, err := a.Add(short[0]); err != nil || got.Kind != KindError {
		t.Errorf("an error in the place of the rest of a result: %v %v", got, err)
	}
}

func TestEncodeRefusesWrongTensor(t *testing.T) {
	_, err := Encode(Message{Kind: KindResult, Tensors: []Tensor{{Name: "x", Shape: []int{3}, Data: make([]byte, 4)}}})
	if err == nil || !strings.Contains(err.Error(), "needs 12") {
		t.Error(err)
	}
}

func TestErrorsTravel(t *testing.T) {
	cause := errs.E("nn.Load", errs.NoSpace, "the model needs 900 MiB")
	m := Fail(3, cause)
	var e Error
	if err := m.Decode(&e); err != nil {
		t.Fatal(err)
	}
	if m.Kind != KindError || e.Op != "nn.Load" || errs.KindOf(e.Err()) != errs.NoSpace || e.Err().Error() != cause.Error() {
		t.Errorf("%d %+v", m.Kind, e)
	}
	if m := Fail(3, errs.E("x", errs.Cancelled, "stopped")); m.Kind != KindCancelled {
		t.Errorf("a cancelled request ends with kind %d", m.Kind)
	}
	if m := Fail(3, errors.New("plain")); m.Kind != KindError {
		t.Errorf("a plain error ends with kind %d", m.Kind)
	}
}

func TestPlanesRoundTrip(t *testing.T) {
	for n := range 40 {
		src, mid, back := make([]byte, n), make([]byte, n), make([]byte, n)
		for i := range src {
			src[i] = byte(i * 37)
		}
		planes(mid, src)
		unplanes(back, mid)
		if !bytes.Equal(src, back) {
			t.Errorf("%d bytes do not come back", n)
		}
	}
}

func FuzzAdd(f *testing.F) {
	for _, n := range []int{0, 2, 100} {
		frames, _ := Encode(sample(n))
		f.Add(frames[0])
	}
	f.Add(hand(KindEvent, 0, 1, blob(`{"__metadata__":{"msg":"1"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 9)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var a Assembler
		m, err := a.Add(frame)
		if err != nil || m == nil {
			return
		}
		again, err := Encode(*m)
		if err != nil {
			t.Fatal(err)
		}
		back := through(t, again, &Assembler{})
		equal(t, back, *m)
		if m.Body != nil && !json.Valid(m.Body) {
			t.Error("a body that is not JSON came through")
		}
	})
}
