package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// scoreTile is how many attention scores are held at a time where a device has no fused
// attention and nobody wants to see them.
const scoreTile = 1 << 20

// attend computes attention's mix z [T, H, e] from the residual stream.
func (r *run) attend(l int, b *block) {
	c, T := r.c, r.T
	K, V := r.keysValues(l)
	kd := c.KVHeads * c.HeadDim
	q, k, v := r.s.q, K.Slice(r.pos*kd, T*kd), V.Slice(r.pos*kd, T*kd)
	r.project(l, b, q, k, v)
	r.tap(l, hook.Q, q, T, c.Heads, c.HeadDim)
	r.tap(l, hook.K, k, T, c.KVHeads, c.HeadDim)
	r.tap(l, hook.V, v, T, c.KVHeads, c.HeadDim)
	if c.QKNorm {
		r.norm(q, q, norm{weight: b.qnorm}, T*c.Heads, c.HeadDim)
		r.tap(l, hook.QNormed, q, T, c.Heads, c.HeadDim)
		r.norm(k, k, norm{weight: b.knorm}, T*c.KVHeads, c.HeadDim)
		r.tap(l, hook.KNormed, k, T, c.KVHeads, c.HeadDim)
	}
	if !c.Learned {
		table := r.m.ropes[b.Rope]
		r.do(4*T*c.Heads*c.HeadDim, func() { r.dev.Rope(q, q, c.Heads, c.HeadDim, c.Rotary, r.at, table) })
		r.tap(l, hook.RotQ, q, T, c.Heads, c.HeadDim)
		r.do(4*T*kd, func() { r.dev.Rope(k, k, c.KVHeads, c.HeadDim, c.Rotary, r.at, table) })
		r.tap(l, hook.RotK, k, T, c.KVHeads, c.HeadDim)
	}
	if r.batch != nil {
		r.store(l)
		r.mixParts(l, b)
	} else {
		r.mix(l, b, K, V)
	}
	r.tap(l, hook.Z, r.s.z, T, c.Heads, c.HeadDim)
}

// attendLast is attend of the last layer when nobody looks: keys and values of all rows, but
// the mix of the last keep rows only, which become the rows of the run.
func (r *run) attendLast(l int, b *block, keep int) {
	c, T, d := r.c, r.T, r.c.Width
	K, V := r.keysValues(l)
	kd := c.KVHeads * c.HeadDim
	k := K.Slice(r.pos*kd, T*kd)
	r.norm(r.s.n, r.x(), b.ln1, T, d)
	r.matmul(k, r.s.n, T, b.k)
	r.matmul(V.Slice(r.pos*kd, T*kd), r.s.n, T, b.v)
	r.turnHeads(k, b.knorm, b, c.KVHeads)
	drop := T - keep
	r.T, r.pos, r.at = keep, r.pos+drop, r.at[drop:]
	if keep == 0 {
		return
	}
	r.do(2*keep*d, func() {
		for _, rows := range []device.Buffer{r.s.x, r.s.n} {
			r.dev.Copy(rows.Slice(0, keep*d), rows.Slice(drop*d, keep*d))
		}
	})
	r.matmul(r.s.q, r.s.n, keep, b.q)
	r.turnHeads(r.s.q, b.qnorm, b, c.Heads)
	r.mix(l, b, K, V)
}

// turnHeads norms and rotates queries or keys in place.
func (r *run) turnHeads(x, qknorm device.Buffer, b *block, heads int) {
	c := r.c
	if c.QKNorm {
		r.norm(x, x, norm{weight: qknorm}, r.T*heads, c.HeadDim)
	}
	if !c.Learned {
		r.do(4*r.T*heads*c.HeadDim, func() { r.dev.Rope(x, x, heads, c.HeadDim, c.Rotary, r.at, r.m.ropes[b.Rope]) })
	}
}

// keysValues is where a layer's keys and values lie, all positions.
func (r *run) keysValues(l int) (k, v device.Buffer) {
	if r.cache != nil {
		return r.cache.K[l], r.cache.V[l]
	}
	return r.s.k, r.s.v
}

