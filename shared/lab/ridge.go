package lab

import (
	"context"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// ridge is an affine map fitted by ridge regression (Hoerl and Kennard 1970) in its dual form, whose
// cost grows with the examples and not with the widths (Saunders, Gammerman and Vovk 1998). With the
// examples X [n, d] and Y [n, e] less their means x' and y', a state z is mapped to
//
//	y' + Yᵀ (X Xᵀ + r I)⁻¹ X (z - x')
//
// The offset is not penalised. The factor of X Xᵀ + r I serves every Y, and so every layer of the
// other model and the control of shuffled pairs.
type ridge struct {
	mean []float32   // x' [d]
	x    [][]float32 // X [n][d]
	low  [][]float64 // the lower Cholesky factor, row i of i+1 numbers
}

// ridgeYield is how many rows are factored before others may speak: well under 50 ms.
const ridgeYield = 32

// newRidge centres the examples where they are and factors; share times their mean squared length is r.
func newRidge(ctx context.Context, examples [][]float32, share float64) (*ridge, error) {
	g := &ridge{mean: average(examples), x: examples}
	centre(examples, g.mean)
	total := 0.0
	for _, v := range examples {
		total += dot(v, v)
	}
	r := share * total / float64(len(examples))
	for i := range g.x {
		if i%ridgeYield == 0 {
			if err := device.Yield(ctx); err != nil {
				return nil, err
			}
		}
		if !g.factor(i, r) {
			return nil, errs.E("lab.ridge", errs.Invalid, "the states of the words are all alike, so no map can be fitted: give other texts")
		}
	}
	return g, nil
}

// centre takes the mean from each row.
func centre(rows [][]float32, mean []float32) {
	for _, v := range rows {
		for k := range v {
			v[k] -= mean[k]
		}
	}
}

// factor adds row i of the Cholesky factor, and says whether the matrix is still positive definite.
func (g *ridge) factor(i int, r float64) bool {
	row := make([]float64, i+1)
	for j := range row {
		s := dot(g.x[i], g.x[j])
		other := row
		if j < i {
			other = g.low[j]
		} else {
			s += r
		}
		for k, x := range row[:j] {
			s -= x * other[k]
		}
		if j < i {
			row[j] = s / other[j]
			continue
		}
		row[j] = math.Sqrt(s)
	}
	g.low = append(g.low, row)
	return row[i] > 0
}

// weights are how much each example counts for a state: (X Xᵀ + r I)⁻¹ X (z - x').
func (g *ridge) weights(z []float32) []float64 {
	c, w := plus(z, g.mean, -1), make([]float64, len(g.x))
	for i, row := range g.low {
		s := dot(g.x[i], c)
		for k, x := range row[:i] {
			s -= x * w[k]
		}
		w[i] = s / row[i]
	}
	for i := len(w) - 1; i >= 0; i-- {
		w[i] /= g.low[i][i]
		for k, x := range g.low[i][:i] {
			w[k] -= x * w[i]
		}
	}
	return w
}

// blend is a sum of rows by weights, the i-th weight for the order[i]-th row; without an order, for the
// i-th.
func blend(rows [][]float32, w []float64, order []int) []float32 {
	sum := make([]float64, len(rows[0]))
	for i, by := range w {
		if order != nil {
			i = order[i]
		}
		for k, x := range rows[i] {
			sum[k] += by * float64(x)
		}
	}
	out := make([]float32, len(sum))
	for k, x := range sum {
		out[k] = float32(x)
	}
	return out
}
