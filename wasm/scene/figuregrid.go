package scene

import (
	"math"

	"patchbay/shared/lab"
)

// grid is a heat map: the first row at the bottom, as layers are; the colour scale below it.
func (g *figure) grid() {
	rows, cols := len(g.f.Cells), 0
	for _, row := range g.f.Cells {
		cols = max(cols, len(row))
	}
	if rows == 0 || cols == 0 {
		return
	}
	g.ramp()
	gutter := g.gutter(&g.f.Y, rows, g.w*0.3)
	g.left(gutter)
	g.bottom(34)
	cw, ch := min(g.w/float32(cols), 120), g.h/float32(rows)
	g.ticksY(rows, gutter, ch)
	g.ticksX(cols, cw)
	gap := min(2, min(cw, ch)*0.1)
	size := clamp(min(ch*0.62, cw*0.27), 7, normal)
	for y, row := range g.f.Cells {
		for x := range row {
			b := [4]float32{g.x + float32(x)*cw, g.y + float32(rows-1-y)*ch, cw - gap, ch - gap}
			g.cell(x, y, b, size)
		}
	}
	g.best(cw, ch, gap, rows)
}

func (g *figure) cell(x, y int, b [4]float32, size float32) {
	n := g.f.Cells[y][x]
	it := Item{ID: MarkID(x, y), Kind: Rect, Box: b, Radius: min(3, b[2]/5, b[3]/5), Fill: g.color(n), Label: g.at(x, y)}
	if !n.Known() {
		it.Fill = faded(it.Fill, 0.45)
	}
	if b[2] >= 18 && b[3] >= 9 {
		it.Text, it.Ink, it.Size, it.Mono, it.Align = g.inside(x, y, size, b[2]-4), On(g.color(n)), size, true, Center
	}
	g.add(it)
	g.outline(it.ID, b)
}

// inside is what stands in a cell: its own text, else its number, as exactly as there is room.
func (g *figure) inside(x, y int, size, room float32) string {
	if y < len(g.f.Texts) && x < len(g.f.Texts[y]) && g.f.Texts[y][x] != "" {
		return fit(tick(g.f.Texts[y][x]), size, room)
	}
	if n := g.f.Cells[y][x]; n.Known() {
		return roughly(n, g.f.Scale, size, room)
	}
	return ""
}

// at says a cell aloud: where it is, its number, its text.
func (g *figure) at(x, y int) string {
	out := g.words(g.f.Y.Name) + " " + g.label(&g.f.Y, y) + ", " + g.words(g.f.X.Name) + " " + shown(g.label(&g.f.X, x)) + ": " + g.number(g.f.Cells[y][x])
	if y < len(g.f.Texts) && x < len(g.f.Texts[y]) && g.f.Texts[y][x] != "" {
		out += " · " + g.f.Texts[y][x]
	}
	return out
}

// best frames what the facts speak of.
func (g *figure) best(cw, ch, gap float32, rows int) {
	if b := g.f.Best; b != nil && b[1] >= 0 && b[1] < rows {
		box := [4]float32{g.x + float32(b[0])*cw - 2, g.y + float32(rows-1-b[1])*ch - 2, cw - gap + 4, ch - gap + 4}
		g.add(Item{Kind: Rect, Box: box, Stroke: g.o.Theme.Ink, Line: 1.5, Radius: 4})
	}
}

// gutter is the room that an axis's labels need at the left.
func (g *figure) gutter(a *lab.Axis, n int, most float32) float32 {
	w := float32(14)
	for i := range n {
		w = max(w, sansWidth(shown(g.label(a, i)), small+0.5))
	}
	return min(w, most) + 8
}

// ticksY writes the labels of rows, as many as there is room for, and the axis's name on top.
func (g *figure) ticksY(rows int, gutter, ch float32) {
	every := max(1, int(math.Ceil(float64(13/ch))))
	if every > 1 {
		every = max(every, 5)
	}
	for y := 0; y < rows; y += every {
		top := g.y + float32(rows-1-y)*ch
		g.text([4]float32{g.x - gutter, top, gutter - 6, ch}, trim(shown(g.label(&g.f.Y, y)), small, gutter-6), small, g.o.Theme.Soft, Right)
	}
	if name := g.words(g.f.Y.Name); name != "" {
		g.text([4]float32{g.x - gutter, g.y + g.h + 18, g.w/2 + gutter, 14}, "↑ "+name, small, g.o.Theme.Soft, Left)
	}
}

// ticksX writes the labels of columns below the picture, and the axis's name to the right.
func (g *figure) ticksX(cols int, cw float32) {
	widest := float32(0)
	for x := range cols {
		widest = max(widest, sansWidth(tick(g.label(&g.f.X, x)), small))
	}
	every := max(1, int(math.Ceil(float64(min(widest+4, 60)/cw))))
	for x := 0; x < cols; x += every {
		room := cw*float32(every) - 3
		b := [4]float32{g.x + float32(x)*cw + cw/2 - room/2, g.y + g.h + 3, room, 14}
		g.text(b, trim(tick(g.label(&g.f.X, x)), small, room), small, g.o.Theme.Soft, Center)
	}
	if name := g.words(g.f.X.Name); name != "" {
		g.text([4]float32{g.x, g.y + g.h + 18, min(cw*float32(cols), g.w), 14}, name+" →", small, g.o.Theme.Soft, Right)
	}
}

// ramp is the colour scale at the bottom: low, high and the unit.
func (g *figure) ramp() {
	g.bottom(24)
	const steps, step = 24, 5
	y, th := g.y+g.h+10, g.o.Theme
	low := g.number(lab.Num(g.lo))
	x := g.x + sansWidth(low, small) + 6
	g.text([4]float32{g.x, y - 3, x - g.x, 14}, low, small, th.Soft, Left)
	for i := range steps {
		v := g.lo + (g.hi-g.lo)*float64(i)/(steps-1)
		g.add(Item{Kind: Rect, Box: [4]float32{x + float32(i)*step, y, step + 0.5, 8}, Fill: g.color(lab.Num(v))})
	}
	x += steps*step + 6
	high := g.number(lab.Num(g.hi))
	g.text([4]float32{x, y - 3, 60, 14}, high, small, th.Soft, Left)
	x += sansWidth(high, small) + 14
	g.text([4]float32{x, y - 3, g.x + g.w - x, 14}, trim(g.Unit, small, g.x+g.w-x), small, th.Soft, Left)
}
