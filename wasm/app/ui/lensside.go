package ui

import (
	"strconv"
	"strings"

	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Lensside is the lesson beside the picture: predict, notice, follow, try.
type Lensside struct{ L *Lab }

func (c *Lensside) page() *state.Page { return c.L.Pages["lens"] }

// Stale says that what stands here belongs to another prompt.
func (c *Lensside) Stale() bool { return c.page().Stale }

// Range is the i-th answer of the prediction: "0–9".
func (c *Lensside) Range(i int) string {
	from, to := c.L.GuessRange(i)
	return text.Int(from) + "–" + text.Int(to)
}

// Third is an answer's look: chosen, right or neither.
func (c *Lensside) Third(i int) string {
	cls := "third"
	if c.page().Guess == i {
		cls += " on"
	}
	if _, third, ok := c.L.Verdict(); ok && third == i && c.page().Guess >= 0 {
		cls += " right"
	}
	return cls
}

// Verdict says what became of the guess.
func (c *Lensside) Verdict() string {
	p := c.page()
	layer, third, ok := c.L.Verdict()
	switch {
	case p.Guess < 0 && ok:
		return c.L.T("verdict.noguess")
	case p.Guess < 0:
		return c.L.T("verdict.first")
	case !ok:
		return c.L.T("verdict.run")
	case layer < 0:
		return c.L.T("verdict.never", text.Quote(c.L.Lang, p.Lens.Follow.Text))
	case p.Late:
		return c.L.T("verdict.late", text.Int(layer))
	case third == p.Guess:
		return c.L.T("verdict.right", text.Int(layer))
	}
	return c.L.T("verdict.wrong", text.Int(layer))
}

// Facts are the sentences with the numbers just computed, in parts.
func (c *Lensside) Facts() [][]text.Part {
	var out [][]text.Part
	for _, f := range c.L.App.Facts(c.page()) {
		out = append(out, text.Parts(c.L.Lang, f.Key, f.Args...))
	}
	return out
}

// LineTitle names the followed token.
func (c *Lensside) LineTitle() string {
	if r := c.page().Lens; r != nil {
		return c.L.T("line.title", text.Quote(c.L.Lang, r.Follow.Text))
	}
	return c.L.T("line.untitled")
}

// LineWords is the curve in words.
func (c *Lensside) LineWords() string {
	return strings.Join(append([]string{c.LineTitle()}, c.L.Sentences(c.page())...), " ")
}

// Last is the number of the last layer.
func (c *Lensside) Last() string { return text.Int(c.L.Layers() - 1) }

// The plot's frame, in its own units: x from 28 to 260, y from 8 (probability 1) to 92 (0).
func (c *Lensside) at(layer int, p float32) (x, y float64) {
	step := 0.0
	if n := len(c.page().Lens.Layers); n > 1 {
		step = 232 / float64(n-1)
	}
	return 28 + step*float64(layer), 8 + 84*(1-float64(p))
}

// Points is the curve: the followed token's probability at the pinned column by layer.
func (c *Lensside) Points() string {
	p := c.page()
	if p.Lens == nil || len(p.Lens.Positions) == 0 {
		return ""
	}
	var b strings.Builder
	for layer, row := range p.Lens.Layers {
		x, y := c.at(layer, row[p.Column()].FollowP)
		b.WriteString(text.Number(x, 1) + "," + text.Number(y, 1) + " ")
	}
	return b.String()
}

func (c *Lensside) now() (x, y float64, ok bool) {
	p := c.page()
	shown := p.Shown()
	if p.At(shown) == nil {
		return 0, 0, false
	}
	x, y = c.at(shown.Layer, p.Lens.Layers[shown.Layer][p.Column()].FollowP)
	return x, y, true
}

// NowX is where the shown layer stands on the curve.
func (c *Lensside) NowX() string { x, _, _ := c.now(); return text.Number(x, 1) }

// NowY is how high.
func (c *Lensside) NowY() string { _, y, _ := c.now(); return text.Number(y, 1) }

// Marked says that there is a curve to mark.
func (c *Lensside) Marked() bool { _, _, ok := c.now(); return ok }

// CellTitle names the cell whose guesses are shown.
func (c *Lensside) CellTitle() string {
	p := c.page()
	if p.At(p.Shown()) == nil {
		return c.L.T("guess.title")
	}
	return c.L.T("guess.cell", text.Int(p.Shown().Layer), text.Quote(c.L.Lang, p.TokenAt(p.Shown().Column)))
}

// Guess is one of the cell's five likeliest tokens.
type Guess struct {
	Text, Shown, P string
	Width          string // of 100
	Followed       bool
}

// Bars are always five, so that nothing jumps when a result arrives.
func (c *Lensside) Bars() []Guess {
	p := c.page()
	out := make([]Guess, 5)
	cell := p.At(p.Shown())
	for i := range out {
		out[i] = Guess{Shown: "–", Width: "0"}
		if cell != nil && i < len(cell.Top) {
			t := cell.Top[i]
			out[i] = Guess{t.Text, text.Token(t.Text), text.Prob(t.P), strconv.FormatFloat(float64(t.P)*100, 'f', 2, 32), t.ID == p.Lens.Follow.ID}
		}
	}
	return out
}

// CellNumbers are the cell's other numbers.
func (c *Lensside) CellNumbers() string {
	p := c.page()
	cell := p.At(p.Shown())
	if cell == nil {
		return c.L.T("guess.none")
	}
	return c.L.T("guess.numbers", text.Number(float64(cell.Entropy), 2), text.Number(float64(cell.KL), 2), text.Int(int(cell.FollowRank)+1))
}
