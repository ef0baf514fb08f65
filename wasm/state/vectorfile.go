package state

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/tensor"
	"patchbay/wasm/text"
)

// maxWidth is the longest vector that is imported: no model of the catalogue comes near.
const maxWidth = 1 << 16

// UploadVectors imports vectors from a file: safetensors, or JSON as this page exports it (a
// vector, a list of them, or a whole result with what it made).
func (a *App) UploadVectors(name string, data []byte) []Effect {
	if len(data) > MaxFile {
		return a.BigFile(name, int64(len(data)))
	}
	list, err := readVectors(name, data)
	if err != nil {
		return a.Tell("vectors.file", name, err.Error())
	}
	numbers, fresh := 0, list[:0]
	for _, v := range list {
		if a.kept(&v) < 0 {
			fresh, numbers = append(fresh, v), numbers+len(v.Values)
		}
	}
	if len(fresh) == 0 {
		return a.Tell("vectors.same", list[0].Name)
	}
	if why := a.room(len(fresh), numbers); why != nil {
		return a.Tell(why.Key, why.Args...)
	}
	for _, v := range fresh {
		v.Name = a.freeName(v.Name)
		a.Vectors = append(a.Vectors, v)
	}
	return append(a.Tell("vectors.brought", text.Int(len(fresh))), a.keep()...)
}

func readVectors(name string, data []byte) (list []lab.Vector, err error) {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".safetensors"), ".json")
	if s := strings.TrimSpace(string(data[:min(len(data), 64)])); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		list, err = jsonVectors(data)
	} else {
		list, err = tensorVectors(base, data)
	}
	if err == nil && len(list) == 0 {
		err = errs.E("state.readVectors", errs.Invalid, "there is no vector in it")
	}
	for i := range list {
		if n := len(list[i].Values); err == nil && (n == 0 || n > maxWidth) {
			err = errs.E("state.readVectors", errs.Invalid, "a vector in it has %d numbers; 1 to %d are taken", n, maxWidth)
		}
		if list[i].Name == "" {
			list[i].Name = base
		}
	}
	return list, err
}

func jsonVectors(data []byte) ([]lab.Vector, error) {
	var list []lab.Vector
	if json.Unmarshal(data, &list) == nil {
		return list, nil
	}
	var one struct {
		lab.Vector
		Result struct {
			Vectors []lab.Vector `json:"vectors"`
		} `json:"result"`
	}
	if err := json.Unmarshal(data, &one); err != nil {
		return nil, errs.E("state.jsonVectors", errs.Invalid, "%w", err)
	}
	if len(one.Result.Vectors) > 0 {
		return one.Result.Vectors, nil
	}
	if len(one.Values) == 0 {
		return nil, nil
	}
	return []lab.Vector{one.Vector}, nil
}

