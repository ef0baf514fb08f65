package main

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
	"patchbay/shared/hook"
	"patchbay/shared/lab"
	"patchbay/shared/nn"
	"patchbay/shared/plan"
	"patchbay/shared/token"
	"patchbay/shared/weights"
	"patchbay/shared/world"
)

// bench is a loaded model and its world.
type bench struct {
	ctx    context.Context
	lab    lab.Bench // where lessons run
	env    plan.Env  // where plans of eval's own do
	world  *world.World
	sets   *world.Sets
	layers int
	width  int
}

func open(ctx context.Context, path string, w *world.World) (*bench, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	var dev device.Device = ref.New()
	if fast, err := simd.New(); err == nil {
		dev = fast
	}
	m, err := nn.Load(ctx, dev, file, nn.Options{MaxTokens: 512})
	if err != nil {
		return nil, err
	}
	tok, err := token.FromGGUF(file.Meta)
	if err != nil {
		return nil, err
	}
	c := m.Config()
	return &bench{
		ctx: ctx, lab: lab.Bench{Model: m, Tokens: tok, Parity: lab.Parity{Model: "pocket"}}, env: plan.Env{Model: m, Tokens: tok},
		world: w, sets: w.Sets(), layers: c.Layers, width: c.Width,
	}, nil
}

// item is a prompt, by text or ids, and what is changed in it.
type item struct {
	text  string
	ids   []int32
	edits []plan.Edit
}

// slice of items that one plan holds: well under its limits.
const batch = 200

// execute runs items and hands each one's reads to see, with a function that gives a read's
// array by layer.
func (b *bench) execute(items []item, reads []plan.Read, see func(i int, r plan.RunResult, array func(read string) [][]float32)) error {
	for at := 0; at < len(items); at += batch {
		part := items[at:min(at+batch, len(items))]
		p := &plan.Plan{}
		for i, it := range part {
			p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{Text: it.text, IDs: it.ids}, Edits: it.edits, Reads: reads})
		}
		c, err := plan.Check(p, b.env.Model, b.env.Tokens)
		if err != nil {
			return err
		}
		res, err := plan.Execute(b.ctx, b.env, c, plan.Observer{})
		if err != nil {
			return err
		}
		for i, r := range res.Runs {
			see(at+i, r, func(read string) (layers [][]float32) {
				for _, name := range res.Read(r.Name, read).Tensors {
					a := res.Tensors[name]
					v, err := a.Float32()
					if err != nil {
						panic(err) // the plan made it
					}
					layers = append(layers, v)
				}
				return layers
			})
		}
	}
	return nil
}

// top is the likeliest token after each item.
func (b *bench) top(items []item) ([]int32, error) {
	out := make([]int32, len(items))
	reads := []plan.Read{{Name: "top", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.TopK, K: 1}}
	err := b.execute(items, reads, func(i int, r plan.RunResult, _ func(string) [][]float32) { out[i] = r.Reads[0].Top[0][0][0].ID })
	return out, err
}

// states are the residual streams after every block at a position: [item][layer][width].
func (b *bench) states(items []item, pos func(i int) int) ([][][]float32, error) {
	out := make([][][]float32, len(items))
	for i := range items { // positions differ, so each item's read is its own plan's
		reads := []plan.Read{{Name: "x", Site: hook.ResidPost, Layers: plan.All(), Positions: plan.At(pos(i))}}
		err := b.execute(items[i:i+1], reads, func(_ int, _ plan.RunResult, array func(string) [][]float32) { out[i] = array("x") })
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func last(int) int { return -1 }

// combine is a + s b.
func combine(a []float32, s float32, b []float32) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] + s*b[i]
	}
	return out
}

func norm(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// change is an edit of the residual stream after a block; no positions means all.
func change(op plan.Op, l int, v []float32, pos ...int) plan.Edit {
	e := plan.Edit{Site: hook.ResidPost, Layers: plan.One(l), Op: op, Operand: plan.Literal(nil, v)}
	if len(pos) > 0 {
		e.Positions = plan.At(pos...)
	}
	return e
}

// with gives every text the same edits.
func with(texts []string, edits ...plan.Edit) []item {
	out := make([]item, len(texts))
	for i, t := range texts {
		out[i] = item{text: t, edits: edits}
	}
	return out
}

// first is the first token of a continuation.
func (b *bench) first(text string) int32 {
	ids, err := b.env.Tokens.Encode(text, token.Options{})
	if err != nil || len(ids) == 0 {
		panic(fmt.Sprintf("eval: %q has no tokens", text)) // the world's own words
	}
	return ids[0]
}

// rate is the part of items whose likeliest next token begins the answer.
func (b *bench) rate(items []item, answers []string) (float64, error) {
	got, err := b.top(items)
	n := 0
	for i := range got {
		if got[i] == b.first(answers[i]) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(got))), err
}

// agreement is the part of places where both say the same.
func agreement(a, b []int32) float64 {
	n := 0
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

// texts and answers of questions.
func prompts(qs []world.Question) (texts, answers []string) {
	for _, q := range qs {
		texts, answers = append(texts, q.Prompt), append(answers, q.Answer)
	}
	return texts, answers
}

// best is the largest value and its index.
func best(xs []float64) (float64, int) {
	at := 0
	for i, x := range xs {
		if x > xs[at] {
			at = i
		}
	}
	return xs[at], at
}

// list writes numbers by layer.
func list(xs []float64) string {
	s := ""
	for _, x := range xs {
		s += fmt.Sprintf(" %.2f", x)
	}
	return s
}
