package weights

import (
	"io"
	"math"
	"sort"
	"unicode/utf8"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// Limits of a GGUF file, above what any known model has. The file's own size is the harder
// bound: nothing is allocated that the file could not fill.
const (
	maxKeys      = 1 << 16
	maxTensors   = 1 << 16
	maxKey       = 1 << 16   // bytes, by the format's specification
	maxName      = 64        // bytes of a tensor's name, by the specification
	maxText      = 16 << 20  // bytes of one text
	maxList      = 64 << 20  // elements of one list
	maxMeta      = 256 << 20 // bytes of everything before the tensors
	maxDims      = 4
	maxAlignment = 1 << 20
	minKey       = 8 + 1 + 4 + 1         // bytes of the smallest key/value: length, key, type, value
	minInfo      = 8 + 1 + 4 + 8 + 4 + 8 // bytes of the smallest tensor entry
)

const opGGUF = "weights.OpenGGUF"

// openGGUF reads the header of a GGUF file, version 2 or 3 (ggml's docs/gguf.md).
func openGGUF(r io.ReaderAt, size int64, name string) (*Model, error) {
	c := &cursor{r: r, size: size, name: name}
	m := &Model{Format: "gguf", Meta: map[string]any{}, Tensors: map[string]*Tensor{}, Size: size, name: name, files: whole(r, size)}
	tensors, keys, err := c.counts()
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if err := c.keyValue(m, i, keys); err != nil {
			return nil, err
		}
	}
	align, err := alignment(m)
	if err != nil {
		return nil, err
	}
	infos := make([]*Tensor, 0, tensors)
	for i := range tensors {
		t, err := c.tensorInfo(i, align)
		if err != nil {
			return nil, err
		}
		if _, twice := m.Tensors[t.Name]; twice {
			return nil, c.bad("tensor %q is listed twice", t.Name)
		}
		m.Tensors[t.Name] = t
		infos = append(infos, t)
	}
	return m, c.place(infos, align)
}

// counts reads the fixed header.
func (c *cursor) counts() (tensors, keys int, err error) {
	b := c.take(24, "header")
	if c.err != nil {
		return 0, 0, c.err
	}
	if string(b[:4]) != "GGUF" {
		return 0, 0, c.bad("it does not begin with GGUF: it is no GGUF file")
	}
	v, nt, nk := le32(b[4:]), le64(b[8:]), le64(b[16:])
	switch {
	case v != 2 && v != 3 && v&0xffff == 0 && v != 0:
		return 0, 0, errs.E(opGGUF, errs.Unsupported, "%s is big-endian GGUF: convert it to little-endian", c.name)
	case v != 2 && v != 3:
		return 0, 0, errs.E(opGGUF, errs.Unsupported, "%s is GGUF version %d: versions 2 and 3 are supported", c.name, v)
	case nt > maxTensors || nt > uint64(c.left())/minInfo:
		return 0, 0, c.bad("it claims %d tensors, more than its %d bytes can list (limit %d)", nt, c.size, maxTensors)
	case nk > maxKeys || nk > uint64(c.left())/minKey:
		return 0, 0, c.bad("it claims %d metadata keys, more than its %d bytes can hold (limit %d)", nk, c.size, maxKeys)
	}
	return int(nt), int(nk), nil
}

func (c *cursor) keyValue(m *Model, i, n int) error {
	key := c.text("metadata key", maxKey)
	kind := c.u32("type of a metadata value")
	if c.err != nil {
		return errs.E(opGGUF, errs.Other, "metadata key %d of %d: %w", i+1, n, c.err)
	}
	if key == "" || !utf8.ValidString(key) {
		return c.bad("metadata key %d of %d is empty or no UTF-8", i+1, n)
	}
	if _, twice := m.Meta[key]; twice {
		return c.bad("metadata key %q is there twice", clip(key))
	}
	v := c.value(kind)
	if c.err != nil {
		return errs.E(opGGUF, errs.Other, "metadata key %q: %w", clip(key), c.err)
	}
	m.Meta[key] = v
	return nil
}

func alignment(m *Model) (int64, error) {
	v, ok := m.Meta["general.alignment"]
	if !ok {
		return 32, nil
	}
	a, ok := v.(uint32)
	if !ok || a == 0 || a&(a-1) != 0 || a > maxAlignment {
		return 0, errs.E(opGGUF, errs.Invalid, "%s: general.alignment is %v, which is no power of two up to %d of type uint32", m.name, v, maxAlignment)
	}
	return int64(a), nil
}