// project computes q, k and v. Each reads the residual through one shared norm, or through its
// own where someone wants to see or change what just one of them reads.
func (r *run) project(l int, b *block, q, k, v device.Buffer) {
	n := r.s.n
	if !r.wants(l, hook.QInput, hook.KInput, hook.VInput) {
		r.normTapped(l, ln1Sites, n, r.x(), b.ln1)
		r.matmul(q, n, r.T, b.q)
		r.matmul(k, n, r.T, b.k)
		r.matmul(v, n, r.T, b.v)
		return
	}
	for _, p := range []struct {
		site hook.Site
		dst  device.Buffer
		w    matrix
	}{{hook.QInput, q, b.q}, {hook.KInput, k, b.k}, {hook.VInput, v, b.v}} {
		in := r.s.in.Slice(0, r.T*r.c.Width)
		r.do(in.Len(), func() { r.dev.Copy(in, r.x()) })
		r.tap(l, p.site, in, r.T, r.c.Width)
		r.normTapped(l, ln1Sites, n, in, b.ln1)
		r.matmul(p.dst, n, r.T, p.w)
	}
}

// attn describes attention of this pass's rows t ... t+n-1 over all keys up to the last of them.
func (r *run) attn(b *block, t, n int) device.Attn {
	return device.Attn{
		T: n, S: r.pos + t + n, Pos: r.pos + t, Heads: r.c.Heads, KVHeads: r.c.KVHeads, HeadDim: r.c.HeadDim,
		Scale: r.c.AttnScale, SoftCap: r.c.AttnCap, Window: b.Window,
	}
}

// mix computes z from q and the keys and values, split where someone wants scores or pattern.
func (r *run) mix(l int, b *block, K, V device.Buffer) {
	if !r.wants(l, hook.AttnScores, hook.Pattern) {
		r.mixTiles(b, K, V)
		return
	}
	a := r.attn(b, 0, r.T)
	p, err := r.m.tile(a.Heads * a.T * a.S)
	if err != nil {
		r.err = err
		return
	}
	hd := r.c.Heads * r.c.HeadDim
	r.squareTiles(p, a, false, func(tile device.Buffer, t int, a device.Attn) {
		r.dev.Scores(tile, r.s.q.Slice(t*hd, a.T*hd), K, a)
	})
	r.tap(l, hook.AttnScores, p, a.Heads, a.T, a.S)
	for row, n := 0, 0; row < a.Heads*a.T && r.err == nil; row += n {
		n = r.m.pace.rows(elements, a.Heads*a.T-row, float64(8*a.S))
		part := p.Slice(row*a.S, n*a.S)
		r.do(8*n*a.S, func() { r.dev.Softmax(part, part, n, a.S) })
	}
	r.tap(l, hook.Pattern, p, a.Heads, a.T, a.S)
	r.squareTiles(p, a, true, func(tile device.Buffer, t int, a device.Attn) {
		r.dev.Mix(r.s.z.Slice(t*hd, a.T*hd), tile, V, a)
	})
}

// squareTiles runs op over tiles of query rows of p [H, T, S], each laid out as [H, n, S]: they
// are copied from p before op where op reads them, else to p after it.
func (r *run) squareTiles(p device.Buffer, a device.Attn, reads bool, op func(tile device.Buffer, t int, a device.Attn)) {
	cost := 2 * a.Heads * a.S * a.HeadDim // of a row
	n := r.m.pace.rows(attention, a.T, float64(cost))
	if n == a.T {
		r.work(attention, a.T*cost, func() { op(p, 0, a) })
		return
	}
	tile, err := r.dev.Alloc(a.Heads * n * a.S)
	if err != nil {
		r.err = err
		return
	}
	defer r.dev.Free(tile)
	move := func(t, n int) {
		for h := range a.Heads {
			dst, src := tile.Slice(h*n*a.S, n*a.S), p.Slice((h*a.T+t)*a.S, n*a.S)
			if !reads {
				dst, src = src, dst
			}
			r.do(dst.Len(), func() { r.dev.Copy(dst, src) })
		}
	}
	for t := 0; t < a.T; t += n {
		part := a
		part.T, part.Pos = min(n, a.T-t), a.Pos+t
		if reads {
			move(t, part.T)
		}
		r.work(attention, part.T*cost, func() { op(tile, t, part) })
		if !reads {
			move(t, part.T)
		}
	}
}

