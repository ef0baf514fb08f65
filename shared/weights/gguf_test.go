package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// builder writes GGUF files, wrong ones too.
type builder struct{ bytes.Buffer }

func (b *builder) u32(v uint32) *builder { binary.Write(b, binary.LittleEndian, v); return b }
func (b *builder) u64(v uint64) *builder { binary.Write(b, binary.LittleEndian, v); return b }
func (b *builder) str(s string) *builder { b.u64(uint64(len(s))).WriteString(s); return b }
func (b *builder) raw(s string) *builder { b.WriteString(s); return b }

func head(version uint32, tensors, keys uint64) *builder {
	return new(builder).raw("GGUF").u32(version).u64(tensors).u64(keys)
}

// kv writes a text value.
func (b *builder) kv(key, value string) *builder { return b.str(key).u32(metaText).str(value) }

// info writes one entry of the tensor list; dims innermost first.
func (b *builder) info(name string, kind uint32, off uint64, dims ...uint64) *builder {
	b.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		b.u64(d)
	}
	return b.u32(kind).u64(off)
}

// data pads to 32 and appends n bytes.
func (b *builder) data(n int) *builder {
	for b.Len()%32 != 0 {
		b.WriteByte(0)
	}
	for i := range n {
		b.WriteByte(byte(i))
	}
	return b
}

func open(b []byte) (*Model, error) {
	return OpenReaderAt(bytes.NewReader(b), int64(len(b)), "test.gguf")
}

// one is a file with a single tensor of the given entry and 1 KiB of data.
func one(kind uint32, off uint64, dims ...uint64) *builder {
	return head(3, 1, 0).info("w", kind, off, dims...).data(1024)
}

