package plan

import (
	"context"
	"slices"

	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

// backTaps are a run's edits that know the way back: it implements nn.Edits.
type backTaps struct {
	*taps
	found     map[*bound][]float32 // norm_add: the activation that it found
	late      func(hook.Point, nn.Value) error
	cotangent int // that goes back now
}

func newBackTaps(t *taps) *backTaps {
	return &backTaps{taps: t, found: map[*bound][]float32{}}
}

// At implements nn.Taps: the edits, of which norm_add keeps what it found, since its way back
// depends on that.
func (b *backTaps) At(ctx context.Context, p hook.Point, v nn.Value) error {
	if !slices.ContainsFunc(b.stops[p].edits, func(e *bound) bool { return e.k.op == NormAdd }) {
		return b.taps.At(ctx, p, v)
	}
	return b.each(p, v, func(e *bound, lay layout) {
		if e.k.op == NormAdd {
			b.found[e] = slices.Clone(b.host)
		}
		b.rows(e, lay, v.Pos, func(s spot) { e.k.apply(s, b.buf) })
	}, b.stops[p].edits)
}

// Back implements nn.Edits: the edits in the opposite order.
func (b *backTaps) Back(_ context.Context, p hook.Point, grad nn.Value) error {
	edits := slices.Clone(b.stops[p].edits)
	slices.Reverse(edits)
	err := b.each(p, grad, func(e *bound, lay layout) {
		b.rows(e, lay, grad.Pos, func(s spot) { e.k.back(s, b.found[e], b.buf) })
	}, edits)
	if err != nil {
		return err
	}
	return b.late(p, grad)
}

// each fetches an activation or gradient, has the edits do something to it, and stores it.
func (b *backTaps) each(p hook.Point, v nn.Value, do func(*bound, layout), edits []*bound) error {
	about, _ := hook.Lookup(p.Site)
	lay := layoutOf(v.Shape, about.Shape == hook.Square)
	b.host, b.buf = grown(b.host, v.Buf.Len()), grown(b.buf, lay.width)
	if err := b.dev.Download(b.host, v.Buf); err != nil {
		return err
	}
	for _, e := range edits {
		do(e, lay)
	}
	b.dev.Upload(v.Buf, b.host)
	return nil
}

// rows calls f for each row that the edit is at.
func (b *backTaps) rows(e *bound, lay layout, pos int, f func(spot)) {
	for row := range lay.T {
		if i := e.index(pos+row, b.prompt); i >= 0 {
			f(spot{x: b.host, lay: lay, row: row, heads: e.e.heads, index: visible(e.e.index, lay.width), layer: e.layer, pos: i})
		}
	}
}

// back turns the gradient to what apply left into that to what it found; found is the activation then.
func (k *kernel) back(s spot, found, buf []float32) {
	s.each(buf, func(n int, g []float32) {
		switch k.op {
		case Scale:
			scaleBy(g, float64(k.s))
		case Set:
			if k.s == 1 {
				clear(g)
				return
			}
			scaleBy(g, 1-float64(k.s))
		case Mask:
			clear(g)
		case Project:
			project(g, k.basis[min(s.layer, len(k.basis)-1)], k.s)
		case Affine:
			k.affineBack(g)
		case NormAdd:
			k.normAddBack(g, s.one(found, n), k.v.base(s.layer, s.pos, n))
		}
	})
}

func scaleBy(x []float32, s float64) {
	for i := range x {
		x[i] = float32(float64(x[i]) * s)
	}
}

// affineBack is g + s(W^T g - g).
func (k *kernel) affineBack(g []float32) {
	n := len(g)
	sum := make([]float64, n)
	for i, v := range g {
		for j, w := range k.w[i*n : (i+1)*n] {
			sum[j] += float64(v) * float64(w)
		}
	}
	for i := range g {
		g[i] += k.s * (float32(sum[i]) - g[i])
	}
}

// normAddBack goes back through y = w |x|/|w|, w = x + s v: the part of g across w by |x|/|w|, the part
// along it to x's own direction.
func (k *kernel) normAddBack(g, x []float32, at int) {
	w := slices.Clone(x)
	k.add(w, at)
	lx, lw := length(x), length(w)
	if lw == 0 {
		return
	}
	along := dot(g, w) / lw
	for i := range g {
		across := (float64(g[i]) - along*float64(w[i])/lw) * lx / lw
		if lx > 0 {
			across += along * float64(x[i]) / lx
		}
		g[i] = float32(across)
	}
}

// one copies the n-th chosen head's elements at the spot's place in another array of its layout.
func (s spot) one(x []float32, n int) []float32 {
	h := n
	if s.heads != nil {
		h = s.heads[n]
	}
	base := s.row*s.lay.strideT + h*s.lay.strideHd
	row := x[base : base+s.lay.width]
	if s.index == nil {
		return slices.Clone(row)
	}
	out := make([]float32, len(s.index))
	for i, j := range s.index {
		out[i] = row[j]
	}
	return out
}
