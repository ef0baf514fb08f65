package simd

import (
	"fmt"
	"math"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/tensor"
)

// TestThreadsGiveTheSameBits runs the kernels that share their units on one thread and on all.
func TestThreadsGiveTheSameBits(t *testing.T) {
	d := open(t)
	m, n := d.host.(*module), int(kernThreads())
	if n < 2 {
		t.Skip(d.Info().Detail)
	}
	defer m.use(m.n)
	w := newTwin(t, d)
	alone := func(what string, dst device.Buffer, f func()) {
		t.Helper()
		var got [2][]float32
		for i, threads := range []int{1, n} {
			m.use(threads)
			for range 20 { // helpers join late, or not at all, or take all that is left
				f()
			}
			got[i] = make([]float32, dst.Len())
			d.Download(got[i], dst)
		}
		for i, v := range got[0] {
			if math.Float32bits(v) != math.Float32bits(got[1][i]) {
				t.Fatalf("%s: element %d is %g on one thread and %g on %d", what, i, v, got[1][i], n)
			}
		}
	}
	for _, dt := range []tensor.DType{tensor.F32, tensor.Q4_1, tensor.Q8_0, tensor.Q4_K} {
		weight := load(t, d, dt, 1531, 768)
		for _, T := range []int{1, 3, 29, 64} {
			x, y := w.random(T*768), w.empty(T*1531)
			alone(fmt.Sprint("product of ", dt, " with ", T, " rows"), y.d, func() { d.MatMul(y.d, x.d, T, weight, nil, device.Exact) })
		}
	}
	for _, T := range []int{1, 40} {
		a := device.Attn{T: T, S: 150, Pos: 150 - T, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125}
		q, k, v, z := w.random(queries(a)), w.random(keys(a)), w.random(keys(a)), w.empty(queries(a))
		alone(fmt.Sprint("attention of ", T, " queries"), z.d, func() { d.Attention(z.d, q.d, k.d, v.d, a) })
	}
	x, y := w.random(99_999), w.empty(99_999)
	alone("activation", y.d, func() { d.Act(y.d, x.d, device.SiLU) })
}

// TestMemoryGrowsUnderThreads grows the shared memory while helpers have seen it smaller.
func TestMemoryGrowsUnderThreads(t *testing.T) {
	d := open(t)
	const rows, cols, T = 4096, 1024, 64
	for range 6 { // 16 MiB each
		w := newTwin(t, d)
		weight := load(t, d, tensor.F32, rows, cols)
		x, y := w.random(T*cols), w.empty(T*rows)
		d.MatMul(y.d, x.d, T, weight, nil, device.Exact)
		sum := make([]float32, T*rows)
		d.Download(sum, y.d)
		zeros := 0
		for _, v := range sum {
			if v == 0 {
				zeros++
			}
		}
		if zeros > 0 {
			t.Fatalf("%d of %d products were not computed", zeros, len(sum))
		}
	}
}

// TestBest takes more threads only for what they gain.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		speed []float64
		want  int
	}{{[]float64{1}, 1}, {[]float64{1, 1.05}, 1}, {[]float64{1, 1.8}, 2}, {[]float64{1, 1.8, 1.9, 1.7}, 2}, {[]float64{1, 0.9, 2.5, 2.6}, 4}, {[]float64{1, 1.9, 3.6, 5}, 8}} {
		if n, note := best(c.speed); n != c.want {
			t.Errorf("speeds %v: %d threads (%s)", c.speed, n, note)
		}
	}
}
