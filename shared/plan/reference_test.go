package plan

import (
	"fmt"
	"slices"
	"testing"

	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

type edits struct {
	Edits map[string]struct {
		IDs   []int32
		Edits []struct {
			Op, Site, Operand string
			Head, Neuron      *int
			Positions         any
		}
		Tokens  []int32
		Margins []float64
	}
}

// models are the reference's names with the catalogue's.
var models = []struct{ ref, id string }{
	{"smollm2-135m", "smollm2-135m-instruct"},
	{"gemma3-270m", "gemma3-270m"},
}

// TestReferenceEdits runs every edited run of the reference set as a plan and compares the
// logits with those that PyTorch computed.
func TestReferenceEdits(t *testing.T) {
	for _, m := range models {
		t.Run(m.ref, func(t *testing.T) {
			if testing.Short() && m.ref != models[0].ref {
				t.Skip("one model is enough for -short")
			}
			var want edits
			readJSON(t, &want, "edits_"+m.ref+".json")
			file := must(weights.Open(refdata.Path(t, "edits_"+m.ref+".safetensors")))(t)
			defer file.Close()
			p := referencePlan(t, want, file)
			res := execute(t, bench(t, m.id), p)
			for name, e := range want.Edits {
				logits := must(file.Tensors[name+"/logits"].Float32())(t)
				if err := rowError(floats(t, res, name+"/logits"), logits); err > 1e-4 {
					t.Errorf("%s: the logits are off by %.2g", name, err)
				}
				got := res.Run(name).Generated
				for i, margin := range e.Margins {
					if margin < 0.01 {
						break
					}
					if got[i] != e.Tokens[i] {
						t.Errorf("%s: token %d is %d, want %d", name, i, got[i], e.Tokens[i])
						break
					}
				}
			}
		})
	}
}

// referencePlan writes the reference's edits as one plan.
func referencePlan(t *testing.T, want edits, file *weights.Model) *Plan {
	vector := func(name string) *Operand {
		return &Operand{Values: must(file.Tensors[name].Float32())(t)}
	}
	p := &Plan{}
	for name, e := range want.Edits {
		r := Run{Name: name, Prompt: Prompt{IDs: e.IDs}, Reads: []Read{{Name: "logits", Site: hook.Logits, Positions: At(-1)}}}
		switch name {
		case "patchscope", "back_patch": // by reads of the clean runs, below
		default:
			for _, x := range e.Edits {
				point := must(hook.Parse(x.Site))(t)
				edit := Edit{Site: point.Site, Layers: One(point.Layer), Op: Set, Operand: Scalar(0), Positions: Positions{All: true}}
				if x.Positions == "last" {
					edit.Positions = At(-1)
				}
				switch x.Op {
				case "add":
					edit.Op, edit.Operand = Add, vector(x.Operand)
				case "project_out":
					edit.Op, edit.Operand = Project, vector(x.Operand)
				}
				if x.Head != nil {
					edit.Heads = One(*x.Head)
				}
				if x.Neuron != nil {
					edit.Index = One(*x.Neuron)
				}
				r.Edits = append(r.Edits, edit)
			}
		}
		if e.Tokens != nil {
			r.Generation = &Generate{Count: len(e.Tokens)}
		}
		p.Runs = append(p.Runs, r)
	}
	slices.SortFunc(p.Runs, func(a, b Run) int { return len(a.Edits) - len(b.Edits) })
	patch := func(name, clean string, from, to, pos, at int) {
		src, dst := runNamed(p, clean), runNamed(p, name)
		read := fmt.Sprintf("layer%d", from)
		src.Reads = append(src.Reads, Read{Name: read, Site: hook.ResidPost, Layers: One(from), Positions: At(pos)})
		dst.Edits = []Edit{{Site: hook.ResidPost, Layers: One(to), Positions: At(at), Op: Set, Operand: Of(clean, read)}}
	}
	patch("patchscope", "clean_eiffel", 12, 5, 4, 3)
	layer := must(hook.Parse(want.Edits["back_patch"].Edits[0].Site))(t).Layer
	from := map[int]int{8: 20, 6: 14}[layer]
	patch("back_patch", "clean_eiffel", from, layer, -1, -1)
	return p
}

func runNamed(p *Plan, name string) *Run {
	for i := range p.Runs {
		if p.Runs[i].Name == name {
			return &p.Runs[i]
		}
	}
	return nil
}
