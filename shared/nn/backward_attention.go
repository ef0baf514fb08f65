package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// attnBack adds to g what comes back through attention.
func (d *descent) attnBack(l int, b *block) {
	c, T, w := d.c, d.T, d.c.Width
	d.copy(d.o, d.g)
	d.visit(l, hook.AttnOut, d.o, T, w)
	if c.Sandwich {
		d.normBack(d.o, d.value(hook.AttnRawOut), b.post1, T, w)
		d.visit(l, hook.AttnRawOut, d.o, T, w)
	}
	d.resultBack(l)
	d.matmulT(d.z, d.o, b.out)
	d.visit(l, hook.Z, d.z, T, c.Heads, c.HeadDim)
	for at := range d.C {
		d.mixBack(l, b, at)
	}
	d.turnBack(l, b)
	d.visit(l, hook.V, d.v, T, c.KVHeads, c.HeadDim)
	d.visit(l, hook.K, d.k, T, c.KVHeads, c.HeadDim)
	d.visit(l, hook.Q, d.q, T, c.Heads, c.HeadDim)
	d.projectBack(l, b)
}

// resultBack shows the gradient to each head's part of the output, which is that to the sum.
func (d *descent) resultBack(l int) {
	p := hook.Point{Layer: l, Site: hook.Result}
	if d.err != nil || !d.to.Wants(p) {
		return
	}
	T, H, w := d.T, d.c.Heads, d.c.Width
	out, err := d.dev.Alloc(T * H * w)
	if err != nil {
		d.err = err
		return
	}
	defer d.dev.Free(out)
	for c := range d.C {
		for i := range T * H {
			d.do(w, func() { d.dev.Copy(out.Slice(i*w, w), d.o.Slice((c*T+i/H)*w, w)) })
		}
		d.visitOne(l, hook.Result, c, out, 0, T, H, w)
	}
}

// turnBack goes back through rope and qk-norm, in place.
func (d *descent) turnBack(l int, b *block) {
	c, T := d.c, d.T
	for _, x := range []struct {
		g                  device.Buffer
		heads              int
		turned, normed, at hook.Site
		weight             device.Buffer
	}{
		{d.k, c.KVHeads, hook.RotK, hook.KNormed, hook.K, b.knorm},
		{d.q, c.Heads, hook.RotQ, hook.QNormed, hook.Q, b.qnorm},
	} {
		n := T * x.heads * c.HeadDim
		if !c.Learned {
			d.visit(l, x.turned, x.g, T, x.heads, c.HeadDim)
			table := d.tape.turned[b.Rope]
			d.each(n, 4*n, func(at int) {
				part := x.g.Slice(at, n)
				d.dev.Rope(part, part, x.heads, c.HeadDim, c.Rotary, d.at, table)
			})
		}
		if c.QKNorm {
			d.visit(l, x.normed, x.g, T, x.heads, c.HeadDim)
			d.normBack(x.g, d.value(x.at), norm{weight: x.weight}, T*x.heads, c.HeadDim)
		}
	}
}

// projectBack adds to g what comes back through q, k and v and the norm in front of them: through
// one norm, or through one each where someone looks at or changes what each of them reads.
func (d *descent) projectBack(l int, b *block) {
	parts := [3]struct {
		g device.Buffer
		w matrix
	}{{d.v, b.v}, {d.k, b.k}, {d.q, b.q}}
	if !d.shows(l, hook.VInput) && !d.shows(l, hook.KInput) && !d.shows(l, hook.QInput) {
		for i, p := range parts {
			if i == 0 {
				d.matmulT(d.n, p.g, p.w)
				continue
			}
			d.matmulT(d.o, p.g, p.w)
			d.add(d.n, d.o)
		}
		d.normSitesBack(l, ln1Sites, d.tape.Resid(l), b.ln1)
		d.add(d.g, d.n)
		return
	}
	for i, p := range parts {
		d.matmulT(d.n, p.g, p.w)
		x := d.tape.Resid(l)
		if d.kept.on[keepKey{inputs[i], false}] {
			x = d.value(inputs[i])
		}
		d.dry = i > 0 // seeds at the norm are sown once
		d.normSitesBack(l, ln1Sites, x, b.ln1)
		d.dry = false
		d.visit(l, inputs[i], d.n, d.T, d.c.Width)
		d.add(d.g, d.n)
	}
}

// mixBack goes back through attention for one cotangent, a tile of query rows at a time: from z to
// q, k and v.
func (d *descent) mixBack(l int, b *block, at int) {
	c, T := d.c, d.T
	hd, kd := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	q, k, v := d.q.Slice(at*T*hd, T*hd), d.k.Slice(at*T*kd, T*kd), d.v.Slice(at*T*kd, T*kd)
	d.copy(k, d.zero.Slice(0, T*kd))
	d.copy(v, d.zero.Slice(0, T*kd))
	whole := d.shows(l, hook.AttnScores) || d.shows(l, hook.Pattern)
	for t, n := 0, 0; t < T && d.err == nil; t += n {
		n = T
		if !whole {
			n = min(d.pace().rows(attention, T-t, float64(12*hd*T)), max(1, scoreTile/(c.Heads*T)))
		}
		d.tileBack(l, b, at, d.run.attn(b, t, n), q.Slice(t*hd, n*hd), k, v)
	}
	d.do(T*hd, func() { d.dev.Scale(q, q, c.AttnScale) })
	d.do(T*kd, func() { d.dev.Scale(k, k, c.AttnScale) })
}

