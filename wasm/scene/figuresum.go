package scene

import (
	"math"

	"patchbay/shared/lab"
)

// sum draws one neuron: the largest terms of its weighted sum as steps that add up, and the
// activation function with the place that the sum reached.
func (g *figure) sum() {
	curve := g.f.Curve
	var terms *lab.Series
	if len(g.f.Series) > 0 {
		terms = &g.f.Series[0]
	}
	whole := *g
	if curve != nil && g.w >= 600 {
		g.w = g.w*0.56 - 12
	} else if curve != nil {
		g.h -= 250
	}
	if terms != nil {
		g.steps(terms)
	}
	if curve == nil {
		return
	}
	if whole.w >= 600 {
		g.x, g.w, g.y, g.h = whole.x+whole.w*0.56+12, whole.w*0.44-12, whole.y, whole.h
	} else {
		g.x, g.w, g.y, g.h = whole.x, whole.w, whole.y+whole.h-240, 240
	}
	g.activation(curve)
}

// steps is a waterfall: each term begins where the one above it ended.
func (g *figure) steps(s *lab.Series) {
	n := len(s.Values)
	if n == 0 {
		return
	}
	g.bottom(22)
	lo, hi, at := 0.0, 0.0, 0.0
	for _, v := range s.Values {
		if v.Known() {
			at += float64(v)
		}
		lo, hi = math.Min(lo, at), math.Max(hi, at)
	}
	if hi <= lo {
		hi = lo + 1
	}
	gutter := g.gutter(&g.f.X, n, g.w*0.4)
	x0, w := g.x+gutter, g.w-gutter-56
	along := func(v float64) float32 { return x0 + w*float32((v-lo)/(hi-lo)) }
	row := min(g.h/float32(n+1), 28)
	at = 0
	for i, v := range s.Values {
		if !v.Known() {
			v = 0
		}
		from, to := along(at), along(at+float64(v))
		at += float64(v)
		y := g.y + float32(i)*row
		b := [4]float32{min(from, to), y + 2, max(max(from, to)-min(from, to), 1), row - 4}
		g.text([4]float32{g.x, y, gutter - 8, row}, trim(shown(g.label(&g.f.X, i)), small, gutter-8), small, g.o.Theme.Ink, Right)
		it := Item{ID: MarkID(i, 0), Kind: Rect, Box: b, Radius: 2, Fill: g.o.Theme.High, Label: g.label(&g.f.X, i) + ": " + Number(v, lab.Effect)}
		if v < 0 {
			it.Fill = g.o.Theme.Minus
		}
		g.add(it)
		g.outline(it.ID, b)
		g.text([4]float32{max(from, to) + 5, y, 56, row}, Number(v, lab.Effect), small, g.o.Theme.Soft, Left)
		g.stroke([]float32{to, y + row - 2, to, y + row + 2}, g.o.Theme.Soft, 1, false)
	}
	y := g.y + float32(n)*row
	g.stroke([]float32{along(0), g.y, along(0), y + row}, g.o.Theme.Rule, 1, false)
	g.text([4]float32{g.x, y, gutter - 8, row}, "Σ", normal, g.o.Theme.Ink, Right)
	b := [4]float32{min(along(0), along(at)), y + 2, max(float32(math.Abs(float64(along(at)-along(0)))), 1), row - 4}
	g.add(Item{ID: MarkID(n, 0), Kind: Rect, Box: b, Radius: 2, Fill: g.o.Theme.Ink, Label: "Σ " + Number(lab.Num(at), lab.Effect)})
	g.text([4]float32{b[0] + b[2] + 5, y, 60, row}, Number(lab.Num(at), lab.Effect), small+0.5, g.o.Theme.Ink, Left)
	g.text([4]float32{g.x, g.y + g.h + 6, g.w, 14}, trim(g.Unit, small, g.w), small, g.o.Theme.Soft, Left)
}

// activation is the neuron's function with a dot where the sum put it.
func (g *figure) activation(c *lab.Curve) {
	th := g.o.Theme
	n := min(len(c.X), len(c.Y))
	if n < 2 {
		return
	}
	g.text([4]float32{g.x, g.y, g.w, 16}, trim(g.words(c.Name), small+1, g.w), small+1, th.Ink, Left)
	g.top(22)
	g.bottom(20)
	x0, x1 := math.Min(float64(c.X[0]), float64(c.At)), math.Max(float64(c.X[n-1]), float64(c.At))
	y0, y1 := math.Min(0, float64(c.Out)), math.Max(0, float64(c.Out))
	for _, v := range c.Y[:n] {
		y0, y1 = math.Min(y0, float64(v)), math.Max(y1, float64(v))
	}
	if x1 <= x0 || y1 <= y0 {
		return
	}
	px := func(v lab.Num) float32 { return g.x + g.w*float32((float64(v)-x0)/(x1-x0)) }
	py := func(v lab.Num) float32 { return g.y + g.h*float32((y1-float64(v))/(y1-y0)) }
	g.stroke([]float32{g.x, py(0), g.x + g.w, py(0)}, th.Rule, 1, false)
	if x0 < 0 && x1 > 0 {
		g.stroke([]float32{px(0), g.y, px(0), g.y + g.h}, th.Rule, 1, false)
	}
	var line []float32
	for i := range n {
		line = append(line, px(c.X[i]), py(c.Y[i]))
	}
	g.stroke(line, th.MLP, 2.2, false)
	g.stroke([]float32{px(c.At), py(0), px(c.At), py(c.Out)}, th.Ink, 1.2, true)
	const r = 5
	g.add(Item{ID: MarkID(-1, 0), Kind: Rect, Box: [4]float32{px(c.At) - r, py(c.Out) - r, 2 * r, 2 * r}, Radius: r, Fill: th.Ink,
		Label: g.words(c.Name) + ": " + Number(c.At, lab.Effect) + " → " + Number(c.Out, lab.Effect)})
	g.text([4]float32{g.x, g.y + g.h + 5, g.w, 14}, Number(c.At, lab.Effect)+" → "+Number(c.Out, lab.Effect), small, th.Soft, Center)
}

// FigureStart is the picture before anything has arrived: every mark at its root with no length.
// Shown for a moment before Figure, it lets the sum and the stream be seen to add up.
func FigureStart(f *lab.Figure, o FigureOptions) Scene {
	s := Figure(f, o)
	if f.Kind != lab.Sum && f.Kind != lab.Stream && f.Kind != lab.Bars {
		return s
	}
	for i := range s.Items {
		it := &s.Items[i]
		if x, _, ok := ParseMarkID(it.ID); !ok || x < 0 || f.Kind == lab.Stream && x == 2 {
			continue
		} else if f.Kind == lab.Stream && x == 0 { // attention's bars end at the road
			it.Box[0] += it.Box[2]
		}
		it.Box[2] = 0
	}
	return s
}
