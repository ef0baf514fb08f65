package scene

import (
	"fmt"
	"math"
	"strconv"

	"patchbay/shared/lab"
)

// By says what the colour of a lens cell means.
type By string

// The choices.
const (
	ByTop     By = "p"       // probability of the cell's own top token
	ByFollow  By = "follow"  // probability of the followed token
	ByRank    By = "rank"    // rank of the followed token, logarithmic
	ByEntropy By = "entropy" // nats, low is strong
	ByKL      By = "kl"      // KL(final || layer), nats, low is strong
)

// Words are the texts of a picture in the reader's language. %-verbs as in English.
type Words struct {
	Layer, Position string // axis names
	Title           string // "Logit lens of %q"
	Cell            string // "layer %d, after %q: %q %.1f%%"
	Follow          string // "%q %.1f%%, rank %d"
	Units           map[By]string
}

// English is the default.
var English = Words{
	Layer: "layer", Position: "position in the prompt",
	Title:  "Logit lens: %d layers, %d positions",
	Cell:   "layer %d, after %q: %q with probability %.3f",
	Follow: "%q has probability %.3f, rank %d",
	Units: map[By]string{
		ByTop: "probability of the top token", ByFollow: "probability of the followed token",
		ByRank: "rank of the followed token", ByEntropy: "entropy, nats", ByKL: "KL to the final layer, nats",
	},
}

// Options are what a picture depends on beside the result.
type Options struct {
	W, H   float32 // CSS pixels available
	Theme  Theme
	By     By     // default ByTop
	Pinned string // id of a pinned cell
	Hover  string // id of a hovered cell
	Words  Words
}

// CellID names the cell of a layer and a column (an index into LensResult.Positions).
func CellID(layer, column int) string {
	return "cell/" + strconv.Itoa(layer) + "/" + strconv.Itoa(column)
}

// ParseCellID is the inverse of CellID.
func ParseCellID(id string) (layer, column int, ok bool) {
	n, err := fmt.Sscanf(id, "cell/%d/%d", &layer, &column)
	return layer, column, err == nil && n == 2 && id == CellID(layer, column)
}

const (
	gutterLeft = 44 // axis name and layer numbers
	chipHeight = 24
	footer     = 22 // axis name
	minText    = 20 // narrower cells are colour only
)

// lens is the layout of one heat map.
type lens struct {
	Scene
	r          *lab.LensResult
	o          Options
	x0, y0     float32 // top left of the grid
	cw, ch     float32 // of a cell, gap included
	gap        float32
	size       float32 // font size in cells
	strongest  float32 // divisor of entropy and KL
	rows, cols int
}

// Lens draws the heat map: a row of cells per layer, the first at the bottom; a column per
// position; each cell's top token as its text where there is room.
func Lens(r *lab.LensResult, o Options) Scene {
	if o.By == "" {
		o.By = ByTop
	}
	if o.Words.Units == nil {
		o.Words = English
	}
	l := &lens{r: r, o: o, rows: len(r.Layers), cols: len(r.Positions)}
	l.W, l.H, l.Back = o.W, o.H, o.Theme.Card
	l.Title, l.Unit = fmt.Sprintf(o.Words.Title, l.rows, l.cols), o.Words.Units[o.By]
	if l.rows == 0 || l.cols == 0 {
		return l.Scene
	}
	l.measure()
	l.axes()
	for row := range l.rows {
		for col := range l.cols {
			l.cell(row, col)
		}
	}
	l.chips()
	l.frames()
	return l.Scene
}

func (l *lens) measure() {
	left := float32(gutterLeft)
	if l.W < 480 {
		left = 24
	}
	l.x0, l.y0 = left, 4
	l.cw = (l.W - left - 4) / float32(l.cols)
	l.ch = (l.H - l.y0 - chipHeight - 6 - footer) / float32(l.rows)
	l.cw = min(l.cw, 160)
	l.gap = 2
	if l.cw < 10 || l.ch < 8 {
		l.gap = min(l.cw, l.ch) * 0.1
	}
	l.size = max(min(l.ch*0.7, l.cw*0.2+3, 12), 7)
	for _, row := range l.r.Layers {
		for _, c := range row {
			l.strongest = max(l.strongest, l.raw(c))
		}
	}
}

// raw is the number that entropy and KL colours are relative to.
func (l *lens) raw(c lab.LensCell) float32 {
	if l.o.By == ByKL {
		return c.KL
	}
	return c.Entropy
}

// strength is the cell's place on the colour scale, 0 to 1.
func (l *lens) strength(c lab.LensCell) float32 {
	switch l.o.By {
	case ByFollow:
		return c.FollowP
	case ByRank:
		return 1 - min(float32(math.Log10(float64(c.FollowRank)+1))/4, 1)
	case ByEntropy, ByKL:
		if l.strongest <= 0 {
			return 1
		}
		return 1 - l.raw(c)/l.strongest
	}
	return topOf(c).P
}

