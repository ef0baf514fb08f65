package nn

import (
	"context"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/internal/refdata"
)

type editInfo struct {
	IDs    []int32
	Edits  []editData
	Tokens []int32
}

type editData struct {
	Op, Site, Operand string
	Positions         string
	Position          any // a number or "last"
	Head, Neuron      int
	From              *struct {
		IDs      []int32
		Site     string
		Position any
	}
}

// Edited runs give the reference's logits.
func TestEditsReference(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, rm := range referenceModels[:2] {
			t.Run(rm.name, func(t *testing.T) {
				skipLong(t, dev, rm.name, rm.long)
				var info struct{ Edits map[string]editInfo }
				readJSON(t, &info, "edits_"+rm.name+".json")
				want := readGolden(t, "edits_"+rm.name+".safetensors")
				m := openModel(t, dev, refdata.Model(t, rm.id))
				for name, e := range info.Edits {
					if brief(dev) && (e.Tokens != nil || strings.HasPrefix(name, "clean") || name == "add_all") {
						continue
					}
					t.Run(name, func(t *testing.T) { checkEdit(t, m, name, e, want) })
				}
			})
		}
	})
}

func checkEdit(t *testing.T, m *Model, name string, e editInfo, want golden) {
	rec := record(m.dev, nothing)
	rec.edit = map[string]func([]float32, int){}
	for _, d := range e.Edits {
		if d.From != nil && d.From.IDs == nil {
			d.From.IDs = e.IDs
		}
		rec.edit[d.Site] = editor(t, m, d, len(e.IDs), want)
	}
	cache := must[*Cache](t)(m.NewCache(len(e.IDs) + len(e.Tokens)))
	defer cache.Free()
	logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: e.IDs, Cache: cache, Taps: rec, Logits: LastLogits}))
	worst := compare(t, "logits", download(t, m.dev, logits), want[name+"/logits"], m.cfg.Vocab, 1e-4)
	t.Logf("row error %.2g", worst)
	if e.Tokens != nil {
		checkContinuation(t, m, e, cache, rec)
	}
}

// checkContinuation generates under an edit of the prompt that later steps do not repeat.
func checkContinuation(t *testing.T, m *Model, e editInfo, cache *Cache, rec *recorder) {
	cache.Truncate(0)
	rec.edit = onPrompt(rec.edit, len(e.IDs))
	g := must[*Generated](t)(Generate(context.Background(), m, e.IDs, GenerateOptions{Count: len(e.Tokens), Taps: rec, Cache: cache}))
	var got []int32
	for _, s := range g.Steps {
		got = append(got, s.ID)
	}
	if !slices.Equal(got, e.Tokens) {
		t.Errorf("continued with %v where %v is needed", got, e.Tokens)
	}
}

func onPrompt(edits map[string]func([]float32, int), n int) map[string]func([]float32, int) {
	out := map[string]func([]float32, int){}
	for site, f := range edits {
		out[site] = func(x []float32, pos int) {
			if pos < n {
				f(x, pos)
			}
		}
	}
	return out
}

// editor makes the function that changes a site's rows.
func editor(t *testing.T, m *Model, d editData, T int, want golden) func([]float32, int) {
	operand := want[d.Operand]
	if d.From != nil { // recompute the operand, so that the read is checked too
		rec := record(m.dev, func(name string) bool { return name == d.From.Site })
		if _, err := m.Forward(context.Background(), Pass{IDs: d.From.IDs, Taps: rec}); err != nil {
			t.Fatal(err)
		}
		r := rowOf(d.From.Position, len(d.From.IDs))
		operand = rec.got[d.From.Site][r*m.cfg.Width : (r+1)*m.cfg.Width]
		compare(t, d.Operand, operand, want[d.Operand], m.cfg.Width, 1e-4)
	}
	first, last := 0, T
	if d.Positions == "last" || d.Position != nil {
		first = rowOf(d.Position, T)
		last = first + 1
	}
	return func(x []float32, _ int) {
		n := len(x) / T
		for t := first; t < last; t++ {
			apply(d, x[t*n:(t+1)*n], operand, m.cfg.HeadDim)
		}
	}
}

func rowOf(position any, T int) int {
	if p, ok := position.(float64); ok {
		return int(p)
	}
	return T - 1
}

func apply(d editData, row, operand []float32, headDim int) {
	switch {
	case d.Op == "add":
		for i := range row {
			row[i] += operand[i]
		}
	case d.Op == "project_out":
		dot := 0.0
		for i := range row {
			dot += float64(row[i]) * float64(operand[i])
		}
		for i := range row {
			row[i] -= float32(dot) * operand[i]
		}
	case d.Op == "zero":
		clear(row[d.Head*headDim : (d.Head+1)*headDim])
	case strings.HasSuffix(d.Site, "mlp.hook_post"):
		row[d.Neuron] = 0
	default:
		copy(row, operand)
	}
}
