package nn

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
)

// gradients collects what Backward shows, the ln1 sites summed.
type gradients struct {
	t    testing.TB
	dev  device.Device
	want func(name string) bool
	got  []map[string][]float32 // by cotangent
}

func gather(t testing.TB, dev device.Device, cotangents int, want func(string) bool) *gradients {
	g := &gradients{t: t, dev: dev, want: want}
	for range cotangents {
		g.got = append(g.got, map[string][]float32{})
	}
	return g
}

func (g *gradients) Wants(p hook.Point) bool { return g.want(p.String()) }

func (g *gradients) At(_ context.Context, p hook.Point, c int, v Value) error {
	x, to := download(g.t, g.dev, v.Buf), g.got[c]
	if old := to[p.String()]; old != nil {
		for i := range x {
			x[i] += old[i]
		}
	}
	to[p.String()] = x
	return nil
}

// put uploads numbers for the length of a test.
func put(t testing.TB, dev device.Device, x []float32) device.Buffer {
	t.Helper()
	b := must[device.Buffer](t)(dev.Alloc(len(x)))
	t.Cleanup(func() { dev.Free(b) })
	dev.Upload(b, x)
	return b
}

func recordPass(t testing.TB, m *Model, p Pass) *Tape {
	t.Helper()
	tape := must[*Tape](t)(m.Record(context.Background(), p))
	t.Cleanup(tape.Free)
	return tape
}

func backward(t testing.TB, m *Model, tape *Tape, to Gradients, cotangents ...[]Seed) {
	t.Helper()
	if err := m.Backward(context.Background(), tape, Back{Cotangents: cotangents, To: to}); err != nil {
		t.Fatal(err)
	}
}

// gradError is the error of a gradient by the README's measure: relative to the tensor's largest.
func gradError(t testing.TB, name string, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values where %d are needed", name, len(got), len(want))
		return 0
	}
	diff, top := 0.0, 0.0
	for i := range want {
		diff, top = max(diff, math.Abs(float64(got[i]-want[i]))), max(top, math.Abs(float64(want[i])))
		if got[i] != got[i] {
			t.Errorf("%s: NaN at %d", name, i)
			return math.Inf(1)
		}
	}
	if top == 0 {
		return diff
	}
	return diff / top
}

// Gradients are PyTorch's.
func TestGradientsReference(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		var info struct{ IDs []int32 }
		readJSON(t, &info, "grads_smollm2-135m.json")
		want := readGolden(t, "grads_smollm2-135m.safetensors")
		m := openModel(t, dev, refdata.Model(t, "smollm2-135m-instruct"))
		tape := recordPass(t, m, Pass{IDs: info.IDs})
		to := gather(t, dev, 1, func(name string) bool { return want["grad/"+name] != nil })
		row := make([]float32, m.cfg.Vocab)
		row[28918], row[7042] = 1, -1
		backward(t, m, tape, to, []Seed{{At: hook.Point{Site: hook.Logits}, Row: len(info.IDs) - 1, Grad: put(t, dev, row)}})
		worst, where, n := 0.0, "", 0
		for name, w := range want {
			site, ok := strings.CutPrefix(name, "grad/")
			if !ok {
				continue
			}
			n++
			e := gradError(t, site, to.got[0][site], w)
			if e > 1e-4 {
				t.Errorf("%s: error %.2g of the largest is above 1e-4", site, e)
			}
			if e > worst {
				worst, where = e, site
			}
		}
		t.Logf("%d gradients, largest error %.2g at %s", n, worst, where)
	})
}

// random is a vector of unit variance from a seed.
func random(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 9))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func inner(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
