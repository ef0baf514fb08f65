package nn

import (
	"context"
	"slices"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// final goes back from the logits and the final norm to the residual stream after the last block.
func (d *descent) final() {
	T, w := d.T, d.c.Width
	x := d.tape.Resid(d.c.Layers)
	capped := d.replayFinal(x)
	for c := range d.C {
		d.logitsBack(c, capped)
	}
	d.normSitesBack(0, finalSites, x, d.m.final)
	d.copy(d.g, d.n.Slice(0, d.C*T*w))
}

// sownFrom is the first row of logits that has a seed, T for none.
func (d *descent) sownFrom() int {
	row := d.T
	for _, s := range d.seeds[hook.Point{Site: hook.Logits}] {
		row = min(row, s.Row)
	}
	return row
}

// sownAt reports whether a cotangent has a seed at the logits; without one its gradient there is zero.
func (d *descent) sownAt(c int) bool {
	return slices.ContainsFunc(d.seeds[hook.Point{Site: hook.Logits}], func(s sown) bool { return s.c == c })
}

// replayFinal computes the final norm and the logits again where edits or a soft cap make what
// they were matter, and returns the capped logits as edits found them, from the first seed on.
func (d *descent) replayFinal(x device.Buffer) (capped device.Buffer) {
	T, w, V, from := d.T, d.c.Width, d.c.Vocab, d.sownFrom()
	edited := false
	for _, s := range []hook.Site{hook.LNFinalScale, hook.LNFinalNormalized, hook.LNFinalOut, hook.Logits} {
		edited = edited || d.edited(0, s)
	}
	if d.err != nil || !edited && (d.c.FinalCap == 0 || from == T) {
		return nil
	}
	clear(d.kept.on)
	r, rows := d.again, T-from
	r.normTapped(0, finalSites, r.s.n, x, d.m.final)
	if rows > 0 {
		capped = d.room(rows * V)
		if d.err == nil {
			r.logits(capped, r.s.n.Slice(from*w, rows*w), rows)
			d.tapLogits(capped, from, rows)
		}
	}
	d.adopt()
	return capped
}

// tapLogits lets edits see a copy of the logits again.
func (d *descent) tapLogits(capped device.Buffer, from, rows int) {
	if !d.edited(0, hook.Logits) || d.again.err != nil {
		return
	}
	seen := d.room(capped.Len())
	if d.err != nil {
		return
	}
	d.copy(seen, capped)
	d.again.tapAt(0, hook.Logits, seen, from, rows, d.c.Vocab)
}

// logitsBack sets n of cotangent c to what its seeds at the logits give the final norm's output.
func (d *descent) logitsBack(c int, capped device.Buffer) {
	T, w, V, from := d.T, d.c.Width, d.c.Vocab, d.sownFrom()
	n := d.n.Slice(c*T*w, T*w)
	d.copy(n, d.zero.Slice(0, T*w))
	rows := T - from
	if d.err != nil || !d.sownAt(c) {
		return
	}
	g, err := d.dev.Alloc(rows * V)
	if err != nil {
		d.err = errs.E("nn.Backward", errs.Other, "gradients of %d rows of logits need %d bytes: %w", rows, 4*int64(rows)*int64(V), err)
		return
	}
	defer d.dev.Free(g)
	d.visitOne(0, hook.Logits, c, g, from, rows, V)
	if d.c.FinalCap > 0 {
		d.do(4*rows*V, func() { d.ops.SoftCapBack(g, g, capped, d.c.FinalCap) })
	}
	d.matmulT(n.Slice(from*w, rows*w), g, d.m.unembed)
}

// UnembedBack is what Unembed's residual rows get: resid [rows, d] is what was unembedded, grad
// [rows, V] the gradient to the logits, dst [rows, d]. With it a seed at a residual site stands for
// a reading through the lens.
func (m *Model) UnembedBack(ctx context.Context, dst, grad, resid device.Buffer, rows int) error {
	if err := m.acquire(ctx, "nn.UnembedBack"); err != nil {
		return err
	}
	defer m.release()
	if err := m.grow(min(rows, rankRows)); err != nil {
		return err
	}
	d := &descent{run: m.tail(ctx), ops: device.Back(m.dev), C: 1}
	for t := 0; t < rows && d.err == nil; t += rankRows {
		n, w, V := min(rankRows, rows-t), m.cfg.Width, m.cfg.Vocab
		d.unembedBack(dst.Slice(t*w, n*w), grad.Slice(t*V, n*V), resid.Slice(t*w, n*w), n)
	}
	if d.err == nil {
		d.err = hostError(d.ops)
	}
	if d.err != nil {
		return d.failed()
	}
	return nil
}

func (d *descent) unembedBack(dst, grad, resid device.Buffer, n int) {
	if d.c.FinalCap > 0 {
		logits, err := d.m.logitRows(n)
		if err != nil {
			d.err = err
			return
		}
		tmp, err := d.dev.Alloc(logits.Len())
		if err != nil {
			d.err = err
			return
		}
		defer d.dev.Free(tmp)
		d.unembed(resid, n, logits)
		d.do(4*logits.Len(), func() { d.ops.SoftCapBack(tmp, grad, logits, d.c.FinalCap) })
		grad = tmp
	}
	d.matmulT(dst, grad, d.m.unembed)
	d.normBack(dst, resid, d.m.final, n, d.c.Width)
}