// malformed are the kinds of llama.cpp's tests/test-gguf.cpp and of Ollama's
// TestDecodeRejectsMalformedGGUFMetadata, and those of the CVEs in SECURITY.md. Each error must
// have the kind and say the word.
var malformed = []struct {
	what string
	b    *builder
	kind errs.Kind
	says string
}{
	{"empty file", new(builder), errs.Invalid, "ends"},
	{"one byte", new(builder).raw("G"), errs.Invalid, "ends"},
	{"magic only", new(builder).raw("GGUF"), errs.Invalid, "ends"},
	{"bad magic", new(builder).raw("FUGG").u32(3).u64(0).u64(0), errs.Invalid, "no GGUF"},
	{"old ggml magic", new(builder).raw("lmgg").u32(1).u64(0).u64(0), errs.Invalid, "no GGUF"},
	{"version 0", head(0, 0, 0), errs.Unsupported, "version 0"},
	{"version 1", head(1, 0, 0), errs.Unsupported, "version 1"},
	{"future version", head(4, 0, 0), errs.Unsupported, "version 4"},
	{"big-endian", head(0x03000000, 0, 0), errs.Unsupported, "big-endian"},
	{"tensor count -1", head(3, math.MaxUint64, 0), errs.Invalid, "tensors"},
	{"tensor count beyond the file", head(3, 1000, 0).data(100), errs.Invalid, "tensors"},
	{"key count -1", head(3, 0, math.MaxUint64), errs.Invalid, "keys"},
	{"key count beyond the file", head(3, 0, 60000).data(100), errs.Invalid, "keys"},
	{"header cut short", new(builder).raw("GGUF").u32(3).u64(0).u32(0), errs.Invalid, "ends"},
	{"key longer than the file", head(3, 0, 1).u64(60000).raw("general.name").data(64), errs.Invalid, "ends within"},
	{"key length -1", head(3, 0, 1).u64(math.MaxUint64).data(64), errs.Invalid, "claims"},
	{"key length with the top bit", head(3, 0, 1).u64(1 << 63).data(64), errs.Invalid, "claims"},
	{"empty key", head(3, 0, 1).kv("", "x").data(32), errs.Invalid, "empty"},
	{"key is no UTF-8", head(3, 0, 1).kv("a\xff", "x").data(32), errs.Invalid, "UTF-8"},
	{"key twice", head(3, 0, 2).kv("a", "x").kv("a", "y").data(32), errs.Invalid, "twice"},
	{"unknown value type", head(3, 0, 1).str("a").u32(13).data(32), errs.Invalid, "type 13"},
	{"huge value type", head(3, 0, 1).str("a").u32(math.MaxUint32).data(32), errs.Invalid, "type"},
	{"value missing", head(3, 0, 1).str("abc").u32(metaU64).raw("xyz"), errs.Invalid, "ends within"},
	{"text longer than the file", head(3, 0, 1).str("a").u32(metaText).u64(1 << 20).data(64), errs.Invalid, "ends within"},
	{"text over the limit", head(3, 0, 1).str("a").u32(metaText).u64(maxText + 1).data(64), errs.Invalid, "limit"},
	{"list of lists", head(3, 0, 1).str("a").u32(metaList).u32(metaList).u64(1).data(64), errs.Unsupported, "lists of lists"},
	{"list of an unknown type", head(3, 0, 1).str("a").u32(metaList).u32(99).u64(1).data(64), errs.Invalid, "type 99"},
	{"list count -1", head(3, 0, 1).str("a").u32(metaList).u32(metaU8).u64(math.MaxUint64).data(64), errs.Invalid, "elements"},
	{"list of numbers beyond the file", head(3, 0, 1).str("a").u32(metaList).u32(metaF64).u64(1 << 25).data(64), errs.Invalid, "elements"},
	{"list count overflows bytes", head(3, 0, 1).str("a").u32(metaList).u32(metaU64).u64(1 << 61).data(64), errs.Invalid, "elements"},
	{"list of texts beyond the file", head(3, 0, 1).str("a").u32(metaList).u32(metaText).u64(1 << 20).data(64), errs.Invalid, "elements"},
	{"text in a list beyond the file", head(3, 0, 1).str("a").u32(metaList).u32(metaText).u64(1).u64(4000).data(64), errs.Invalid, "ends within"},
	{"token is no UTF-8", head(3, 0, 1).str("tokenizer.ggml.tokens").u32(metaList).u32(metaText).u64(1).str("\xc3\x28").data(64), errs.Invalid, "UTF-8"},
	{"alignment 0", head(3, 0, 1).str("general.alignment").u32(metaU32).u32(0).data(64), errs.Invalid, "alignment"},
	{"alignment 13", head(3, 0, 1).str("general.alignment").u32(metaU32).u32(13).data(64), errs.Invalid, "alignment"},
	{"alignment of 2 GiB", head(3, 0, 1).str("general.alignment").u32(metaU32).u32(1 << 31).data(64), errs.Invalid, "alignment"},
	{"alignment of the wrong type", head(3, 0, 1).str("general.alignment").u32(metaI32).u32(32).data(64), errs.Invalid, "alignment"},
	{"name too long", head(3, 1, 0).info(strings.Repeat("n", 65), 0, 0, 4).data(64), errs.Invalid, "limit 64"},
	{"name longer than the file", head(3, 1, 0).u64(60).raw(strings.Repeat("n", 30)), errs.Invalid, "ends within"},
	{"empty name", head(3, 1, 0).info("", 0, 0, 4).data(64), errs.Invalid, "empty"},
	{"name is no UTF-8", head(3, 1, 0).info("\xff", 0, 0, 4).data(64), errs.Invalid, "UTF-8"},
	{"name twice", head(3, 2, 0).info("w", 0, 0, 4).info("w", 0, 32, 4).data(64), errs.Invalid, "twice"},
	{"five dimensions", one(0, 0, 1, 1, 1, 1, 1), errs.Invalid, "5 dimensions"},
	{"dimension count -1", head(3, 1, 0).str("w").u32(math.MaxUint32).data(128), errs.Invalid, "dimensions"},
	{"dimension 0", one(0, 0, 4, 0), errs.Invalid, "dimension 2"},
	{"dimension -1", one(0, 0, math.MaxUint64), errs.Invalid, "dimension 1"},
	{"element count overflows", one(0, 0, math.MaxInt32, math.MaxInt32, math.MaxInt32), errs.TooLarge, "elements"},
	{"byte count overflows", one(0, 0, math.MaxInt32, math.MaxInt32, 2), errs.TooLarge, "large"},
	{"unknown tensor type", one(1000, 0, 32), errs.Unsupported, "1000"},
	{"type of no element", one(10, 0, 256), errs.Unsupported, "Q2_K"},
	{"removed type", one(4, 0, 32), errs.Unsupported, "Q4_2"},
	{"half a block", one(2, 0, 48), errs.Invalid, "blocks"},
	{"half a superblock", one(12, 0, 128), errs.Invalid, "blocks"},
	{"misaligned offset", one(0, 5, 4), errs.Invalid, "alignment"},
	{"offset beyond the file", one(0, 1<<20, 4), errs.Invalid, "beyond"},
	{"offset -32", one(0, math.MaxUint64-31, 4), errs.Invalid, "beyond"},
	{"offset plus size beyond the file", one(0, 1024-32, 16), errs.Invalid, "truncated"},
	{"data cut short", one(0, 0, 257), errs.Invalid, "truncated"},
	{"no data at all", head(3, 1, 0).info("w", 0, 0, 4), errs.Invalid, "truncated"},
	{"tensors overlap", head(3, 2, 0).info("a", 0, 0, 16).info("b", 0, 32, 16).data(256), errs.Invalid, "overlaps"},
	{"tensors share a place", head(3, 2, 0).info("a", 0, 32, 8).info("b", 0, 32, 8).data(256), errs.Invalid, "overlaps"},
	{"entry cut short", head(3, 1, 0).str("wwwwwwwwwwwwwwwwwwww").u32(2).u64(4), errs.Invalid, "ends within"},
}

