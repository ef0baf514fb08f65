package lab

import (
	"math"
	"math/rand/v2"
)

// Rate is a share of n items with its 95 % interval.
type Rate struct {
	Hits int `json:"hits"`
	N    int `json:"n"`
}

// Share is the rate itself; NaN of nothing.
func (r Rate) Share() float64 { return float64(r.Hits) / float64(r.N) }

// Interval is Wilson's score interval at 95 % (Wilson 1927), which stays inside 0 to 1 and
// means something for small n too. Of nothing it is everything: 0 to 1.
func (r Rate) Interval() (low, high float64) {
	if r.N == 0 {
		return 0, 1
	}
	const z = 1.959964
	n, p := float64(r.N), r.Share()
	mid, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (mid-half)/(1+z*z/n)), min(1, (mid+half)/(1+z*z/n))
}

// String is "93 % (28 of 30)".
func (r Rate) String() string {
	if r.N == 0 {
		return "–"
	}
	return percent(r.Share()) + " (" + decimal(float64(r.Hits), 0) + "/" + decimal(float64(r.N), 0) + ")"
}

// add counts one more item.
func (r *Rate) add(hit bool) {
	r.N++
	if hit {
		r.Hits++
	}
}

// rates is a series of rates with their intervals.
func rates(name Words, rs []Rate, control bool) Series {
	s := Series{Name: name, Control: control}
	for _, r := range rs {
		low, high := r.Interval()
		s.put(r.Share(), low, high)
	}
	return s
}

// level is a rate that is the same at every place of a figure.
func level(name Words, r Rate, control bool) Series {
	s := rates(name, []Rate{r}, control)
	s.Level = true
	return s
}

// mean of values with a 95 % interval by the normal approximation of its standard error.
func mean(xs []float64) (m, low, high float64) {
	n := float64(len(xs))
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	for _, x := range xs {
		m += x / n
	}
	var v float64
	for _, x := range xs {
		v += (x - m) * (x - m)
	}
	half := 0.0
	if n > 1 {
		half = 1.959964 * math.Sqrt(v/(n-1)/n)
	}
	return m, m - half, m + half
}

// source is the random source of a seed: the same on every machine and device.
func source(seed int64) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 0x7061746368626179)) }

// randomLike is a vector of independent normal numbers scaled to v's norm: the control of
// every steering (a direction of no meaning, as long as the real one).
func randomLike(v []float32, seed int64) []float32 {
	r, out := source(seed), make([]float32, len(v))
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return ofLength(out, norm(v))
}

// likeAll are random directions of the same lengths, a new one for each layer.
func likeAll(v [][]float32, seed int64) [][]float32 {
	out := make([][]float32, len(v))
	for l := range v {
		out[l] = randomLike(v[l], seed+int64(l))
	}
	return out
}

func norm(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

// cosine of two vectors; 0 where one of them is zero.
func cosine(a, b []float32) float64 {
	n := norm(a) * norm(b)
	if n == 0 {
		return 0
	}
	return dot(a, b) / n
}

func scaled(v []float32, by float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x * by
	}
	return out
}

// ofLength gives a vector the length; one of no length stays.
func ofLength(v []float32, length float64) []float32 {
	n := norm(v)
	if n == 0 {
		return v
	}
	return scaled(v, float32(length/n))
}

// plus is a + by*b.
func plus(a, b []float32, by float32) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] + by*b[i]
	}
	return out
}

// average of vectors of equal length.
func average(vs [][]float32) []float32 {
	if len(vs) == 0 {
		return nil
	}
	out := make([]float32, len(vs[0]))
	for _, v := range vs {
		for i, x := range v {
			out[i] += x / float32(len(vs))
		}
	}
	return out
}

// averages are those of several lists of vectors.
func averages(lists [][][]float32) [][]float32 {
	out := make([][]float32, len(lists))
	for i, vs := range lists {
		out[i] = average(vs)
	}
	return out
}

// auroc is the chance that a positive's score is above a negative's, ties counting half
// (Mann and Whitney 1947).
func auroc(positive, negative []float32) float64 {
	if len(positive) == 0 || len(negative) == 0 {
		return math.NaN()
	}
	s := 0.0
	for _, p := range positive {
		for _, n := range negative {
			switch {
			case p > n:
				s++
			case p == n:
				s += 0.5
			}
		}
	}
	return s / float64(len(positive)*len(negative))
}

// logSoftmax is the log-probability of the i-th of logits.
func logSoftmax(logits []float32, i int) float64 {
	top, sum := float64(logits[topPlace(logits)]), 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	return float64(logits[i]) - top - math.Log(sum)
}

// principal are the first k principal directions of rows around their centre m, of unit length, found
// through the rows' products with each other, since rows are few and long.
func principal(rows [][]float32, m []float32, k int) [][]float32 {
	centred := make([][]float32, len(rows))
	for i, x := range rows {
		centred[i] = plus(x, m, -1)
	}
	var out [][]float32
	for range k {
		pc := leading(centred)
		out = append(out, pc)
		for i, x := range centred {
			centred[i] = plus(x, pc, -float32(dot(x, pc)))
		}
	}
	return out
}

// leading is the unit direction along which rows spread most, by power iteration on their products.
func leading(rows [][]float32) []float32 {
	n := len(rows)
	gram := make([][]float32, n)
	for i := range gram {
		gram[i] = make([]float32, n)
		for j := range rows {
			gram[i][j] = float32(dot(rows[i], rows[j]))
		}
	}
	w, r := make([]float32, n), source(0)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	for range 200 {
		next := make([]float32, n)
		for i := range next {
			next[i] = float32(dot(gram[i], w))
		}
		w = ofLength(next, 1)
	}
	out := make([]float32, len(rows[0]))
	for i, x := range rows {
		out = plus(out, x, w[i])
	}
	return ofLength(out, 1)
}
