package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// keepKey names an activation that is kept while a block is gone back through: as edits left it,
// or as they found it.
type keepKey struct {
	site   hook.Site
	before bool
}

// keeper is the taps of a block that is computed again: the edits, and a copy of what going back
// needs.
type keeper struct {
	dev   device.Device
	edits Edits // or nil
	bufs  map[keepKey]device.Buffer
	on    map[keepKey]bool // in this block
}

// Wants implements Taps.
func (k *keeper) Wants(p hook.Point) bool {
	return k.on[keepKey{p.Site, false}] || k.on[keepKey{p.Site, true}] || k.edited(p)
}

func (k *keeper) edited(p hook.Point) bool { return k.edits != nil && k.edits.Wants(p) }

// At implements Taps.
func (k *keeper) At(ctx context.Context, p hook.Point, v Value) error {
	k.copy(keepKey{p.Site, true}, v)
	if k.edited(p) {
		if err := k.edits.At(ctx, p, v); err != nil {
			return err
		}
	}
	k.copy(keepKey{p.Site, false}, v)
	return nil
}

func (k *keeper) copy(key keepKey, v Value) {
	if k.on[key] {
		k.dev.Copy(k.bufs[key].Slice(0, v.Buf.Len()), v.Buf)
	}
}

// value is an activation as edits left it.
func (d *descent) value(s hook.Site) device.Buffer { return d.kept.bufs[keepKey{s, false}] }

// found is an activation as edits found it.
func (d *descent) found(s hook.Site) device.Buffer { return d.kept.bufs[keepKey{s, true}] }

// retain has an activation of n numbers kept in this block.
func (d *descent) retain(s hook.Site, before bool, n int) {
	key := keepKey{s, before}
	d.kept.on[key] = true
	if d.kept.bufs[key] == nil && d.err == nil {
		d.kept.bufs[key] = d.room(n)
	}
}

// queries and keys are the sites at which attention sees them.
func (c *Config) queries() hook.Site { return c.seen(hook.RotQ, hook.QNormed, hook.Q) }
func (c *Config) keys() hook.Site    { return c.seen(hook.RotK, hook.KNormed, hook.K) }

func (c *Config) seen(turned, normed, plain hook.Site) hook.Site {
	switch {
	case !c.Learned:
		return turned
	case c.QKNorm:
		return normed
	}
	return plain
}

// replay computes the inside of block l again, from the kept residual stream, and keeps what the
// way back needs.
func (d *descent) replay(l int, b *block) {
	d.plan(l)
	if d.err != nil {
		return
	}
	r, T := d.again, d.T
	r.do(T*d.c.Width, func() { d.dev.Copy(r.x(), d.tape.Resid(l)) })
	r.attend(l, b)
	split := r.attnOut(l, b)
	if !d.c.Parallel {
		r.addOut(b, split)
		r.tap(l, hook.ResidMid, r.x(), T, d.c.Width)
	}
	r.norm2(l, b)
	h := r.neurons(l, b)
	r.tap(l, hook.MLPPost, h, T, d.c.MLP)
	if d.c.Sandwich || r.wants(l, hook.MLPOut) {
		r.matmul(r.s.o, h, T, b.down)
		if d.c.Sandwich {
			r.tap(l, hook.MLPRawOut, r.s.o, T, d.c.Width)
			r.norm(r.s.o, r.s.o, b.post2, T, d.c.Width)
		}
		r.tap(l, hook.MLPOut, r.s.o, T, d.c.Width)
	}
	d.adopt()
}

// adopt takes the error of the run that replays.
func (d *descent) adopt() {
	if d.err == nil {
		d.err = d.again.err
	}
}

// plan says what of block l is to be kept.
func (d *descent) plan(l int) {
	c, T := d.c, d.T
	q, k, w := T*c.Heads*c.HeadDim, T*c.KVHeads*c.HeadDim, T*c.Width
	clear(d.kept.on)
	d.retain(c.queries(), false, q)
	d.retain(c.keys(), false, k)
	d.retain(hook.V, false, k)
	if c.QKNorm {
		d.retain(hook.Q, false, q)
		d.retain(hook.K, false, k)
	}
	d.retain(hook.MLPPre, false, T*c.MLP)
	if c.Gated {
		d.retain(hook.MLPPreLinear, false, T*c.MLP)
	}
	if c.Sandwich {
		d.retain(hook.AttnRawOut, false, w)
		d.retain(hook.MLPRawOut, false, w)
	}
	if !c.Parallel {
		d.retain(hook.ResidMid, false, w)
	}
	for _, s := range inputs {
		if d.edited(l, s) {
			for _, s := range inputs {
				d.retain(s, false, w)
			}
			break
		}
	}
	if d.edited(l, hook.AttnScores) || d.edited(l, hook.Pattern) {
		n := c.Heads * T * T
		d.retain(hook.AttnScores, true, n)
		d.retain(hook.Pattern, true, n)
		d.retain(hook.Pattern, false, n)
	}
}

// inputs are the sites where a projection reads the residual stream on its own, in the order in
// which gradients are shown.
var inputs = [3]hook.Site{hook.VInput, hook.KInput, hook.QInput}

func (d *descent) edited(l int, s hook.Site) bool {
	return d.kept.edited(hook.Point{Layer: l, Site: s})
}
