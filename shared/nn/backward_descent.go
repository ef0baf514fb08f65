package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// descent takes C cotangents down together. Its buffers hold them one after the other, [C, T, ...],
// so that products with weights are one call. Its first error sticks.
type descent struct {
	*run       // the way down
	again *run // computes a block again
	kept  *keeper
	tape  *Tape
	ops   device.Backer
	to    Gradients
	note  func(done, total int)

	first, C int
	seeds    map[hook.Point][]sown
	high     hook.Point // the last site with a seed
	low      hook.Point // the first that anyone wants
	nobody   bool       // wants anything

	g, o, n, n2 device.Buffer // [C, T, d]: to the residual stream; to what is added to it; to norms
	h, h2       device.Buffer // [C, T, f]
	q, z        device.Buffer // [C, T, H, e]
	k, v        device.Buffer // [C, T, K, e]
	zero        device.Buffer // [T, max]
	squares     [3]device.Buffer
	taken       []device.Buffer
	dry         bool // seeds are not sown
	up          bool // tangents go up
}

// sown is a seed of one of the cotangents.
type sown struct {
	c int
	Seed
}

func newDescent(ctx context.Context, t *Tape, b Back, at, n int) *descent {
	m := t.m
	way := func(taps Taps) *run {
		r := &run{ctx: ctx, m: m, dev: m.dev, c: &m.cfg, s: &m.scratch, taps: taps, T: t.T, keep: t.T}
		for p := range t.T {
			r.at = append(r.at, int32(p))
		}
		return r
	}
	k := &keeper{m.dev, t.edits, map[keepKey]device.Buffer{}, map[keepKey]bool{}}
	d := &descent{run: way(nil), again: way(k), kept: k, tape: t, ops: device.Back(m.dev), to: b.To, first: at, C: n, seeds: map[hook.Point][]sown{}, note: b.Progress}
	for c, list := range b.Cotangents[at : at+n] {
		for _, s := range list {
			d.seeds[s.At] = append(d.seeds[s.At], sown{c, s})
		}
	}
	d.span()
	return d
}

// span finds how far there is to go.
func (d *descent) span() {
	started := false
	for p := range d.seeds {
		if !started || d.high.Before(p) {
			d.high, started = p, true
		}
	}
	d.nobody = true
	for _, p := range d.c.Sites() {
		if started && d.to.Wants(p) && !d.high.Before(p) && d.within(p) {
			d.low, d.nobody = p, false
			return
		}
	}
}

// within reports whether the tape holds the point.
func (d *descent) within(p hook.Point) bool {
	about, _ := hook.Lookup(p.Site)
	first, end := d.tape.Layers()
	switch {
	case about.InBlock:
		return p.Layer >= first && p.Layer < end
	case above(p):
		return end == d.c.Layers
	}
	return d.tape.tokens
}

// room takes a buffer for the descent.
func (d *descent) room(n int) device.Buffer {
	b, err := d.dev.Alloc(n)
	if err != nil {
		if d.err == nil {
			d.err = errs.E("nn.Backward", errs.Other, "going back through a layer needs more memory: %w", err)
		}
		return nil
	}
	d.taken = append(d.taken, b)
	return b
}

// free gives all of it back.
func (d *descent) free() {
	for _, b := range d.taken {
		d.dev.Free(b)
	}
	d.taken = nil
}

// reserve takes the buffers of the way down.
func (d *descent) reserve() {
	c, rows := d.c, d.C*d.T
	wide := max(c.Width, c.KVHeads*c.HeadDim)
	for _, b := range []struct {
		to *device.Buffer
		n  int
	}{
		{&d.g, rows * c.Width}, {&d.o, rows * c.Width}, {&d.n, rows * c.Width}, {&d.n2, rows * c.Width},
		{&d.h, rows * c.MLP}, {&d.h2, rows * c.MLP}, {&d.q, rows * c.Heads * c.HeadDim}, {&d.z, rows * c.Heads * c.HeadDim},
		{&d.k, rows * c.KVHeads * c.HeadDim}, {&d.v, rows * c.KVHeads * c.HeadDim}, {&d.zero, d.T * wide},
	} {
		if d.err == nil {
			*b.to = d.room(b.n)
		}
	}
}

// descend goes down from the highest seed to the lowest wanted site.
func (d *descent) descend() {
	if d.nobody {
		return
	}
	d.reserve()
	first, end := d.tape.Layers()
	top := end - 1
	if above(d.high) {
		d.final()
	} else {
		top = d.high.Layer
	}
	low := first
	if about, _ := hook.Lookup(d.low.Site); about.InBlock {
		low = d.low.Layer
	} else if above(d.low) {
		return
	}
	if d.high.Before(hook.Point{Layer: first, Site: hook.ResidPre}) {
		top = first - 1
	}
	for l := top; l >= low && d.err == nil; l-- {
		d.block(l)
		if d.note != nil && d.err == nil {
			d.note(top-l+1, top-low+1)
		}
	}
	if about, _ := hook.Lookup(d.low.Site); !about.InBlock {
		d.embedding()
	}
}

// embedding shows the gradient to the embeddings, which add up to the residual stream.
func (d *descent) embedding() {
	T, w := d.T, d.c.Width
	if d.c.Learned {
		d.copy(d.o, d.g)
		d.visit(0, hook.PosEmbed, d.o, T, w)
	}
	d.visit(0, hook.Embed, d.g, T, w)
}
