// Package vecfile reads and writes vectors as files: safetensors, which keep all that a lab.Vector
// says, and GGUF control vectors, which llama.cpp loads (--control-vector).
package vecfile

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/lab"
	"patchbay/shared/tensor"
	"patchbay/shared/weights"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 64 << 20

// The limits of what a file may hold.
const (
	maxWidth  = 1 << 20
	maxLayers = 4096
	maxWords  = 4096 // bytes of each text
)

const op = "vecfile"

func bad(format string, args ...any) error { return errs.E(op, errs.Invalid, format, args...) }

// Read takes the vectors out of a file: GGUF or safetensors by their first bytes, else the JSON of
// a lab.Vector. The name is for messages and for vectors that have none. Vectors are ordered by layer.
func Read(name string, raw []byte) ([]lab.Vector, error) {
	switch {
	case len(raw) > MaxBytes:
		return nil, errs.E(op, errs.TooLarge, "%s has %d bytes; a file of vectors has at most %d", name, len(raw), MaxBytes)
	case bytes.HasPrefix(raw, []byte("GGUF")):
		return readGGUF(name, raw)
	case len(raw) > 8 && raw[8] == '{' && !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")):
		return readSafetensors(name, raw)
	}
	return readJSON(name, raw)
}

// direction names the tensor of a layer, as llama.cpp does.
const direction = "direction."

// readGGUF reads llama.cpp's control vectors: a tensor direction.N is added to what block N leaves
// in the stream (blocks count from 0, and block 0 has none).
func readGGUF(name string, raw []byte) ([]lab.Vector, error) {
	m, err := weights.OpenReaderAt(bytes.NewReader(raw), int64(len(raw)), name)
	if err != nil {
		return nil, errs.E(op, errs.Other, "%w", err)
	}
	text := func(key, other string) string {
		if s, ok := m.Meta[key].(string); ok && s != "" && len(s) <= maxWords {
			return s
		}
		return other
	}
	if arch := text("general.architecture", ""); arch != "controlvector" {
		return nil, bad("%s is a GGUF file of the architecture %.40q, not a control vector", name, arch)
	}
	var out []lab.Vector
	for _, t := range m.Tensors {
		n, ok := strings.CutPrefix(t.Name, direction)
		layer, err := strconv.Atoi(n)
		if !ok || err != nil || layer < 1 || layer >= maxLayers {
			return nil, bad("%s has a tensor %.60q; the tensors of a control vector are direction.1, direction.2 and so on", name, t.Name)
		}
		values, err := numbers(name, t)
		if err != nil {
			return nil, err
		}
		out = append(out, lab.Vector{
			Name: text("patchbay.name", base(name)), Model: text("patchbay.model", text("controlvector.model_hint", "")), Digest: text("patchbay.digest", ""),
			Site: string(hook.ResidPost), Layer: layer, Values: values, Made: text("patchbay.made", "read from a GGUF control vector"),
		})
	}
	return ordered(name, out)
}

// numbers are the tensor's values, checked.
func numbers(name string, t *weights.Tensor) ([]float32, error) {
	if t.DType != tensor.F32 || len(t.Shape) != 1 || t.Shape[0] > maxWidth {
		return nil, bad("%s: tensor %.60q is %s of shape %v; a vector is one row of float32 numbers, at most %d", name, t.Name, t.DType, t.Shape, maxWidth)
	}
	v, err := t.Float32()
	if err != nil {
		return nil, errs.E(op, errs.Other, "%s: %w", name, err)
	}
	return v, finite(name, t.Name, v)
}

func finite(file, name string, v []float32) error {
	for i, x := range v {
		if x-x != 0 {
			return bad("%s: number %d of %.60q is not finite", file, i, name)
		}
	}
	return nil
}

// ordered sorts by layer and refuses what cannot belong together.
func ordered(name string, vs []lab.Vector) ([]lab.Vector, error) {
	if len(vs) == 0 {
		return nil, bad("%s holds no vector", name)
	}
	slices.SortFunc(vs, func(a, b lab.Vector) int { return a.Layer - b.Layer })
	for _, v := range vs {
		if len(v.Values) != len(vs[0].Values) {
			return nil, bad("%s holds vectors of %d and of %d numbers; those of one model have one width", name, len(vs[0].Values), len(v.Values))
		}
	}
	return vs, nil
}

// base is a file's name without folder and ending.
func base(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return name
}

// readSafetensors reads tensors with the metadata that Safetensors writes.
func readSafetensors(name string, raw []byte) ([]lab.Vector, error) {
	arrays, meta, err := weights.ReadSafetensors(raw, weights.Limits{Header: 1 << 20, Tensors: maxLayers})
	if err != nil {
		return nil, errs.E(op, errs.Other, "%s: %w", name, err)
	}
	var out []lab.Vector
	for key, a := range arrays {
		if a.DType != tensor.F32 || len(a.Shape) != 1 || a.Shape[0] < 1 || a.Shape[0] > maxWidth {
			return nil, bad("%s: tensor %.60q is %s of shape %v; a vector is one row of float32 numbers, at most %d", name, key, a.DType, a.Shape, maxWidth)
		}
		v, err := a.Float32()
		if err != nil {
			return nil, errs.E(op, errs.Other, "%s: %w", name, err)
		}
		if err := finite(name, key, v); err != nil {
			return nil, err
		}
		one, err := described(name, key, meta)
		if err != nil {
			return nil, err
		}
		one.Values = v
		out = append(out, one)
	}
	return ordered(name, out)
}

// described is what the metadata says of a tensor: under its name, a dot and the word, or, of a
// file with one vector, under the word alone.
func described(file, key string, meta map[string]string) (lab.Vector, error) {
	get := func(word string) string {
		if s, ok := meta[key+"."+word]; ok {
			return clip(s)
		}
		return clip(meta[word])
	}
	v := lab.Vector{Name: get("name"), Model: get("model"), Digest: get("digest"), Site: get("site"), Made: get("made")}
	if v.Name == "" {
		v.Name = key
	}
	if v.Site == "" {
		v.Site = string(hook.ResidPost)
	}
	layer, err := strconv.Atoi(get("layer"))
	if err != nil || layer < 0 || layer >= maxLayers {
		return v, bad("%s: the metadata of %.60q say layer %.40q; they need the layer that the vector belongs to, 0 to %d, and should say model, digest, site and made", file, key, get("layer"), maxLayers-1)
	}
	v.Layer = layer
	return v, nil
}

func clip(s string) string { return s[:min(len(s), maxWords)] }

// check refuses to write what no reader would take.
func check(vs []lab.Vector) error {
	if len(vs) == 0 {
		return bad("there is no vector to write")
	}
	for _, v := range vs {
		if len(v.Values) == 0 || len(v.Values) > maxWidth || len(v.Values) != len(vs[0].Values) {
			return bad("the vector %.60q has %d numbers; 1 to %d are allowed, as many in each", v.Name, len(v.Values), maxWidth)
		}
		if v.Layer < 0 || v.Layer >= maxLayers {
			return bad("the vector %.60q belongs to layer %d; 0 to %d are allowed", v.Name, v.Layer, maxLayers-1)
		}
		if err := finite("the vector", v.Name, v.Values); err != nil {
			return err
		}
	}
	return nil
}

// bits are a vector's numbers, little-endian.
func bits(dst []byte, v []float32) []byte {
	for _, x := range v {
		b := math.Float32bits(x)
		dst = append(dst, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	return dst
}
