package scene

import (
	"math"
	"strconv"
	"strings"

	"patchbay/shared/lab"
)

// FigureOptions are what the picture of a figure depends on beside its data.
type FigureOptions struct {
	W, H      float32 // CSS pixels available; FigureHeight says what a figure would like
	Theme     Theme
	Pinned    string                 // id of a mark
	Hover     string                 // id of a mark
	Translate func(lab.Words) string // into the reader's language; nil: English
}

// MarkID names the mark at place x of a figure's X and y of its Y (of a grid) or of its series.
func MarkID(x, y int) string { return "at/" + strconv.Itoa(x) + "/" + strconv.Itoa(y) }

// ParseMarkID is the inverse of MarkID.
func ParseMarkID(id string) (x, y int, ok bool) {
	rest, found := strings.CutPrefix(id, "at/")
	a, b, cut := strings.Cut(rest, "/")
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return x, y, found && cut && errX == nil && errY == nil && id == MarkID(x, y)
}

const (
	titleHeight = 26
	legendRow   = 18
	margin      = 8
	small       = 10.5 // font size of axes and legends
	normal      = 12
)

// figure is the layout of one picture: a Scene and the room that is left in it.
type figure struct {
	Scene
	f            *lab.Figure
	o            FigureOptions
	x, y, w, h   float32 // what is free for the picture proper
	lo, hi       float64 // the range of its numbers
	marked, over string  // the pinned and the hovered mark
}

// Figure draws any figure of a report. Every number of it has a mark with its words in Label.
func Figure(f *lab.Figure, o FigureOptions) Scene {
	if o.Translate == nil {
		o.Translate = lab.Words.String
	}
	g := &figure{f: f, o: o, marked: o.Pinned, over: o.Hover}
	g.W, g.H, g.Back = o.W, o.H, o.Theme.Card
	g.Title, g.Unit = o.Translate(f.Title), o.Translate(f.Unit)
	g.x, g.y, g.w, g.h = margin, margin, o.W-2*margin, o.H-2*margin
	g.text([4]float32{g.x, g.y - 2, g.w, 18}, trim(g.Title, normal+1, g.w), normal+1, o.Theme.Ink, Left)
	g.top(titleHeight)
	g.lo, g.hi = span(f)
	switch f.Kind {
	case lab.Grid:
		g.grid()
	case lab.Lines:
		g.lines()
	case lab.Bars:
		g.bars()
	case lab.Points:
		g.points()
	case lab.Stream:
		g.stream()
	case lab.Sum:
		g.sum()
	}
	return g.Scene
}

// FigureHeight is the height in which a figure is easy to read at a width.
func FigureHeight(f *lab.Figure, w float32) float32 {
	switch f.Kind {
	case lab.Grid:
		return clamp(float32(len(f.Cells))*22, 160, 620) + 96
	case lab.Bars:
		return clamp(float32(len(f.X.Labels))*barRow(f), 60, 900) + 76
	case lab.Stream:
		return clamp(float32(len(f.X.Labels))*20, 200, 640) + 84
	case lab.Sum:
		if w < 640 {
			return float32(len(f.X.Labels))*20 + 120 + 260
		}
		return max(float32(len(f.X.Labels))*20+120, 340)
	}
	return clamp(w*0.55, 260, 460)
}

func clamp(v, low, high float32) float32 { return min(max(v, low), high) }

// top takes a strip off the free room.
func (g *figure) top(h float32) { g.y, g.h = g.y+h, g.h-h }

func (g *figure) bottom(h float32) { g.h -= h }

func (g *figure) left(w float32) { g.x, g.w = g.x+w, g.w-w }

// words is a text in the reader's language.
func (g *figure) words(w lab.Words) string { return g.o.Translate(w) }

// label is an axis's i-th label in the reader's language; without labels places are numbered.
func (g *figure) label(a *lab.Axis, i int) string {
	if i < 0 || i >= len(a.Labels) {
		return strconv.Itoa(i)
	}
	return g.words(lab.Words{Text: a.Labels[i]})
}

