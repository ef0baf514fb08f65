package plan

import (
	"context"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

// capture collects the chosen part of an activation at the chosen positions.
type capture struct {
	square       bool
	heads, index []int
	at           map[int]int // prompt position -> row
	open         bool        // generated positions too, in the order in which they come
	width        int         // numbers in a row; for growing attention the last row's
	rows         []float32   // [len(at), width], then the generated ones
	pos          []int       // absolute position of each row
}

func newCapture(pos []int, open bool, about hook.About, heads, index []int, width int) *capture {
	c := &capture{square: about.Shape == hook.Square, heads: heads, index: index, open: open, at: make(map[int]int, len(pos)), width: width}
	for i, p := range pos {
		c.at[p] = i
	}
	c.pos = append(c.pos, pos...)
	c.rows = make([]float32, len(pos)*width)
	return c
}

// row says where the position goes, or -1. A position seen again overwrites what it gave
// before: the sites of ln1 may be shown three times.
func (c *capture) row(abs, prompt int) int {
	if i, ok := c.at[abs]; ok {
		return i
	}
	if abs < prompt || !c.open {
		return -1
	}
	c.at[abs] = len(c.pos)
	c.pos = append(c.pos, abs)
	c.rows = append(c.rows, make([]float32, c.width)...)
	return c.at[abs]
}

func (c *capture) take(s spot, row int, buf []float32) {
	dst := c.rows[row*c.width : (row+1)*c.width]
	s.heads, s.index = c.heads, c.index
	each := c.width
	if n := s.heads; n != nil {
		each /= len(n)
	} else {
		each /= s.lay.heads
	}
	s.each(buf, func(n int, x []float32) {
		part := dst[n*each : (n+1)*each]
		copied := copy(part, x)
		clear(part[copied:]) // keys that the query cannot see yet
	})
}

// bound is an edit at one of its layers, with its operands resolved.
type bound struct {
	e     *edit
	layer int // index into the edit's layers
	k     *kernel
	at    map[int]int // prompt position -> index into the edit's positions; nil: all
	own   bool        // of the run itself, not of its base
}

// index says which of the edit's positions an absolute position is, or -1.
func (b *bound) index(abs, prompt int) int {
	switch {
	case abs >= prompt:
		if b.e.phase == InPrompt {
			return -1
		}
		return 0
	case b.e.phase == InGenerated:
		return -1
	case b.at == nil:
		return abs
	}
	if i, ok := b.at[abs]; ok {
		return i
	}
	return -1
}

// stop is all that happens at one point of the model.
type stop struct {
	before, after []*capture
	edits         []*bound
}

// taps edits and reads during the passes of one run. It implements nn.Taps.
type taps struct {
	dev    device.Device
	prompt int // tokens of the prompt
	stops  map[hook.Point]*stop
	host   []float32
	buf    []float32
	shared map[string]*capture // by what they capture: reads of the same values have one

	keep  map[hook.Point]*kept // the activation after edits stays on the device
	enter hook.Point           // a pass over prompt positions begins with what the base run left here,
	entry *stop                // where this is done in place of what stops say; nil: as they say
}

func newTaps(dev device.Device, prompt int) *taps {
	return &taps{dev: dev, prompt: prompt, stops: map[hook.Point]*stop{}, shared: map[string]*capture{}}
}

func (t *taps) stop(p hook.Point) *stop {
	if t.stops[p] == nil {
		t.stops[p] = &stop{}
	}
	return t.stops[p]
}

// Wants implements nn.Taps.
func (t *taps) Wants(p hook.Point) bool { return t.stops[p] != nil || t.keep[p] != nil }

// At implements nn.Taps: only the rows that someone reads or edits travel to the host, and
// back if they were edited.
func (t *taps) At(_ context.Context, p hook.Point, v nn.Value) error {
	s := t.stops[p]
	if t.entry != nil && p == t.enter && v.Pos < t.prompt {
		s = t.entry
	}
	if s != nil {
		if err := t.stopped(s, p, v); err != nil {
			return err
		}
	}
	if k := t.keep[p]; k != nil {
		width := v.Buf.Len() / v.Shape[0]
		t.dev.Copy(k.buf, v.Buf.Slice(k.from*width, k.buf.Len()))
	}
	return nil
}

// stopped shows the activation to the stop's captures and edits.
func (t *taps) stopped(s *stop, p hook.Point, v nn.Value) error {
	about, _ := hook.Lookup(p.Site)
	lay := layoutOf(v.Shape, about.Shape == hook.Square)
	buf, first := v.Buf, 0
	if about.Shape != hook.Square {
		lo, hi := s.span(v.Pos, lay.T, t.prompt)
		if lo == hi {
			return nil
		}
		buf, first = v.Buf.Slice(lo*lay.strideT, (hi-lo)*lay.strideT), lo
		lay.T = hi - lo
	}
	t.host = grown(t.host, buf.Len())
	t.buf = grown(t.buf, lay.width)
	if err := t.dev.Download(t.host, buf); err != nil {
		return err
	}
	if t.visit(s, lay, v.Pos+first) {
		t.dev.Upload(buf, t.host)
	}
	return nil
}

// visit takes, edits and takes; pos is the absolute position of the first row.
func (t *taps) visit(s *stop, lay layout, pos int) (edited bool) {
	t.capture(s.before, lay, pos)
	for _, b := range s.edits {
		for row := range lay.T {
			i := b.index(pos+row, t.prompt)
			if i < 0 {
				continue
			}
			b.k.apply(spot{x: t.host, lay: lay, row: row, heads: b.e.heads, index: visible(b.e.index, lay.width), layer: b.layer + b.e.from[0], pos: i + b.e.from[1], head: b.e.from[2], elem: b.e.from[3]}, t.buf)
			edited = true
		}
	}
	t.capture(s.after, lay, pos)
	return edited
}

func (t *taps) capture(list []*capture, lay layout, pos int) {
	for _, c := range list {
		for row := range lay.T {
			if i := c.row(pos+row, t.prompt); i >= 0 {
				c.take(spot{x: t.host, lay: lay, row: row}, i, t.buf)
			}
		}
	}
}

// visible drops keys beyond those that a pass has; all others are inside by Check.
func visible(index []int, width int) []int {
	for _, i := range index {
		if i < width {
			continue
		}
		kept := []int{}
		for _, j := range index {
			if j < width {
				kept = append(kept, j)
			}
		}
		return kept
	}
	return index
}

// span is the range of local rows that anyone here needs.
func (s *stop) span(pos, T, prompt int) (lo, hi int) {
	lo, hi = T, 0
	for row := range T {
		if s.touches(pos+row, prompt) {
			lo, hi = min(lo, row), row+1
		}
	}
	return min(lo, hi), hi
}

func (s *stop) touches(abs, prompt int) bool {
	for _, b := range s.edits {
		if b.index(abs, prompt) >= 0 {
			return true
		}
	}
	for _, list := range [2][]*capture{s.before, s.after} {
		for _, c := range list {
			if _, ok := c.at[abs]; ok || c.open && abs >= prompt {
				return true
			}
		}
	}
	return false
}

func grown(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

var negInf = float32(math.Inf(-1))
