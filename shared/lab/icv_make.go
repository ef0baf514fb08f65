package lab

import (
	"context"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// series is how many vectors are compared.
func (r *icvRun) series() int {
	if r.p.Method == headsMethod {
		return 4
	}
	return 3
}

// treatment is how the vectors are used.
func (r *icvRun) treatment(vs []madeVector) treatment {
	t := treatment{vectors: vs, layers: r.layers, depth: r.b.Model.Config().Layers, edit: lastState(r.p.Op, r.p.Strength)}
	switch r.p.Method {
	case headsMethod:
		t.edit = lastState("add", r.p.Strength)
	case icvMethod:
		t.layers, t.strengths = nil, icvStrengths
		t.edit = plan.Edit{Site: hook.MLPOut, Layers: plan.All(), Op: plan.NormAdd, Strength: plan.Strength(1)}
	}
	return t
}

// make makes the vector and its controls.
func (r *icvRun) make(ctx context.Context) ([]madeVector, error) {
	switch r.p.Method {
	case headsMethod:
		return r.headVectors(ctx)
	case icvMethod:
		return r.differenceVectors(ctx)
	}
	v := meanStates(r.train, false)
	return r.compared(v, meanStates(r.trainBad, false)), nil
}

// compared puts the controls beside a vector: what shuffled answers leave, and a random direction.
func (r *icvRun) compared(v, bad [][]float32) []madeVector {
	return []madeVector{
		{say("in-context vector"), v, false},
		{say("vector of shuffled examples"), bad, true},
		{say("random vector of the same length"), likeAll(v, r.p.Seed+1), true},
	}
}

// solved are the probes that are answered right, or all if none is.
func solved(ps []*probe) []*probe {
	var out []*probe
	for _, p := range ps {
		if p.right() {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return ps
	}
	return out
}

// headVectors find the heads whose mean output, put into prompts with shuffled answers, raises the
// right answer most (the average indirect effect, Todd et al. 2024, section 2.3), and sum
// what the best of them add to the residual stream.
func (r *icvRun) headVectors(ctx context.Context) ([]madeVector, error) {
	z := meanStates(solved(r.train), true)
	effects, err := r.effects(ctx, z)
	if err != nil {
		return nil, err
	}
	g := r.b.Model.Config()
	top := descending(len(effects), func(i int) float64 { return effects[i] })[:min(len(effects), r.p.TopHeads)]
	r.effectFigure(effects, top)
	rest := slices.DeleteFunc(source(r.p.Seed+7).Perm(len(effects)), func(h int) bool { return slices.Contains(top, h) })
	rest = rest[:min(len(rest), len(top))]
	v, err := r.project(ctx, z, top, rest)
	if err != nil {
		return nil, err
	}
	bad, err := r.project(ctx, meanStates(r.trainBad, true), top)
	if err != nil {
		return nil, err
	}
	everywhere := func(x []float32) [][]float32 { return slices.Repeat([][]float32{x}, g.Layers) }
	return append(r.compared(everywhere(v[0]), everywhere(bad[0])), madeVector{say("as many other heads"), everywhere(v[1]), true}), nil
}

// effectPlan patches each head in turn into the prompts tried.
func (r *icvRun) effectPlan(z [][]float32) *plan.Plan {
	g := r.b.Model.Config()
	edit := plan.Edit{Site: hook.Z, Positions: plan.At(-1), Op: plan.Set, Operand: plan.Scalar(0)}
	if z != nil {
		edit.Operand = plan.Literal([]int{g.Layers, 1, g.Heads, g.HeadDim}, slices.Concat(z...))
	}
	p := &plan.Plan{}
	for i, x := range r.tried() {
		p.Runs = append(p.Runs, plan.Run{
			Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: x.ids}, Edits: []plan.Edit{edit},
			Sweep: &plan.Sweep{Layers: plan.All(), Heads: plan.All()},
			Reads: []plan.Read{lastLogits("logp", plan.LogProb, plan.TokenRef{ID: x.gold})},
		})
	}
	return p
}

// tried are the prompts that heads are tried on, evenly from all sets: those with shuffled
// answers, or the bare queries where shuffled examples still tell the task.
func (r *icvRun) tried() []*probe {
	if r.plain() {
		return r.bare
	}
	return evenly(r.trainBad, r.p.Prompts)
}

// plain says that shuffled examples tell the task nearly as well as true ones, three quarters at least.
func (r *icvRun) plain() bool { return 4*r.out.Shuffled.Hits > 3*r.out.Few.Hits }

// evenly takes n of the probes.
func evenly(ps []*probe, n int) []*probe {
	n = min(n, len(ps))
	out := make([]*probe, n)
	for i := range out {
		out[i] = ps[i*len(ps)/n]
	}
	return out
}

// effects are the average indirect effects by layer and head: what each adds to the
// probability of the right answer.
func (r *icvRun) effects(ctx context.Context, z [][]float32) ([]float64, error) {
	g, tried := r.b.Model.Config(), r.tried()
	p := r.effectPlan(z)
	done := 0
	res, err := perform(ctx, r.b, nil, p, plan.Observer{
		Finished: func(plan.RunResult) {
			done++
			r.emit(Event{Stage: "layers", Done: done, Total: len(tried)})
		},
	})
	if err != nil {
		return nil, err
	}
	out := make([]float64, g.Layers*g.Heads)
	for i, x := range tried {
		for j, lp := range rowsOf(res, strconv.Itoa(i), "logp")[0] {
			out[j] += (math.Exp(float64(lp)) - math.Exp(x.logp)) / float64(len(tried))
		}
	}
	return out, nil
}

// project sums what heads with these outputs add to the residual stream, for each choice of
// heads. Where a norm follows attention (Gemma), its scale is that of all mean outputs together.
func (r *icvRun) project(ctx context.Context, z [][]float32, choices ...[]int) ([][]float32, error) {
	g := r.b.Model.Config()
	reads := []plan.Read{{Name: "heads", Site: hook.Result, Layers: plan.All(), Positions: plan.At(-1)}}
	if g.Sandwich {
		reads = append(reads,
			plan.Read{Name: "raw", Site: hook.AttnRawOut, Layers: plan.All(), Positions: plan.At(-1)},
			plan.Read{Name: "out", Site: hook.AttnOut, Layers: plan.All(), Positions: plan.At(-1)})
	}
	res, err := perform(ctx, r.b, nil, planOf(plan.Run{
		Name: "heads", Prompt: plan.Prompt{IDs: r.zero[0].ids}, Reads: reads,
		Edits: []plan.Edit{{Site: hook.Z, Layers: plan.All(), Positions: plan.At(-1), Op: plan.Set, Operand: plan.Literal([]int{g.Layers, 1, g.Heads, g.HeadDim}, slices.Concat(z...))}},
	}), plan.Observer{})
	if err != nil {
		return nil, err
	}
	var all [3][][]float32
	for i, name := range []string{"heads", "raw", "out"} {
		all[i] = rowsOf(res, "heads", name)
	}
	out := make([][]float32, len(choices))
	for i, heads := range choices {
		out[i] = make([]float32, g.Width)
		for _, h := range heads {
			l, from := h/g.Heads, h%g.Heads*g.Width
			for k, x := range all[0][l][from : from+g.Width] {
				if g.Sandwich && math.Abs(float64(all[1][l][k])) > 1e-6 {
					x *= all[2][l][k] / all[1][l][k]
				}
				out[i][k] += x
			}
		}
	}
	return out, nil
}

// differences asks for the states of queries and answers, each a prompt of its own.
func (r *icvRun) differences() (*prober, [][2]*probe, error) {
	q := newProber(r.b)
	var sides [2][]*probe
	var out [][2]*probe
	for s := range r.deal.demos {
		for _, p := range slices.Concat(r.deal.demos[s], r.deal.train[s]) {
			var two [2]*probe
			for i, text := range []string{p.x, p.y} {
				ids, err := r.b.Tokens.Encode(" "+text, token.Options{BOS: true})
				if err != nil {
					return nil, nil, errs.E("lab.icv", errs.KindOf(err), "%.40q: %w", text, err)
				}
				two[i] = &probe{ids: ids}
				sides[i] = append(sides[i], two[i])
			}
			out = append(out, two)
		}
	}
	q.add("query", sides[0], wants{state: true, norms: true})
	q.add("answer", sides[1], wants{state: true, norms: true})
	return q, out, nil
}

// differenceVectors are the main direction of answer minus query over all layers together plus their mean
// (Liu et al. 2023), cut into layers, each as long as what its MLP says.
func (r *icvRun) differenceVectors(ctx context.Context) ([]madeVector, error) {
	q, pairs, err := r.differences()
	if err != nil {
		return nil, err
	}
	if err := q.run(ctx, r.emit, nil); err != nil {
		return nil, err
	}
	g := r.b.Model.Config()
	length := make([]float64, g.Layers)
	for _, two := range pairs {
		for l := range length {
			length[l] += (two[0].norms[l] + two[1].norms[l]) / float64(2*len(pairs))
		}
	}
	cut := func(by int) [][]float32 {
		var rows [][]float32
		for i, two := range pairs {
			y := pairs[(i+by)%len(pairs)][1]
			rows = append(rows, plus(slices.Concat(y.state...), slices.Concat(two[0].state...), -1))
		}
		m := average(rows)
		pc := principal(rows, m, 1)[0]
		if dot(pc, m) < 0 { // its sign is that of the mean
			pc = scaled(pc, -1)
		}
		main := plus(m, pc, 1)
		out := make([][]float32, g.Layers)
		for l := range out {
			x := main[l*g.Width : (l+1)*g.Width]
			out[l] = ofLength(x, length[l])
		}
		return out
	}
	return r.compared(cut(0), cut(len(pairs)/2)), nil
}
