package lab

import (
	"context"
	"strconv"
	"strings"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// madeVector is a vector for each layer, with its name in the figure.
type madeVector struct {
	name    Words
	by      [][]float32 // [layer][width]
	control bool
}

// treatment applies vectors to prompts, each at every layer in turn, or all layers together at
// several strengths, and counts the right answers.
type treatment struct {
	edit      plan.Edit // its operand is one vector after the other
	vectors   []madeVector
	layers    []int     // swept,
	strengths []float64 // or these
	depth     int       // layers of the model

	hits        [][]Rate // [vector][place]
	example     []int    // [place], a prompt that the first vector answers there, or 0
	done, total int
}

// places is how many there are along the figure's X.
func (t *treatment) places() int { return len(t.layers) + len(t.strengths) }

// plan has a sweep for each prompt.
func (t *treatment) plan(ps []*probe) *plan.Plan {
	sweep := &plan.Sweep{Strengths: t.strengths}
	if t.layers != nil {
		sweep.Layers = plan.Select{List: t.layers}
	}
	for _, v := range t.vectors {
		if v.by == nil { // only its price is asked
			sweep.Operands = append(sweep.Operands, *plan.Scalar(0))
			continue
		}
		sweep.Operands = append(sweep.Operands, *t.operand(v.by))
	}
	out := &plan.Plan{}
	edit := t.edit
	edit.Operand = plan.Scalar(0)
	for i, p := range ps {
		out.Runs = append(out.Runs, plan.Run{
			Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: p.ids},
			Edits: []plan.Edit{edit}, Sweep: sweep, Reads: []plan.Read{topRead()},
		})
	}
	return out
}

// operand is a vector for each layer that it is used at.
func (t *treatment) operand(v [][]float32) *plan.Operand {
	rows := v
	if t.layers != nil {
		rows = nil
		for _, l := range t.layers {
			rows = append(rows, v[l])
		}
	}
	return stacked(rows)
}

// run counts; after each prompt see is called.
func (t *treatment) run(ctx context.Context, b *Bench, ps []*probe, see func()) error {
	t.hits, t.total = make([][]Rate, len(t.vectors)), len(ps)
	t.example = make([]int, t.places())
	for v := range t.hits {
		t.hits[v] = make([]Rate, t.places())
	}
	_, err := perform(ctx, b, nil, t.plan(ps), plan.Observer{
		Finished: func(r plan.RunResult) {
			i, _ := strconv.Atoi(r.Name)
			t.count(r.Reads[0].Top[0], i, ps[i].gold)
			t.done++
			see()
		},
	})
	return err
}

// count takes in a sweep's answers: layers outside operands, operands outside strengths.
func (t *treatment) count(top [][]plan.Item, i int, gold int32) {
	for v := range t.vectors {
		for x := range t.places() {
			at := x*len(t.vectors) + v
			if t.layers == nil {
				at = v*len(t.strengths) + x
			}
			right := top[at][0].ID == gold
			if v == 0 && right && t.hits[v][x].Hits == 0 {
				t.example[x] = i
			}
			t.hits[v][x].add(right)
		}
	}
}

// series are the lines of the figure.
func (t *treatment) series() (out []Series) {
	for v, hits := range t.hits {
		out = append(out, rates(t.vectors[v].name, hits, t.vectors[v].control))
	}
	return out
}

// axis names the places.
func (t *treatment) axis() Axis {
	if t.layers == nil {
		a := Axis{Name: say("strength")}
		for _, s := range t.strengths {
			a.Labels = append(a.Labels, number(s))
		}
		return a
	}
	return layerAxis(t.layers)
}

// at is the edit that puts a vector at one place.
func (t *treatment) at(v, place int) plan.Edit {
	e := t.edit
	if t.layers == nil {
		e.Operand, e.Strength = stacked(t.vectors[v].by), plan.Strength(t.strengths[place])
		return e
	}
	l := t.layers[place]
	e.Layers, e.Operand = plan.One(l), plan.Literal(nil, t.vectors[v].by[l])
	return e
}

// lastState is the edit of the last token's residual stream.
func lastState(op string, strength float64) plan.Edit {
	e := plan.Edit{Site: hook.ResidPost, Positions: plan.At(-1), Op: plan.Set}
	if op == "add" {
		e.Op, e.Strength = plan.Add, plan.Strength(strength)
	}
	return e
}

// written is a text to be written under an edit.
type written struct {
	name    Words
	ids     []int32
	edits   []plan.Edit
	control bool
}

// passageTokens is how many tokens of an answer are written.
const passageTokens = 5

// write generates the texts.
func write(ctx context.Context, b *Bench, prompt string, list []written) ([]Passage, error) {
	p := &plan.Plan{}
	out := make([]Passage, len(list))
	for i, w := range list {
		out[i] = Passage{Name: w.name, Prompt: prompt, Control: w.control, Steps: []GenerateStep{}}
		p.Runs = append(p.Runs, plan.Run{
			Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: w.ids}, Edits: w.edits,
			Generation: &plan.Generate{Count: passageTokens, StopAtEOS: true},
		})
	}
	_, err := perform(ctx, b, nil, p, plan.Observer{
		Token: func(run string, t plan.Token) {
			i, _ := strconv.Atoi(run)
			out[i].Steps = append(out[i].Steps, stepOf(b, t))
		},
		Finished: func(r plan.RunResult) {
			i, _ := strconv.Atoi(r.Name)
			out[i].Text = r.Text
		},
	})
	return out, err
}

func trim(s string) string { return strings.TrimSpace(s) }
