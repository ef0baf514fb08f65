package plan

import (
	"context"
	"fmt"
	"slices"
	"time"

	"patchbay/shared/hook"
	"patchbay/shared/nn"
	"patchbay/shared/token"
)

// Env is where a plan runs.
type Env struct {
	Model  *nn.Model
	Tokens *token.Tokenizer
	Store  Store // nil: no named vectors
	// Full runs everything whole, one run after the other: slower, and the same to rounding.
	Full bool
	// Memory bounds what a sweep takes beside the model, in bytes; 0 means DefaultMemory.
	Memory int64

	cones bool // computes even a single run by its cone, for tests
}

func (e *Env) memory() int64 {
	if e.Memory > 0 {
		return e.Memory
	}
	return DefaultMemory
}

// Progress says how far a run is. Done counts layers of the pass over the prompt ("prefill"),
// new tokens ("tokens"), rows read through the vocabulary ("layers", as a lens has them) or
// variants of a sweep ("variants").
type Progress struct {
	Run         string
	Stage       string
	Done, Total int
}

// Token is a generated token.
type Token struct {
	ID     int32
	P      float32 // probability before temperature and cuts
	Margin float32 // logit of the first minus the second
	Chunk  string  // text that is now complete; empty while a character is not, and for control tokens
}

// Observer sees a plan run. Its functions may be nil; they are called one at a time, on the
// goroutine that executes.
type Observer struct {
	Progress func(Progress)
	Token    func(run string, t Token)
	Variant  func(Variant)   // a variant of a sweep is done; they end in no particular order
	Finished func(RunResult) // a run is done, its large values left out
}

func (o Observer) progress(run, stage string, done, total int) {
	if o.Progress != nil {
		o.Progress(Progress{run, stage, done, total})
	}
}

// executor runs a compiled plan.
type executor struct {
	env  Env
	c    *Compiled
	see  Observer
	done map[*run]*outcome
	made map[*edit]*kernel
}

// outcome is what a run has left.
type outcome struct {
	reads     map[*read]*reading
	generated []int32
	text      string
	stop      string
	kept      map[int][]float32 // logits by prompt position, for kl
	answer    int32
	seconds   float64
	sweep     *SweepResult
	stream    *token.Stream // of the text so far
}

// Execute runs a checked plan: those that a run refers to first, variants of one base together. It
// is cancelled with ctx; whatever it allocated is freed.
func Execute(ctx context.Context, env Env, c *Compiled, see Observer) (*Results, error) {
	x := &executor{env, c, see, map[*run]*outcome{}, map[*edit]*kernel{}}
	for _, r := range c.todo {
		if x.done[r] != nil {
			continue
		}
		if err := x.next(ctx, r); err != nil {
			return nil, at("run "+r.name, err)
		}
	}
	return x.results(), nil
}

// next runs r, and with it those that can be computed together with it.
func (x *executor) next(ctx context.Context, r *run) error {
	if !x.env.Full && x.c.branchable(r) {
		if group := x.group(r); x.worth(group) {
			return x.branches(ctx, group)
		}
	}
	start := time.Now()
	if r.sweep != nil {
		return x.oneByOne(ctx, r, start)
	}
	o, err := x.run(ctx, r)
	if err != nil {
		return err
	}
	o.seconds = time.Since(start).Seconds()
	x.finish(r, o)
	return nil
}

// oneByOne runs each variant of a sweep whole.
func (x *executor) oneByOne(ctx context.Context, r *run, start time.Time) error {
	s := newStack(r)
	for v := range r.sweep.n {
		one := r.variant(v)
		o, err := x.run(ctx, one)
		if err != nil {
			return err
		}
		x.deliver(&item{spec: spec{of: r, v: int32(v)}, r: one, o: o}, s, start, v+1, r.sweep.n)
	}
	o := s.outcome()
	o.seconds = time.Since(start).Seconds()
	x.finish(r, o)
	return nil
}

func (x *executor) finish(r *run, o *outcome) {
	x.done[r] = o
	if x.see.Finished != nil {
		x.see.Finished(x.result(r, o, nil))
	}
}

func (x *executor) run(ctx context.Context, r *run) (*outcome, error) {
	o := &outcome{reads: map[*read]*reading{}, kept: map[int][]float32{}}
	t := newTaps(x.env.Model.Device(), len(r.ids))
	if err := x.bind(ctx, r, t); err != nil {
		return nil, err
	}
	own := x.watch(r, t, o)
	if err := x.pass(ctx, r, t, o); err != nil {
		return nil, err
	}
	if err := x.keep(ctx, r, own, o); err != nil {
		return nil, err
	}
	if err := x.gradients(ctx, r, own, o); err != nil {
		return nil, err
	}
	jobs, err := x.vocabulary(ctx, r, o, own)
	if err != nil {
		return nil, err
	}
	return o, x.reduce(ctx, o, jobs)
}

// bind puts the run's edits at their points.
func (x *executor) bind(ctx context.Context, r *run, t *taps) error {
	for n, e := range r.edits {
		k, err := x.kernelOf(ctx, e)
		if err != nil {
			return err
		}
		var where map[int]int
		if e.pos != nil {
			where = make(map[int]int, len(e.pos))
			for i, p := range e.pos {
				where[p] = i
			}
		}
		for i, l := range e.layers {
			s := t.stop(hook.Point{Layer: l, Site: e.src.Site})
			s.edits = append(s.edits, &bound{e: e, layer: i, k: k, at: where, own: n >= r.inherited})
		}
	}
	return nil
}

