package plan

import "math"

// layout says where the element of a position, head and axis lies in an activation:
// [T, d], [T, heads, e] or, for attention, [heads, T, S].
type layout struct {
	T, heads, width   int
	strideT, strideHd int
}

func layoutOf(shape []int, square bool) layout {
	switch {
	case square:
		h, T, S := shape[0], shape[1], shape[2]
		return layout{T, h, S, S, T * S}
	case len(shape) == 3:
		T, h, e := shape[0], shape[1], shape[2]
		return layout{T, h, e, h * e, e}
	}
	return layout{shape[0], 1, shape[1], shape[1], shape[1]}
}

// spot is one edit's part of an activation at one position: which heads and elements, and
// where in the operand's layer and position axes it stands.
type spot struct {
	x            []float32 // the activation on the host
	lay          layout
	row          int   // among the T
	heads, index []int // nil: all
	layer, pos   int   // indices into the operand's layers and positions
	head, elem   int   // where the chosen heads and elements begin in the operand
}

// each calls f with the chosen elements of every chosen head and stores what f left in them.
// n counts the chosen heads from 0.
func (s spot) each(buf []float32, f func(n int, x []float32)) {
	count := s.lay.heads
	if s.heads != nil {
		count = len(s.heads)
	}
	for n := range count {
		h := n
		if s.heads != nil {
			h = s.heads[n]
		}
		base := s.row*s.lay.strideT + h*s.lay.strideHd
		row := s.x[base : base+s.lay.width]
		if s.index == nil {
			f(n, row)
			continue
		}
		part := buf[:len(s.index)]
		for i, j := range s.index {
			part[i] = row[j]
		}
		f(n, part)
		for i, j := range s.index {
			row[j] = part[i]
		}
	}
}

// grid is an operand broadcast to [layers, positions, heads, elements].
type grid struct {
	data   []float32
	stride [4]int // 0 along an axis that is broadcast
}

func (g *grid) base(layer, pos, head int) int {
	return layer*g.stride[0] + pos*g.stride[1] + head*g.stride[2]
}

// in is where the values for the n-th chosen head of a spot begin in an operand.
func (s spot) in(g *grid, n int) int {
	return g.base(s.layer, s.pos, s.head+n) + s.elem*g.stride[3]
}

// kernel is what an op needs at run time, its operands resolved.
type kernel struct {
	op       Op
	s        float32
	v        *grid       // set, add, norm_add; affine's bias, or nil
	basis    [][]float32 // project: by layer (one for all, or one each), k orthonormal rows
	w        []float32   // affine: [width, width]
	maskWith float32     // -Inf for scores, 0 for patterns
}

func (k *kernel) apply(s spot, buf []float32) {
	s.each(buf, func(n int, x []float32) {
		switch k.op {
		case Scale:
			for i := range x {
				x[i] *= k.s
			}
		case Mask:
			for i := range x {
				x[i] = k.maskWith
			}
		case Set:
			k.set(x, s.in(k.v, n))
		case Add:
			k.add(x, s.in(k.v, n))
		case NormAdd:
			before := length(x)
			k.add(x, s.in(k.v, n))
			rescale(x, before)
		case Project:
			project(x, k.basis[min(s.layer, len(k.basis)-1)], k.s)
		case Affine:
			k.affine(x, s, n)
		}
	})
}

func (k *kernel) set(x []float32, at int) {
	for i := range x {
		v := k.v.data[at+i*k.v.stride[3]]
		if k.s == 1 { // exactly v, and no trace of a broken x
			x[i] = v
			continue
		}
		x[i] += k.s * (v - x[i])
	}
}

func (k *kernel) add(x []float32, at int) {
	for i := range x {
		x[i] += k.s * k.v.data[at+i*k.v.stride[3]]
	}
}

func (k *kernel) affine(x []float32, s spot, head int) {
	n := len(x)
	y := make([]float32, n)
	for i := range y {
		y[i] = float32(dot(k.w[i*n:(i+1)*n], x))
		if k.v != nil {
			y[i] += k.v.data[s.in(k.v, head)+i*k.v.stride[3]]
		}
	}
	for i := range x {
		x[i] += k.s * (y[i] - x[i])
	}
}

// project removes the share s of x's part in the span of the orthonormal rows of basis.
// All coefficients are taken before anything is removed.
func project(x, basis []float32, s float32) {
	n := len(x)
	coef := make([]float64, len(basis)/n)
	for j := range coef {
		coef[j] = dot(basis[j*n:(j+1)*n], x)
	}
	for i := range x {
		sum := 0.0
		for j, c := range coef {
			sum += c * float64(basis[j*n+i])
		}
		x[i] -= s * float32(sum)
	}
}

// orthonormal makes an orthonormal basis of the span of the rows of v [k, n] by Gram-Schmidt,
// done twice for accuracy. Rows that lie in the span of earlier ones, and zero rows, drop out.
func orthonormal(v []float32, n int) []float32 {
	var basis [][]float64
	for at := 0; at < len(v); at += n {
		row, size := make([]float64, n), 0.0
		for i := range row {
			row[i] = float64(v[at+i])
			size += row[i] * row[i]
		}
		for range 2 {
			for _, b := range basis {
				c := 0.0
				for i := range row {
					c += b[i] * row[i]
				}
				for i := range row {
					row[i] -= c * b[i]
				}
			}
		}
		left := 0.0
		for _, x := range row {
			left += x * x
		}
		if left <= size*1e-12 {
			continue
		}
		for i := range row {
			row[i] /= math.Sqrt(left)
		}
		basis = append(basis, row)
	}
	out := make([]float32, 0, len(basis)*n)
	for _, b := range basis {
		for _, x := range b {
			out = append(out, float32(x))
		}
	}
	return out
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func length(x []float32) float64 { return math.Sqrt(dot(x, x)) }

// rescale gives x the length n; a zero vector stays one.
func rescale(x []float32, n float64) {
	l := length(x)
	if l == 0 {
		return
	}
	for i := range x {
		x[i] = float32(float64(x[i]) * n / l)
	}
}
