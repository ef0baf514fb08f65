package simd

import (
	"fmt"
	"testing"

	"patchbay/shared/device"
)

func TestMatMulTAgreesWithOracle(t *testing.T) {
	d := open(t)
	for _, dt := range device.WeightTypes {
		for _, shape := range [][2]int{{1, 256}, {37, 256}, {200, 1280}, {385, 512}} {
			for _, T := range []int{1, 2, 7, 33} {
				w := newTwin(t, d)
				rows, cols := shape[0], shape[1]
				a, err := d.Load(dt, rows, cols, device.Sample(dt, rows, cols, 5))
				if err != nil {
					t.Fatal(err)
				}
				b, _ := w.o.Load(dt, rows, cols, device.Sample(dt, rows, cols, 5))
				y, x := w.random(T*rows), w.empty(T*cols)
				d.MatMulT(x.d, y.d, T, a)
				w.o.MatMulT(x.o, y.o, T, b)
				w.check(fmt.Sprintf("%s %d x %d, T %d", dt, rows, cols, T), x, cols, 2e-5)
				d.Unload(a)
			}
		}
	}
}

// Floats have any number of columns, and a vocabulary does not fit the scratch at once.
func TestMatMulTOddShapes(t *testing.T) {
	d := open(t)
	for _, s := range [][3]int{{33, 7, 3}, {201, 45, 30}, {70000, 32, 9}} {
		w, dt := newTwin(t, d), device.WeightTypes[0]
		a, err := d.Load(dt, s[0], s[1], device.Sample(dt, s[0], s[1], 5))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := w.o.Load(dt, s[0], s[1], device.Sample(dt, s[0], s[1], 5))
		y, x := w.random(s[2]*s[0]), w.empty(s[2]*s[1])
		d.MatMulT(x.d, y.d, s[2], a)
		w.o.MatMulT(x.o, y.o, s[2], b)
		w.check(fmt.Sprint(s), x, s[1], 2e-5)
		d.Unload(a)
	}
}

func TestBackAgreesWithOracle(t *testing.T) {
	d := open(t)
	for _, n := range []int{1, 5, 16, 64, 333, 576} {
		w := newTwin(t, d)
		const rows = 7
		dy, x, out := w.random(rows*n), w.random(rows*n), w.empty(rows*n)
		for _, center := range []bool{false, true} {
			d.NormBack(out.d, dy.d, x.d, rows, n, 1e-5, center)
			w.o.NormBack(out.o, dy.o, x.o, rows, n, 1e-5, center)
			if n > 1 { // one centred number is all cancellation
				w.check(fmt.Sprintf("norm of %d, center %v", n, center), out, n, 1e-5)
			}
		}
		for f := device.SiLU; f <= device.ReLU; f++ {
			d.ActBack(out.d, dy.d, x.d, f)
			w.o.ActBack(out.o, dy.o, x.o, f)
			w.check(fmt.Sprintf("activation %d", f), out, n, 1e-5)
		}
		d.SoftCapBack(out.d, dy.d, x.d, 3)
		w.o.SoftCapBack(out.o, dy.o, x.o, 3)
		w.check("soft cap", out, n, 1e-5)
		p := w.empty(rows * n)
		d.Softmax(p.d, x.d, rows, n)
		w.o.Softmax(p.o, x.o, rows, n)
		d.SoftmaxBack(out.d, dy.d, p.d, rows, n)
		w.o.SoftmaxBack(out.o, dy.o, p.o, rows, n)
		w.check("softmax", out, n, 1e-5)
	}
}

// Memory that is given back and taken again holds zeros for a product too, whatever it held when
// it was last multiplied.
func TestMatMulTOfFreshMemory(t *testing.T) {
	d := open(t)
	dt := device.WeightTypes[0]
	w, err := d.Load(dt, 64, 32, device.Sample(dt, 64, 32, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Unload(w)
	x, _ := d.Alloc(32)
	defer d.Free(x)
	got := make([]float32, 32)
	for i := range 3 {
		y, err := d.Alloc(64)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			d.Upload(y, []float32{1, 2, 3})
		}
		d.MatMulT(x, y, 1, w)
		d.Free(y)
	}
	d.Download(got, x)
	for _, v := range got {
		if v != 0 {
			t.Fatalf("zeros times a matrix gave %g", v)
		}
	}
}

// Masked scores have no gradient, whatever lies there.
func TestBackOfMasked(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	a := device.Attn{T: 5, S: 9, Pos: 4, Heads: 6, KVHeads: 2, HeadDim: 20, Scale: 0.3, SoftCap: 2, Window: 4}
	q, k, v, s, p := w.random(queries(a)), w.random(keys(a)), w.random(keys(a)), w.empty(pairs(a)), w.empty(pairs(a))
	for _, dev := range []struct {
		device.Device
		device.Backer
		of func(both) device.Buffer
	}{{d, d, func(b both) device.Buffer { return b.d }}, {w.o, w.o, func(b both) device.Buffer { return b.o }}} {
		dev.Scores(dev.of(s), dev.of(q), dev.of(k), a)
		dev.Softmax(dev.of(p), dev.of(s), a.Heads*a.T, a.S)
		dev.MixBack(dev.of(v), dev.of(p), dev.of(q), a)
		dev.SoftCapBack(dev.of(s), dev.of(p), dev.of(s), a.SoftCap)
		dev.SoftmaxBack(dev.of(s), dev.of(s), dev.of(p), a.Heads*a.T, a.S)
	}
	w.check("values", v, a.HeadDim, 1e-5)
	w.check("scores", s, a.S, 1e-5)
}

// BenchmarkMatMulT times the product with a matrix that is not transposed, and the other.
func BenchmarkMatMulT(b *testing.B) {
	dt := device.WeightTypes[4] // Q4_1
	for _, T := range []int{1, 5, 16, 64, 256} {
		for _, other := range []bool{false, true} {
			b.Run(fmt.Sprintf("T%d/other=%v", T, other), func(b *testing.B) {
				d := open(b)
				m, w := load(b, d, dt, benchRows, benchCols), newTwin(b, d)
				y, x := w.random(T*benchRows), w.random(T*benchCols)
				best := fastest(b, func() {
					d.prepped = prepared{}
					if other {
						d.MatMul(y.d, x.d, T, m, nil, device.Exact)
					} else {
						d.MatMulT(x.d, y.d, T, m)
					}
				})
				b.ReportMetric(2*float64(benchRows*benchCols*T)/best/1e9, "GFLOP/s")
			})
		}
	}
}
