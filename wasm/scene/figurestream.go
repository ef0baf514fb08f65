package scene

import (
	"math"

	"patchbay/shared/lab"
)

// stream draws the residual stream as a road upward: attention adds from the left, the MLP from
// the right. What takes away is hollow. The road is as wide as what it carries.
func (g *figure) stream() {
	layers := 0
	var attention, mlp, stream *lab.Series
	for i := range g.f.Series {
		s := &g.f.Series[i]
		switch s.Name.Text {
		case "attention":
			attention = s
		case "mlp":
			mlp = s
		case "stream":
			stream = s
			continue // drawn by its own scale
		}
		layers = max(layers, len(s.Values))
	}
	if layers == 0 {
		return
	}
	g.left(34)
	g.top(18)
	g.bottom(24)
	row, cx := g.h/float32(layers), g.x+g.w/2
	most := largest(attention, mlp)
	reach := g.w/2 - 40 // beside the road's widest
	g.road(stream, layers, cx, row)
	for y := range layers {
		top := g.y + float32(layers-1-y)*row
		if every := max(1, int(math.Ceil(float64(13/row)))); y%every == 0 || y == layers-1 && every == 1 {
			g.text([4]float32{g.x - 34, top, 28, row}, g.label(&g.f.X, y), small, g.o.Theme.Soft, Right)
		}
		g.lane(0, y, attention, cx-18, -reach/most, top, row, g.o.Theme.Attention)
		g.lane(1, y, mlp, cx+18, reach/most, top, row, g.o.Theme.MLP)
	}
	g.text([4]float32{g.x, g.y - 18, g.w/2 - 20, 14}, g.name(attention), small+1, g.o.Theme.Ink, Right)
	g.text([4]float32{cx + 20, g.y - 18, g.w / 2, 14}, g.name(mlp), small+1, g.o.Theme.Ink, Left)
	g.text([4]float32{g.x - 34, g.y + g.h + 8, g.w, 14}, "↑ "+g.words(g.f.X.Name)+" · "+g.Unit, small, g.o.Theme.Soft, Left)
}

func (g *figure) name(s *lab.Series) string {
	if s == nil {
		return ""
	}
	return g.words(s.Name)
}

func largest(all ...*lab.Series) float32 {
	m := float32(0)
	for _, s := range all {
		if s == nil {
			continue
		}
		for _, v := range s.Values {
			if v.Known() {
				m = max(m, float32(math.Abs(float64(v))))
			}
		}
	}
	if m == 0 {
		return 1
	}
	return m
}

// lane is what one part of a layer adds: a bar from the road outward.
func (g *figure) lane(part, y int, s *lab.Series, from, by, top, row float32, c Color) {
	if s == nil || y >= len(s.Values) || !s.Values[y].Known() {
		return
	}
	to := from + by*float32(math.Abs(float64(s.Values[y])))
	thick := min(row-2, 22)
	b := [4]float32{min(from, to), top + (row-thick)/2, max(float32(math.Abs(float64(to-from))), 1), thick}
	it := Item{ID: MarkID(part, y), Kind: Rect, Box: b, Radius: min(3, thick/4), Fill: c,
		Label: g.words(g.f.X.Name) + " " + g.label(&g.f.X, y) + ": " + g.says(s, y)}
	if s.Values[y] < 0 {
		it.Fill, it.Stroke, it.Line = faded(c, 0.12), c, 1.2
	}
	g.add(it)
	g.outline(it.ID, b)
}

// road is the stream itself: a segment for each layer.
func (g *figure) road(s *lab.Series, layers int, cx, row float32) {
	most := largest(s)
	for y := range layers {
		w := float32(6)
		it := Item{ID: MarkID(2, y), Kind: Rect, Fill: faded(g.o.Theme.Soft, 0.45)}
		if s != nil && y < len(s.Values) && s.Values[y].Known() {
			w = 4 + 24*float32(math.Abs(float64(s.Values[y])))/most
			it.Label = g.words(g.f.X.Name) + " " + g.label(&g.f.X, y) + ": " + g.says(s, y)
		}
		it.Box = [4]float32{cx - w/2, g.y + float32(layers-1-y)*row, w, row + 0.5}
		g.add(it)
		g.outline(it.ID, it.Box)
	}
}
