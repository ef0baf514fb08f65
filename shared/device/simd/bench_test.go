package simd

import (
	"fmt"
	"math"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/tensor"
)

// The shapes of SmolLM2-135M: feed-forward up, 1536 x 576.
const benchRows, benchCols = 1536, 576

// benchProduct times T rows against enough matrices that none stays in a cache (64 MiB in all), unless one is asked for.
func benchProduct(b *testing.B, dt tensor.DType, rows, cols, T int, mode device.Mode, few bool) {
	d := open(b)
	first := load(b, d, dt, rows, cols)
	size := first.(*weight).bytes
	ws := []device.Weight{first}
	for T < 16 && len(ws)*size < 64<<20 {
		ws = append(ws, load(b, d, dt, rows, cols))
	}
	w := newTwin(b, d)
	x, y := w.random(T*cols), w.empty(T*rows)
	c := call{i: [12]int32{int32(dt), int32(cols), int32(rows), int32(T)}}
	c.p[0], c.p[3] = in(y.d, T*rows), 0
	i := 0
	best := fastest(b, func() {
		m := ws[i%len(ws)].(*weight)
		i++
		d.prepped = prepared{}
		c.p[1], c.p[2] = m.addr, 0
		d.multiply(&c, in(x.d, T*cols), T, m, mode, few)
	})
	b.ReportMetric(2*float64(rows*cols*T)/best/1e9, "GFLOP/s")
	b.ReportMetric(float64(size)/best/1e9, "GB/s")
}

// fastest runs f in batches of about a millisecond and returns the seconds a call took in the fastest: on a
// shared machine the mean says more about the others.
func fastest(b *testing.B, f func()) float64 {
	best, batch := math.Inf(1), 1
	b.ResetTimer()
	for b.Loop() {
		start := time.Now()
		for range batch {
			f()
		}
		took := time.Since(start)
		best = min(best, took.Seconds()/float64(batch))
		if took < time.Millisecond/2 {
			batch *= 2
		}
	}
	b.ReportMetric(0, "ns/op")
	return best
}

func load(b testing.TB, d *Device, dt tensor.DType, rows, cols int) device.Weight {
	w, err := d.Load(dt, rows, cols, device.Sample(dt, rows, cols, 1))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Unload(w) })
	return w
}

// benchWidth is benchCols, or what K-quants need: whole superblocks.
func benchWidth(dt tensor.DType) int {
	if _, err := dt.RowBytes(benchCols); err != nil {
		return 512
	}
	return benchCols
}

func BenchmarkMatVec(b *testing.B) {
	for _, dt := range device.WeightTypes {
		for _, mode := range []device.Mode{device.Exact, device.Fast} {
			if isFloat(dt) && mode == device.Fast {
				continue
			}
			b.Run(fmt.Sprintf("%s/%s", dt, mode), func(b *testing.B) { benchProduct(b, dt, benchRows, benchWidth(dt), 1, mode, true) })
		}
	}
}

func BenchmarkGEMM(b *testing.B) {
	for _, dt := range device.WeightTypes {
		b.Run(dt.String(), func(b *testing.B) { benchProduct(b, dt, benchRows, benchWidth(dt), 128, device.Exact, false) })
	}
}

// BenchmarkCrossover gives both ways of multiplying T rows: fewRows is chosen by it.
func BenchmarkCrossover(b *testing.B) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.Q4_1, tensor.Q8_0, tensor.Q6_K} {
		for _, T := range []int{1, 2, 3, 4, 6, 8, 12} {
			for _, few := range []bool{true, false} {
				name := map[bool]string{true: "few", false: "many"}[few]
				b.Run(fmt.Sprintf("%s/T%d/%s", dt, T, name), func(b *testing.B) {
					benchProduct(b, dt, benchRows, benchWidth(dt), T, device.Exact, few)
				})
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	d := open(b)
	for _, dt := range device.WeightTypes {
		b.Run(dt.String(), func(b *testing.B) {
			src := device.Sample(dt, benchRows, benchWidth(dt), 1)
			best := fastest(b, func() {
				w, err := d.Load(dt, benchRows, benchWidth(dt), src)
				if err != nil {
					b.Fatal(err)
				}
				d.Unload(w)
			})
			b.ReportMetric(float64(benchRows*benchWidth(dt))/best/1e6, "Mweights/s")
		})
	}
}

func BenchmarkAttention(b *testing.B) {
	d := open(b)
	for _, a := range []device.Attn{
		{T: 1, S: 512, Pos: 511, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125},
		{T: 128, S: 128, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125},
		{T: 128, S: 2048, Pos: 1920, Heads: 9, KVHeads: 3, HeadDim: 64, Scale: 0.125},
	} {
		b.Run(fmt.Sprintf("T%dS%d", a.T, a.S), func(b *testing.B) {
			w := newTwin(b, d)
			q, k, v, z := w.random(queries(a)), w.random(keys(a)), w.random(keys(a)), w.empty(queries(a))
			best := fastest(b, func() { d.Attention(z.d, q.d, k.d, v.d, a) })
			seen := float64(a.T) * (float64(a.Pos) + float64(a.T+1)/2)
			b.ReportMetric(4*seen*float64(a.Heads*a.HeadDim)/best/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkRank(b *testing.B) {
	d := open(b)
	w := newTwin(b, d)
	const n = 49152
	x, f := w.random(4*n), w.random(n)
	out := make([]device.Ranking, 4)
	best := fastest(b, func() { d.Rank(out, x.d, 4, n, device.RankRequest{K: 10, Tokens: []int32{5}, Final: f.d}) })
	b.ReportMetric(4*n/best/1e6, "Mlogits/s")
}

// BenchmarkSmall is what a call costs when there is almost nothing to do.
func BenchmarkSmall(b *testing.B) {
	d := open(b)
	x := newTwin(b, d).random(64)
	for b.Loop() {
		d.Scale(x.d, x.d, 1)
	}
}

// tokenWeights are SmolLM2-135M's matrices: 30 layers of q, k, v, out, gate, up and down in Q4_1, and the Q8_0 head.
func tokenWeights(b *testing.B, d *Device) (layers [][]device.Weight, head device.Weight) {
	for range 30 {
		var l []device.Weight
		for _, s := range [][2]int{{576, 576}, {192, 576}, {192, 576}, {576, 576}, {1536, 576}, {1536, 576}, {576, 1536}} {
			l = append(l, load(b, d, tensor.Q4_1, s[0], s[1]))
		}
		layers = append(layers, l)
	}
	return layers, load(b, d, tensor.Q8_0, 49152, 576)
}

// BenchmarkToken runs all products of SmolLM2-135M, the head for the last row only: an upper bound of tokens a second.
func BenchmarkToken(b *testing.B) {
	d := open(b)
	layers, head := tokenWeights(b, d)
	w := newTwin(b, d)
	for _, c := range []struct {
		name string
		T    int
		mode device.Mode
	}{{"decode/exact", 1, device.Exact}, {"decode/fast", 1, device.Fast}, {"prefill", 128, device.Exact}} {
		b.Run(c.name, func(b *testing.B) {
			x, h, y := w.random(c.T*576), w.random(c.T*1536), w.empty(49152)
			z := w.empty(c.T * 1536)
			best := fastest(b, func() {
				for _, l := range layers {
					for i, m := range l {
						in := x.d
						if i == 6 {
							in = h.d
						}
						d.MatMul(z.d, in, c.T, m, nil, c.mode)
					}
				}
				d.MatMul(y.d, x.d, 1, head, nil, c.mode)
			})
			b.ReportMetric(float64(c.T)/best, "tok/s")
		})
	}
}