// span is the range of a figure's numbers: 0 to 1 of shares, 0 to the largest of amounts, and
// as far down as up of effects.
func span(f *lab.Figure) (lo, hi float64) {
	if f.Scale == lab.Share {
		return 0, 1
	}
	see := func(ns []lab.Num) {
		for _, n := range ns {
			if n.Known() {
				lo, hi = math.Min(lo, float64(n)), math.Max(hi, float64(n))
			}
		}
	}
	for _, row := range f.Cells {
		see(row)
	}
	for _, s := range f.Series {
		see(s.Values)
		see(s.Low)
		see(s.High)
	}
	if f.Scale == lab.Effect && f.Kind == lab.Grid {
		hi = math.Max(hi, -lo)
		lo = -hi
	}
	if hi <= lo {
		hi = lo + 1
	}
	return lo, hi
}

// color is a number's place on the figure's scale.
func (g *figure) color(n lab.Num) Color {
	switch {
	case !n.Known():
		return g.o.Theme.Low
	case g.f.Scale == lab.Effect:
		return g.o.Theme.Diverge(float32(float64(n) / math.Max(g.hi, -g.lo)))
	}
	return g.o.Theme.Scale(float32((float64(n) - g.lo) / (g.hi - g.lo)))
}

// number writes a value as its scale wants it: shares in percent, effects with their sign.
func (g *figure) number(n lab.Num) string { return Number(n, g.f.Scale) }

// Number writes a value as its scale wants it; what is not known is a dash.
func Number(n lab.Num, s lab.Scale) string {
	if s == lab.Share {
		return digits(n, s, 2)
	}
	return digits(n, s, 3)
}

// digits writes a value with about so many significant digits, at most three behind the point.
func digits(n lab.Num, s lab.Scale, many int) string {
	x, unit := float64(n), ""
	if !n.Known() {
		return "–"
	}
	if s == lab.Share {
		x, unit = 100*x, " %"
	}
	places := many
	for v := math.Abs(x); v >= 1 && places > 0; v /= 10 {
		places--
	}
	out := strconv.FormatFloat(math.Abs(x), 'f', min(places, 3), 64)
	if strings.Contains(out, ".") {
		out = strings.TrimRight(strings.TrimRight(out, "0"), ".")
	}
	switch {
	case out == "0":
	case x < 0:
		out = "−" + out
	case s == lab.Effect:
		out = "+" + out
	}
	return out + unit
}

// roughly is a number in as many digits as there is room for; nothing where not even one fits.
func roughly(n lab.Num, s lab.Scale, size, room float32) string {
	for many := 3; many >= 0; many-- {
		if out := digits(n, s, many); width(out, size) <= room {
			return out
		}
	}
	if out := strings.TrimSuffix(digits(n, s, 0), " %"); width(out, size) <= room {
		return out
	}
	return ""
}

// sans is how wide the system's text fonts are beside mono fonts, on average and with a margin.
const sans = 0.9

// sansWidth is the estimated width of a text in the system's sans.
func sansWidth(s string, size float32) float32 { return sans * width(s, size) }

// trim shortens a text in the system's sans until it fits.
func trim(s string, size, room float32) string { return fit(s, size, room/sans) }

// shown is a label as a reader sees it: white space at its ends, which tokens have, is made
// visible, that between words is not.
func shown(s string) string {
	inner := strings.TrimSpace(s)
	if inner == "" {
		return Visible(s)
	}
	i := strings.Index(s, inner)
	return Visible(s[:i]) + strings.NewReplacer("\n", "⏎", "\t", "⇥").Replace(inner) + Visible(s[i+len(inner):])
}

// tick is a label below a column: a word's leading space is left out.
func tick(s string) string { return shown(strings.TrimPrefix(s, " ")) }

