package ref

import (
	"sync"

	"patchbay/shared/device"
)

var _ device.Backer = (*Device)(nil)

// MatMulT implements device.Backer.
func (d *Device) MatMulT(dst, y device.Buffer, T int, w device.Weight) {
	m := w.(*weight)
	out, in, total := f(dst, T*m.cols), f(y, T*m.rows), make([]float64, T*m.cols)
	var mu sync.Mutex
	parallel(m.rows, func(lo, hi int) {
		row, sum := make([]float32, m.cols), make([]float64, T*m.cols)
		for r := lo; r < hi; r++ {
			m.decode(row, r)
			device.AddRow(sum, in[r:], row, T, m.rows)
		}
		mu.Lock()
		defer mu.Unlock()
		for i, v := range sum {
			total[i] += v
		}
	})
	for i, v := range total {
		out[i] = float32(v)
	}
}

// NormBack implements device.Backer.
func (d *Device) NormBack(dst, dy, x device.Buffer, T, n int, eps float32, center bool) {
	out, g, in := f(dst, T*n), f(dy, T*n), f(x, T*n)
	for t := 0; t < T*n; t += n {
		device.NormBackRow(out[t:t+n], g[t:t+n], in[t:t+n], eps, center)
	}
}

// SoftmaxBack implements device.Backer.
func (d *Device) SoftmaxBack(dst, dy, p device.Buffer, rows, n int) {
	out, g, in := f(dst, rows*n), f(dy, rows*n), f(p, rows*n)
	for r := 0; r < rows*n; r += n {
		device.SoftmaxBackRow(out[r:r+n], g[r:r+n], in[r:r+n])
	}
}

// SoftCapBack implements device.Backer.
func (d *Device) SoftCapBack(dst, dy, y device.Buffer, limit float32) {
	out, g, in := f(dst, y.Len()), f(dy, y.Len()), y.(buffer)
	for i, v := range in {
		out[i] = device.SoftCapBackOne(g[i], v, limit)
	}
}

// ActBack implements device.Backer.
func (d *Device) ActBack(dst, dy, x device.Buffer, fn device.Act) {
	out, g, in := f(dst, x.Len()), f(dy, x.Len()), x.(buffer)
	for i, v := range in {
		out[i] = float32(float64(g[i]) * device.ActSlope(fn, float64(v)))
	}
}

// MixBack implements device.Backer.
func (d *Device) MixBack(dst, pattern, x device.Buffer, a device.Attn) {
	out, ps, xs := f(dst, a.S*a.KVHeads*a.HeadDim), f(pattern, a.Heads*a.T*a.S), f(x, a.T*a.Heads*a.HeadDim)
	parallel(a.KVHeads, func(lo, hi int) { device.MixBackRows(out, ps, xs, a, lo, hi) })
}