func (l *lens) box(row, col int) [4]float32 {
	return [4]float32{l.x0 + float32(col)*l.cw, l.y0 + float32(l.rows-1-row)*l.ch, l.cw - l.gap, l.ch - l.gap}
}

func (l *lens) cell(row, col int) {
	c := l.r.Layers[row][col]
	fill := l.o.Theme.Scale(l.strength(c))
	it := Item{ID: CellID(row, col), Kind: Rect, Box: l.box(row, col), Radius: min(3, l.ch/5, l.cw/5), Fill: fill, Label: l.words(row, col)}
	if l.cw >= minText && l.ch >= 9 {
		it.Text = fit(short(topOf(c).Text), l.size, l.cw-l.gap-4)
		it.Ink, it.Size, it.Mono, it.Align = On(fill), l.size, true, Center
	}
	if row > 0 {
		it.Deps = []string{CellID(row-1, col)}
	}
	l.add(it)
}

// words says a cell aloud.
func (l *lens) words(row, col int) string {
	c, t := l.r.Layers[row][col], topOf(l.r.Layers[row][col])
	s := fmt.Sprintf(l.o.Words.Cell, row, l.token(col), t.Text, t.P)
	if l.r.Follow.Text != "" && l.r.Follow.ID != t.ID {
		s += "; " + fmt.Sprintf(l.o.Words.Follow, l.r.Follow.Text, c.FollowP, c.FollowRank+1)
	}
	return s
}

// token is the prompt's token of a column.
func (l *lens) token(col int) string {
	if p := l.r.Positions[col]; p >= 0 && p < len(l.r.Tokens) {
		return l.r.Tokens[p].Text
	}
	return ""
}

// axes numbers a few layers, about 48 pixels apart and always the last, and names both axes.
func (l *lens) axes() {
	th := l.o.Theme
	every := max(1, int(math.Ceil(float64(36/l.ch))))
	for row := range l.rows {
		if row%every != 0 && row != l.rows-1 || row != l.rows-1 && l.rows-1-row < every {
			continue
		}
		b := l.box(row, 0)
		l.text([4]float32{0, b[1], l.x0 - 6, b[3]}, strconv.Itoa(row), 10.5, th.Soft, Right)
	}
	y := l.H - footer + 4
	w := float32(l.cols) * l.cw
	if w >= 120 {
		l.text([4]float32{l.x0, y, w, 16}, l.o.Words.Position+" →", 10.5, th.Soft, Center)
	}
	l.text([4]float32{0, y, 60, 16}, "↑ "+l.o.Words.Layer, 10.5, th.Soft, Left)
}

func (l *lens) chips() {
	y := l.y0 + float32(l.rows)*l.ch + 4
	for col := range l.cols {
		fill, ink := l.o.Theme.Low, On(l.o.Theme.Low)
		if col == l.cols-1 {
			fill, ink = l.o.Theme.Ink, l.o.Theme.Card
		}
		it := Item{ID: "chip/" + strconv.Itoa(col), Kind: Rect, Box: [4]float32{l.x0 + float32(col)*l.cw, y, l.cw - l.gap, chipHeight}, Radius: min(5, l.cw/6), Fill: fill, Label: l.token(col)}
		if l.cw >= 12 {
			size := min(l.size+0.5, 12)
			it.Text, it.Ink, it.Size, it.Mono, it.Align = fit(short(l.token(col)), size, l.cw-l.gap-3), ink, size, true, Center
		}
		l.add(it)
	}
}

// frames outlines the last column, the pinned and the hovered cell.
func (l *lens) frames() {
	th := l.o.Theme
	last := l.box(l.rows-1, l.cols-1)
	l.outline([4]float32{last[0] - 2, last[1] - 2, last[2] + 4, float32(l.rows)*l.ch - l.gap + 4}, th.Ink, 1.5, min(5, l.cw/4))
	for _, f := range []struct {
		id   string
		line float32
	}{{l.o.Hover, 1.5}, {l.o.Pinned, 2.5}} {
		row, col, ok := ParseCellID(f.id)
		if !ok || row < 0 || col < 0 || row >= l.rows || col >= l.cols {
			continue
		}
		b := l.box(row, col)
		l.outline([4]float32{b[0] - 1, b[1] - 1, b[2] + 2, b[3] + 2}, th.Ink, f.line, 4)
	}
}

func (l *lens) outline(b [4]float32, c Color, line, radius float32) {
	l.add(Item{Kind: Rect, Box: b, Stroke: c, Line: line, Radius: radius})
}

// topOf is the cell's first guess; a cell without one (never sent by the engine) is empty.
func topOf(c lab.LensCell) lab.Guess {
	if len(c.Top) == 0 {
		return lab.Guess{}
	}
	return c.Top[0]
}
