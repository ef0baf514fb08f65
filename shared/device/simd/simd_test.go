package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
)

// open gives a device on the clone that PATCHBAY_SIMD names, or the best.
func open(t testing.TB) *Device {
	t.Helper()
	d, err := New()
	if errs.KindOf(err) == errs.Unsupported {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// twin holds equal contents on the device under test and on the oracle.
type twin struct {
	t   testing.TB
	d   *Device
	o   *ref.Device
	rng *rand.Rand
}

type both struct{ d, o device.Buffer }

func newTwin(t testing.TB, d *Device) *twin {
	return &twin{t, d, ref.New(), rand.New(rand.NewPCG(7, 8))}
}

func (w *twin) empty(n int) both {
	a, err := w.d.Alloc(n)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.d.Free(a) })
	b, _ := w.o.Alloc(n)
	return both{a, b}
}

func (w *twin) put(v []float32) both {
	p := w.empty(len(v))
	w.d.Upload(p.d, v)
	w.o.Upload(p.o, v)
	return p
}

func (w *twin) random(n int) both {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(w.rng.NormFloat64() * math.Exp(w.rng.NormFloat64()))
	}
	return w.put(v)
}

// check fails unless both hold the same within tol by the row measure.
func (w *twin) check(what string, p both, n int, tol float64) {
	w.t.Helper()
	got, want := make([]float32, p.o.Len()), make([]float32, p.o.Len())
	w.d.Download(got, p.d)
	w.o.Download(want, p.o)
	if e := device.RowError(got, want, n); !(e <= tol) {
		w.t.Errorf("%s: row error %.3g, at most %.0e is right", what, e, tol)
	}
}

func TestSelfTest(t *testing.T) {
	d := open(t)
	start := time.Now()
	worst, err := device.SelfTest(d, ref.New())
	t.Logf("%s: largest error %.3g in %v, %.1f GFLOP/s", d.Info().Detail, worst, time.Since(start), d.Info().FLOPS/1e9)
	if err != nil {
		t.Error(err)
	}
	if d.Used() != 0 {
		t.Errorf("the self-test left %d bytes", d.Used())
	}
}

func TestCloseEndsHelpers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		d, err := New()
		if err != nil {
			t.Skip(err)
		}
		d.Close()
	}
	for end := time.Now().Add(time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the last has ended its work, but may not be gone yet
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines where %d were before", now, before)
	}
}

func TestMatMulAgreesWithOracle(t *testing.T) {
	d := open(t)
	for _, dt := range device.WeightTypes {
		for _, shape := range [][2]int{{1, 256}, {37, 256}, {100, 1280}, {32, 512}, {131, 768}} {
			for _, T := range []int{1, 2, 3, 7, 17, 65} {
				matMulCase(t, d, dt.String(), shape[0], shape[1], T)
			}
		}
		for _, cols := range []int{32, 96, 608} {
			if _, err := dt.RowBytes(cols); err == nil {
				matMulCase(t, d, dt.String(), 45, cols, 3)
				matMulCase(t, d, dt.String(), 45, cols, 19)
			}
		}
	}
	matMulCase(t, d, "F32", 33, 7, 1)
	matMulCase(t, d, "F16", 33, 201, 30)
	matMulCase(t, d, "BF16", 33, 33, 300)
}

