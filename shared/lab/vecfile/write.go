package vecfile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/lab"
	"patchbay/shared/tensor"
	"patchbay/shared/weights"
)

// Safetensors writes vectors with all that is known of them in the metadata.
func Safetensors(vs []lab.Vector) ([]byte, error) {
	if err := check(vs); err != nil {
		return nil, err
	}
	meta := map[string]string{"format": "patchbay-vector"}
	var arrays []weights.Named
	for i, v := range vs {
		key := "vector"
		if len(vs) > 1 {
			key += "." + strconv.Itoa(i)
		}
		arrays = append(arrays, weights.Named{Name: key, Array: tensor.FromFloat32(v.Values, len(v.Values))})
		for word, text := range map[string]string{"name": v.Name, "model": v.Model, "digest": v.Digest, "site": v.Site, "layer": strconv.Itoa(v.Layer), "made": v.Made} {
			meta[key+"."+word] = text
		}
	}
	return weights.AppendSafetensors(nil, arrays, meta)
}

// GGUF writes a control vector as llama.cpp loads it: general.architecture is controlvector, and a
// tensor direction.N is added to what block N leaves. The architecture is the model's own
// (controlvector.model_hint), the layers are how many it has. What else is known stands under
// patchbay's own keys, which llama.cpp passes over.
func GGUF(vs []lab.Vector, architecture string, layers int) ([]byte, error) {
	if err := check(vs); err != nil {
		return nil, err
	}
	vs = slices.Clone(vs)
	for i := range vs {
		if err := aligned(&vs[i], layers); err != nil {
			return nil, err
		}
		if i > 0 && vs[i].Layer == vs[i-1].Layer {
			return nil, bad("two vectors belong to layer %d; a control vector has one for each layer: add them up, or keep them in safetensors", vs[i].Layer)
		}
	}
	texts := [][2]string{
		{"general.architecture", "controlvector"}, {"controlvector.model_hint", architecture},
		{"patchbay.name", vs[0].Name}, {"patchbay.model", vs[0].Model}, {"patchbay.digest", vs[0].Digest}, {"patchbay.made", vs[0].Made},
	}
	var b bytes.Buffer
	w := writer{&b}
	b.WriteString("GGUF")
	w.u32(3)
	w.u64(uint64(len(vs)))
	w.u64(uint64(len(texts) + 1))
	for _, t := range texts {
		w.text(t[0])
		w.u32(ggufText)
		w.text(t[1])
	}
	w.text("controlvector.layer_count")
	w.u32(ggufI32)
	w.u32(uint32(layers))
	return w.tensors(vs), nil
}

// The format's numbers for types (ggml's docs/gguf.md).
const (
	ggufI32, ggufText = 5, 8
	ggmlF32           = 0
	alignment         = 32
)

// aligned puts a vector where a control vector can be: after a block but the first.
func aligned(v *lab.Vector, layers int) error {
	switch hook.Site(v.Site) {
	case hook.ResidPost:
	case hook.ResidPre:
		v.Layer--
	default:
		return errs.E(op, errs.Unsupported, "the vector %.60q belongs to %.60q; a control vector is added to the residual stream after a block: keep it in safetensors", v.Name, v.Site)
	}
	if v.Layer < 1 || v.Layer >= layers {
		return errs.E(op, errs.Unsupported, "the vector %.60q stands after layer %d; llama.cpp adds control vectors after layers 1 to %d: take another layer, or keep it in safetensors", v.Name, v.Layer, layers-1)
	}
	return nil
}

type writer struct{ *bytes.Buffer }

func (w writer) u32(x uint32) { w.Write(binary.LittleEndian.AppendUint32(nil, x)) }
func (w writer) u64(x uint64) { w.Write(binary.LittleEndian.AppendUint64(nil, x)) }
func (w writer) text(s string) {
	s = clip(s)
	w.u64(uint64(len(s)))
	w.WriteString(s)
}

// tensors appends the list of tensors and their data, each aligned.
func (w writer) tensors(vs []lab.Vector) []byte {
	var data []byte
	for _, v := range vs {
		w.text(direction + strconv.Itoa(v.Layer))
		w.u32(1)
		w.u64(uint64(len(v.Values)))
		w.u32(ggmlF32)
		w.u64(uint64(len(data)))
		data = pad(bits(data, v.Values))
	}
	return append(pad(w.Bytes()), data...)
}

func pad(b []byte) []byte {
	for len(b)%alignment != 0 {
		b = append(b, 0)
	}
	return b
}
