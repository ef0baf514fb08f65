package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// attnUp adds to g what its tangent becomes through attention.
func (d *descent) attnUp(l int, b *block) {
	c, T, w := d.c, d.T, d.c.Width
	d.projectUp(l, b)
	d.visit(l, hook.Q, d.q, T, c.Heads, c.HeadDim)
	d.visit(l, hook.K, d.k, T, c.KVHeads, c.HeadDim)
	d.visit(l, hook.V, d.v, T, c.KVHeads, c.HeadDim)
	d.turnUp(l, b, d.q, c.Heads, hook.Q, hook.QNormed, hook.RotQ, b.qnorm)
	d.turnUp(l, b, d.k, c.KVHeads, hook.K, hook.KNormed, hook.RotK, b.knorm)
	for at := range d.C {
		d.mixUp(l, b, at)
	}
	d.visit(l, hook.Z, d.z, T, c.Heads, c.HeadDim)
	d.linear(d.o, d.z, b.out)
	if c.Sandwich {
		d.visit(l, hook.AttnRawOut, d.o, T, w)
		d.normUp(d.o, d.value(hook.AttnRawOut), b.post1, T, w)
	}
	d.visit(l, hook.AttnOut, d.o, T, w)
	d.add(d.g, d.o)
}

// projectUp sets the tangents of q, k and v.
func (d *descent) projectUp(l int, b *block) {
	parts := [3]struct {
		g device.Buffer
		w matrix
	}{{d.v, b.v}, {d.k, b.k}, {d.q, b.q}} // as inputs
	split := d.shows(l, hook.VInput) || d.shows(l, hook.KInput) || d.shows(l, hook.QInput)
	for i, p := range parts {
		if i == 0 || split {
			x := d.tape.Resid(l)
			d.copy(d.n, d.g)
			if split {
				d.visit(l, inputs[i], d.n, d.T, d.c.Width)
				if d.kept.on[keepKey{inputs[i], false}] {
					x = d.value(inputs[i])
				}
			}
			d.normSitesUp(l, ln1Sites, x, b.ln1)
		}
		d.linear(p.g, d.n, p.w)
	}
}

// turnUp takes the tangent of queries or keys through qk-norm and rope, in place.
func (d *descent) turnUp(l int, b *block, g device.Buffer, heads int, at, normed, turned hook.Site, weight device.Buffer) {
	c, T := d.c, d.T
	n := T * heads * c.HeadDim
	if c.QKNorm {
		d.normUp(g, d.value(at), norm{weight: weight}, T*heads, c.HeadDim)
		d.visit(l, normed, g, T, heads, c.HeadDim)
	}
	if !c.Learned {
		d.each(n, 4*n, func(at int) {
			part := g.Slice(at, n)
			d.dev.Rope(part, part, heads, c.HeadDim, c.Rotary, d.at, d.m.ropes[b.Rope])
		})
		d.visit(l, turned, g, T, heads, c.HeadDim)
	}
}

// mixUp sets the tangent of z from those of q, k and v, a tile of query rows at a time.
func (d *descent) mixUp(l int, b *block, at int) {
	T, hd, kd := d.T, d.c.Heads*d.c.HeadDim, d.c.KVHeads*d.c.HeadDim
	q, k, v, z := d.q.Slice(at*T*hd, T*hd), d.k.Slice(at*T*kd, T*kd), d.v.Slice(at*T*kd, T*kd), d.z.Slice(at*T*hd, T*hd)
	whole := d.shows(l, hook.AttnScores) || d.shows(l, hook.Pattern)
	for t, n := 0, 0; t < T && d.err == nil; t += n {
		n = T
		if !whole {
			n = min(d.pace().rows(attention, T-t, float64(12*hd*T)), max(1, scoreTile/(d.c.Heads*T)))
		}
		d.tileUp(l, at, d.run.attn(b, t, n), q, k, v, z)
	}
}

// tileUp sets rows a.Pos ... of z.
func (d *descent) tileUp(l, at int, a device.Attn, dq, dk, dv, dz device.Buffer) {
	hd, n, row := d.c.Heads*d.c.HeadDim, a.Heads*a.T*a.S, a.Pos
	p, g, y := d.square(0, n), d.square(1, n), d.square(2, n)
	queries, keys, values := d.value(d.c.queries()), d.value(d.c.keys()), d.value(hook.V)
	if d.err != nil {
		return
	}
	soft, mixed, scores := d.patterns(a, p, y, queries, keys)
	part := func(b device.Buffer, t, n int) device.Buffer { return b.Slice((row+t)*hd, n*hd) }
	free := func(a device.Attn) device.Attn {
		a.Pos, a.Window, a.SoftCap = a.S, 0, 0 // nothing is masked
		return a
	}
	tmp, err := d.dev.Alloc(max(n, a.T*hd))
	if err != nil {
		d.err = err
		return
	}
	defer d.dev.Free(tmp)
	d.again.squareTiles(g, a, false, func(tile device.Buffer, t int, a device.Attn) { d.dev.Scores(tile, part(dq, t, a.T), keys, free(a)) })
	d.again.squareTiles(tmp, a, false, func(tile device.Buffer, t int, a device.Attn) {
		d.dev.Scores(tile, part(queries, t, a.T), dk, free(a))
	})
	d.adopt()
	d.do(n, func() { d.dev.Add(g, g, tmp.Slice(0, n)) })
	limit := d.c.AttnCap
	if limit <= 0 {
		limit = 1e30 // no cap, but what is masked stays where it is
	}
	d.do(4*n, func() { d.ops.SoftCapBack(g, g, scores.Slice(0, n), limit) })
	d.squareVisit(l, hook.AttnScores, at, g, a)
	d.byRow(a, func(at, rows int) {
		part := g.Slice(at, rows*a.S)
		d.ops.SoftmaxBack(part, part, soft.Slice(at, rows*a.S), rows, a.S)
	})
	d.squareVisit(l, hook.Pattern, at, g, a)
	d.again.squareTiles(g, a, true, func(tile device.Buffer, t int, a device.Attn) { d.dev.Mix(part(dz, t, a.T), tile, values, a) })
	d.again.squareTiles(mixed, a, true, func(tile device.Buffer, t int, a device.Attn) {
		d.dev.Mix(tmp.Slice(t*hd, a.T*hd), tile, dv, a)
	})
	d.adopt()
	z := part(dz, 0, a.T)
	d.do(a.T*hd, func() { d.dev.Add(z, z, tmp.Slice(0, a.T*hd)) })
}