func matMulCase(t *testing.T, d *Device, name string, rows, cols, T int) {
	t.Helper()
	dt := device.WeightTypes[0]
	for _, c := range device.WeightTypes {
		if c.String() == name {
			dt = c
		}
	}
	w := newTwin(t, d)
	a, err := d.Load(dt, rows, cols, device.Sample(dt, rows, cols, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Unload(a)
	b, _ := w.o.Load(dt, rows, cols, device.Sample(dt, rows, cols, 5))
	x, y, bias := w.random(T*cols), w.empty(T*rows), w.random(rows)
	what := fmt.Sprintf("%s %d x %d, T %d", name, rows, cols, T)
	for mode, tol := range map[device.Mode]float64{device.Exact: 1e-5, device.Fast: 5e-4} {
		d.MatMul(y.d, x.d, T, a, bias.d, mode)
		w.o.MatMul(y.o, x.o, T, b, bias.o, mode)
		w.check(what+" "+mode.String(), y, rows, tol)
	}
	d.MatMul(y.d, x.d, T, a, nil, device.Exact)
	w.o.MatMul(y.o, x.o, T, b, nil, device.Exact)
	d.MatMulAdd(y.d, x.d, T, a, nil, device.Exact)
	w.o.Add(y.o, y.o, y.o)
	w.check(what+" added", y, rows, 1e-5)
	ids := []int32{0, int32(rows - 1), int32(rows / 2)}
	g := w.empty(3 * cols)
	d.Gather(g.d, a, ids)
	w.o.Gather(g.o, b, ids)
	w.check(what+" gathered", g, cols, 1e-6)
}

func TestPreparedActivationsAreForgotten(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	const n = 64
	src := device.Sample(device.WeightTypes[3], n, n, 1)
	a, _ := d.Load(device.WeightTypes[3], n, n, src)
	b, _ := w.o.Load(device.WeightTypes[3], n, n, src)
	defer d.Unload(a)
	for _, T := range []int{1, 9} {
		x, y := w.random(T*n), w.empty(T*n)
		for range 2 {
			d.MatMul(y.d, x.d, T, a, nil, device.Exact)
			w.o.MatMul(y.o, x.o, T, b, nil, device.Exact)
			w.check("first", y, n, 1e-5)
			part := both{x.d.Slice(n/2, n/2), x.o.Slice(n/2, n/2)}
			d.Scale(part.d, part.d, 3)
			w.o.Scale(part.o, part.o, 3)
		}
		d.MatMul(x.d, x.d, T, a, nil, device.Exact) // in place: prepared first, then written
		w.o.MatMul(y.o, x.o, T, b, nil, device.Exact)
		w.o.Copy(x.o, y.o)
		w.check("in place", x, n, 1e-5)
		d.MatMul(y.d, x.d, T, a, nil, device.Exact)
		w.o.MatMul(y.o, x.o, T, b, nil, device.Exact)
		w.check("after it", y, n, 1e-5)
	}
}

func TestFunctions(t *testing.T) {
	d := open(t)
	x := []float32{0, 1e-20, -1e-20, 1e-4, -1e-4, 88, -87, 0.624, 0.626, -0.999, 1.001, 5, -5, 20, -20}
	for i := range 4000 {
		x = append(x, float32(i-2000)/50, float32(i-2000)/5000)
	}
	in, out := newTwin(t, d).put(x), newTwin(t, d).empty(len(x))
	for f, want := range map[int32]func(float64) float64{actExp: math.Exp, actTanh: math.Tanh, actErf: math.Erf} {
		d.act(out.d, in.d, nil, len(x), f, 0)
		got := make([]float32, len(x))
		d.Download(got, out.d)
		for i, v := range x {
			if e := want(float64(v)); math.Abs(float64(got[i])-e) > 1e-6*math.Abs(e) {
				t.Errorf("function %d of %g is %g, want %g", f, v, got[i], e)
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	d := open(t)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := newTwin(t, d).put([]float32{-inf, nan, inf, -inf, 1, -inf, -inf, -inf, -inf})
	d.Softmax(x.d, x.d, 3, 3)
	got := make([]float32, 9)
	d.Download(got, x.d)
	for i, want := range []float32{nan, nan, nan, 0, 1, 0, 0, 0, 0} {
		if got[i] != want && want == want {
			t.Errorf("softmax[%d] is %g, want %g", i, got[i], want)
		}
	}
	if got[1] == got[1] {
		t.Error("softmax hides a NaN")
	}
	w, err := d.Load(device.WeightTypes[3], 32, 32, device.Sample(device.WeightTypes[3], 32, 32, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Unload(w)
	for _, bad := range []float32{nan, inf, -inf} {
		v := make([]float32, 32)
		v[3] = bad
		in, y := newTwin(t, d).put(v), newTwin(t, d).empty(32)
		d.MatMul(y.d, in.d, 1, w, nil, device.Exact)
		d.Download(v, y.d)
		if v[0] == v[0] && !math.IsInf(float64(v[0]), 0) {
			t.Errorf("a product with %g gives %g", bad, v[0])
		}
	}
}

func TestRowsAndElements(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	for _, n := range []int{1, 3, 16, 31, 64, 576, 1001} {
		const T = 5
		x, y, s, g, b := w.random(T*n), w.empty(T*n), w.empty(T), w.random(n), w.random(n)
		for _, center := range []bool{false, true} {
			d.Normalize(y.d, s.d, x.d, T, n, 1e-6, center)
			w.o.Normalize(y.o, s.o, x.o, T, n, 1e-6, center)
			w.check("normalize", y, n, 1e-5)
			w.check("scale", s, 1, 1e-5)
			d.Norm(y.d, x.d, g.d, b.d, T, n, 1e-6, center)
			w.o.Affine(y.o, y.o, g.o, b.o, T, n)
			w.check("norm", y, n, 1e-5)
		}
		d.Affine(x.d, x.d, g.d, nil, T, n)
		w.o.Affine(x.o, x.o, g.o, nil, T, n)
		w.check("affine in place", x, n, 1e-6)
		for _, f := range []device.Act{device.SiLU, device.GELUTanh, device.GELU, device.ReLU} {
			d.Act(y.d, x.d, f)
			w.o.Act(y.o, x.o, f)
			w.check("act", y, n, 1e-6)
			u := w.random(T * n)
			d.Gate(y.d, y.d, u.d, f)
			w.o.Act(y.o, y.o, f)
			w.o.Mul(y.o, y.o, u.o)
			w.check("gate in place", y, n, 2e-6)
		}
		d.SoftCap(x.d, x.d, 3)
		w.o.SoftCap(x.o, x.o, 3)
		w.check("soft cap in place", x, n, 1e-6)
	}
	x := w.random(3*chunk + 77)
	y := w.empty(x.d.Len())
	d.Copy(y.d, x.d)
	w.o.Copy(y.o, x.o)
	d.Add(y.d, y.d, x.d)
	w.o.Add(y.o, y.o, x.o)
	d.Mul(x.d, y.d, x.d)
	w.o.Mul(x.o, y.o, x.o)
	d.Scale(x.d, x.d, -0.3)
	w.o.Scale(x.o, x.o, -0.3)
	w.check("elements", x, x.d.Len(), 1e-6)
}

func TestRope(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	for _, c := range []struct{ heads, e, rot int }{{3, 64, 64}, {2, 80, 20}, {1, 6, 6}, {2, 256, 256}} {
		pos := []int32{4, 0, 9, 9}
		x, y, tab := w.random(len(pos)*c.heads*c.e), w.empty(len(pos)*c.heads*c.e), w.random(10*c.rot)
		d.Rope(y.d, x.d, c.heads, c.e, c.rot, pos, tab.d)
		w.o.Rope(y.o, x.o, c.heads, c.e, c.rot, pos, tab.o)
		w.check("rope", y, c.e, 1e-6)
		d.Rope(x.d, x.d, c.heads, c.e, c.rot, pos, tab.d)
		w.o.Copy(x.o, y.o)
		w.check("rope in place", x, c.e, 1e-6)
	}
}

func TestAttentionAgreesWithOracle(t *testing.T) {
	d := open(t)
	for _, a := range []device.Attn{
		{T: 1, S: 1, Heads: 1, KVHeads: 1, HeadDim: 8, Scale: 1},
		{T: 1, S: 200, Pos: 199, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125},
		{T: 65, S: 65, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125},
		{T: 17, S: 150, Pos: 133, Heads: 4, KVHeads: 1, HeadDim: 256, Scale: 0.0625, Window: 40},
		{T: 33, S: 40, Pos: 7, Heads: 2, KVHeads: 2, HeadDim: 36, Scale: 0.2, SoftCap: 2},
		{T: 7, S: 300, Pos: 290, Heads: 14, KVHeads: 2, HeadDim: 64, Scale: 0.125, Window: 1},
		{T: 130, S: 130, Heads: 2, KVHeads: 1, HeadDim: 20, Scale: 0.3, Window: 70},
		{T: 4, S: 9, Pos: 0, Heads: 3, KVHeads: 3, HeadDim: 5, Scale: 0.4},
	} {
		w := newTwin(t, d)
		q, k, v := w.random(queries(a)), w.random(keys(a)), w.random(keys(a))
		p, z := w.empty(pairs(a)), w.empty(queries(a))
		what := fmt.Sprintf("%+v", a)
		d.Scores(p.d, q.d, k.d, a)
		w.o.Scores(p.o, q.o, k.o, a)
		w.check("scores "+what, p, a.S, 1e-5)
		d.Softmax(p.d, p.d, a.Heads*a.T, a.S)
		w.o.Softmax(p.o, p.o, a.Heads*a.T, a.S)
		w.check("softmax "+what, p, a.S, 1e-5)
		d.Mix(z.d, p.d, v.d, a)
		w.o.Mix(z.o, p.o, v.o, a)
		w.check("mix "+what, z, a.HeadDim, 1e-5)
		d.Attention(z.d, q.d, k.d, v.d, a)
		w.check("attention "+what, z, a.HeadDim, 1e-5)
	}
}

func TestRank(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	for _, n := range []int{1, 5, 33, 1000, 50257} {
		const rows = 3
		x, f := w.random(rows*n), w.random(n)
		x.d.Slice(0, n)
		d.Scale(x.d, x.d, 3)
		w.o.Scale(x.o, x.o, 3)
		h, final := make([]float32, rows*n), make([]float32, n)
		d.Download(h, x.d)
		d.Download(final, f.d)
		for i := range h { // ties
			h[i] = float32(math.Round(float64(h[i])*4) / 4)
		}
		d.Upload(x.d, h)
		for _, req := range []device.RankRequest{{K: 5, Tokens: []int32{0, int32(n / 2), int32(n - 1)}, Final: f.d}, {K: 1}, {Tokens: []int32{0}}} {
			got := make([]device.Ranking, rows)
			if err := d.Rank(got, x.d, rows, n, req); err != nil {
				t.Fatal(err)
			}
			for r, g := range got {
				var fin []float32
				if req.Final != nil {
					fin = final
				}
				want := device.RankRow(h[r*n:(r+1)*n], req, fin)
				if e := device.RankError(g, want); !(e <= 1e-5) {
					t.Errorf("n %d row %d: error %g\n got %+v\nwant %+v", n, r, e, g, want)
				}
			}
		}
	}
}

func TestDefectsPanic(t *testing.T) {
	d := open(t)
	w := newTwin(t, d)
	a, b := w.empty(8), w.empty(4)
	for what, f := range map[string]func(){
		"short destination": func() { d.Copy(b.d, a.d) },
		"long slice":        func() { a.d.Slice(4, 5) },
		"unequal":           func() { d.Add(a.d, a.d, b.d) },
		"position":          func() { d.Rope(a.d, a.d, 1, 8, 4, []int32{2}, a.d) },
		"freed slice":       func() { d.Free(a.d.Slice(0, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}

func TestDamagedScale(t *testing.T) {
	d := open(t)
	_, err := d.Load(device.WeightTypes[3], 64, 32, damaged{device.Sample(device.WeightTypes[3], 64, 32, 1)})
	if errs.KindOf(err) != errs.Invalid {
		t.Errorf("a scale of NaN loads: %v", err)
	}
	if d.Used() != 0 {
		t.Errorf("%d bytes in use after the error", d.Used())
	}
}

// damaged makes the scale of every first block NaN.
type damaged struct{ device.RowReader }

func (r damaged) ReadRows(dst []byte, row, n int) error {
	err := r.RowReader.ReadRows(dst, row, n)
	dst[0], dst[1] = 0xff, 0x7f
	return err
}

func TestArena(t *testing.T) {
	end := int64(4096)
	a := newArena(100, end, 1<<20, func(n int64) int64 { end += (n + 4095) / 4096 * 4096; return end })
	var at []int64
	for i := range 40 {
		p, ok := a.take(int64(i*300 + 1))
		if !ok || p%alignment != 0 {
			t.Fatal(i, p, ok)
		}
		at = append(at, p)
	}
	for i := range at {
		a.give(at[(i*7)%len(at)])
	}
	if len(a.free) != 1 || a.left() != 1<<20-128 {
		t.Errorf("free spans %v, left %d", a.free, a.left())
	}
	if _, ok := a.take(1 << 21); ok {
		t.Error("more than the limit was given")
	}
}
