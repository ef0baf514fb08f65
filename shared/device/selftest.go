package device

import (
	"fmt"
	"math"
	"math/rand/v2"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// WeightTypes are the stored types that every device can compute with.
var WeightTypes = []tensor.DType{
	tensor.F32, tensor.F16, tensor.BF16, tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q8_0, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K,
}

// SelfTestLimit is the row error above which SelfTest calls a device broken.
const SelfTestLimit = 1e-5

// RowError is the project's measure of two arrays of rows of n: the largest difference of a row
// divided by max(1, its largest value), the largest of all rows. Equal infinities differ by nothing;
// NaN on one side only is an infinite error.
func RowError(got, want []float32, n int) float64 {
	worst := 0.0
	for r := 0; r+n <= len(want); r += n {
		diff, size := 0.0, 1.0
		for i, w := range want[r : r+n] {
			g := got[r+i]
			switch {
			case g == w || (g != g && w != w):
			case g != g || w != w || math.IsInf(float64(w), 0) || math.IsInf(float64(g), 0):
				return math.Inf(1)
			default:
				diff = max(diff, math.Abs(float64(g)-float64(w)))
			}
			if a := math.Abs(float64(w)); !math.IsInf(a, 0) {
				size = max(size, a)
			}
		}
		worst = max(worst, diff/size)
	}
	return worst
}

// SelfTest runs every primitive, every fused operation that dev has and every weight type on small
// seeded data on dev and on ref, and returns the largest row error (see RowError). A result of an
// experiment carries that number. An error says what is broken: the caller then takes ref.
func SelfTest(dev, ref Device) (maxRowError float64, err error) {
	t := &selfTest{dev: dev, ref: ref, rng: rand.New(rand.NewPCG(1, 2))}
	defer t.free()
	for _, f := range []func(){t.weights, t.rows, t.elements, t.attention, t.branches, t.ranks, t.backward} {
		if f(); t.err != nil {
			return t.worst, t.err
		}
	}
	return t.worst, nil
}

// selfTest keeps pairs of buffers, one on each device, with equal contents.
type selfTest struct {
	dev, ref Device
	rng      *rand.Rand
	pairs    []pair
	worst    float64
	err      error
}

type pair struct{ dev, ref Buffer }

func (t *selfTest) free() {
	for _, p := range t.pairs {
		t.dev.Free(p.dev)
		t.ref.Free(p.ref)
	}
}

// empty allocates on both devices. After an error it gives pairs that nothing must use: run stops first.
func (t *selfTest) empty(n int) pair {
	a, err := t.dev.Alloc(n)
	if err != nil {
		t.fail(err)
		return pair{}
	}
	b, err := t.ref.Alloc(n)
	if err != nil {
		t.dev.Free(a)
		t.fail(err)
		return pair{}
	}
	p := pair{a, b}
	t.pairs = append(t.pairs, p)
	return p
}

func (t *selfTest) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// random is a pair filled with normally distributed numbers, some of them large.
func (t *selfTest) random(n int) pair {
	p, v := t.empty(n), make([]float32, n)
	for i := range v {
		v[i] = float32(t.rng.NormFloat64() * math.Exp(t.rng.NormFloat64()))
	}
	t.upload(p, v)
	return p
}

func (t *selfTest) upload(p pair, v []float32) {
	if t.err == nil {
		t.dev.Upload(p.dev, v)
		t.ref.Upload(p.ref, v)
	}
}

// same runs an operation on both devices and compares what it wrote to p, in rows of n.
func (t *selfTest) same(what string, p pair, n int, run func(d Device, on func(pair) Buffer)) {
	if t.err != nil {
		return
	}
	run(t.dev, func(p pair) Buffer { return p.dev })
	run(t.ref, func(p pair) Buffer { return p.ref })
	got, want := make([]float32, p.ref.Len()), make([]float32, p.ref.Len())
	if err := t.dev.Download(got, p.dev); err != nil {
		t.fail(err)
		return
	}
	t.ref.Download(want, p.ref)
	t.note(what, RowError(got, want, n))
}

func (t *selfTest) note(what string, e float64) {
	t.worst = max(t.worst, e)
	if !(e <= SelfTestLimit) {
		t.fail(errs.E("device.SelfTest", errs.Unsupported, "device %s (%s) computes %s wrongly here: error %.3g, at most %.0e is right", t.dev.Info().Name, t.dev.Info().Detail, what, e, SelfTestLimit))
	}
}

// weights multiplies by every type, few rows and many, and gathers.
func (t *selfTest) weights() {
	const rows, cols, T = 70, 256, 5
	x, y, bias, g := t.random(T*cols), t.empty(T*rows), t.random(rows), t.empty(3*cols)
	for _, dt := range WeightTypes {
		if t.err != nil {
			return
		}
		t.withWeight(dt, rows, cols, func(w func(Device) Weight) {
			for _, n := range []int{1, 2, T} {
				t.same(fmt.Sprintf("%s x %d", dt, n), y, rows, func(d Device, on func(pair) Buffer) {
					d.MatMul(on(y), on(x), n, w(d), on(bias), Exact)
				})
			}
			t.matMulAdd(dt, y, x, bias, T, rows, w)
			t.same("gather "+dt.String(), g, cols, func(d Device, on func(pair) Buffer) {
				d.Gather(on(g), w(d), []int32{0, rows - 1, 17})
			})
		})
	}
}

func (t *selfTest) withWeight(dt tensor.DType, rows, cols int, use func(func(Device) Weight)) {
	a, err := t.dev.Load(dt, rows, cols, Sample(dt, rows, cols, 3))
	if err != nil {
		t.fail(err)
		return
	}
	defer t.dev.Unload(a)
	b, err := t.ref.Load(dt, rows, cols, Sample(dt, rows, cols, 3))
	if err != nil {
		t.fail(err)
		return
	}
	defer t.ref.Unload(b)
	use(func(d Device) Weight {
		if d == t.dev {
			return a
		}
		return b
	})
}

func (t *selfTest) matMulAdd(dt tensor.DType, y, x, bias pair, T, rows int, w func(Device) Weight) {
	if _, ok := t.dev.(Adder); !ok || t.err != nil {
		return
	}
	product := t.empty(T * rows)
	t.same("added "+dt.String(), y, rows, func(d Device, on func(pair) Buffer) {
		if a, ok := d.(Adder); ok {
			a.MatMulAdd(on(y), on(x), T, w(d), on(bias), Exact)
			return
		}
		d.MatMul(on(product), on(x), T, w(d), on(bias), Exact)
		d.Add(on(y), on(y), on(product))
	})
}

// rows covers what works row by row.
func (t *selfTest) rows() {
	const T, n, heads, e = 3, 84, 3, 28
	x, w, b, y, s := t.random(T*n), t.random(n), t.random(n), t.empty(T*n), t.empty(T)
	for _, center := range []bool{false, true} {
		norm := func(d Device, on func(pair) Buffer) { d.Normalize(on(y), on(s), on(x), T, n, 1e-5, center) }
		t.same("normalize", y, n, norm)
		t.same("the scale of normalize", s, 1, norm)
		t.same("norm", y, n, func(d Device, on func(pair) Buffer) {
			if f, ok := d.(Normer); ok {
				f.Norm(on(y), on(x), on(w), on(b), T, n, 1e-5, center)
				return
			}
			d.Normalize(on(y), nil, on(x), T, n, 1e-5, center)
			d.Affine(on(y), on(y), on(w), on(b), T, n)
		})
	}
	t.same("affine", y, n, func(d Device, on func(pair) Buffer) { d.Affine(on(y), on(x), on(w), nil, T, n) })
	angles := t.random(8 * 22)
	t.same("rope", y, n, func(d Device, on func(pair) Buffer) {
		d.Rope(on(y), on(x), heads, e, 22, []int32{7, 0, 3}, on(angles))
	})
	t.same("softmax", y, n, func(d Device, on func(pair) Buffer) { d.Softmax(on(y), on(x), T, n) })
}

// elements covers what works element by element.
func (t *selfTest) elements() {
	const n = 101
	x, z, y := t.random(n), t.random(n), t.empty(n)
	for _, f := range []Act{SiLU, GELUTanh, GELU, ReLU} {
		t.same(fmt.Sprintf("activation %d", f), y, n, func(d Device, on func(pair) Buffer) { d.Act(on(y), on(x), f) })
		t.same(fmt.Sprintf("gate %d", f), y, n, func(d Device, on func(pair) Buffer) {
			if g, ok := d.(Gater); ok {
				g.Gate(on(y), on(x), on(z), f)
				return
			}
			d.Act(on(y), on(x), f)
			d.Mul(on(y), on(y), on(z))
		})
	}
	t.same("add", y, n, func(d Device, on func(pair) Buffer) { d.Add(on(y), on(x), on(z)) })
	t.same("multiply", y, n, func(d Device, on func(pair) Buffer) { d.Mul(on(y), on(x), on(z)) })
	t.same("scale", y, n, func(d Device, on func(pair) Buffer) { d.Scale(on(y), on(x), -1.5) })
	t.same("soft cap", y, n, func(d Device, on func(pair) Buffer) { d.SoftCap(on(y), on(x), 2) })
	t.same("copy", y, n, func(d Device, on func(pair) Buffer) { d.Copy(on(y), on(x)) })
}

// attention compares in parts and fused: one query and several, causal, windowed and capped.
func (t *selfTest) attention() {
	for _, a := range []Attn{
		{T: 5, S: 70, Pos: 65, Heads: 4, KVHeads: 2, HeadDim: 16, Scale: 0.25},
		{T: 1, S: 70, Pos: 69, Heads: 4, KVHeads: 2, HeadDim: 16, Scale: 0.25, Window: 9},
		{T: 9, S: 9, Heads: 2, KVHeads: 2, HeadDim: 24, Scale: 0.2, SoftCap: 3, Window: 4},
	} {
		q, k, v := t.random(a.T*a.Heads*a.HeadDim), t.random(a.S*a.KVHeads*a.HeadDim), t.random(a.S*a.KVHeads*a.HeadDim)
		p, z := t.empty(a.Heads*a.T*a.S), t.empty(a.T*a.Heads*a.HeadDim)
		t.same("scores", p, a.S, func(d Device, on func(pair) Buffer) { d.Scores(on(p), on(q), on(k), a) })
		t.same("softmax of scores", p, a.S, func(d Device, on func(pair) Buffer) { d.Softmax(on(p), on(p), a.Heads*a.T, a.S) })
		t.same("mix", z, a.HeadDim, func(d Device, on func(pair) Buffer) { d.Mix(on(z), on(p), on(v), a) })
		t.same("attention", z, a.HeadDim, func(d Device, on func(pair) Buffer) {
			if f, ok := d.(Attender); ok {
				f.Attention(on(z), on(q), on(k), on(v), a)
				return
			}
			d.Scores(on(p), on(q), on(k), a)
			d.Softmax(on(p), on(p), a.Heads*a.T, a.S)
			d.Mix(on(z), on(p), on(v), a)
		})
	}
}

// branches compares a Brancher with attention of each row over its keys put together.
func (t *selfTest) branches() {
	b, ok := t.dev.(Brancher)
	if !ok || t.err != nil {
		return
	}
	rows := []Branch{{Shared: 0, First: 3, Own: 4}, {Shared: 70, First: 0, Own: 1}, {Shared: 66, First: 2, Own: 5}}
	for _, a := range []Attn{
		{Heads: 4, KVHeads: 2, HeadDim: 16, Scale: 0.25},
		{Heads: 2, KVHeads: 2, HeadDim: 24, Scale: 0.2, SoftCap: 3, Window: 3},
		{Heads: 2, KVHeads: 1, HeadDim: 20, Scale: 0.2, Window: 60},
	} {
		kd := a.KVHeads * a.HeadDim
		q, z := t.random(len(rows)*a.Heads*a.HeadDim), t.empty(len(rows)*a.Heads*a.HeadDim)
		k, v, ownK, ownV := t.random(70*kd), t.random(70*kd), t.random(7*kd), t.random(7*kd)
		t.same("branched attention", z, a.HeadDim, func(d Device, on func(pair) Buffer) {
			if d == t.dev {
				b.Branches(on(z), on(q), on(k), on(v), on(ownK), on(ownV), rows, a)
			} else if r, ok := d.(Brancher); ok {
				r.Branches(on(z), on(q), on(k), on(v), on(ownK), on(ownV), rows, a)
			}
		})
	}
}

// ranks compares a Ranker with RankRow.
func (t *selfTest) ranks() {
	const n = 203
	x, final := t.random(2*n), t.random(n)
	r, ok := t.dev.(Ranker)
	if !ok || t.err != nil {
		return
	}
	req := RankRequest{K: 5, Tokens: []int32{0, n - 1, 100}, Final: final.dev}
	got := make([]Ranking, 2)
	if err := r.Rank(got, x.dev, 2, n, req); err != nil {
		t.fail(err)
		return
	}
	rows, f := make([]float32, 2*n), make([]float32, n)
	t.ref.Download(rows, x.ref)
	t.ref.Download(f, final.ref)
	for i, g := range got {
		want := RankRow(rows[i*n:(i+1)*n], req, f)
		t.note("ranks", RankError(g, want))
	}
}

// RankError is the largest difference of two rankings, each number divided by max(1, its size); infinite
// if they name different tokens or ranks.
func RankError(got, want Ranking) float64 {
	if fmt.Sprint(got.IDs, got.Rank) != fmt.Sprint(want.IDs, want.Rank) {
		return math.Inf(1)
	}
	flat := func(r Ranking) []float32 {
		return append(append([]float32{r.Entropy, r.KL, r.LogZ}, r.LogProbs...), r.TokenLP...)
	}
	return RowError(flat(got), flat(want), 1)
}
