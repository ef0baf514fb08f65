package state

import (
	"encoding/json"
	"strings"

	"patchbay/shared/lab"
	"patchbay/shared/lab/vecfile"
	"patchbay/wasm/text"
)

// UploadVectors imports vectors from a file: safetensors, a GGUF control vector, or JSON as this
// page exports it (a vector, or a whole result with what it made).
func (a *App) UploadVectors(name string, data []byte) []Effect {
	if len(data) > MaxFile {
		return a.BigFile(name, int64(len(data)))
	}
	list, err := vecfile.Read(name, data)
	if err != nil {
		return a.Tell("vectors.file", err.Error())
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

// VectorFormats are what a vector can be saved as: the page's own, anyone's, and llama.cpp's.
var VectorFormats = []string{"json", "safetensors", "gguf"}

// SaveVector exports a vector.
func (a *App) SaveVector(v *lab.Vector, format string) []Effect {
	kind := "application/octet-stream"
	var data []byte
	var err error
	switch format {
	case "json":
		data, err = json.MarshalIndent(v, "", "  ")
		kind = "application/json"
	case "gguf":
		family, layers := a.shapeOf(v)
		data, err = vecfile.GGUF([]lab.Vector{*v}, family, layers)
	default:
		data, err = vecfile.Safetensors([]lab.Vector{*v})
	}
	if err != nil {
		return a.Tell("export.failed", err.Error())
	}
	return []Effect{File{"patchbay-" + fileName(v.Name) + "." + format, kind, data}}
}

// shapeOf is the architecture and the number of layers of a vector's model, as far as they are
// known here: llama.cpp wants both.
func (a *App) shapeOf(v *lab.Vector) (family string, layers int) {
	layers = v.Layer + 1
	for _, e := range a.Ends {
		if m := e.ModelInfo(v.Model); m != nil {
			family = m.Family
		}
		if e.IsLoaded(v.Model) {
			layers = max(layers, e.Loaded.Layers)
		}
	}
	return family, layers
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
