package weights

import (
	"io"
	"math"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

const opST = "weights.ReadSafetensors"

// Limits bound a safetensors blob. A zero field means the default, which suits model files;
// frames give smaller ones.
type Limits struct {
	Header  int // bytes of the JSON header; default and most 16 MiB
	Tensors int // number of tensors; default 65,536
}

const maxHeader = 16 << 20

func (l Limits) orDefault() Limits {
	if l.Header <= 0 || l.Header > maxHeader {
		l.Header = maxHeader
	}
	if l.Tensors <= 0 {
		l.Tensors = maxTensors
	}
	return l
}

// entry is a tensor of a safetensors header; begin and end are relative to the data.
type entry struct {
	name       string
	dtype      tensor.DType
	shape      []int
	begin, end int
}

// ReadSafetensors reads a whole blob in memory. The arrays share data's memory: keep data
// unchanged while they are used, or copy. The rules are those of the reference implementation
// (safetensors, tensor.rs, validate) and stricter: duplicate keys and unknown fields are refused.
func ReadSafetensors(data []byte, limits Limits) (map[string]tensor.Array, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, badST("it has %d bytes, and the header's length alone takes 8", len(data))
	}
	limits = limits.orDefault()
	n, err := headerLength(data, int64(len(data)), limits)
	if err != nil {
		return nil, nil, err
	}
	header, body := data[8:8+n], data[8+n:]
	entries, meta, err := parseHeader(header, int64(len(body)), limits)
	if err != nil {
		return nil, nil, err
	}
	arrays := make(map[string]tensor.Array, len(entries))
	for _, e := range entries {
		arrays[e.name] = tensor.Array{DType: e.dtype, Shape: e.shape, Data: body[e.begin:e.end:e.end]}
	}
	return arrays, meta, nil
}

// openSafetensors reads the header of a file. Metadata lies in Meta under "__metadata__".
func openSafetensors(r io.ReaderAt, size int64, name string) (*Model, error) {
	var length [8]byte
	if size < 8 {
		return nil, errs.E(opST, errs.Invalid, "%s: %w", name, badST("it has %d bytes, and the header's length alone takes 8", size))
	}
	if n, err := r.ReadAt(length[:], 0); n < 8 {
		return nil, errs.E(opST, errs.Corrupt, "reading %s: %w", name, noEOF(err))
	}
	limits := Limits{}.orDefault()
	n, err := headerLength(length[:], size, limits)
	if err != nil {
		return nil, errs.E(opST, errs.Other, "%s: %w", name, err)
	}
	header := make([]byte, n)
	if got, err := r.ReadAt(header, 8); got < n {
		return nil, errs.E(opST, errs.Corrupt, "reading %s: %w", name, noEOF(err))
	}
	base := int64(8 + n)
	entries, meta, err := parseHeader(header, size-base, limits)
	if err != nil {
		return nil, errs.E(opST, errs.Other, "%s: %w", name, err)
	}
	m := &Model{Format: "safetensors", Meta: map[string]any{}, Tensors: make(map[string]*Tensor, len(entries)), Size: size, name: name, files: whole(r, size)}
	for k, v := range meta {
		m.Meta["__metadata__."+k] = v
	}
	for _, e := range entries {
		m.Tensors[e.name] = &Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, r: r, off: base + int64(e.begin), size: int64(e.end - e.begin)}
	}
	return m, nil
}

func badST(format string, args ...any) error {
	return errs.E(opST, errs.Invalid, "malformed safetensors: "+format, args...)
}

// headerLength checks the length against the real size before anything is allocated.
func headerLength(b []byte, size int64, limits Limits) (int, error) {
	n := le64(b)
	switch {
	case n > uint64(limits.Header):
		return 0, errs.E(opST, errs.TooLarge, "safetensors header of %d bytes (limit %d)", n, limits.Header)
	case int64(n) > size-8:
		return 0, badST("the header claims %d bytes, and %d are left", n, size-8)
	}
	return int(n), nil
}

// parseHeader checks everything that the format promises: types, shapes, and that the tensors
// fill the data of the given length without gap or overlap.
func parseHeader(header []byte, dataLen int64, limits Limits) ([]entry, map[string]string, error) {
	p := &headerParser{b: header, limits: limits}
	entries, meta := p.header()
	if p.err != nil {
		return nil, nil, p.err
	}
	order := slices.Clone(entries)
	slices.SortFunc(order, func(a, b entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin
		}
		return a.end - b.end // an empty tensor stands before its neighbour
	})
	at := 0
	for _, e := range order {
		if e.begin != at {
			return nil, nil, badST("tensor %q begins at byte %d where %d is expected: gap or overlap", clip(e.name), e.begin, at)
		}
		want, err := e.dtype.Bytes(e.shape)
		if err != nil {
			return nil, nil, errs.E(opST, errs.Other, "malformed safetensors: tensor %q: %w", clip(e.name), err)
		}
		if e.end < e.begin || e.end-e.begin != want {
			return nil, nil, badST("tensor %q has %d bytes, but its type %s and shape %v take %d", clip(e.name), e.end-e.begin, e.dtype, e.shape, want)
		}
		at = e.end
	}
	if int64(at) != dataLen {
		return nil, nil, badST("the tensors take %d bytes, but %d follow the header", at, dataLen)
	}
	return entries, meta, nil
}

// stType is a type of the format. BOOL is read as U8; it occurs as a mask in old checkpoints.
func stType(name string) (tensor.DType, error) {
	switch name {
	case "F32", "F16", "BF16", "I8", "U8", "I32", "I64":
		return tensor.ParseDType(name)
	case "BOOL":
		return tensor.U8, nil
	}
	return 0, errs.E(opST, errs.Unsupported, "type %q is not supported: F32 F16 BF16 I64 I32 I8 U8 BOOL are", clip(name))
}

const maxOffset = math.MaxInt64 / 2
