// Package ref is the oracle: every device operation as plain loops with float64 sums. It is
// slow and obviously right; the other devices are tested against it.
package ref

import (
	"math"
	"runtime"
	"sync"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

type buffer []float32

func (b buffer) Len() int                       { return len(b) }
func (b buffer) Slice(off, n int) device.Buffer { return b[off : off+n : off+n] }

type weight struct {
	dt         tensor.DType
	rows, cols int
	rowBytes   int
	data       []byte
}

func (w *weight) Rows() int           { return w.rows }
func (w *weight) Cols() int           { return w.cols }
func (w *weight) DType() tensor.DType { return w.dt }

func (w *weight) decode(dst []float32, row int) {
	tensor.Decode(w.dt, dst, w.data[row*w.rowBytes:(row+1)*w.rowBytes])
}

// Device implements device.Device in plain Go.
type Device struct{ used int64 }

// New makes a reference device.
func New() *Device { return &Device{} }

// Info implements device.Device.
func (d *Device) Info() device.Info {
	return device.Info{Name: "ref", Detail: "plain Go", Threads: runtime.GOMAXPROCS(0), FLOPS: 1e9 * float64(runtime.GOMAXPROCS(0))}
}

// Alloc implements device.Device.
func (d *Device) Alloc(n int) (device.Buffer, error) {
	if n < 0 || n > 1<<31 {
		return nil, errs.E("ref.Alloc", errs.NoSpace, "%d floats cannot be allocated", n)
	}
	d.used += 4 * int64(n)
	return make(buffer, n), nil
}

// Free implements device.Device.
func (d *Device) Free(b device.Buffer) { d.used -= 4 * int64(b.Len()) }

// Used implements device.Device.
func (d *Device) Used() int64 { return d.used }

// Load implements device.Device.
func (d *Device) Load(dt tensor.DType, rows, cols int, src device.RowReader) (device.Weight, error) {
	rb, err := dt.RowBytes(cols)
	if err != nil {
		return nil, err
	}
	w := &weight{dt, rows, cols, rb, make([]byte, rows*rb)}
	if err := src.ReadRows(w.data, 0, rows); err != nil {
		return nil, err
	}
	d.used += int64(len(w.data))
	return w, nil
}

// Unload implements device.Device.
func (d *Device) Unload(w device.Weight) { d.used -= int64(len(w.(*weight).data)) }

// Upload implements device.Device.
func (d *Device) Upload(dst device.Buffer, src []float32) { copy(f(dst, len(src)), src) }

// Download implements device.Device.
func (d *Device) Download(dst []float32, src device.Buffer) error {
	copy(dst, f(src, len(dst)))
	return nil
}

// Copy implements device.Device.
func (d *Device) Copy(dst, src device.Buffer) { copy(f(dst, src.Len()), src.(buffer)) }

// Gather implements device.Device.
func (d *Device) Gather(dst device.Buffer, w device.Weight, ids []int32) {
	m := w.(*weight)
	out := f(dst, len(ids)*m.cols)
	for t, id := range ids {
		m.decode(out[t*m.cols:(t+1)*m.cols], int(id))
	}
}

// MatMul implements device.Device. Every mode is computed exactly.
func (d *Device) MatMul(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, _ device.Mode) {
	d.matmul(dst, x, T, w.(*weight), bias)
}

func (d *Device) matmul(dst, x device.Buffer, T int, m *weight, bias device.Buffer) {
	out, in := f(dst, T*m.rows), f(x, T*m.cols)
	parallel(m.rows, func(lo, hi int) {
		row := make([]float32, m.cols)
		for r := lo; r < hi; r++ {
			m.decode(row, r)
			for t := range T {
				sum := dot(row, in[t*m.cols:(t+1)*m.cols])
				if bias != nil {
					sum += float64(bias.(buffer)[r])
				}
				out[t*m.rows+r] = float32(sum)
			}
		}
	})
}

// Normalize implements device.Device.
func (d *Device) Normalize(dst, scale, x device.Buffer, T, n int, eps float32, center bool) {
	out, in := f(dst, T*n), f(x, T*n)
	for t := range T {
		row := in[t*n : (t+1)*n]
		mean := 0.0
		if center {
			for _, v := range row {
				mean += float64(v) / float64(n)
			}
		}
		sq := 0.0
		for _, v := range row {
			sq += (float64(v) - mean) * (float64(v) - mean)
		}
		s := math.Sqrt(sq/float64(n) + float64(eps))
		for i, v := range row {
			out[t*n+i] = float32((float64(v) - mean) / s)
		}
		if scale != nil {
			scale.(buffer)[t] = float32(s)
		}
	}
}

// Affine implements device.Device.
func (d *Device) Affine(dst, x, w, bias device.Buffer, T, n int) {
	out, in, wt := f(dst, T*n), f(x, T*n), f(w, n)
	for i := range T * n {
		v := in[i] * wt[i%n]
		if bias != nil {
			v += bias.(buffer)[i%n]
		}
		out[i] = v
	}
}

// Rope implements device.Device.
func (d *Device) Rope(dst, x device.Buffer, heads, e, rot int, pos []int32, table device.Buffer) {
	out, in, tab, half := f(dst, len(pos)*heads*e), f(x, len(pos)*heads*e), table.(buffer), rot/2
	for t, p := range pos {
		cs := tab[int(p)*rot : (int(p)+1)*rot]
		for h := range heads {
			o := (t*heads + h) * e
			a, b := in[o:o+e], out[o:o+e]
			for i := range half {
				c, s := cs[i], cs[half+i]
				u, v := a[i], a[half+i]
				b[i], b[half+i] = u*c-v*s, v*c+u*s
			}
			copy(b[rot:], a[rot:])
		}
	}
}

// Scores implements device.Device.
func (d *Device) Scores(dst, q, k device.Buffer, a device.Attn) {
	out, qs, ks := f(dst, a.Heads*a.T*a.S), f(q, a.T*a.Heads*a.HeadDim), f(k, a.S*a.KVHeads*a.HeadDim)
	e, group := a.HeadDim, a.Heads/a.KVHeads
	for h := range a.Heads {
		for t := range a.T {
			row := out[(h*a.T+t)*a.S : (h*a.T+t+1)*a.S]
			p := a.Pos + t
			for j := range row {
				if j > p || (a.Window > 0 && j <= p-a.Window) {
					row[j] = float32(math.Inf(-1))
					continue
				}
				qo, ko := (t*a.Heads+h)*e, (j*a.KVHeads+h/group)*e
				s := dot(qs[qo:qo+e], ks[ko:ko+e]) * float64(a.Scale)
				if a.SoftCap > 0 {
					s = float64(a.SoftCap) * math.Tanh(s/float64(a.SoftCap))
				}
				row[j] = float32(s)
			}
		}
	}
}

// Softmax implements device.Device.
func (d *Device) Softmax(dst, x device.Buffer, rows, n int) {
	out, in := f(dst, rows*n), f(x, rows*n)
	for r := range rows {
		softmax(out[r*n:(r+1)*n], in[r*n:(r+1)*n])
	}
}

func softmax(out, in []float32) {
	m := math.Inf(-1)
	for _, v := range in {
		m = max(m, float64(v))
	}
	if math.IsInf(m, -1) {
		clear(out)
		return
	}
	sum := 0.0
	for _, v := range in {
		sum += math.Exp(float64(v) - m)
	}
	for i, v := range in {
		out[i] = float32(math.Exp(float64(v)-m) / sum)
	}
}

// Mix implements device.Device.
func (d *Device) Mix(dst, pattern, v device.Buffer, a device.Attn) {
	out, ps, vs := f(dst, a.T*a.Heads*a.HeadDim), f(pattern, a.Heads*a.T*a.S), f(v, a.S*a.KVHeads*a.HeadDim)
	e, group := a.HeadDim, a.Heads/a.KVHeads
	sum := make([]float64, e)
	for t := range a.T {
		for h := range a.Heads {
			clear(sum)
			for j, p := range ps[(h*a.T+t)*a.S : (h*a.T+t+1)*a.S] {
				for i, x := range vs[(j*a.KVHeads+h/group)*e:][:e] {
					sum[i] += float64(p) * float64(x)
				}
			}
			for i, s := range sum {
				out[(t*a.Heads+h)*e+i] = float32(s)
			}
		}
	}
}

// Act implements device.Device.
func (d *Device) Act(dst, x device.Buffer, fn device.Act) {
	out, in := f(dst, x.Len()), x.(buffer)
	for i, v := range in {
		out[i] = float32(act(fn, float64(v)))
	}
}

func act(fn device.Act, x float64) float64 {
	switch fn {
	case device.SiLU:
		return x / (1 + math.Exp(-x))
	case device.GELUTanh:
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case device.GELU:
		return 0.5 * x * (1 + math.Erf(x/math.Sqrt2))
	}
	return max(x, 0)
}

// Add implements device.Device.
func (d *Device) Add(dst, a, b device.Buffer) {
	out, x, y := f(dst, a.Len()), a.(buffer), f(b, a.Len())
	for i := range out {
		out[i] = x[i] + y[i]
	}
}

// Mul implements device.Device.
func (d *Device) Mul(dst, a, b device.Buffer) {
	out, x, y := f(dst, a.Len()), a.(buffer), f(b, a.Len())
	for i := range out {
		out[i] = x[i] * y[i]
	}
}

// Scale implements device.Device.
func (d *Device) Scale(dst, x device.Buffer, s float32) {
	out, in := f(dst, x.Len()), x.(buffer)
	for i, v := range in {
		out[i] = v * s
	}
}

// SoftCap implements device.Device.
func (d *Device) SoftCap(dst, x device.Buffer, limit float32) {
	out, in := f(dst, x.Len()), x.(buffer)
	for i, v := range in {
		out[i] = limit * float32(math.Tanh(float64(v/limit)))
	}
}

// f is the buffer's first n elements; a shorter buffer is a defect of the caller.
func f(b device.Buffer, n int) []float32 { return b.(buffer)[:n] }

func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// parallel splits 0..n-1 among the cores.
func parallel(n int, do func(lo, hi int)) {
	parts := min(runtime.GOMAXPROCS(0), n)
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() { do(n*p/parts, n*(p+1)/parts) })
	}
	wg.Wait()
}