// tensorVectors reads a safetensors file of float vectors: eight bytes of length, a JSON header
// of that length, the data.
func tensorVectors(base string, data []byte) ([]lab.Vector, error) {
	bad := func(format string, args ...any) error {
		return errs.E("state.tensorVectors", errs.Corrupt, format, args...)
	}
	if len(data) < 8 {
		return nil, bad("the file has %d bytes and is no safetensors", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > uint64(len(data)-8) {
		return nil, bad("its header would have %d bytes of %d: no safetensors, or cut off", n, len(data)-8)
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal(data[8:8+n], &head); err != nil {
		return nil, bad("its header does not read: %w", err)
	}
	meta := map[string]string{}
	if raw, ok := head["__metadata__"]; ok && json.Unmarshal(raw, &meta) != nil {
		return nil, bad("its metadata does not read")
	}
	delete(head, "__metadata__")
	var names []string
	for name := range head {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []lab.Vector
	for _, name := range names {
		values, err := tensorValues(head[name], data[8+n:])
		if err != nil {
			return nil, bad("tensor %.60q: %w", name, err)
		}
		v := lab.Vector{Name: meta["name"], Model: meta["model"], Digest: meta["digest"], Site: meta["site"], Made: meta["made"], Values: values}
		if len(head) > 1 || v.Name == "" {
			v.Name = name
		}
		if name == "vector" && meta["name"] == "" {
			v.Name = base
		}
		v.Layer, _ = strconv.Atoi(meta["layer"])
		out = append(out, v)
	}
	return out, nil
}

// tensorValues reads one float array of one dimension, or of one row.
func tensorValues(raw json.RawMessage, data []byte) (lab.Floats, error) {
	var e struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	n := 1
	for _, d := range e.Shape {
		if d < 1 || d > maxWidth || n*d > maxWidth {
			return nil, errs.E("state.tensorValues", errs.Invalid, "its shape %v is no vector of at most %d numbers", e.Shape, maxWidth)
		}
		n *= d
	}
	kinds := map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}
	kind, ok := kinds[e.DType]
	if !ok {
		return nil, errs.E("state.tensorValues", errs.Unsupported, "its numbers are %.20q; F32, F16 and BF16 are read", e.DType)
	}
	_, size := kind.Block()
	if from, to := e.Offsets[0], e.Offsets[1]; from < 0 || to > len(data) || to-from != n*size {
		return nil, errs.E("state.tensorValues", errs.Corrupt, "its data would lie at bytes %d to %d of %d", from, to, len(data))
	}
	out := make(lab.Floats, n)
	tensor.Decode(kind, out, data[e.Offsets[0]:e.Offsets[1]])
	for i, x := range out {
		if x-x != 0 {
			return nil, errs.E("state.tensorValues", errs.Invalid, "number %d is not finite", i)
		}
	}
	return out, nil
}

// VectorFormats are what a vector can be saved as: ours, anyone's, and llama.cpp's control vectors.
var VectorFormats = []string{"json", "safetensors", "gguf"}

// SaveVector exports a vector.
func (a *App) SaveVector(v *lab.Vector, format string) []Effect {
	name, kind := "patchbay-"+fileName(v.Name)+"."+format, "application/octet-stream"
	var data []byte
	switch format {
	case "json":
		raw, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return a.Tell("export.failed", err.Error())
		}
		data, kind = append(raw, '\n'), "application/json"
	case "gguf":
		data = controlVector(v)
	default:
		data = safetensorsVector(v)
	}
	return []Effect{File{name, kind, data}}
}

// fileName makes a text safe as part of a file's name on every system.
func fileName(s string) string {
	out := strings.Map(func(r rune) rune {
		if r < 0x20 || strings.ContainsRune(`/\:*?"<>|. `, r) {
			return '-'
		}
		return r
	}, s)
	if out = strings.Trim(out, "-"); out == "" {
		out = "vector"
	}
	return strings.ToValidUTF8(out[:min(len(out), 60)], "")
}

func floatBytes(xs []float32) []byte {
	out := make([]byte, 0, 4*len(xs))
	for _, x := range xs {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func safetensorsVector(v *lab.Vector) []byte {
	head, _ := json.Marshal(map[string]any{ // strings and numbers: cannot fail
		"__metadata__": map[string]string{"name": v.Name, "model": v.Model, "digest": v.Digest, "site": v.Site, "layer": strconv.Itoa(v.Layer), "made": v.Made},
		"vector":       map[string]any{"dtype": "F32", "shape": []int{len(v.Values)}, "data_offsets": []int{0, 4 * len(v.Values)}},
	})
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(out, head...), floatBytes(v.Values)...)
}

// controlVector writes GGUF (version 3) as llama.cpp's --control-vector reads it: one tensor
// direction.N, where N is the number of the block after whose output it is added.
func controlVector(v *lab.Vector) []byte {
	le, str := binary.LittleEndian, func(b []byte, s string) []byte {
		return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
	}
	const stringType, align = 8, 32
	out := le.AppendUint32([]byte("GGUF"), 3)
	out = le.AppendUint64(out, 1) // tensors
	meta := [][2]string{{"general.architecture", "controlvector"}, {"general.name", v.Name}, {"controlvector.model_hint", v.Model}, {"patchbay.made", v.Made}}
	out = le.AppendUint64(out, uint64(len(meta)))
	for _, kv := range meta {
		out = str(le.AppendUint32(str(out, kv[0]), stringType), kv[1])
	}
	out = str(out, "direction."+strconv.Itoa(max(v.Layer, 1))) // llama.cpp has none for layer 0
	out = le.AppendUint64(le.AppendUint32(out, 1), uint64(len(v.Values)))
	out = le.AppendUint64(le.AppendUint32(out, 0), 0) // F32, at the start of the data
	for len(out)%align != 0 {
		out = append(out, 0)
	}
	return append(out, floatBytes(v.Values)...)
}