// TestMalformedGGUF: SECURITY.md, malicious model files.
func TestMalformedGGUF(t *testing.T) {
	for _, c := range malformed {
		t.Run(c.what, func(t *testing.T) {
			m, err := open(c.b.Bytes())
			if err == nil {
				t.Fatalf("opened: %v", m.Tensors)
			}
			if errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q (%s), want %q (%s)", err, errs.KindOf(err), c.says, c.kind)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestMalformedAllocation asserts that no malformed file, 1 KB or so, makes us allocate more
// than 1 MiB (one window of reading is 256 KiB at most).
func TestMalformedAllocation(t *testing.T) {
	for _, c := range malformed {
		if got := allocated(func() { open(c.b.Bytes()) }); got > 1<<20 {
			t.Errorf("%s: allocated %d bytes", c.what, got)
		}
	}
	for _, c := range attacks {
		if got := allocated(func() { ReadSafetensors(c.b, Limits{}) }); got > int64(1<<20+4*len(c.b)) {
			t.Errorf("%s: allocated %d bytes for %d", c.what, got, len(c.b))
		}
	}
}

func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestTruncatedAnywhere cuts a good file at every byte: always an error, never a panic.
func TestTruncatedAnywhere(t *testing.T) {
	whole := good().Bytes()
	if _, err := open(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := open(whole[:n]); err == nil {
			t.Errorf("opened the first %d of %d bytes", n, len(whole))
		}
	}
}

// good is a small file with every type of value and two tensors.
func good() *builder {
	b := head(3, 2, 16).kv("general.architecture", "llama").kv("bad", "a\xffb")
	b.str("u8").u32(metaU8).raw("\x07").str("i8").u32(metaI8).raw("\xf9")
	b.str("u16").u32(metaU16).raw("\x01\x02").str("i16").u32(metaI16).raw("\xff\xff")
	b.str("u32").u32(metaU32).u32(math.MaxUint32).str("i32").u32(metaI32).u32(math.MaxUint32)
	b.str("f32").u32(metaF32).u32(math.Float32bits(0.5)).str("f64").u32(metaF64).u64(math.Float64bits(0.25))
	b.str("yes").u32(metaBool).raw("\x01").str("u64").u32(metaU64).u64(math.MaxUint64)
	b.str("i64").u32(metaI64).u64(math.MaxUint64)
	b.str("tokens").u32(metaList).u32(metaText).u64(4).str("a").str("").str("Ġthe").str("國")
	b.str("types").u32(metaList).u32(metaI32).u64(2).u32(1).u32(math.MaxUint32)
	b.str("scores").u32(metaList).u32(metaF32).u64(2).u32(math.Float32bits(-1.5)).u32(0)
	// Shapes innermost first: w is 3 rows of 2, q one row of 32.
	return b.info("w", 0, 0, 2, 3).info("q", 8, 32, 32).data(66)
}

func TestGGUFValues(t *testing.T) {
	m, err := open(good().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"u8": 7, "i8": -7, "u16": 0x201, "i16": -1, "u32": math.MaxUint32, "i32": -1, "i64": -1} {
		if got, err := m.Int(key); got != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", key, got, err, want)
		}
	}
	if v, err := m.Float("f32"); v != 0.5 || err != nil {
		t.Errorf("f32: %v, %v", v, err)
	}
	if v, err := m.Float("f64"); v != 0.25 || err != nil {
		t.Errorf("f64: %v, %v", v, err)
	}
	if v, err := m.Bool("yes"); !v || err != nil {
		t.Errorf("yes: %v, %v", v, err)
	}
	if v, err := m.String("bad"); v != "a\uFFFDb" || err != nil {
		t.Errorf("a text that is no UTF-8 is %q, %v", v, err)
	}
	if v, err := m.Strings("tokens"); !slices.Equal(v, []string{"a", "", "Ġthe", "國"}) || err != nil {
		t.Errorf("tokens: %q, %v", v, err)
	}
	if v, err := m.Ints("types"); !slices.Equal(v, []int32{1, -1}) || err != nil {
		t.Errorf("types: %v, %v", v, err)
	}
	if v, err := m.Floats("scores"); !slices.Equal(v, []float32{-1.5, 0}) || err != nil {
		t.Errorf("scores: %v, %v", v, err)
	}
	if v, err := m.IntOr("absent", 9); v != 9 || err != nil {
		t.Errorf("absent: %v, %v", v, err)
	}
}

// TestGetterErrors: a wrong or missing key is named, and a default hides no wrong type.
func TestGetterErrors(t *testing.T) {
	m, err := open(good().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	_, e1 := m.Int("llama.block_count")
	_, e2 := m.Int("general.architecture")
	_, e3 := m.IntOr("u64", 1)
	_, e4 := m.Strings("types")
	_, e5 := m.Tensor("output.weight")
	for i, c := range []struct {
		err  error
		kind errs.Kind
		says string
	}{
		{e1, errs.NotFound, "llama.block_count"}, {e2, errs.Invalid, "general.architecture"},
		{e3, errs.Invalid, "too large"}, {e4, errs.Invalid, "list of texts"}, {e5, errs.NotFound, "output.weight"},
	} {
		if c.err == nil || errs.KindOf(c.err) != c.kind || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%d: got %v", i, c.err)
		}
	}
}

func TestGGUFTensors(t *testing.T) {
	m, err := open(good().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	w := m.Tensors["w"]
	if w.Rows() != 3 || w.Cols() != 2 || !slices.Equal(w.Shape, []int{3, 2}) || w.Bytes() != 24 {
		t.Fatalf("w is %v", w.Shape)
	}
	row := make([]byte, 8)
	if err := w.ReadRows(row, 1, 1); err != nil || row[0] != 8 || row[7] != 15 {
		t.Errorf("row 1 is %v, %v", row, err)
	}
	for _, c := range []struct{ size, row, n int }{{8, 3, 1}, {8, -1, 1}, {16, 2, 2}, {7, 0, 1}, {0, 1, -1}, {8, math.MaxInt, 1}} {
		if err := w.ReadRows(make([]byte, c.size), c.row, c.n); errs.KindOf(err) != errs.Invalid {
			t.Errorf("rows %d+%d into %d bytes: %v", c.row, c.n, c.size, err)
		}
	}
	q, err := m.Tensors["q"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.Tensors["q"].Array()
	if want, _ := a.Float32(); err != nil || !slices.Equal(q, want) || a.DType != tensor.Q8_0 {
		t.Errorf("q differs: %v, %v", q[:4], err)
	}
}

// TestShrunkFile: a file that is cut after it was opened is an error when read, not zeros.
func TestShrunkFile(t *testing.T) {
	b := good().Bytes()
	m, err := OpenReaderAt(bytes.NewReader(b), int64(len(b)), "test.gguf")
	if err != nil {
		t.Fatal(err)
	}
	w := m.Tensors["w"]
	w.r = bytes.NewReader(b[:w.off+10])
	if _, err := w.Float32(); errs.KindOf(err) != errs.Corrupt {
		t.Errorf("got %v", err)
	}
}

// FuzzGGUF: whatever opens can be read in full, within bounds.
func FuzzGGUF(f *testing.F) {
	for _, c := range malformed {
		f.Add(c.b.Bytes())
	}
	f.Add(good().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := open(b)
		if err != nil {
			if errs.KindOf(err) == errs.Other {
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		total := int64(0)
		for name, w := range m.Tensors {
			total += w.Bytes()
			if _, err := w.Array(); err != nil {
				t.Errorf("tensor %q: %v", name, err)
			}
		}
		if total > int64(len(b)) {
			t.Errorf("%d bytes of tensors in a file of %d", total, len(b))
		}
	})
}