// square is one of three buffers for n attention scores. It is made as large as tiles can be, so
// that it grows at most once: for whoever wants to see a whole square.
func (d *descent) square(i, n int) device.Buffer {
	if s := d.squares[i]; s == nil || s.Len() < n {
		row := d.c.Heads * d.T
		d.squares[i] = d.room(max(n, min(row*d.T, max(scoreTile, row))))
	}
	if d.err != nil {
		return nil
	}
	return d.squares[i].Slice(0, n)
}

// tileBack goes back through the query rows of a: q [a.T, H, e] is set, k and v are added to.
func (d *descent) tileBack(l int, b *block, at int, a device.Attn, dq, dk, dv device.Buffer) {
	hd, kd, n, row := d.c.Heads*d.c.HeadDim, d.c.KVHeads*d.c.HeadDim, a.Heads*a.T*a.S, a.Pos
	p, g := d.square(0, n), d.square(1, n)
	queries, keys, values := d.value(d.c.queries()), d.value(d.c.keys()), d.value(hook.V)
	var capped device.Buffer
	if d.c.AttnCap > 0 {
		capped = d.square(2, n)
	}
	if d.err != nil {
		return
	}
	soft, mixed, capped := d.patterns(a, p, capped, queries, keys)
	z := d.z.Slice((at*d.T+row)*hd, a.T*hd)
	d.again.squareTiles(mixed, a, true, func(tile device.Buffer, t int, a device.Attn) {
		d.ops.MixBack(dv.Slice(0, a.S*kd), tile, z.Slice(t*hd, a.T*hd), a)
	})
	d.again.squareTiles(g, a, false, func(tile device.Buffer, t int, a device.Attn) {
		a.Pos, a.Window, a.SoftCap, a.Scale = a.S, 0, 0, 1 // nothing is masked
		d.dev.Scores(tile, z.Slice(t*hd, a.T*hd), values, a)
	})
	d.squareVisit(l, hook.Pattern, at, g, a)
	d.byRow(a, func(at, rows int) {
		part := g.Slice(at, rows*a.S)
		d.ops.SoftmaxBack(part, part, soft.Slice(at, rows*a.S), rows, a.S)
	})
	d.squareVisit(l, hook.AttnScores, at, g, a)
	if capped != nil && d.c.AttnCap > 0 {
		d.do(4*n, func() { d.ops.SoftCapBack(g, g, capped.Slice(0, n), d.c.AttnCap) })
	}
	d.again.squareTiles(g, a, true, func(tile device.Buffer, t int, a device.Attn) {
		d.dev.Mix(dq.Slice(t*hd, a.T*hd), tile, keys, a)
	})
	d.again.squareTiles(g, a, true, func(tile device.Buffer, t int, a device.Attn) {
		d.ops.MixBack(dk.Slice(0, a.S*kd), tile, queries.Slice((row+t)*hd, a.T*hd), a)
	})
	d.adopt()
}

// patterns gives a tile's softmax as edits found it and as they left it, and the scores before it as edits
// found them: kept ones, or in p, and in scores unless that is nil.
func (d *descent) patterns(a device.Attn, p, scores, queries, keys device.Buffer) (soft, mixed, found device.Buffer) {
	if d.kept.on[keepKey{hook.Pattern, true}] {
		return d.found(hook.Pattern), d.value(hook.Pattern), d.found(hook.AttnScores)
	}
	hd := d.c.Heads * d.c.HeadDim
	row := a.Pos
	d.again.squareTiles(p, a, false, func(tile device.Buffer, t int, a device.Attn) {
		d.dev.Scores(tile, queries.Slice((row+t)*hd, a.T*hd), keys, a)
	})
	if scores != nil {
		d.copy(scores, p)
	}
	d.byRow(a, func(at, rows int) {
		part := p.Slice(at, rows*a.S)
		d.dev.Softmax(part, part, rows, a.S)
	})
	return p, p, scores
}

// squareVisit visits scores or patterns, of which a whole [H, T, S] is there if anyone looks.
func (d *descent) squareVisit(l int, s hook.Site, at int, g device.Buffer, a device.Attn) {
	d.adopt()
	if d.shows(l, s) {
		d.visitOne(l, s, at, g, 0, a.Heads, a.T, a.S)
	}
}

// byRow does a call on rows of a square, some at a time.
func (d *descent) byRow(a device.Attn, call func(at, rows int)) {
	for row, n := 0, 0; row < a.Heads*a.T && d.err == nil; row += n {
		n = d.pace().rows(elements, a.Heads*a.T-row, float64(8*a.S))
		d.do(8*n*a.S, func() { call(row*a.S, n) })
	}
}
