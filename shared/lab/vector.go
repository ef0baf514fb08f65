package lab

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"

	"patchbay/shared/errs"
)

// Vector is a direction that was made here or brought in: named, bound to its model, plain data.
// It travels in results and parameters, so that tab, sidecar and links treat it alike.
type Vector struct {
	Name   string `json:"name"`
	Model  string `json:"model"`  // catalogue id or file name
	Digest string `json:"digest"` // of the model's file: a vector means nothing in another model
	Site   string `json:"site"`   // hook name: "hook_resid_post"
	Layer  int    `json:"layer"`
	Values Floats `json:"values"` // [width of the model]
	Made   string `json:"made"`   // how, in a few words: experiment and parameters
}

// Floats are float32 numbers, little-endian in base64 in JSON: exact, and a third of decimal's length.
type Floats []float32

// MarshalJSON writes base64.
func (f Floats) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 4*len(f))
	for _, x := range f {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(raw))
}

// UnmarshalJSON reads base64 of whole float32 numbers, all finite.
func (f *Floats) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return errs.E("lab.Floats", errs.Invalid, "a vector's values must be base64 of float32 numbers")
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return errs.E("lab.Floats", errs.Invalid, "a vector's values are no base64 of float32 numbers")
	}
	*f = make(Floats, len(b)/4)
	for i := range *f {
		x := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if x-x != 0 {
			return errs.E("lab.Floats", errs.Invalid, "number %d of the vector is not finite", i)
		}
		(*f)[i] = x
	}
	return nil
}

// fits refuses a vector of another model or width, in words.
func (v *Vector) fits(b *Bench) error {
	d := b.Model.Config().Width
	switch {
	case len(v.Values) != d:
		return errs.E("lab.Vector", errs.Invalid, "the vector %.60q has %d numbers; this model's residual stream has %d: it was made for another model", v.Name, len(v.Values), d)
	case v.Digest != "" && b.Parity.Digest != "" && v.Digest != b.Parity.Digest:
		return errs.E("lab.Vector", errs.Invalid, "the vector %.60q was made on %.60q (digest %.12s); on this model it means nothing", v.Name, v.Model, v.Digest)
	case v.Layer < 0 || v.Layer >= b.Model.Config().Layers:
		return errs.E("lab.Vector", errs.Invalid, "the vector %.60q belongs to layer %d; this model has the layers 0 to %d", v.Name, v.Layer, b.Model.Config().Layers-1)
	}
	return nil
}