// tensorInfo reads one entry of the tensor list. Its offset is still relative to the data.
func (c *cursor) tensorInfo(i int, align int64) (*Tensor, error) {
	t := &Tensor{r: c.r, Name: c.text("tensor name", maxName)}
	dims := c.u32("number of dimensions")
	if c.err == nil && dims > maxDims {
		return nil, c.bad("tensor %q has %d dimensions (limit %d)", clip(t.Name), dims, maxDims)
	}
	if c.err == nil && (t.Name == "" || !utf8.ValidString(t.Name)) {
		return nil, c.bad("the name of tensor %d is empty or no UTF-8", i+1)
	}
	t.Shape = make([]int, dims)
	for d := range t.Shape {
		n := c.u64("dimension")
		if c.err == nil && (n == 0 || n > math.MaxInt32) {
			return nil, c.bad("dimension %d of tensor %q is %d (1 to %d allowed)", d+1, t.Name, int64(n), math.MaxInt32)
		}
		t.Shape[len(t.Shape)-1-d] = int(n) // the file has the innermost first
	}
	kind, off := c.u32("tensor type"), c.u64("tensor offset")
	if c.err != nil {
		return nil, errs.E(opGGUF, errs.Other, "tensor %d: %w", i+1, c.err)
	}
	if off > uint64(c.size) || off%uint64(align) != 0 {
		return nil, c.bad("tensor %q starts at offset %d, which is beyond the file or no multiple of the alignment %d", t.Name, off, align)
	}
	t.off = int64(off)
	return t, c.fit(t, kind)
}

// fit sets the type and size.
func (c *cursor) fit(t *Tensor, kind uint32) error {
	var err error
	if t.DType, err = ggmlType(kind); err != nil {
		return errs.E(opGGUF, errs.Unsupported, "%s: tensor %q %w", c.name, t.Name, err)
	}
	n, err := t.DType.Bytes(t.Shape)
	if err != nil {
		return errs.E(opGGUF, errs.Other, "%s: tensor %q: %w", c.name, t.Name, err)
	}
	t.size = int64(n)
	return nil
}

// place turns offsets into places in the file and checks that every tensor lies within it and
// none overlaps another (Ollama's CVE-2026-7482: offset plus size beyond the file).
func (c *cursor) place(infos []*Tensor, align int64) error {
	base := (c.pos + align - 1) / align * align
	sort.Slice(infos, func(i, j int) bool { return infos[i].off < infos[j].off })
	end := base
	for _, t := range infos {
		if t.off > c.size-base || t.size > c.size-base-t.off {
			return c.bad("tensor %q needs %d bytes at %d, but the file ends at %d: it is truncated or damaged, pull it again", t.Name, t.size, base+t.off, c.size)
		}
		t.off += base
		if t.off < end {
			return c.bad("tensor %q overlaps another at byte %d", t.Name, t.off)
		}
		end = t.off + t.size
	}
	return nil
}

// ggmlTypes are the numbers of ggml.h; those without an element type are refused by name.
var ggmlTypes = map[uint32]struct {
	name string
	d    tensor.DType
	ok   bool
}{
	0: {"F32", tensor.F32, true}, 1: {"F16", tensor.F16, true}, 30: {"BF16", tensor.BF16, true},
	2: {"Q4_0", tensor.Q4_0, true}, 3: {"Q4_1", tensor.Q4_1, true},
	6: {"Q5_0", tensor.Q5_0, true}, 7: {"Q5_1", tensor.Q5_1, true}, 8: {"Q8_0", tensor.Q8_0, true},
	12: {"Q4_K", tensor.Q4_K, true}, 13: {"Q5_K", tensor.Q5_K, true}, 14: {"Q6_K", tensor.Q6_K, true},
	4: {name: "Q4_2"}, 5: {name: "Q4_3"}, 9: {name: "Q8_1"}, 10: {name: "Q2_K"}, 11: {name: "Q3_K"},
	15: {name: "Q8_K"}, 16: {name: "IQ2_XXS"}, 17: {name: "IQ2_XS"}, 18: {name: "IQ3_XXS"},
	19: {name: "IQ1_S"}, 20: {name: "IQ4_NL"}, 21: {name: "IQ3_S"}, 22: {name: "IQ2_S"}, 23: {name: "IQ4_XS"},
	24: {name: "I8"}, 25: {name: "I16"}, 26: {name: "I32"}, 27: {name: "I64"}, 28: {name: "F64"},
	29: {name: "IQ1_M"}, 31: {name: "Q4_0_4_4"}, 32: {name: "Q4_0_4_8"}, 33: {name: "Q4_0_8_8"},
	34: {name: "TQ1_0"}, 35: {name: "TQ2_0"}, 39: {name: "MXFP4"}, 40: {name: "NVFP4"},
}

func ggmlType(kind uint32) (tensor.DType, error) {
	const supported = "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K are supported"
	t, known := ggmlTypes[kind]
	switch {
	case !known:
		return 0, errs.E(opGGUF, errs.Unsupported, "has the unknown type number %d: %s", kind, supported)
	case !t.ok:
		return 0, errs.E(opGGUF, errs.Unsupported, "is stored as %s: %s", t.name, supported)
	}
	return t.d, nil
}
