package plan

import (
	"context"
	"slices"
	"time"

	"patchbay/shared/nn"
)

// Variants of one base run are executed together: see cone.go for what each computes and state.go
// for what it shares. They go in tiles, sorted by where they begin, so that memory is bounded
// whatever their number.
const (
	tileRows    = 1024 // rows of a tile; more do not make the kernels faster
	tileSeconds = 2    // how long a tile should take at most
	tileParts   = 2048 // variants of a tile
)

// spec names a variant and its cone. There may be many.
type spec struct {
	of         *run
	v          int32
	enter, pos int32
}

// item is a variant on its way.
type item struct {
	spec
	r   *run // as variant made it
	t   *taps
	own *capture
	o   *outcome
}

// branchable reports whether the run can be computed from a base's states.
func (c *Compiled) branchable(r *run) bool {
	if r.base == nil && r.sweep == nil || len(r.slopes()) > 0 {
		return false
	}
	return !slices.ContainsFunc(c.runs, func(o *run) bool { return o.base == r })
}

// group collects the runs that can be computed together with r: those of the same base whose
// references are done. A sweep stands alone.
func (x *executor) group(r *run) []*run {
	group := []*run{r}
	if r.sweep != nil {
		return group
	}
	for _, o := range x.c.runs {
		if o != r && x.done[o] == nil && o.sweep == nil && o.base == r.base && x.c.branchable(o) && x.ready(o) {
			group = append(group, o)
		}
	}
	return group
}

func (x *executor) ready(r *run) bool {
	return !slices.ContainsFunc(r.refs, func(i int) bool { return x.done[x.c.runs[i]] == nil })
}

// worth reports whether a group is cheaper by its cones. One run is not: its base would be computed
// once more.
func (x *executor) worth(group []*run) bool {
	return x.env.cones || len(group) > 1 || group[0].variants() > 1
}

// branches runs a group by its cones.
func (x *executor) branches(ctx context.Context, group []*run) error {
	start := time.Now()
	specs, starts := x.specs(group)
	st, err := x.state(ctx, group, starts)
	if err != nil {
		return err
	}
	defer st.free()
	var stack *stack
	if group[0].sweep != nil {
		stack = newStack(group[0])
	}
	for done := 0; done < len(specs); {
		tile := x.tile(specs[done:])
		items := make([]item, len(tile))
		for i, s := range tile {
			items[i].spec = s
		}
		if err := x.runTile(ctx, st, items); err != nil {
			return err
		}
		for i := range items {
			done++
			x.deliver(&items[i], stack, start, done, len(specs))
		}
	}
	if stack != nil {
		o := stack.outcome()
		o.seconds = time.Since(start).Seconds()
		x.finish(group[0], o)
	}
	return nil
}

// specs lists all variants of a group, those that begin lowest first, and where each block is entered.
func (x *executor) specs(group []*run) (list []spec, starts map[int]int) {
	starts = map[int]int{}
	for _, r := range group {
		v := int32(0)
		for _, k := range x.c.conesOf(r) {
			if from, ok := starts[k.enter]; !ok || k.pos < from {
				starts[k.enter] = k.pos
			}
			for range k.n {
				list = append(list, spec{r, v, int32(k.enter), int32(k.pos)})
				v++
			}
		}
	}
	return sorted(list), starts
}

// sorted puts those that begin lowest first, and of those the longest, else as they were. It sorts
// numbers, since a sort of its own for every type is much code for a tab to fetch.
func sorted(list []spec) []spec {
	keys, out := make([]int64, len(list)), make([]spec, len(list))
	for i, s := range list {
		keys[i] = (int64(s.enter)*MaxPrompt+int64(s.pos))*int64(len(list)) + int64(i)
	}
	slices.Sort(keys)
	for i, k := range keys {
		out[i] = list[k%int64(len(list))]
	}
	return out
}

// tile takes as many of the items as fit in the bound, at least one.
func (x *executor) tile(items []spec) []spec {
	limit, bound := x.tileRows(), x.env.memory()/2
	rows, held := 0, int64(0)
	for i, it := range items {
		rows += len(it.of.ids) - int(it.pos)
		held += x.c.held(it.of)
		if i > 0 && (rows > limit || held > bound || i == tileParts) {
			return items[:i]
		}
	}
	return items
}

