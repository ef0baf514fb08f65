package plan

import (
	"encoding/json"
	"math"
	"strconv"

	"patchbay/shared/tensor"
)

// Results is what a plan gave: a description for JSON, and the arrays that go beside it.
type Results struct {
	Runs []RunResult `json:"runs"`
	// Tensors are named RUN/READ, or RUN/READ/LAYER where a read has several layers.
	Tensors map[string]tensor.Array `json:"-"`
}

// RunResult is a run's part.
type RunResult struct {
	Name      string       `json:"name"`
	IDs       []int32      `json:"ids"`    // of the prompt
	Tokens    []string     `json:"tokens"` // their texts
	Generated []int32      `json:"generated,omitempty"`
	Text      string       `json:"text,omitempty"` // of the generated tokens
	Stop      string       `json:"stop,omitempty"` // why generation ended: "count" or "eos"
	Reads     []ReadResult `json:"reads,omitempty"`
	Sweep     *SweepResult `json:"sweep,omitempty"` // its axes; they stand in front of each read's shape, and its Top has a row for each variant and position
	Seconds   float64      `json:"seconds"`
}

// ReadResult is a read's part. Every read has its tensors; small reductions are in Values and
// Top too, by layer, so that they can be read without opening the tensors.
type ReadResult struct {
	Name      string          `json:"name"`
	Site      string          `json:"site"`
	Reduce    Reduce          `json:"reduce"`
	Gradient  string          `json:"gradient_of,omitempty"` // the values are this read's gradient
	Layers    []int           `json:"layers,omitempty"`
	Positions []int           `json:"positions"` // absolute: prompt first, then generated
	Shape     []int           `json:"shape"`     // of each layer
	Tokens    []int32         `json:"tokens,omitempty"`
	Tensors   []string        `json:"tensors"` // by layer
	Values    json.RawMessage `json:"values,omitempty"`
	Top       [][][]Item      `json:"top,omitempty"`
}

// Read finds a read's description by the names of run and read, or nil.
func (r *Results) Read(run, read string) *ReadResult {
	for i := range r.Runs {
		if r.Runs[i].Name != run {
			continue
		}
		for j := range r.Runs[i].Reads {
			if r.Runs[i].Reads[j].Name == read {
				return &r.Runs[i].Reads[j]
			}
		}
	}
	return nil
}

// Run finds a run by name, or nil.
func (r *Results) Run(name string) *RunResult {
	for i := range r.Runs {
		if r.Runs[i].Name == name {
			return &r.Runs[i]
		}
	}
	return nil
}

// results describes all runs in the plan's order.
func (x *executor) results() *Results {
	res := &Results{Tensors: map[string]tensor.Array{}}
	for _, r := range x.c.runs {
		res.Runs = append(res.Runs, x.result(r, x.done[r], res.Tensors))
	}
	return res
}

// result describes a run and puts its arrays into tensors, if given.
func (x *executor) result(r *run, o *outcome, tensors map[string]tensor.Array) RunResult {
	out := RunResult{Name: r.name, IDs: r.ids, Generated: o.generated, Text: o.text, Stop: o.stop, Sweep: o.sweep, Seconds: o.seconds}
	for _, id := range r.ids {
		out.Tokens = append(out.Tokens, x.env.Tokens.Text(id))
	}
	for _, d := range r.reads {
		out.Reads = append(out.Reads, o.reads[d].result(r.name, tensors))
	}
	return out
}

func (rd *reading) result(run string, tensors map[string]tensor.Array) ReadResult {
	d := rd.d
	out := ReadResult{Name: d.src.Name, Site: string(d.src.Site), Reduce: d.src.Reduce, Gradient: d.src.GradientOf, Positions: rd.layers[0].pos, Shape: rd.shape, Tokens: rd.tokens, Top: rd.top}
	if out.Reduce == "" {
		out.Reduce = None
	}
	if d.about.InBlock {
		out.Layers = d.layers
	}
	for i, v := range rd.values {
		name := run + "/" + d.src.Name
		if len(rd.layers) > 1 {
			name += "/" + strconv.Itoa(d.layers[i])
		}
		out.Tensors = append(out.Tensors, name)
		if tensors != nil {
			tensors[name] = tensor.FromFloat32(v, rd.shape...)
			if len(rd.shape) == 0 {
				tensors[name] = tensor.Array{DType: tensor.F32, Shape: []int{}, Data: tensor.FromFloat32(v).Data}
			}
		}
	}
	if out.Reduce != None && out.Reduce != Mean && out.Reduce != TopK {
		out.Values = nest(rd.values, rd.shape)
	}
	return out
}

// nest writes the values as nested lists [layers, shape...]; what is not finite becomes null.
func nest(layers [][]float32, shape []int) json.RawMessage {
	out := []byte{'['}
	for i, v := range layers {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = nested(out, v, shape)
	}
	return append(out, ']')
}

func nested(out []byte, v []float32, shape []int) ([]byte, []float32) {
	if len(shape) == 0 {
		if f := float64(v[0]); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(out, "null"...), v[1:]
		}
		return strconv.AppendFloat(out, float64(v[0]), 'g', -1, 32), v[1:]
	}
	out = append(out, '[')
	for i := range shape[0] {
		if i > 0 {
			out = append(out, ',')
		}
		out, v = nested(out, v, shape[1:])
	}
	return append(out, ']'), v
}
