package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// Jacobian-vector products: tangents go up over the tape of a pass as cotangents go down. Norms,
// softmax and activation functions have symmetric derivatives, so both ways share the device's
// operations; products with weights are the pass's own, without biases.

// Pusher is what Edits are where tangents are to pass them.
type Pusher interface {
	Edits
	// Push turns the tangent of what At found into that of what At left.
	Push(ctx context.Context, p hook.Point, tangent Value) error
}

// Push asks for Jacobian-vector products. A tangent is a set of seeds, directions in which sites
// are moved. To is shown how each site it wants then moves, on the way up; norms' scales and
// attn.hook_result are not shown.
type Push struct {
	Tangents [][]Seed
	To       Gradients
	// Progress, if set, is called after each block.
	Progress func(done, total int)
}

// Push computes how all sites that p.To wants move with each tangent. Errors are as those of Backward;
// errs.Unsupported also where the pass has edits that are no Pusher.
func (m *Model) Push(ctx context.Context, t *Tape, p Push) error {
	if err := t.checkSeeds(p.Tangents); err != nil {
		return err
	}
	if _, ok := t.edits.(Pusher); t.edits != nil && !ok {
		return errs.E("nn.Push", errs.Unsupported, "the edits of the recorded pass do not say how tangents pass them (nn.Pusher)")
	}
	return m.groups(ctx, t, Back{Cotangents: p.Tangents, To: p.To, Progress: p.Progress}, (*descent).ascend)
}

// ascend goes up from the lowest seed to the highest wanted site.
func (d *descent) ascend() {
	d.up = true
	var start, end *hook.Point
	for _, p := range d.c.Sites() {
		if start == nil && len(d.seeds[p]) > 0 {
			start = &p
		}
		if start != nil && d.to.Wants(p) && d.within(p) {
			end = &p
		}
	}
	if end == nil {
		return
	}
	d.reserve()
	first, top := d.tape.Layers()
	top--
	if about, _ := hook.Lookup(start.Site); about.InBlock {
		first = start.Layer
	} else if above(*start) {
		first = top + 1
	} else {
		d.embeddingUp()
	}
	if about, _ := hook.Lookup(end.Site); about.InBlock {
		top = end.Layer
	} else if !above(*end) {
		return
	}
	for l := first; l <= top && d.err == nil; l++ {
		d.blockUp(l)
		if d.note != nil && d.err == nil {
			d.note(l-first+1, top-first+1)
		}
	}
	if above(*end) {
		d.finalUp()
	}
}

func (d *descent) embeddingUp() {
	T, w := d.T, d.c.Width
	d.visit(0, hook.Embed, d.g, T, w)
	if d.c.Learned {
		d.visit(0, hook.PosEmbed, d.o, T, w) // zero so far
		d.add(d.g, d.o)
	}
}

// blockUp takes the tangent g of block l's hook_resid_pre to its hook_resid_post.
func (d *descent) blockUp(l int) {
	b, T, w := &d.m.blocks[l], d.T, d.c.Width
	d.replay(l, b)
	d.visit(l, hook.ResidPre, d.g, T, w)
	if d.c.Parallel {
		d.copy(d.n2, d.g)
	}
	d.attnUp(l, b)
	x, in := d.value(hook.ResidMid), d.g
	if d.c.Parallel {
		x, in = d.tape.Resid(l), d.n2
	} else {
		d.visit(l, hook.ResidMid, d.g, T, w)
	}
	d.copy(d.n, in)
	d.normSitesUp(l, ln2Sites, x, b.ln2)
	d.mlpUp(l, b)
	d.visit(l, hook.ResidPost, d.g, T, w)
}

// linear is dst = x times the transpose of a matrix, without its bias, for all tangents.
func (d *descent) linear(dst, x device.Buffer, m matrix) {
	d.matmul(dst, x, x.Len()/m.w.Cols(), matrix{w: m.w})
}

// normUp takes a tangent of x [rows, n] through a norm, in place.
func (d *descent) normUp(g, x device.Buffer, w norm, rows, n int) {
	d.normBack(g, x, norm{}, rows, n) // symmetric
	d.do(2*d.C*rows*n, func() { d.dev.Affine(g, g, w.weight, nil, d.C*rows, n) })
}

// normSitesUp takes the tangent n of the residual stream x through a norm.
func (d *descent) normSitesUp(l int, s normSites, x device.Buffer, w norm) {
	T, n := d.T, d.c.Width
	d.normBack(d.n, x, norm{}, T, n)
	d.visit(l, s.normalized, d.n, T, n)
	d.do(2*d.C*T*n, func() { d.dev.Affine(d.n, d.n, w.weight, nil, d.C*T, n) })
	d.visit(l, s.out, d.n, T, n)
}

// mlpUp adds to g what the tangent n of the MLP's input becomes.
func (d *descent) mlpUp(l int, b *block) {
	T, w, f := d.T, d.c.Width, d.c.MLP
	pre, up := b.up, d.value(hook.MLPPreLinear)
	if d.c.Gated {
		pre = b.gate
	}
	d.linear(d.h, d.n, pre)
	d.visit(l, hook.MLPPre, d.h, T, f)
	d.actBack(d.h)
	if d.c.Gated {
		act := d.s.gate.Slice(0, T*f)
		d.linear(d.h2, d.n, b.up)
		d.visit(l, hook.MLPPreLinear, d.h2, T, f)
		d.do(8*T*f, func() { d.dev.Act(act, d.value(hook.MLPPre), d.c.Act) })
		d.each(T*f, 3*T*f, func(at int) {
			g, u := d.h.Slice(at, T*f), d.h2.Slice(at, T*f)
			d.dev.Mul(g, g, up)
			d.dev.Mul(u, u, act)
			d.dev.Add(g, g, u)
		})
	}
	d.visit(l, hook.MLPPost, d.h, T, f)
	d.linear(d.o, d.h, b.down)
	if d.c.Sandwich {
		d.visit(l, hook.MLPRawOut, d.o, T, w)
		d.normUp(d.o, d.value(hook.MLPRawOut), b.post2, T, w)
	}
	d.visit(l, hook.MLPOut, d.o, T, w)
	d.add(d.g, d.o)
}

// finalUp takes the tangent g through the final norm and, where anyone wants them, to the logits.
func (d *descent) finalUp() {
	T, w, V := d.T, d.c.Width, d.c.Vocab
	x, logits := d.tape.Resid(d.c.Layers), hook.Point{Site: hook.Logits}
	d.copy(d.n, d.g)
	d.normSitesUp(0, finalSites, x, d.m.final)
	if d.err != nil || !d.to.Wants(logits) {
		return
	}
	out := d.room(2 * T * V)
	if d.err != nil {
		return
	}
	g, capped := out.Slice(0, T*V), out.Slice(T*V, T*V)
	if d.c.FinalCap > 0 {
		d.again.normTapped(0, finalSites, d.s.n, x, d.m.final)
		d.again.logits(capped, d.s.n.Slice(0, T*w), T)
		d.adopt()
	}
	for c := range d.C {
		d.linear(g, d.n.Slice(c*T*w, T*w), d.m.unembed)
		if d.c.FinalCap > 0 {
			d.do(4*T*V, func() { d.ops.SoftCapBack(g, g, capped, d.c.FinalCap) })
		}
		d.visitOne(0, hook.Logits, c, g, 0, T, V)
	}
}
