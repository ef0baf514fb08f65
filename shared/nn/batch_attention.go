package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// branchRows is how many query rows one call of branched attention takes at most.
const branchRows = 1024

// store puts the new rows' keys and values of block l where later passes find them.
func (r *run) store(l int) {
	own := r.batch.Own
	if own == nil {
		return
	}
	kd := r.c.KVHeads * r.c.HeadDim
	for _, p := range r.parts {
		to, from, n := (p.Row+p.Past)*kd, p.keyRow*kd, p.n*kd
		r.do(2*n, func() {
			r.dev.Copy(own.K[l].Slice(to, n), r.s.k.Slice(from, n))
			r.dev.Copy(own.V[l].Slice(to, n), r.s.v.Slice(from, n))
		})
	}
}

// keysOf says which of its own keys a part's first query row sees at block l: how many of the
// base's come before them, where they begin and how many there are, the query's own included.
func (r *run) keysOf(l int, p *part) (shared, first, own int) {
	shared = p.Shared
	if l < p.Enter {
		shared = r.batch.Base.Len
	}
	first = p.keyRow
	if r.batch.Own != nil {
		first = p.Row + shared - p.Shared
	}
	return shared, first, p.pos + 1 - shared
}

// ownKeys is where the parts' own keys and values of block l lie.
func (r *run) ownKeys(l int) (k, v device.Buffer) {
	if own := r.batch.Own; own != nil {
		return own.K[l], own.V[l]
	}
	return r.s.k, r.s.v
}

// mixParts computes z of all parts: together where the device can and nobody looks, else each alone.
func (r *run) mixParts(l int, b *block) {
	dev, ok := r.dev.(device.Brancher)
	split := r.wants(l, hook.AttnScores, hook.Pattern)
	for i := 0; i < len(r.parts) && r.err == nil; {
		if !ok || split && r.looks(l, r.parts[i]) {
			r.mixAlone(l, b, r.parts[i])
			i++
			continue
		}
		first := i
		for i++; i < len(r.parts) && !(split && r.looks(l, r.parts[i])); i++ {
		}
		r.mixTogether(dev, l, b, r.parts[first:i])
	}
}

func (r *run) looks(l int, p *part) bool {
	return p.Taps != nil && (p.Taps.Wants(hook.Point{Layer: l, Site: hook.AttnScores}) || p.Taps.Wants(hook.Point{Layer: l, Site: hook.Pattern}))
}

// mixTogether runs branched attention over the rows of parts that lie one after the other.
func (r *run) mixTogether(dev device.Brancher, l int, b *block, parts []*part) {
	var rows []device.Branch
	keys := 0
	for _, p := range parts {
		shared, first, own := r.keysOf(l, p)
		for t := range p.n {
			rows = append(rows, device.Branch{Shared: int32(shared), First: int32(first), Own: int32(own + t)})
			keys = max(keys, shared+own+t)
		}
	}
	ownK, ownV := r.ownKeys(l)
	k, v := ownK, ownV
	if r.batch.Base != nil {
		k, v = r.batch.Base.K[l], r.batch.Base.V[l]
	}
	hd, a := r.c.Heads*r.c.HeadDim, r.attn(b, 0, r.T)
	for t, n := 0, 0; t < len(rows) && r.err == nil; t += n {
		cost := 4 * hd * keys
		n = min(r.m.pace.rows(attention, len(rows)-t, float64(cost)), branchRows)
		at := (parts[0].row + t) * hd
		r.work(attention, n*cost, func() {
			dev.Branches(r.s.z.Slice(at, n*hd), r.s.q.Slice(at, n*hd), k, v, ownK, ownV, rows[t:t+n], a)
		})
	}
}

// mixAlone puts the keys and values of one part together and mixes as a pass of its own would,
// so that scores and patterns have their usual shape.
func (r *run) mixAlone(l int, b *block, p *part) {
	if p.n == 0 {
		return
	}
	shared, first, own := r.keysOf(l, p)
	K, V := r.together(l, shared, first, own+p.n-1)
	if r.err != nil {
		return
	}
	hd := r.c.Heads * r.c.HeadDim
	scratch := *r.s
	scratch.q, scratch.z = r.s.q.Slice(p.row*hd, p.n*hd), r.s.z.Slice(p.row*hd, p.n*hd)
	alone := &run{ctx: r.ctx, m: r.m, dev: r.dev, c: r.c, s: &scratch, taps: p.Taps, T: p.n, pos: p.pos}
	alone.mix(l, b, K, V)
	r.err = alone.err
}

// together gives shared keys and values of the base and own rows from first on, in one piece.
func (r *run) together(l, shared, first, own int) (K, V device.Buffer) {
	kd := r.c.KVHeads * r.c.HeadDim
	ownK, ownV := r.ownKeys(l)
	ownK, ownV = ownK.Slice(first*kd, own*kd), ownV.Slice(first*kd, own*kd)
	if shared == 0 {
		return ownK, ownV
	}
	n := (shared + own) * kd
	if r.both == nil || r.both.Len() < 2*n {
		r.apart()
		if r.both, r.err = r.dev.Alloc(2 * n); r.err != nil {
			r.both = nil
			return nil, nil
		}
	}
	K, V = r.both.Slice(0, n), r.both.Slice(n, n)
	r.do(2*n, func() {
		for _, x := range []struct{ dst, base, own device.Buffer }{{K, r.batch.Base.K[l], ownK}, {V, r.batch.Base.V[l], ownV}} {
			r.dev.Copy(x.dst.Slice(0, shared*kd), x.base.Slice(0, shared*kd))
			r.dev.Copy(x.dst.Slice(shared*kd, own*kd), x.own)
		}
	})
	return K, V
}

// apart frees what together took.
func (r *run) apart() {
	if r.both != nil {
		r.dev.Free(r.both)
		r.both = nil
	}
}
