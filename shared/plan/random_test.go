package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

var everyFamily = []string{"llama", "llama3_rope", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gpt2", "gpt_neox"}

// TestConesEqualWholeRuns runs random plans by their cones and whole, in every family, and compares all
// that they return. PATCHBAY_RANDOM_PLANS sets how many plans a family is tried with, PATCHBAY_RANDOM_SEED
// the first; a plan that fails is made as small as it can be and printed.
func TestConesEqualWholeRuns(t *testing.T) {
	count, seed := setting("PATCHBAY_RANDOM_PLANS", 60), setting("PATCHBAY_RANDOM_SEED", 1)
	for i, family := range everyFamily {
		t.Run(family, func(t *testing.T) {
			env, ran := tiny(t, family), 0
			if i%2 == 1 { // every second one on the fast device, whose kernels depend on how many rows there are
				env = tinyOn(t, testDevice(t), family)
			}
			for i := range count {
				g := &maker{rand.New(rand.NewPCG(uint64(seed+i), 7)), env.Model.Config()}
				p := g.plan()
				why, err := differs(env, p)
				if err != nil {
					continue // refused: random choices do not always fit together
				}
				if ran++; why == "" {
					continue
				}
				p = shrink(p, func(p *Plan) bool { why, _ := differs(env, p); return why != "" })
				why, _ = differs(env, p)
				text, _ := json.MarshalIndent(p, "", " ")
				t.Fatalf("seed %d: %s\n%s", seed+i, why, text)
			}
			if ran < count/2 {
				t.Errorf("only %d of %d random plans could be run", ran, count)
			}
		})
	}
}

func setting(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

// differs runs a plan both ways and says where they differ by more than 1e-4. An error means
// that the plan was refused.
func differs(env Env, p *Plan) (why string, err error) {
	c, err := Check(p, env.Model, env.Tokens)
	if err != nil {
		return "", err
	}
	full, cones := env, env
	full.Full, cones.cones = true, true
	a, err := Execute(context.Background(), full, c, Observer{})
	if errs.KindOf(err) == errs.Invalid {
		return "", err // such as an infinite score as an operand
	} else if err != nil {
		return "", err
	}
	b, err := Execute(context.Background(), cones, c, Observer{})
	if err != nil {
		return "by cones: " + err.Error(), nil
	}
	return unlike(a, b), nil
}

func unlike(a, b *Results) string {
	for i := range a.Runs {
		x, y := a.Runs[i], b.Runs[i]
		if fmt.Sprint(x.Generated, x.Stop, x.Text, sweepText(x.Sweep)) != fmt.Sprint(y.Generated, y.Stop, y.Text, sweepText(y.Sweep)) {
			return fmt.Sprintf("run %s generated %v %v, by cones %v %v", x.Name, x.Generated, sweepText(x.Sweep), y.Generated, sweepText(y.Sweep))
		}
	}
	for name, want := range a.Tensors {
		got, ok := b.Tensors[name]
		if !ok || !slices.Equal(got.Shape, want.Shape) {
			return fmt.Sprintf("%s has the shape %v, by cones %v", name, want.Shape, got.Shape)
		}
		w, _ := want.Float32()
		g, _ := got.Float32()
		size := 1.0
		for _, x := range w {
			if !math.IsInf(float64(x), 0) {
				size = max(size, math.Abs(float64(x)))
			}
		}
		for i := range w {
			if d := math.Abs(float64(w[i] - g[i])); w[i] != g[i] && (w[i] == w[i] || g[i] == g[i]) && !(d <= 1e-4*size) {
				return fmt.Sprintf("%s: number %d of %v is %g, by cones %g", name, i, want.Shape, w[i], g[i])
			}
		}
	}
	return ""
}

func sweepText(s *SweepResult) string {
	if s == nil {
		return ""
	}
	return fmt.Sprint(s.Axes, s.Generated, s.Texts, s.Stops)
}

// shrink leaves runs, edits and reads out as long as the plan fails.
func shrink(p *Plan, fails func(*Plan) bool) *Plan {
	for again := true; again; {
		again = false
		for _, q := range smaller(p) {
			if fails(q) {
				p, again = q, true
				break
			}
		}
	}
	return p
}

func smaller(p *Plan) (out []*Plan) {
	with := func(i int, change func(*Run)) {
		q := &Plan{Runs: slices.Clone(p.Runs)}
		change(&q.Runs[i])
		out = append(out, q)
	}
	for i, r := range p.Runs {
		out = append(out, &Plan{Runs: slices.Delete(slices.Clone(p.Runs), i, i+1)})
		for k := range r.Edits {
			with(i, func(r *Run) { r.Edits = slices.Delete(slices.Clone(r.Edits), k, k+1) })
		}
		for k := range r.Reads {
			with(i, func(r *Run) { r.Reads = slices.Delete(slices.Clone(r.Reads), k, k+1) })
		}
		if r.Generation != nil {
			with(i, func(r *Run) { r.Generation = nil })
		}
	}
	return out
}

// maker makes random plans.
type maker struct {
	*rand.Rand
	c nn.Config
}

func (g *maker) chance(p float64) bool { return g.Float64() < p }

// some is a choice of a few of n, in any order.
func (g *maker) some(n int) []int {
	return g.Perm(n)[:1+g.IntN(min(n, 3))]
}

func (g *maker) choice(n int) Select {
	switch g.IntN(3) {
	case 0:
		return Select{}
	case 1:
		return All()
	}
	return Select{List: g.some(n)}
}

func (g *maker) positions(n int) Positions {
	switch g.IntN(4) {
	case 0:
		return Positions{}
	case 1:
		return At(-1 - g.IntN(n))
	}
	return At(g.some(n)...)
}

// plan is a clean run, a base with edits, and variants of it: runs, or a sweep.
func (g *maker) plan() *Plan {
	n := 1 + g.IntN(9)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(g.IntN(126))
	}
	reads := []Read{{Name: "pre", Site: hook.ResidPre, Layers: All(), Reduce: Mean}}
	p := &Plan{Runs: []Run{{Name: "clean", Prompt: Prompt{IDs: ids}, Reads: reads}, {Name: "base", Prompt: Prompt{IDs: ids}, Reads: g.reads(n, nil)}}}
	for range g.IntN(3) {
		p.Runs[1].Edits = append(p.Runs[1].Edits, g.edit(n, nil))
	}
	if g.chance(0.4) {
		return g.sweep(p, n)
	}
	for i := range 1 + g.IntN(3) {
		r := Run{Name: fmt.Sprint("v", i), Base: "base"}
		if g.chance(0.3) {
			r.Generation = &Generate{Count: 1 + g.IntN(4), StopAtEOS: g.chance(0.5)}
			if g.chance(0.3) {
				r.Generation.Temperature, r.Generation.Seed = 0.9, 5
			}
		}
		for range g.IntN(4) {
			r.Edits = append(r.Edits, g.edit(n, r.Generation))
		}
		r.Reads = g.reads(n, r.Generation)
		p.Runs = append(p.Runs, r)
	}
	return p
}

// sweep adds a sweep of one or two edits.
func (g *maker) sweep(p *Plan, n int) *Plan {
	r := Run{Name: "s", Base: "base", Sweep: &Sweep{}, Reads: g.reads(n, nil)}
	if g.chance(0.2) {
		r.Generation = &Generate{Count: 1 + g.IntN(3)}
	}
	for range 1 + g.IntN(2) {
		r.Edits = append(r.Edits, g.edit(n, r.Generation))
	}
	s := r.Sweep
	if g.chance(0.7) {
		s.Layers = All()
	}
	if g.chance(0.5) {
		s.Positions = Positions{All: true}
	}
	if g.chance(0.3) {
		s.Strengths = []float64{0.5, -1, 2}
	}
	if g.chance(0.3) {
		s.Edits = []int{0}
	}
	if g.chance(0.3) {
		s.Sites = []hook.Site{hook.ResidPost, hook.AttnOut, hook.MLPOut}
	}
	if g.chance(0.2) {
		s.Operands = []Operand{*Scalar(0), *Scalar(0.5)}
	}
	about, _ := hook.Lookup(r.Edits[0].Site)
	if len(r.Edits) == 1 && s.Sites == nil && hasHeads(about.Shape) && g.chance(0.5) {
		s.Heads = Select{List: g.some(g.c.KVHeads)}
	}
	if len(r.Edits) == 1 && s.Sites == nil && r.Edits[0].Op != Project && g.chance(0.3) {
		s.Index = Select{List: g.some(min(n, g.c.HeadDim))}
	}
	p.Runs = append(p.Runs, r)
	return p
}

// site is a point of the model that the family has.
func (g *maker) site(editable bool) hook.About {
	all := hook.All()
	for {
		a := all[g.IntN(len(all))]
		if _, can, err := g.c.Site(hook.Point{Site: a.Site}); err == nil && (can || !editable) {
			return a
		}
	}
}

func (g *maker) edit(n int, gen *Generate) Edit {
	a := g.site(true)
	e := Edit{Site: a.Site, Positions: g.positions(n)}
	if a.InBlock {
		e.Layers = g.layers()
	}
	if hasHeads(a.Shape) && g.chance(0.5) {
		e.Heads = One(g.IntN(g.c.KVHeads))
	}
	if g.chance(0.4) && gen != nil {
		e.Phase = []Phase{InPrompt, Always, InGenerated}[g.IntN(3)]
	}
	e.Op = []Op{Set, Set, Add, Scale, Project, NormAdd}[g.IntN(6)]
	switch {
	case a.Shape == hook.Square && g.chance(0.8):
		e.Op, e.Keys = Mask, At(g.some(n)...)
	case a.Shape == hook.Resid && g.chance(0.2):
		e.Index = Select{List: g.some(g.c.Width)}
	}
	if e.Op == Mask {
		return e
	}
	e.Strength = Strength(math.Round(g.NormFloat64()*100) / 100)
	switch {
	case e.Op == Scale:
	case e.Op == Project && a.Shape == hook.Resid && e.Index.IsZero():
		e.Operand = Literal(nil, ramp(g.c.Width, g.Float32()))
	case e.Op == Project:
		e.Op, e.Operand = Add, Scalar(0.4)
	case a.Shape == hook.Resid && e.Index.IsZero() && g.chance(0.5):
		e.Operand = Literal(nil, ramp(g.c.Width, g.Float32()))
	case a.Shape == hook.Resid && e.Index.IsZero() && len(e.Layers.List) == 1:
		e.Operand = &Operand{Reads: []Term{{Run: "clean", Read: "pre"}}}
	default:
		e.Operand = Scalar(g.Float32())
	}
	return e
}

func (g *maker) layers() Select {
	if g.chance(0.7) {
		return One(g.IntN(g.c.Layers))
	}
	return All()
}

func (g *maker) reads(n int, gen *Generate) (out []Read) {
	for i := range g.IntN(4) {
		a := g.site(false)
		d := Read{Name: fmt.Sprint("r", i), Site: a.Site, Positions: g.positions(n), Before: g.chance(0.2)}
		if a.InBlock {
			d.Layers = g.layers()
		}
		if gen != nil && a.Shape != hook.Square && g.chance(0.4) {
			d.Phase, d.Positions = []Phase{Always, InGenerated}[g.IntN(2)], Positions{}
		}
		if slices.Contains(vocabSites, a.Site) && g.chance(0.7) {
			d.Before = false
			d.Reduce = []Reduce{TopK, Logits, LogitDiff, LogProb, Rank, Entropy, KL, KL}[g.IntN(8)]
			switch d.Reduce {
			case TopK:
				d.K = 3
			case Logits, LogitDiff, LogProb, Rank:
				d.Tokens = []TokenRef{{ID: 3}, {ID: 77}}
			case KL:
				d.To, d.Phase = "clean", ""
			}
		} else {
			d.Reduce = []Reduce{None, Mean, Norm}[g.IntN(3)]
		}
		out = append(out, d)
	}
	return append(out, Read{Name: "end", Site: hook.Logits, Positions: At(-1), Reduce: LogitDiff, Tokens: []TokenRef{{ID: 1}, {ID: 2}}})
}
