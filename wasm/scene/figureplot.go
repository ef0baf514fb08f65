package scene

import (
	"math"
	"strings"

	"patchbay/shared/lab"
)

// lines draws series over X: intervals as whiskers, controls and levels broken. The places of X
// are columns that the pointer finds; a column says all of its numbers.
func (g *figure) lines() {
	n := 0
	for i := range g.f.Series {
		if !g.f.Series[i].Level {
			n = max(n, len(g.f.Series[i].Values))
		}
	}
	if n == 0 {
		return
	}
	g.legend()
	g.left(46)
	g.bottom(36)
	g.scaleY()
	step := g.w / float32(n)
	g.ticksX(n, step)
	if b := g.f.Best; b != nil && b[0] >= 0 && b[0] < n {
		g.add(Item{Kind: Rect, Box: [4]float32{g.x + float32(b[0])*step, g.y, step, g.h}, Fill: faded(g.o.Theme.High, 0.12), Radius: 3})
	}
	for i := len(g.f.Series) - 1; i >= 0; i-- { // the first on top
		g.curve(i, step)
	}
	for x := range n {
		b := [4]float32{g.x + float32(x)*step, g.y, step, g.h}
		g.add(Item{ID: MarkID(x, 0), Kind: Rect, Box: b, Label: g.column(x)})
		g.outline(MarkID(x, 0), b)
	}
}

// column says all numbers at a place.
func (g *figure) column(x int) string {
	parts := []string{}
	for i := range g.f.Series {
		if s := g.says(&g.f.Series[i], x); s != "" {
			parts = append(parts, s)
		}
	}
	return g.words(g.f.X.Name) + " " + shown(g.label(&g.f.X, x)) + ": " + strings.Join(parts, "; ")
}

// up is the height of a value.
func (g *figure) up(v lab.Num) float32 {
	share := (float64(v) - g.lo) / (g.hi - g.lo)
	return g.y + g.h*float32(1-math.Max(0, math.Min(1, share)))
}

// scaleY draws level rules with their numbers at the left, and the unit above.
func (g *figure) scaleY() {
	th := g.o.Theme
	for _, v := range ticks(g.lo, g.hi) {
		y := g.up(lab.Num(v))
		g.add(Item{Kind: Line, Points: []float32{g.x, y, g.x + g.w, y}, Stroke: th.Rule, Line: 1, Box: [4]float32{g.x, y, g.w, 1}})
		g.text([4]float32{g.x - 46, y - 7, 40, 14}, g.number(lab.Num(v)), small, th.Soft, Right)
	}
	g.text([4]float32{g.x - 46, g.y + g.h + 18, g.w, 14}, trim("↑ "+g.Unit, small, g.w*0.75), small, th.Soft, Left)
}

// ticks are two to six round numbers in a range.
func ticks(lo, hi float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/2)))
	for _, by := range []float64{1, 2, 2.5, 5, 10} {
		if (hi-lo)/(step*by) <= 5 {
			step *= by
			break
		}
	}
	var out []float64
	for v := math.Ceil(lo/step-1e-9) * step; v <= hi+step*1e-6; v += step {
		if math.Abs(v) < step*1e-6 {
			v = 0
		}
		out = append(out, v)
	}
	return out
}

// curve draws one series.
func (g *figure) curve(i int, step float32) {
	s, c := &g.f.Series[i], g.hue(i)
	if s.Level {
		if len(s.Values) > 0 && s.Values[0].Known() {
			y := g.up(s.Values[0])
			g.stroke([]float32{g.x, y, g.x + g.w, y}, c, 1.5, true)
		}
		return
	}
	var run []float32 // neighbours that are known
	flush := func() {
		if len(run) >= 4 {
			g.stroke(run, c, 2.2, s.Control)
		}
		run = nil
	}
	for x, v := range s.Values {
		if !v.Known() {
			flush()
			continue
		}
		at := g.x + (float32(x)+0.5)*step
		g.whisker(s, x, at, c)
		run = append(run, at, g.up(v))
		if d := clamp(step*0.5, 3, 6); !s.Control {
			g.add(Item{Kind: Rect, Box: [4]float32{at - d/2, g.up(v) - d/2, d, d}, Radius: d / 2, Fill: c})
		}
	}
	flush()
}

