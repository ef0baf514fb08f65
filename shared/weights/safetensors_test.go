package weights

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// blob puts a length before a header and data after it.
func blob(header string, data int) []byte {
	var b builder
	return append(b.str(header).Bytes(), make([]byte, data)...)
}

// f32 is the entry of a vector of n values from byte at.
func f32(name string, n, at int) string {
	return fmt.Sprintf(`%q:{"dtype":"F32","shape":[%d],"data_offsets":[%d,%d]}`, name, n, at, at+4*n)
}

// attacks are those of the reference implementation's attacks folder and tests (tensor.rs:
// test_json_attack, test_validation_overflow, test_header_too_large, test_metadata_incomplete_buffer
// ...) and some for our stricter rules.
var attacks = []struct {
	what string
	b    []byte
	kind errs.Kind
	says string
}{
	{"empty", nil, errs.Invalid, "8"},
	{"seven bytes", make([]byte, 7), errs.Invalid, "8"},
	{"no header", make([]byte, 8), errs.Invalid, "'{'"},
	{"header too large", append([]byte{0, 0, 0, 0, 1}, make([]byte, 16)...), errs.TooLarge, "limit"},
	{"header length -1", append(bytes.Repeat([]byte{255}, 8), "{}"...), errs.TooLarge, "limit"},
	{"header beyond the file", append([]byte{64, 0, 0, 0, 0, 0, 0, 0}, "{}"...), errs.Invalid, "claims"},
	{"header is no UTF-8", blob("{\"\xff\xff\":1}", 0), errs.Invalid, "UTF-8"},
	{"header is a number", blob("12", 0), errs.Invalid, "'{'"},
	{"header is a list", blob("[]", 0), errs.Invalid, "'{'"},
	{"header starts with a space", blob(" {}", 0), errs.Invalid, "'{'"},
	{"header does not end", blob(`{"a":{"dtype":"F32"`, 0), errs.Invalid, "'}'"},
	{"more after the header's object", blob(`{}{}`, 0), errs.Invalid, "nothing more"},
	{"comma at the end", blob(`{`+f32("a", 1, 0)+`,}`, 4), errs.Invalid, "'\"'"},
	{"deep nesting", blob(`{"a":`+strings.Repeat("[", 100000), 0), errs.Invalid, "'{'"},
	{"deep nesting in a shape", blob(`{"a":{"shape":`+strings.Repeat("[", 100000), 0), errs.Invalid, "whole number"},
	{"many dimensions", blob(`{"a":{"shape":[`+strings.Repeat("1,", 100000)+"1]", 0), errs.Invalid, "32 dimensions"},
	{"data missing", blob(`{`+f32("a", 4, 0)+`}`, 12), errs.Invalid, "follow the header"},
	{"data left over (polyglot)", blob(`{`+f32("a", 4, 0)+`}`, 17), errs.Invalid, "follow the header"},
	{"data without tensors", blob(`{}`, 4), errs.Invalid, "follow the header"},
	{"gap at the start", blob(`{`+f32("a", 1, 4)+`}`, 8), errs.Invalid, "gap or overlap"},
	{"gap between", blob(`{`+f32("a", 1, 0)+","+f32("b", 1, 8)+`}`, 12), errs.Invalid, "gap or overlap"},
	{"overlap", blob(`{`+f32("a", 2, 0)+","+f32("b", 2, 4)+`}`, 12), errs.Invalid, "gap or overlap"},
	{"shared place (json attack)", blob(`{`+f32("a", 2, 0)+","+f32("b", 2, 0)+`}`, 8), errs.Invalid, "gap or overlap"},
	{"offsets backwards", blob(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), errs.Invalid, "gap or overlap"},
	{"end before begin", blob(`{`+f32("a", 1, 0)+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), errs.Invalid, "bytes"},
	{"negative offset", blob(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4), errs.Invalid, "whole number"},
	{"offset overflows", blob(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}`, 4), errs.Invalid, "too large"},
	{"size differs from shape", blob(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), errs.Invalid, "take 8"},
	{"size differs from type", blob(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, 4), errs.Invalid, "take 2"},
	{"element count overflows", blob(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, 4), errs.TooLarge, "elements"},
	{"byte count overflows", blob(`{"a":{"dtype":"I64","shape":[2305843009213693952,1],"data_offsets":[0,4]}}`, 4), errs.TooLarge, "large"},
	{"overflow and a zero", blob(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, 0), errs.TooLarge, "elements"},
	{"fraction in a shape", blob(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), errs.Invalid, "']'"},
	{"exponent in a shape", blob(`{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`, 4), errs.Invalid, "']'"},
	{"leading zero in a shape", blob(`{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}`, 4), errs.Invalid, "whole number"},
	{"negative shape", blob(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), errs.Invalid, "whole number"},
	{"three offsets", blob(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4), errs.Invalid, "']'"},
	{"unknown type", blob(`{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}`, 4), errs.Unsupported, "F8_E4M3"},
	{"quantised type", blob(`{"a":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}}`, 34), errs.Unsupported, "Q8_0"},
	{"type is a number", blob(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}`, 4), errs.Invalid, "'\"'"},
	{"no type", blob(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4), errs.Invalid, "lacks"},
	{"no offsets", blob(`{"a":{"dtype":"F32","shape":[1]}}`, 4), errs.Invalid, "lacks"},
	{"unknown field", blob(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0}}`, 4), errs.Invalid, "unknown field"},
	{"field twice", blob(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), errs.Invalid, "twice"},
	{"tensor twice", blob(`{`+f32("a", 1, 0)+","+f32("a", 1, 4)+`}`, 8), errs.Invalid, "twice"},
	{"tensor twice, once escaped", blob(`{`+f32("a", 1, 0)+`,"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), errs.Invalid, "twice"},
	{"metadata twice", blob(`{"__metadata__":{},"__metadata__":{}}`, 0), errs.Invalid, "twice"},
	{"metadata key twice", blob(`{"__metadata__":{"a":"1","a":"2"}}`, 0), errs.Invalid, "twice"},
	{"metadata is no text", blob(`{"__metadata__":{"a":1}}`, 0), errs.Invalid, "'\"'"},
	{"metadata nests", blob(`{"__metadata__":{"a":{}}}`, 0), errs.Invalid, "'\"'"},
	{"control character in a name", blob("{\"a\n\":{}}", 0), errs.Invalid, "control"},
	{"unknown escape", blob(`{"\x":{}}`, 0), errs.Invalid, "escape"},
	{"escape cut short", blob(`{"\u12`, 0), errs.Invalid, "cut short"},
	{"backslash at the end", blob(`{"a\`, 0), errs.Invalid, "does not end"},
}

// TestSafetensorsAttacks: SECURITY.md, malicious model files; through both readers.
func TestSafetensorsAttacks(t *testing.T) {
	for _, c := range attacks {
		t.Run(c.what, func(t *testing.T) {
			_, _, err := ReadSafetensors(c.b, Limits{})
			if err == nil || errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v (%s), want %q (%s)", err, errs.KindOf(err), c.says, c.kind)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if _, err := openSafetensors(bytes.NewReader(c.b), int64(len(c.b)), "x"); errs.KindOf(err) != c.kind {
				t.Errorf("from a file: %v", err)
			}
		})
	}
}

func TestSafetensorsLimits(t *testing.T) {
	b := blob(`{`+f32("a", 1, 0)+","+f32("b", 1, 4)+`}`, 8)
	if _, _, err := ReadSafetensors(b, Limits{Header: 64}); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("header: %v", err)
	}
	if _, _, err := ReadSafetensors(b, Limits{Tensors: 1}); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("tensors: %v", err)
	}
	if _, _, err := ReadSafetensors(b, Limits{Header: math.MaxInt, Tensors: 2}); err != nil {
		t.Error(err)
	}
}

// sample has every type, an empty array, a scalar, and texts that need escapes.
func sample() ([]Named, map[string]string) {
	arrays := []Named{
		{"z first", tensor.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3)},
		{"half", tensor.Array{DType: tensor.F16, Shape: []int{1}, Data: []byte{0, 0x3c}}},
		{"none", tensor.Array{DType: tensor.F32, Shape: []int{0, 4}, Data: []byte{}}},
		{"scalar", tensor.Array{DType: tensor.I64, Shape: []int{}, Data: []byte{1, 0, 0, 0, 0, 0, 0, 0}}},
		{"bf", tensor.Array{DType: tensor.BF16, Shape: []int{1}, Data: []byte{0x80, 0x3f}}},
		{"i8/\"quoted\"\\國\n", tensor.Array{DType: tensor.I8, Shape: []int{3}, Data: []byte{1, 2, 255}}},
	}
	return arrays, map[string]string{"msg": "{\"a\":\"\\u00e9 \x01 </script>\"}", "empty": "", "嗨": "😀"}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	arrays, meta := sample()
	var w bytes.Buffer
	if err := WriteSafetensors(&w, arrays, meta); err != nil {
		t.Fatal(err)
	}
	prefix := []byte("frame")
	appended, err := AppendSafetensors(slices.Clone(prefix), arrays, meta)
	if err != nil || !bytes.Equal(appended[len(prefix):], w.Bytes()) {
		t.Fatalf("append and write differ, %v", err)
	}
	got, gotMeta, err := ReadSafetensors(w.Bytes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(meta, gotMeta) {
		t.Errorf("metadata: got %q", gotMeta)
	}
	for _, a := range arrays {
		g := got[a.Name]
		if g.DType != a.DType || !slices.Equal(g.Shape, a.Shape) || !bytes.Equal(g.Data, a.Data) {
			t.Errorf("%q: got %v", a.Name, g)
		}
	}
	if n := le64(w.Bytes()); (8+n)%8 != 0 {
		t.Errorf("data starts at byte %d, no multiple of 8", 8+n)
	}
	if len(got) != len(arrays) {
		t.Errorf("%d arrays of %d", len(got), len(arrays))
	}
}

// TestSafetensorsJSON: another JSON reader understands our header as we do.
func TestSafetensorsJSON(t *testing.T) {
	arrays, meta := sample()
	b, err := AppendSafetensors(nil, arrays, meta)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+le64(b)], &doc); err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(doc["__metadata__"], &m); err != nil || !maps.Equal(m, meta) {
		t.Errorf("metadata: %v, %v", m, err)
	}
}

func TestSafetensorsRefusesToWrite(t *testing.T) {
	v := tensor.FromFloat32([]float32{1})
	for what, arrays := range map[string][]Named{
		"a name twice":    {{"a", v}, {"a", v}},
		"a reserved name": {{"__metadata__", v}},
		"no UTF-8":        {{"\xff", v}},
		"quantised":       {{"q", tensor.Array{DType: tensor.Q8_0, Shape: []int{32}, Data: make([]byte, 34)}}},
		"wrong size":      {{"a", tensor.Array{DType: tensor.F32, Shape: []int{2}, Data: make([]byte, 4)}}},
	} {
		if _, err := AppendSafetensors(nil, arrays, nil); err == nil {
			t.Errorf("%s: written all the same", what)
		}
	}
}

// TestShards opens a directory whose tensors lie in two files, and refuses bad indexes.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shard := func(name string, v float32) {
		b, err := AppendSafetensors(nil, []Named{{name, tensor.FromFloat32([]float32{v})}}, map[string]string{"format": "pt"})
		if err != nil {
			t.Fatal(err)
		}
		write("model-"+name+".safetensors", b)
	}
	write("config.json", []byte(`{"num_hidden_layers": 2, "rope_scaling": {"factor": 8.5}, "architectures": ["X"], "eos_token_id": null}`))
	if _, err := Open(dir); errs.KindOf(err) != errs.NotFound {
		t.Errorf("no weights: %v", err)
	}
	shard("a", 1)
	shard("b", 2)
	if _, err := Open(dir); errs.KindOf(err) != errs.NotFound {
		t.Errorf("two files and no index: %v", err)
	}
	write("model.safetensors.index.json", []byte(`{"weight_map": {"a": "model-a.safetensors", "b": "model-b.safetensors"}}`))
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Tensors["b"].Float32()
	if err != nil || b[0] != 2 {
		t.Errorf("b is %v, %v", b, err)
	}
	var both []byte
	for _, f := range []string{"model-a.safetensors", "model-b.safetensors"} {
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, b...)
	}
	want, _, _ := Sum(context.Background(), bytes.NewReader(both), nil)
	if d, err := m.Sum(context.Background(), nil); d != want || m.Digest != want || err != nil {
		t.Errorf("digest %s, %v; want %s", d, err, want)
	}
	if f, err := m.Float("rope_scaling.factor"); f != 8.5 || err != nil {
		t.Errorf("dotted key: %v, %v", f, err)
	}
	if a, err := m.Strings("architectures"); !slices.Equal(a, []string{"X"}) || err != nil {
		t.Errorf("architectures: %v, %v", a, err)
	}
	if n, err := m.IntOr("eos_token_id", 5); n != 5 || err != nil {
		t.Errorf("null counts as missing: %v, %v", n, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for index, kind := range map[string]errs.Kind{
		`{"weight_map": {"a": "../model-a.safetensors"}}`:                                errs.Invalid,
		`{"weight_map": {"a": "/etc/passwd"}}`:                                           errs.Invalid,
		`{"weight_map": {"a": "..\\x.safetensors"}}`:                                     errs.Invalid,
		`{"weight_map": {"a": ".."}}`:                                                    errs.Invalid,
		`{"weight_map": {}}`:                                                             errs.Invalid,
		`{"weight_map": []}`:                                                             errs.Invalid,
		`{"weight_map": {"a": "model-c.safetensors"}}`:                                   errs.NotFound,
		`{"weight_map": {"a": "model-a.safetensors", "missing": "model-b.safetensors"}}`: errs.Invalid,
	} {
		write("model.safetensors.index.json", []byte(index))
		if _, err := Open(dir); errs.KindOf(err) != kind {
			t.Errorf("index %s: %v", index, err)
		}
	}
}

// FuzzSafetensors: what we accept, another JSON reader accepts too, and writing it again gives
// the same arrays.
func FuzzSafetensors(f *testing.F) {
	for _, c := range attacks {
		if len(c.b) < 4096 {
			f.Add(c.b)
		}
	}
	arrays, meta := sample()
	b, _ := AppendSafetensors(nil, arrays, meta)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, meta, err := ReadSafetensors(b, Limits{})
		if err != nil {
			if errs.KindOf(err) == errs.Other {
				t.Errorf("unclassified: %v", err)
			}
			return
		}
		if !json.Valid(b[8 : 8+le64(b)]) {
			t.Error("accepted a header that is no JSON")
		}
		named := make([]Named, 0, len(got))
		for name, a := range got {
			named = append(named, Named{name, a})
		}
		again, err := AppendSafetensors(nil, named, meta)
		if err != nil {
			t.Fatal(err)
		}
		back, backMeta, err := ReadSafetensors(again, Limits{})
		if err != nil || !maps.Equal(meta, backMeta) || len(back) != len(got) {
			t.Fatalf("second reading differs: %v", err)
		}
		for name, a := range got {
			if !bytes.Equal(a.Data, back[name].Data) || !slices.Equal(a.Shape, back[name].Shape) {
				t.Errorf("%q differs", name)
			}
		}
	})
}

func BenchmarkReadSafetensors(b *testing.B) {
	arrays, _ := sample()
	blob, _ := AppendSafetensors(nil, arrays, map[string]string{"msg": strings.Repeat(`{"step":12,"token":" the"},`, 400)})
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		ReadSafetensors(blob, Limits{})
	}
}

func BenchmarkAppendSafetensors(b *testing.B) {
	arrays, _ := sample()
	meta := map[string]string{"msg": strings.Repeat(`{"step":12,"token":" the"},`, 400)}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf, _ = AppendSafetensors(buf[:0], arrays, meta)
	}
}
