package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// do runs one device call of about n operations on elements.
func (r *run) do(n int, call func()) { r.work(elements, n, call) }

func (r *run) work(kind work, n int, call func()) {
	if r.err == nil {
		r.err = r.m.pace.step(r.ctx, kind, float64(n), call)
	}
}

func (r *run) wants(l int, sites ...hook.Site) bool {
	if r.taps == nil && r.batch == nil {
		return false
	}
	for _, s := range sites {
		p := hook.Point{Layer: l, Site: s}
		if r.batch != nil && r.anyWants(p) || r.batch == nil && r.taps.Wants(p) {
			return true
		}
	}
	return false
}

// tap shows an activation to whoever wants it.
func (r *run) tap(l int, s hook.Site, b device.Buffer, shape ...int) {
	r.tapAt(l, s, b, r.pos, shape...)
}

func (r *run) tapAt(l int, s hook.Site, b device.Buffer, pos int, shape ...int) {
	if r.err != nil || !r.wants(l, s) {
		return
	}
	if r.batch != nil {
		if r.tapParts(hook.Point{Layer: l, Site: s}, b, shape); r.err == nil {
			r.m.pace.resume()
		}
		return
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	// Few taps are wanted of those that are passed: only theirs have a shape that outlives the call.
	v := Value{b.Slice(0, n), append([]int(nil), shape...), pos}
	if r.err = r.taps.At(r.ctx, hook.Point{Layer: l, Site: s}, v); r.err == nil {
		r.m.pace.resume()
	}
}

// matmul is dst [T, w.Rows] = x w^T + bias, some rows at a time.
func (r *run) matmul(dst, x device.Buffer, T int, w matrix) {
	r.rows(dst, x, T, w, r.dev.MatMul)
}

// matmulAdd is dst += x w^T + bias; tmp has room for the product.
func (r *run) matmulAdd(dst, x, tmp device.Buffer, T int, w matrix) {
	if a, ok := r.dev.(device.Adder); ok {
		r.rows(dst, x, T, w, a.MatMulAdd)
		return
	}
	r.matmul(tmp, x, T, w)
	r.add(dst, tmp)
}

func (r *run) add(dst, x device.Buffer) {
	r.do(dst.Len(), func() { r.dev.Add(dst, dst, x.Slice(0, dst.Len())) })
}

func (r *run) rows(dst, x device.Buffer, T int, w matrix, op func(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, mode device.Mode)) {
	rows, cols := w.w.Rows(), w.w.Cols()
	cost := 2 * rows * cols
	for t, n := 0, 0; t < T && r.err == nil; t += n {
		n = r.m.pace.rows(products, T-t, float64(cost))
		if n == T { // all at once, as when decoding: devices take buffers that are longer than the call
			r.work(products, n*cost, func() { op(dst, x, n, w.w, w.bias, r.m.mode) })
			continue
		}
		r.work(products, n*cost, func() { op(dst.Slice(t*rows, n*rows), x.Slice(t*cols, n*cols), n, w.w, w.bias, r.m.mode) })
	}
}

// norm is dst = norm(x) for rows of n; dst may be x.
func (r *run) norm(dst, x device.Buffer, w norm, rows, n int) {
	r.do(8*rows*n, func() {
		if f, ok := r.dev.(device.Normer); ok {
			f.Norm(dst, x, w.weight, w.bias, rows, n, r.c.Eps, r.c.LayerNorm)
			return
		}
		r.dev.Normalize(dst, nil, x, rows, n, r.c.Eps, r.c.LayerNorm)
		r.dev.Affine(dst, dst, w.weight, w.bias, rows, n)
	})
}

// normSites names the sites of one norm.
type normSites struct{ scale, normalized, out hook.Site }

var (
	ln1Sites   = normSites{hook.LN1Scale, hook.LN1Normalized, hook.LN1Out}
	ln2Sites   = normSites{hook.LN2Scale, hook.LN2Normalized, hook.LN2Out}
	finalSites = normSites{hook.LNFinalScale, hook.LNFinalNormalized, hook.LNFinalOut}
)

// normTapped is a norm of the residual stream, split if someone wants to see inside.
func (r *run) normTapped(l int, s normSites, dst, x device.Buffer, w norm) {
	d := r.c.Width
	if r.wants(l, s.scale, s.normalized) {
		r.do(8*r.T*d, func() { r.dev.Normalize(dst, r.s.scale, x, r.T, d, r.c.Eps, r.c.LayerNorm) })
		r.tap(l, s.scale, r.s.scale, r.T, 1)
		r.tap(l, s.normalized, dst, r.T, d)
		r.do(2*r.T*d, func() { r.dev.Affine(dst, dst, w.weight, w.bias, r.T, d) })
	} else {
		r.norm(dst, x, w, r.T, d)
	}
	r.tap(l, s.out, dst, r.T, d)
}