// whisker is the interval of one value.
func (g *figure) whisker(s *lab.Series, x int, at float32, c Color) {
	if x >= len(s.Low) || x >= len(s.High) || !s.Low[x].Known() || !s.High[x].Known() {
		return
	}
	p := []float32{at, g.up(s.Low[x]), at, g.up(s.High[x])}
	g.add(Item{Kind: Line, Points: p, Stroke: faded(c, 0.35), Line: 2, Box: around(p)})
}

// barRow is the height of one place of a bar chart, all of its series included.
func barRow(f *lab.Figure) float32 { return float32(max(1, len(f.Series)))*18 + 8 }

// bars are horizontal, so that their names can be as long as they are; one row for each place
// of X, one bar in it for each series.
func (g *figure) bars() {
	n := len(g.f.X.Labels)
	if n == 0 || len(g.f.Series) == 0 {
		return
	}
	if len(g.f.Series) > 1 {
		g.legend()
	}
	g.bottom(22)
	gutter := g.gutter(&g.f.X, n, g.w*0.46)
	g.left(gutter)
	g.w -= 62 // the numbers behind the bars
	zero := g.x + g.w*float32((0-g.lo)/(g.hi-g.lo))
	row := min(g.h/float32(n), barRow(g.f)*1.6)
	for x := range n {
		y := g.y + float32(x)*row
		g.text([4]float32{g.x - gutter, y, gutter - 8, row - 4}, trim(shown(g.label(&g.f.X, x)), small+0.5, gutter-8), small+0.5, g.o.Theme.Ink, Right)
		thick := (row - 6) / float32(len(g.f.Series))
		for i := range g.f.Series {
			g.bar(x, i, zero, y+float32(i)*thick, thick-2)
		}
	}
	g.add(Item{Kind: Line, Points: []float32{zero, g.y, zero, g.y + float32(n)*row}, Stroke: g.o.Theme.Soft, Line: 1, Box: [4]float32{zero, g.y, 1, g.h}})
	g.text([4]float32{g.x, g.y + g.h + 6, g.w + 60, 14}, trim(g.Unit+" →", small, g.w+60), small, g.o.Theme.Soft, Left)
}

func (g *figure) bar(x, i int, zero, y, thick float32) {
	s := &g.f.Series[i]
	if x >= len(s.Values) {
		return
	}
	v, c := s.Values[x], g.hue(i)
	if len(g.f.Series) == 1 && g.f.Scale == lab.Effect && v < 0 {
		c = g.o.Theme.Minus
	}
	to := zero
	if v.Known() {
		to = g.along(v)
	}
	b := [4]float32{min(zero, to), y, max(zero, to) - min(zero, to), thick}
	it := Item{ID: MarkID(x, i), Kind: Rect, Box: b, Radius: 3, Fill: c, Label: shown(g.label(&g.f.X, x)) + ": " + g.says(s, x)}
	if s.Control {
		it.Fill = faded(c, 0.45)
	}
	g.add(it)
	end := max(zero, to)
	if x < len(s.Low) && x < len(s.High) && s.Low[x].Known() && s.High[x].Known() {
		p := []float32{g.along(s.Low[x]), y + thick/2, g.along(s.High[x]), y + thick/2}
		g.add(Item{Kind: Line, Points: p, Stroke: faded(g.o.Theme.Ink, 0.55), Line: 1.5, Box: around(p)})
		end = max(end, p[2])
	}
	g.text([4]float32{end + 5, y, 60, thick}, g.number(v), small, g.o.Theme.Soft, Left)
	g.outline(it.ID, b)
}

// along is the place of a value from left to right.
func (g *figure) along(v lab.Num) float32 {
	return g.x + g.w*float32((float64(v)-g.lo)/(g.hi-g.lo))
}