// values are the numbers of one series at place i with its interval, in words.
func (g *figure) says(s *lab.Series, i int) string {
	if s.Level {
		i = 0
	}
	if i >= len(s.Values) {
		return ""
	}
	out := g.words(s.Name) + " " + g.number(s.Values[i])
	if i < len(s.Low) && i < len(s.High) && s.Low[i].Known() && s.High[i].Known() {
		out += " (" + g.number(s.Low[i]) + "–" + g.number(s.High[i]) + ")"
	}
	return out
}

// hue is the colour of the i-th series: attention and MLP have theirs everywhere, controls are pale.
func (g *figure) hue(i int) Color {
	th := g.o.Theme
	s := &g.f.Series[i]
	switch {
	case s.Name.Text == "attention":
		return th.Attention
	case s.Name.Text == "mlp":
		return th.MLP
	case s.Control:
		return th.Soft
	}
	n := 0
	for _, other := range g.f.Series[:i] {
		if !other.Control {
			n++
		}
	}
	return [...]Color{th.High, th.Minus, th.Ink, mix(th.High, th.Ink, 0.5)}[n%4]
}

// faded is a colour at a share of its opacity.
func faded(c Color, share float32) Color { return c&^0xff | Color(float32(c&0xff)*share+0.5) }

// legend names the series in rows at the top, each behind a sample of its line.
func (g *figure) legend() {
	x := g.x
	for i := range g.f.Series {
		s := &g.f.Series[i]
		name := g.words(s.Name)
		if s.Level && len(s.Values) > 0 {
			name += " " + g.number(s.Values[0])
		}
		name = trim(name, small+0.5, g.w-30)
		w := 24 + sansWidth(name, small+0.5) + 14
		if x > g.x && x+w > g.x+g.w {
			x = g.x
			g.top(legendRow)
		}
		g.stroke([]float32{x, g.y + 8, x + 18, g.y + 8}, g.hue(i), 2.5, s.Control || s.Level)
		g.text([4]float32{x + 24, g.y, w - 24, 16}, name, small+0.5, g.o.Theme.Ink, Left)
		x += w
	}
	g.top(legendRow + 6)
}

// stroke draws a line, broken where it stands for a control.
func (g *figure) stroke(points []float32, c Color, line float32, dashed bool) {
	if !dashed {
		g.add(Item{Kind: Line, Points: points, Stroke: c, Line: line, Box: around(points)})
		return
	}
	const on, off = 5, 4
	for i := 0; i+3 < len(points); i += 2 {
		x0, y0, x1, y1 := points[i], points[i+1], points[i+2], points[i+3]
		length := float32(math.Hypot(float64(x1-x0), float64(y1-y0)))
		for d := float32(0); d < length; d += on + off {
			a, b := d/length, min(d+on, length)/length
			p := []float32{x0 + (x1-x0)*a, y0 + (y1-y0)*a, x0 + (x1-x0)*b, y0 + (y1-y0)*b}
			g.add(Item{Kind: Line, Points: p, Stroke: c, Line: line, Box: around(p)})
		}
	}
}

func around(points []float32) [4]float32 {
	if len(points) < 2 {
		return [4]float32{}
	}
	x0, y0, x1, y1 := points[0], points[1], points[0], points[1]
	for i := 0; i+1 < len(points); i += 2 {
		x0, x1 = min(x0, points[i]), max(x1, points[i])
		y0, y1 = min(y0, points[i+1]), max(y1, points[i+1])
	}
	return [4]float32{x0, y0, x1 - x0, y1 - y0}
}

// outline frames a mark: thick where it is pinned, thin where the pointer is.
func (g *figure) outline(id string, b [4]float32) {
	line := float32(0)
	switch id {
	case g.marked:
		line = 2.5
	case g.over:
		line = 1.5
	default:
		return
	}
	g.add(Item{Kind: Rect, Box: [4]float32{b[0] - 1, b[1] - 1, b[2] + 2, b[3] + 2}, Stroke: g.o.Theme.Ink, Line: line, Radius: 4})
}
