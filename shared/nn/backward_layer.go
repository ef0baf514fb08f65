package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// block goes back through block l: g becomes the gradient to its hook_resid_pre.
func (d *descent) block(l int) {
	b, T, w := &d.m.blocks[l], d.T, d.c.Width
	d.replay(l, b)
	d.visit(l, hook.ResidPost, d.g, T, w)
	d.mlpBack(l, b) // leaves in n what comes back through the MLP's norm
	if d.c.Parallel {
		// Both halves read the block's input: what came through the MLP waits in n2 until
		// attention has seen the gradient to the output.
		d.copy(d.n2, d.n)
		d.attnBack(l, b)
		d.add(d.g, d.n2)
	} else {
		d.add(d.g, d.n)
		d.visit(l, hook.ResidMid, d.g, T, w)
		if d.low.Layer == l && !d.low.Before(hook.Point{Layer: l, Site: hook.ResidMid}) && !above(d.low) {
			return
		}
		d.attnBack(l, b)
	}
	d.visit(l, hook.ResidPre, d.g, T, w)
}

// mlpBack computes in n the gradient that comes to the residual stream through the MLP.
func (d *descent) mlpBack(l int, b *block) {
	T, w, f := d.T, d.c.Width, d.c.MLP
	d.copy(d.o, d.g)
	d.visit(l, hook.MLPOut, d.o, T, w)
	if d.c.Sandwich {
		d.normBack(d.o, d.value(hook.MLPRawOut), b.post2, T, w)
		d.visit(l, hook.MLPRawOut, d.o, T, w)
	}
	d.matmulT(d.h, d.o, b.down)
	d.visit(l, hook.MLPPost, d.h, T, f)
	if d.c.Gated {
		d.gateBack(l, b)
	} else {
		d.actBack(d.h)
		d.visit(l, hook.MLPPre, d.h, T, f)
		d.matmulT(d.n, d.h, b.up)
	}
	x := d.tape.Resid(l)
	if !d.c.Parallel {
		x = d.value(hook.ResidMid)
	}
	d.normSitesBack(l, ln2Sites, x, b.ln2)
}

// gateBack goes back through act(gate) * up, to n.
func (d *descent) gateBack(l int, b *block) {
	T, f := d.T, d.c.MLP
	gate, up, act := d.value(hook.MLPPre), d.value(hook.MLPPreLinear), d.s.gate.Slice(0, T*f)
	d.do(8*T*f, func() { d.dev.Act(act, gate, d.c.Act) })
	d.each(T*f, T*f, func(at int) {
		part := d.h.Slice(at, T*f)
		d.dev.Mul(d.h2.Slice(at, T*f), part, act)
		d.dev.Mul(part, part, up)
	})
	d.actBack(d.h)
	d.visit(l, hook.MLPPreLinear, d.h2, T, f)
	d.visit(l, hook.MLPPre, d.h, T, f)
	d.matmulT(d.n, d.h, b.gate)
	d.matmulT(d.o, d.h2, b.up)
	d.add(d.n, d.o)
}

// actBack goes back through the activation function, in place.
func (d *descent) actBack(h device.Buffer) {
	n, pre := d.T*d.c.MLP, d.value(hook.MLPPre)
	d.each(n, 8*n, func(at int) { d.ops.ActBack(h.Slice(at, n), h.Slice(at, n), pre, d.c.Act) })
}

// normSitesBack goes back through a norm of the residual stream x [T, d], in n.
func (d *descent) normSitesBack(l int, s normSites, x device.Buffer, w norm) {
	T, n := d.T, d.c.Width
	d.visit(l, s.out, d.n, T, n)
	d.do(2*d.C*T*n, func() { d.dev.Affine(d.n, d.n, w.weight, nil, d.C*T, n) })
	d.visit(l, s.normalized, d.n, T, n)
	d.scaleBack(l, s.scale, x)
	d.normBack(d.n, x, norm{}, T, n)
}

// normBack goes back through a norm of x [rows, n], in place.
func (d *descent) normBack(g, x device.Buffer, w norm, rows, n int) {
	size := rows * n
	if w.weight != nil {
		d.do(2*d.C*size, func() { d.dev.Affine(g, g, w.weight, nil, d.C*rows, n) })
	}
	d.each(size, 8*size, func(at int) {
		part := g.Slice(at, size)
		d.ops.NormBack(part, part, x, rows, n, d.c.Eps, d.c.LayerNorm)
	})
}

