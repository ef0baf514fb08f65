package scene

import (
	"math"

	"patchbay/shared/lab"
)

// points draws dots in a plane of equal scales, arrows from the origin where a dot is a vector.
func (g *figure) points() {
	if len(g.f.Dots) == 0 {
		return
	}
	g.bottom(20)
	reach := 0.0
	for _, d := range g.f.Dots {
		if d.X.Known() && d.Y.Known() {
			reach = math.Max(reach, math.Max(math.Abs(float64(d.X)), math.Abs(float64(d.Y))))
		}
	}
	if reach == 0 {
		reach = 1
	}
	side := min(g.w-120, g.h) / 2 // names stand beside the dots
	cx, cy := g.x+g.w/2, g.y+g.h/2
	th := g.o.Theme
	g.stroke([]float32{g.x, cy, g.x + g.w, cy}, th.Rule, 1, false)
	g.stroke([]float32{cx, g.y, cx, g.y + g.h}, th.Rule, 1, false)
	place := func(d lab.Dot) (x, y float32) {
		return cx + side*float32(float64(d.X)/reach), cy - side*float32(float64(d.Y)/reach)
	}
	for _, d := range g.f.Dots {
		if x, y := place(d); d.From && d.X.Known() && d.Y.Known() {
			g.arrow(cx, cy, x, y, g.group(d))
		}
	}
	var taken [][4]float32
	for i, d := range g.f.Dots {
		if !d.X.Known() || !d.Y.Known() {
			continue
		}
		x, y := place(d)
		taken = g.dot(i, d, x, y, taken)
	}
	g.text([4]float32{g.x, g.y + g.h + 5, g.w, 14}, trim(g.Unit, small, g.w), small, th.Soft, Left)
}

// group is a dot's colour: what a person's arithmetic made is an edit, and nothing else is.
func (g *figure) group(d lab.Dot) Color {
	th := g.o.Theme
	if d.Edit {
		return th.Edit
	}
	return [...]Color{th.High, th.Minus, th.Ink, th.Soft}[max(d.Group, 0)%4]
}

func (g *figure) arrow(x0, y0, x1, y1 float32, c Color) {
	g.stroke([]float32{x0, y0, x1, y1}, c, 2, false)
	length := float32(math.Hypot(float64(x1-x0), float64(y1-y0)))
	if length < 12 {
		return
	}
	ux, uy := (x1-x0)/length, (y1-y0)/length
	const back, side = 9, 4.5
	g.stroke([]float32{x1 - back*ux - side*uy, y1 - back*uy + side*ux, x1, y1, x1 - back*ux + side*uy, y1 - back*uy - side*ux}, c, 2, false)
}

// dot draws one point and its name, on the side where no other name stands.
func (g *figure) dot(i int, d lab.Dot, x, y float32, taken [][4]float32) [][4]float32 {
	const r = 4.5
	name := g.words(d.Name)
	it := Item{ID: MarkID(i, 0), Kind: Rect, Box: [4]float32{x - r, y - r, 2 * r, 2 * r}, Radius: r, Fill: g.group(d),
		Label: name + " (" + Number(d.X, lab.Effect) + ", " + Number(d.Y, lab.Effect) + ")"}
	if d.From { // the arrow's head shows the place
		it.Fill = 0
	}
	g.add(it)
	g.outline(it.ID, it.Box)
	if len(g.f.Dots) > 60 && it.ID != g.marked && it.ID != g.over {
		return taken
	}
	w := sansWidth(name, small+0.5)
	right, left := [4]float32{x + 8, y - 8, w, 15}, [4]float32{x - 8 - w, y - 8, w, 15}
	if d.From && d.X < 0 { // away from the arrow
		right, left = left, right
	}
	for _, b := range [][4]float32{right, left, {x - w/2, y - 22, w, 15}, {x - w/2, y + 7, w, 15}} {
		if b[0] < g.x || b[0]+b[2] > g.x+g.w || overlaps(b, taken) {
			continue
		}
		g.text(b, name, small+0.5, g.o.Theme.Ink, Left)
		return append(taken, b)
	}
	return taken
}

func overlaps(b [4]float32, taken [][4]float32) bool {
	for _, t := range taken {
		if b[0] < t[0]+t[2] && t[0] < b[0]+b[2] && b[1] < t[1]+t[3] && t[1] < b[1]+b[3] {
			return true
		}
	}
	return false
}
