package lab

import "math"

// highest is the place of the largest of n keys, the first of equals; 0 of none.
func highest(n int, key func(int) float64) int {
	at := 0
	for i := 1; i < n; i++ {
		if key(i) > key(at) {
			at = i
		}
	}
	return at
}

// topPlace is the place of the largest number.
func topPlace(xs []float32) int {
	return highest(len(xs), func(i int) float64 { return float64(xs[i]) })
}

// peak is the place of the highest rate.
func peak(rs []Rate) int { return highest(len(rs), func(i int) float64 { return rs[i].Share() }) }

// firstAt is the smallest place whose rate reaches share, or the length.
func firstAt(rs []Rate, share float64) int {
	for i, r := range rs {
		if r.N > 0 && r.Share() >= share {
			return i
		}
	}
	return len(rs)
}

// descending are the places 0 to n-1, those of the largest keys first; equal ones keep their order.
// It is the one sort of the lessons: each further instance of a generic one adds kilobytes to the tab.
func descending(n int, key func(int) float64) []int {
	out, next, keys := span(0, n), make([]int, n), make([]float64, n)
	for i := range keys {
		keys[i] = key(i)
	}
	for size := 1; size < n; size *= 2 {
		for from := 0; from < n; from += 2 * size {
			a, b := from, min(from+size, n)
			mid, end := b, min(from+2*size, n)
			for to := from; to < end; to++ {
				if a < mid && (b >= end || !(keys[out[b]] > keys[out[a]])) {
					next[to] = out[a]
					a++
				} else {
					next[to] = out[b]
					b++
				}
			}
		}
		out, next = next, out
	}
	return out
}

// quantile is the number below which a share q of xs lies, 0 at the least and 1 at the most.
func quantile(xs []float32, q float64) float64 {
	order := descending(len(xs), func(i int) float64 { return -float64(xs[i]) })
	return float64(xs[order[int(q*float64(len(xs)-1)+0.5)]])
}

// median is the middle number, NaN of none.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	order := descending(len(xs), func(i int) float64 { return xs[i] })
	return (xs[order[(len(xs)-1)/2]] + xs[order[len(xs)/2]]) / 2
}

// deviation is the standard deviation of xs.
func deviation(xs []float32) float64 {
	w := doubles(xs)
	m, _, _ := mean(w)
	v := 0.0
	for _, x := range w {
		v += (x - m) * (x - m) / float64(len(w))
	}
	return math.Sqrt(v)
}

func doubles(xs []float32) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(x)
	}
	return out
}

// span lists n numbers from the first on.
func span(first, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}

// every lists every step-th number from the first on, below n.
func every(first, n, step int) (out []int) {
	for l := first; l < n; l += step {
		out = append(out, l)
	}
	return out
}

// everyLayer lists every step-th layer of n, the last one always among them.
func everyLayer(n, step int) []int { return every((n-1)%step, n, step) }