// mixTiles runs attention some query rows at a time, over the keys that they can see.
func (r *run) mixTiles(b *block, K, V device.Buffer) {
	hd, kd := r.c.Heads*r.c.HeadDim, r.c.KVHeads*r.c.HeadDim
	fused, ok := r.dev.(device.Attender)
	for t, n := 0, 0; t < r.T && r.err == nil; t += n {
		cost := 4 * hd * (r.pos + r.T)
		n = r.m.pace.rows(attention, r.T-t, float64(cost))
		if !ok {
			n = min(n, max(1, scoreTile/(r.c.Heads*(r.pos+r.T))))
		}
		a, k, v := r.attn(b, t, n), K, V
		if from := a.Pos - b.Window + 1; b.Window > 0 && from > 0 {
			a.S, a.Pos = a.S-from, a.Pos-from
			k, v = K.Slice(from*kd, a.S*kd), V.Slice(from*kd, a.S*kd)
		}
		q, z := r.s.q.Slice(t*hd, n*hd), r.s.z.Slice(t*hd, n*hd)
		if ok {
			r.work(attention, n*cost, func() { fused.Attention(z, q, k, v, a) })
			continue
		}
		r.splitMix(z, q, k, v, a)
	}
}

func (r *run) splitMix(z, q, k, v device.Buffer, a device.Attn) {
	p, err := r.m.tile(a.Heads * a.T * a.S)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.work(attention, 4*a.Heads*a.T*a.S*a.HeadDim, func() {
		r.dev.Scores(p, q, k, a)
		r.dev.Softmax(p, p, a.Heads*a.T, a.S)
		r.dev.Mix(z, p, v, a)
	})
}

// attnOut computes what attention adds, in o, if someone wants to see it or a norm follows;
// else it leaves that to addOut and returns false.
func (r *run) attnOut(l int, b *block) (split bool) {
	r.result(l, b)
	if !r.c.Sandwich && !r.wants(l, hook.AttnOut) {
		return false
	}
	T, d := r.T, r.c.Width
	r.matmul(r.s.o, r.s.z, T, b.out)
	if r.c.Sandwich {
		r.tap(l, hook.AttnRawOut, r.s.o, T, d)
		r.norm(r.s.o, r.s.o, b.post1, T, d)
	}
	r.tap(l, hook.AttnOut, r.s.o, T, d)
	return true
}

// addOut adds attention's output to the residual stream.
func (r *run) addOut(b *block, split bool) {
	if split {
		r.add(r.x(), r.s.o)
		return
	}
	r.matmulAdd(r.x(), r.s.z, r.s.o, r.T, b.out)
}

// result shows each head's part of the output, [T, H, d]: the product of the output matrix
// with z where all other heads are zero. The output's bias belongs to no head.
func (r *run) result(l int, b *block) {
	if r.err != nil || !r.wants(l, hook.Result) {
		return
	}
	T, H, e, d := r.T, r.c.Heads, r.c.HeadDim, r.c.Width
	alone, err := r.dev.Alloc(H * H * e) // one position: [H, H, e], zero but on the diagonal
	if err != nil {
		r.err = err
		return
	}
	defer r.dev.Free(alone)
	out, err := r.dev.Alloc(T * H * d)
	if err != nil {
		r.err = err
		return
	}
	defer r.dev.Free(out)
	for t := range T {
		for h := range H {
			r.do(e, func() { r.dev.Copy(alone.Slice((h*H+h)*e, e), r.s.z.Slice((t*H+h)*e, e)) })
		}
		r.matmul(out.Slice(t*H*d, H*d), alone, H, matrix{w: b.out.w})
	}
	r.tap(l, hook.Result, out, T, H, d)
}
