package lab

import (
	"context"
	"slices"
	"strconv"

	"patchbay/shared/plan"
)

func priceAlgebra(b *Bench, p AlgebraParams) (Price, error) {
	r, err := newAlgebra(b, p, nil)
	if err != nil {
		return Price{}, err
	}
	r.vectors = r.treatment(make([]madeVector, 3+len(r.parts())))
	var plans []*plan.Plan
	for _, q := range r.sets {
		plans = append(plans, &q.plan)
	}
	return pricePlans(b, append(plans, r.vectors.plan(r.zero))...)
}

func (r *algebraRun) treatment(vs []madeVector) treatment {
	return treatment{vectors: vs, layers: r.layers, depth: r.b.Model.Config().Layers, edit: lastState(r.p.Op, r.p.Strength)}
}

func runAlgebra(ctx context.Context, b *Bench, p AlgebraParams, emit func(Event)) (*AlgebraResult, error) {
	r, err := newAlgebra(b, p, emit)
	if err != nil {
		return nil, err
	}
	for _, q := range r.sets {
		if err := q.run(ctx, emit, r.partial); err != nil {
			return nil, err
		}
		r.compute()
	}
	kept := r.kept(r.zero)
	r.out.Kept, r.out.Of = len(kept), len(r.zero)
	r.partial()
	if len(kept) > 0 {
		if err := r.vectors.run(ctx, b, kept, r.partial); err != nil {
			return nil, err
		}
		if err := r.passages(ctx, kept); err != nil {
			return nil, err
		}
	}
	r.report()
	l := r.out.Layer
	r.out.Vectors = []Vector{{
		Name: r.out.Formula, Model: b.Parity.Model, Digest: b.Parity.Digest, Site: "hook_resid_post", Layer: l,
		Values: Floats(r.vectors.vectors[0].by[l]), Made: "algebra, " + strconv.Itoa(p.Shots) + " examples of each",
	}}
	return r.out, nil
}

// partial sends the report as it is.
func (r *algebraRun) partial() {
	r.report()
	stage := "layers"
	if r.vectors.total == 0 {
		stage = "prefill"
	}
	showSoFar(r.emit, stage, r.vectors.done, r.vectors.total, r.out)
}

// parts are the names that the formula adds.
func (r *algebraRun) parts() []string {
	var out []string
	for _, t := range r.terms {
		if t.weight > 0 && !slices.Contains(out, t.name) {
			out = append(out, t.name)
		}
	}
	return out
}

// compute makes the named vectors and the formula's.
func (r *algebraRun) compute() {
	depth := r.b.Model.Config().Layers
	for name, ps := range r.train {
		r.named[name] = meanStates(ps, false)
	}
	for name, v := range map[string]*Vector{"mine": r.p.Vector, "mine2": r.p.Vector2} {
		if v != nil {
			r.named[name] = slices.Repeat([][]float32{v.Values}, depth)
		}
	}
	made := make([][]float32, depth)
	for l := range made {
		made[l] = make([]float32, r.b.Model.Config().Width)
		for _, t := range r.terms {
			made[l] = plus(made[l], r.named[t.name][l], t.weight)
		}
	}
	vs := []madeVector{
		{say("composed vector"), made, false},
		{say("vector made from examples of it"), r.named[r.p.target()], false},
		{say("random vector of the same length"), likeAll(made, r.p.Seed+1), true},
	}
	for _, name := range r.parts() {
		vs = append(vs, madeVector{say("{0} alone", name), r.named[name], true})
	}
	r.vectors = r.treatment(vs)
}

// passages shows one list answered in four ways.
func (r *algebraRun) passages(ctx context.Context, kept []*probe) error {
	f, at := formatOf(r.p.Format), peak(r.vectors.hits[0])
	item := kept[r.vectors.example[at]].item
	if q := trim(r.p.Query); q != "" {
		item = pair{q, q}
	}
	zero, err := newProbe(r.b, f, nil, item)
	if err != nil {
		return err
	}
	few, err := newProbe(r.b, f, r.demos[0], item)
	if err != nil {
		return err
	}
	list := []written{
		{say("without examples"), zero.ids, nil, false},
		{say("with the composed vector"), zero.ids, []plan.Edit{r.vectors.at(0, at)}, false},
		{say("with examples of the new task"), few.ids, nil, false},
	}
	for i, name := range r.parts() {
		list = append(list, written{say("with {0} alone", name), zero.ids, []plan.Edit{r.vectors.at(3+i, at)}, true})
	}
	r.out.Passages, err = write(ctx, r.b, f.prompt(nil, item.x), list)
	return err
}