// direct reports whether the run edits what lies after the last layer, so that its logits
// cannot be had from the residual stream alone.
func (r *run) direct() bool {
	for _, e := range r.edits {
		switch e.about.Site {
		case hook.LNFinalScale, hook.LNFinalNormalized, hook.LNFinalOut, hook.Logits:
			return true
		}
	}
	return false
}

// final is the point from which the run's own output distribution is taken.
func (c *Compiled) final(r *run) (p hook.Point, width int) {
	if r.direct() {
		return hook.Point{Site: hook.Logits}, c.cfg.Vocab
	}
	return hook.Point{Layer: c.cfg.Layers - 1, Site: hook.ResidPost}, c.cfg.Width
}

// watch puts captures at the points that are read. It returns that of the run's own output,
// where that is wanted for comparisons.
func (x *executor) watch(r *run, t *taps, o *outcome) (own *capture) {
	for _, d := range r.reads {
		rd := &reading{d: d, tokens: slices.Clone(d.tokens)}
		for _, l := range d.layers {
			p, width := hook.Point{Layer: l, Site: d.src.Site}, d.box.heads*d.box.width
			if d.lens() && p.Site == hook.Logits {
				p, width = x.c.final(r)
			}
			if d.of != nil { // filled on the way back
				rd.layers = append(rd.layers, newCapture(d.pos, false, d.about, d.heads, d.index, width))
				continue
			}
			rd.layers = append(rd.layers, t.watch(p, d, r.posKey(d.pos), width))
		}
		o.reads[d] = rd
	}
	if pos := r.needed(); len(pos) > 0 {
		p, width := x.c.final(r)
		about, _ := hook.Lookup(p.Site)
		own = newCapture(pos, false, about, nil, nil, width)
		t.stop(p).after = append(t.stop(p).after, own)
		t.shared[fmt.Sprint("own ", p, pos)] = own
	}
	return own
}

// watch captures for a read at a point; reads of the same values share one capture.
func (t *taps) watch(p hook.Point, d *read, pos string, width int) *capture {
	key := fmt.Sprint(p, d.src.Before, d.phase, pos, d.heads, d.index)
	if c := t.shared[key]; c != nil {
		return c
	}
	c := newCapture(d.pos, d.phase != InPrompt, d.about, d.heads, d.index, width)
	t.shared[key] = c
	s := t.stop(p)
	if d.src.Before {
		s.before = append(s.before, c)
	} else {
		s.after = append(s.after, c)
	}
	return c
}

// posKey names a choice of positions; the usual one is short.
func (r *run) posKey(pos []int) string {
	if len(pos) == len(r.all) && &pos[0] == &r.all[0] {
		return "all"
	}
	return fmt.Sprint(pos)
}

// needed are the positions where the run's own output is wanted: for kl of other runs or of
// this one, and for its answer.
func (r *run) needed() []int {
	var pos []int
	seen := map[int]bool{}
	add := func(list ...int) {
		for _, p := range list {
			if !seen[p] {
				seen[p] = true
				pos = append(pos, p)
			}
		}
	}
	add(r.keep...)
	for _, d := range r.reads {
		if d.to != nil && d.to.at == r.at {
			add(d.toPos...)
		}
	}
	if r.answers {
		add(len(r.ids) - 1)
	}
	return pos
}

// pass runs the model over the prompt, and on from there if the run generates.
func (x *executor) pass(ctx context.Context, r *run, t *taps, o *outcome) error {
	if r.gen != nil {
		opts := x.options(r, o, true)
		opts.Taps = t
		made, err := nn.Generate(ctx, x.env.Model, r.ids, opts)
		if err == nil {
			o.ended(made)
		}
		return err
	}
	if !t.watched() {
		return nil
	}
	p := nn.Pass{IDs: r.ids, Taps: t, Logits: t.logits()}
	if p.Logits == nn.NoLogits {
		p.Layers = t.depth(x.c.cfg.Layers)
	}
	p.Progress = func(done, total int) { x.see.progress(r.name, "prefill", done, total) }
	_, err := x.env.Model.Forward(ctx, p)
	return err
}

// watched reports whether anything is read at all.
func (t *taps) watched() bool {
	for _, s := range t.stops {
		if len(s.before)+len(s.after) > 0 {
			return true
		}
	}
	return false
}

// logits says which rows of logits anyone looks at.
func (t *taps) logits() nn.LogitRows {
	s := t.stops[hook.Point{Site: hook.Logits}]
	if s == nil {
		return nn.NoLogits
	}
	for p := range t.prompt - 1 {
		if s.touches(p, t.prompt) {
			return nn.AllLogits
		}
	}
	return nn.LastLogits
}

// depth is how many layers must be computed for what is read: at least one.
func (t *taps) depth(layers int) int {
	last := 0
	for p, s := range t.stops {
		if len(s.before)+len(s.after) == 0 {
			continue
		}
		about, _ := hook.Lookup(p.Site)
		switch {
		case about.InBlock:
			last = max(last, p.Layer)
		case p.Site != hook.Embed && p.Site != hook.PosEmbed:
			return layers
		}
	}
	return last + 1
}