// scaleBack shows the gradient to a norm's scale s: normalized is (x - mean) / s, and n holds the gradient
// to that.
func (d *descent) scaleBack(l int, site hook.Site, x device.Buffer) {
	if d.err != nil || !d.shows(l, site) {
		return
	}
	T, w := d.T, d.c.Width
	scale, unit := d.s.scale.Slice(0, T), d.s.in.Slice(0, T*w)
	d.do(8*T*w, func() { d.dev.Normalize(unit, scale, x, T, w, d.c.Eps, d.c.LayerNorm) })
	u, s, g := make([]float32, T*w), make([]float32, T), make([]float32, d.C*T*w)
	for _, f := range []struct {
		to   []float32
		from device.Buffer
	}{{u, unit}, {s, scale}, {g, d.n}} {
		if d.err == nil {
			d.err = d.dev.Download(f.to, f.from)
		}
	}
	out := make([]float32, d.C*T)
	for i := range g {
		out[i/w] -= g[i] * u[i%(T*w)] / s[i/w%T]
	}
	b := d.h.Slice(0, len(out)) // free by now: a row of the MLP is at least as wide
	d.dev.Upload(b, out)
	d.visit(l, site, b, T, 1)
}

// each does a call for each cotangent; at is where its n numbers begin.
func (d *descent) each(n, cost int, call func(at int)) {
	for c := range d.C {
		d.do(cost, func() { call(c * n) })
	}
}

func (d *descent) copy(dst, src device.Buffer) {
	d.do(src.Len(), func() { d.dev.Copy(dst.Slice(0, src.Len()), src) })
}

// matmulT is dst [rows, cols] = y [rows, w.Rows] w, some rows at a time.
func (d *descent) matmulT(dst, y device.Buffer, w matrix) {
	rows, cols := w.w.Rows(), w.w.Cols()
	d.matmulRows(dst, y, y.Len()/rows, rows, cols, w.w)
}

func (d *descent) matmulRows(dst, y device.Buffer, T, rows, cols int, w device.Weight) {
	cost := 2 * rows * cols
	for t, n := 0, 0; t < T && d.err == nil; t += n {
		n = d.pace().rows(products, T-t, float64(cost))
		d.work(products, n*cost, func() { d.ops.MatMulT(dst.Slice(t*cols, n*cols), y.Slice(t*rows, n*rows), n, w) })
	}
}

func (d *descent) pace() *pace { return &d.m.pace }

// shows reports whether anyone looks at, adds to or edits the gradient at a site.
func (d *descent) shows(l int, s hook.Site) bool {
	p := hook.Point{Layer: l, Site: s}
	return len(d.seeds[p]) > 0 || d.to.Wants(p) || d.kept.edited(p)
}

// visit is where the way down passes a site: seeds are added, the gradient of each cotangent is
// shown, and edits take it back to what they found.
func (d *descent) visit(l int, s hook.Site, g device.Buffer, shape ...int) {
	if d.err != nil || !d.shows(l, s) {
		return
	}
	n := size(shape)
	for c := range d.C {
		d.visitOne(l, s, c, g.Slice(c*n, n), 0, shape...)
	}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// visitOne is visit for one cotangent's gradient g, the rows from pos on.
func (d *descent) visitOne(l int, s hook.Site, c int, g device.Buffer, pos int, shape ...int) {
	if d.err != nil {
		return
	}
	p, v := hook.Point{Layer: l, Site: s}, Value{g, shape, pos}
	steps := []func(){
		func() { d.sow(p, c, v, false) },
		func() { d.show(p, c, v) },
		func() { d.throughEdits(p, v) },
		func() { d.sow(p, c, v, true) },
	}
	if d.up {
		steps[0], steps[1], steps[2], steps[3] = steps[3], steps[2], steps[0], steps[1]
	}
	for _, step := range steps {
		if d.err == nil {
			step()
		}
	}
	d.pace().resume()
}

func (d *descent) show(p hook.Point, c int, v Value) {
	if d.to.Wants(p) {
		d.err = d.to.At(d.ctx, p, d.first+c, v)
	}
}

func (d *descent) throughEdits(p hook.Point, v Value) {
	switch {
	case !d.kept.edited(p):
	case d.up:
		d.err = d.kept.edits.(Pusher).Push(d.ctx, p, v)
	default:
		d.err = d.kept.edits.Back(d.ctx, p, v)
	}
}

// sow adds the seeds of a point.
func (d *descent) sow(p hook.Point, c int, v Value, before bool) {
	row := 1
	if about, _ := hook.Lookup(p.Site); about.Shape != hook.Square {
		row = size(v.Shape[1:])
	}
	for _, s := range d.seeds[p] {
		if s.c == c && s.Before == before && !d.dry {
			part := v.Buf.Slice((s.Row-v.Pos)*row, s.Grad.Len())
			d.do(s.Grad.Len(), func() { d.dev.Add(part, part, s.Grad) })
		}
	}
}
