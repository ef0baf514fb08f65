package scene

import (
	"fmt"
	"strconv"

	"patchbay/shared/lab"
)

// FollowLine draws the followed token's probability through the layers at one column, with
// the pinned layer marked.
func FollowLine(r *lab.LensResult, column int, o Options) Scene {
	if o.Words.Units == nil {
		o.Words = English
	}
	th := o.Theme
	s := Scene{W: o.W, H: o.H, Back: th.Card, Title: r.Follow.Text, Unit: o.Words.Units[ByFollow]}
	n := len(r.Layers)
	if n == 0 || column < 0 || column >= len(r.Positions) {
		return s
	}
	x0, y0, w, h := float32(30), float32(8), o.W-38, o.H-30
	at := func(layer int, p float32) (x, y float32) {
		step := float32(0)
		if n > 1 {
			step = w / float32(n-1)
		}
		return x0 + float32(layer)*step, y0 + h*(1-p)
	}
	for _, p := range []float32{0, 0.5, 1} {
		_, y := at(0, p)
		s.add(Item{Kind: Line, Points: []float32{x0, y, x0 + w, y}, Stroke: th.Rule, Line: 1, Box: [4]float32{x0, y, w, 1}})
		s.text([4]float32{0, y - 7, x0 - 6, 14}, strconv.FormatFloat(float64(p), 'g', 2, 32), 10, th.Soft, Right)
	}
	s.text([4]float32{x0, o.H - 18, w, 14}, o.Words.Layer+" 0", 10, th.Soft, Left)
	s.text([4]float32{x0, o.H - 18, w, 14}, strconv.Itoa(n-1), 10, th.Soft, Right)
	var points []float32
	for layer := range n {
		x, y := at(layer, r.Layers[layer][column].FollowP)
		points = append(points, x, y)
	}
	s.add(Item{Kind: Line, Points: points, Stroke: th.High, Line: 2, Box: [4]float32{x0, y0, w, h}})
	pinned, _, _ := ParseCellID(o.Pinned)
	for layer := range n {
		s.add(marker(r, layer, column, points[2*layer], points[2*layer+1], o.Pinned != "" && layer == pinned, o))
	}
	return s
}

func marker(r *lab.LensResult, layer, column int, x, y float32, pinned bool, o Options) Item {
	c, size := r.Layers[layer][column], float32(4)
	it := Item{ID: CellID(layer, column), Kind: Rect, Fill: o.Theme.High,
		Label: fmt.Sprintf("%s %d: ", o.Words.Layer, layer) + fmt.Sprintf(o.Words.Follow, r.Follow.Text, c.FollowP, c.FollowRank+1)}
	if pinned {
		size, it.Fill = 9, o.Theme.Ink
	}
	it.Box, it.Radius = [4]float32{x - size/2, y - size/2, size, size}, size/2
	return it
}
