package nn

import (
	"context"
	"math"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// altered are edits on the host, with the way back through them, and a displacement of one site.
type altered struct {
	dev   device.Device
	edit  map[string]func(x []float32)
	back  map[string]func(g []float32)
	site  string // moved by
	by    []float32
	calls int
}

func (a *altered) Wants(p hook.Point) bool {
	return a.edit[p.String()] != nil || a.site == p.String()
}

func (a *altered) At(_ context.Context, p hook.Point, v Value) error {
	return a.change(v, func(x []float32) {
		if f := a.edit[p.String()]; f != nil {
			f(x)
		}
		if a.site == p.String() {
			for i := range x {
				x[i] += a.by[i]
			}
		}
	})
}

func (a *altered) Back(_ context.Context, p hook.Point, grad Value) error {
	a.calls++
	return a.change(grad, a.back[p.String()])
}

func (a *altered) change(v Value, f func([]float32)) error {
	x := make([]float32, v.Buf.Len())
	err := a.dev.Download(x, v.Buf)
	f(x)
	a.dev.Upload(v.Buf, x)
	return err
}

// slope is the derivative of f = <r, logits> as a site moves along u, by central differences of
// fourth order, a step of h.
func slope(t testing.TB, m *Model, ids []int32, a altered, site string, u, r []float32, h float64) float64 {
	a.site, a.by = site, make([]float32, len(u))
	at := func(s float64) float64 {
		for i := range u {
			a.by[i] = float32(s * h * float64(u[i]))
		}
		return inner(r, forward(t, m, ids, &a))
	}
	return (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
}

// checkSlopes compares gradients with central differences at the given points.
func checkSlopes(t *testing.T, m *Model, ids []int32, a altered, points []hook.Point) {
	t.Helper()
	r := random(len(ids)*m.cfg.Vocab, 1)
	a.dev = m.dev
	tape := recordPass(t, m, Pass{IDs: ids, Taps: &a})
	to := gather(t, m.dev, 1, everything)
	backward(t, m, tape, to, []Seed{{At: hook.Point{Site: hook.Logits}, Grad: put(t, m.dev, r)}})
	values := record(m.dev, everything)
	values.edit = map[string]func([]float32, int){}
	for name, f := range a.edit {
		values.edit[name] = func(x []float32, _ int) { f(x) }
	}
	forward(t, m, ids, values)
	worst, where := 0.0, ""
	for _, p := range points {
		if _, editable, _ := m.Site(p); !editable {
			continue
		}
		name := p.String()
		g, u := to.got[0][name], random(len(to.got[0][name]), 2)
		if len(g) == 0 {
			t.Errorf("%s: no gradient", name)
			continue
		}
		gn, un, vn := math.Sqrt(inner(g, g)), math.Sqrt(float64(len(g))), 0.0
		for i, v := range values.got[name] {
			u[i] /= float32(un)
			if gn > 0 {
				u[i] += g[i] / float32(gn) // chance alone would make some slopes tiny
			}
			if !math.IsInf(float64(v), 0) {
				vn += float64(v) * float64(v)
			}
		}
		want := slope(t, m, ids, a, name, u, r, 0.0005*max(math.Sqrt(vn), 0.1))
		if e := math.Abs(inner(g, u)-want) / max(math.Abs(want), 1e-2); !(e < 2e-3) {
			t.Errorf("%s: the gradient along a direction is %g, central differences give %g", name, inner(g, u), want)
		} else if e > worst {
			worst, where = e, name
		}
	}
	t.Logf("%d sites, largest relative error %.2g at %s", len(points), worst, where)
}

// Every family's gradient at every editable site is what moving the site does.
func TestGradientsFamilies(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")[:12]
				checkSlopes(t, m, ids, altered{}, m.cfg.Sites())
			})
		}
	})
}