// tileRows is how many rows go through a block together.
func (x *executor) tileRows() int {
	n, bound := tileRows, int(x.env.memory()/2/x.c.cfg.BatchRowBytes())
	if rate := x.env.Model.Device().Info().FLOPS; rate > 0 {
		n = min(n, max(64, int(tileSeconds*rate/x.c.token())))
	}
	return max(1, min(n, bound))
}

// held is what a variant has on the host and the device beside its rows.
func (c *Compiled) held(r *run) int64 {
	n := int64(0)
	for _, d := range r.reads {
		width := d.box.heads * d.box.width
		if d.lens() {
			width = c.cfg.Width
		}
		n += 4 * int64(len(d.layers)*d.box.pos*width)
	}
	if r.gen != nil {
		n += 8 * int64(c.cfg.Layers*c.cfg.KVHeads*c.cfg.HeadDim) * int64(len(r.ids)+r.gen.Count)
	}
	return n
}

// runTile runs the variants of a tile as one batch, and reduces what they read.
func (x *executor) runTile(ctx context.Context, st *state, tile []item) error {
	depth := 1
	for i := range tile {
		it := &tile[i]
		it.r = it.of.variant(int(it.v))
		if err := x.prepare(ctx, st, it); err != nil {
			return err
		}
		if it.r.gen != nil || it.t.logits() != nn.NoLogits {
			depth = x.c.cfg.Layers
		}
		depth = max(depth, it.t.depth(x.c.cfg.Layers))
	}
	if err := x.compute(ctx, st, tile, depth); err != nil {
		return err
	}
	return x.conclude(ctx, tile)
}

// prepare sets a variant's taps.
func (x *executor) prepare(ctx context.Context, st *state, it *item) error {
	it.o = &outcome{reads: map[*read]*reading{}, kept: map[int][]float32{}}
	it.t = newTaps(x.env.Model.Device(), len(it.r.ids))
	if err := x.bind(ctx, it.r, it.t); err != nil {
		return err
	}
	it.own = x.watch(it.r, it.t, it.o)
	it.t.seed(st)
	it.t.enterAt(int(it.enter))
	return nil
}

// compute runs the passes of a tile.
func (x *executor) compute(ctx context.Context, st *state, tile []item, depth int) error {
	var parts []nn.Part
	var grow []nn.Continuation
	for i := range tile {
		it := &tile[i]
		if int(it.enter) > depth || it.r.gen == nil && !it.t.watched() {
			continue // nothing that is read can have changed
		}
		p := it.t.branch(it.r, cone{int(it.enter), int(it.pos)}, st, x.c.cfg.Width, depth)
		if it.r.gen != nil {
			grow = append(grow, nn.Continuation{Part: p, GenerateOptions: x.options(it.r, it.o, false)})
		} else {
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		if err := x.env.Model.Branch(ctx, nn.Batch{Base: st.cache, Parts: parts, Layers: depth}); err != nil {
			return err
		}
	}
	if len(grow) == 0 {
		return nil
	}
	made, err := nn.GenerateBranches(ctx, x.env.Model, st.cache, grow)
	if err != nil {
		return err
	}
	n := 0
	for i := range tile {
		if tile[i].r.gen != nil {
			tile[i].o.ended(made[n])
			n++
		}
	}
	return nil
}

// conclude summarises what the variants of a tile read, all rows over the vocabulary together.
func (x *executor) conclude(ctx context.Context, tile []item) error {
	var all []*job
	jobs := make([][]*job, len(tile))
	for i := range tile {
		it := &tile[i]
		if err := x.keep(ctx, it.r, it.own, it.o); err != nil {
			return err
		}
		jobs[i] = x.jobs(it.r, it.o, it.own)
		all = append(all, jobs[i]...)
	}
	if err := x.rank(ctx, "", all); err != nil {
		return err
	}
	for i := range tile {
		if err := x.reduce(ctx, tile[i].o, jobs[i]); err != nil {
			return err
		}
	}
	return nil
}

// deliver hands on what a variant gave.
func (x *executor) deliver(it *item, s *stack, start time.Time, done, total int) {
	if s == nil {
		it.o.seconds = time.Since(start).Seconds()
		x.finish(it.of, it.o)
		return
	}
	s.put(int(it.v), it.o)
	if x.see.Variant != nil {
		x.see.Variant(x.variantResult(it.r, int(it.v), it.o))
	}
	x.see.progress(it.of.name, "variants", done, total)
}
