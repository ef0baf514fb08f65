package main

import (
	"bytes"
	"testing"
)

// image lays segments out in memory, as a browser does.
func image(t *testing.T, segments []segment) []byte {
	t.Helper()
	var mem []byte
	for _, s := range segments {
		if end := int(s.at) + len(s.data); end > len(mem) {
			mem = append(mem, make([]byte, end-len(mem))...)
		}
		copy(mem[s.at:], s.data)
	}
	return mem
}

func TestPackKeepsTheMemory(t *testing.T) {
	segments := []segment{
		{70, []byte{1, 2}}, {10, []byte{3}}, {72, []byte{4}}, // out of order, touching
		{72 + 1 + packGap, []byte{5}}, {100_000, []byte{6, 7}}, // the longest gap, and one too long
	}
	want := image(t, segments)
	module := append([]byte("\x00asm\x01\x00\x00\x00"), 1, 1, 0) // and an empty type section
	body := writeSegments(segments)
	module = append(append(module, 11, byte(len(body))), body...)
	got, err := pack(module, true)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, module[:11]) {
		t.Error("another section changed")
	}
	r := &reader{b: got, at: 12} // past the id of the data section
	packed, err := readSegments(r.bytes(int(r.uleb())))
	if err != nil || len(packed) != 2 {
		t.Fatalf("%d segments, %v", len(packed), err)
	}
	if !bytes.Equal(image(t, packed), want) {
		t.Error("the memory differs")
	}
}

func TestPackRefusesWhatItDoesNotKnow(t *testing.T) {
	passive := append([]byte("\x00asm\x01\x00\x00\x00"), 11, 4, 1, 1, 1, 9)
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("not wasm at all"), "passive": passive, "short": passive[:11]} {
		if _, err := pack(b, true); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSlebRoundTrip(t *testing.T) {
	for _, v := range []int64{0, 1, 63, 64, -1, -64, -65, 1 << 20, 1<<31 - 1, -1 << 31} {
		r := &reader{b: appendSleb(nil, v)}
		if got := r.sleb(); got != v || r.at != len(r.b) {
			t.Errorf("%d came back as %d", v, got)
		}
	}
}
