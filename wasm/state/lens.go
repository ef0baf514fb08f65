package state

import (
	"math"

	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// fitPin keeps the pinned cell inside the newest result; without one it is the answer's
// cell: the last layer at the last position.
func (p *Page) fitPin() {
	if p.Lens == nil || len(p.Lens.Layers) == 0 || len(p.Lens.Positions) == 0 {
		p.Pin = nil
		return
	}
	last := Cell{len(p.Lens.Layers) - 1, len(p.Lens.Positions) - 1}
	if p.Pin == nil {
		p.Pin = &last
		return
	}
	p.Pin = &Cell{clamp(p.Pin.Layer, last.Layer), clamp(p.Pin.Column, last.Column)}
}

func clamp(i, last int) int { return max(0, min(i, last)) }

// Shown is the cell whose guesses stand beside the picture: hovered, else pinned.
func (p *Page) Shown() *Cell {
	if p.Hover != nil {
		return p.Hover
	}
	return p.Pin
}

// At is a cell's content, or nil.
func (p *Page) At(c *Cell) *lab.LensCell {
	if p.Lens == nil || c == nil || c.Layer < 0 || c.Layer >= len(p.Lens.Layers) ||
		c.Column < 0 || c.Column >= len(p.Lens.Layers[c.Layer]) {
		return nil
	}
	return &p.Lens.Layers[c.Layer][c.Column]
}

// Column is the column in question: the pinned cell's, else the last.
func (p *Page) Column() int {
	if p.Pin != nil {
		return p.Pin.Column
	}
	return len(p.Lens.Positions) - 1
}

// TokenAt is the prompt's token of a column.
func (p *Page) TokenAt(column int) string {
	if p.Lens == nil || column < 0 || column >= len(p.Lens.Positions) {
		return ""
	}
	return p.Lens.Tokens[p.Lens.Positions[column]].Text
}

// HoverCell takes in the cell under the pointer, nil when it left.
func (a *App) HoverCell(c *Cell) []Effect {
	p := a.Pages["lens"]
	if c == nil && p.Hover == nil || c != nil && p.Hover != nil && *c == *p.Hover {
		return nil
	}
	p.Hover = c
	return []Effect{Draw{}}
}

// PinCell pins a cell; pinning the same again goes back to the answer's.
func (a *App) PinCell(c Cell) []Effect {
	p := a.Pages["lens"]
	if p.At(&c) == nil {
		return nil
	}
	if p.Pin != nil && *p.Pin == c {
		p.Pin = nil
	} else {
		p.Pin = &c
	}
	p.fitPin()
	return []Effect{Draw{}, linkSoon(), Say{Text: a.CellWords(p, p.Pin)}}
}

// Move moves the pin by layers (upward) and columns, for the arrow keys.
func (a *App) Move(up, right int) []Effect {
	p := a.Pages["lens"]
	if p.Lens == nil || p.Pin == nil {
		return nil
	}
	p.Hover = nil
	p.Pin = &Cell{p.Pin.Layer + up, p.Pin.Column + right}
	p.fitPin()
	return []Effect{Draw{}, linkSoon(), Say{Text: a.CellWords(p, p.Pin)}}
}

// Follow follows another token through the layers, which needs a new run.
func (a *App) Follow(token string) []Effect {
	p := a.Pages["lens"]
	if p.Params.Str("follow") == token {
		return nil
	}
	a.remember()
	p.Params["follow"] = token
	p.Stale = p.Outcome != nil
	if ok, _ := a.CanRun(); ok {
		return append(a.Run(), linkSoon())
	}
	return []Effect{linkSoon()}
}

// SetColor chooses what the colour of the picture means: scene.By's words.
func (a *App) SetColor(by string) []Effect {
	a.Pages["lens"].Color = by
	return []Effect{Draw{}, linkSoon()}
}

// CellWords says a cell aloud.
func (a *App) CellWords(p *Page, c *Cell) string {
	cell := p.At(c)
	if cell == nil || len(cell.Top) == 0 {
		return ""
	}
	return a.T("said.cell", text.Int(c.Layer), text.Quote(a.Lang, p.TokenAt(c.Column)),
		text.Quote(a.Lang, cell.Top[0].Text), text.Prob(cell.Top[0].P))
}

// Reading is what a column of the lens says about the followed token.
type Reading struct {
	First     int     // the layer from which it stays on top to the end, -1: it does not end there
	Ever      int     // the lowest layer at which it is on top at all, -1: never
	Best      int     // the layer of its largest probability
	BestP     float32 // and that probability
	FinalP    float32
	FinalRank int32
	Calm      int     // the layer at which entropy falls most, against the one below
	CalmBy    float64 // by how many nats
}

// Read reads a column.
func (p *Page) Read(column int) (Reading, bool) {
	r := Reading{First: -1, Ever: -1}
	if p.Lens == nil || len(p.Lens.Layers) == 0 || column < 0 || column >= len(p.Lens.Positions) {
		return r, false
	}
	n := len(p.Lens.Layers)
	for i := range n {
		c := p.Lens.Layers[i][column]
		if c.FollowRank == 0 && r.Ever < 0 {
			r.Ever = i
		}
		switch {
		case c.FollowRank != 0:
			r.First = -1
		case r.First < 0:
			r.First = i
		}
		if c.FollowP > r.BestP {
			r.Best, r.BestP = i, c.FollowP
		}
		if i > 0 {
			if fall := float64(p.Lens.Layers[i-1][column].Entropy - c.Entropy); fall > r.CalmBy {
				r.Calm, r.CalmBy = i, fall
			}
		}
	}
	final := p.Lens.Layers[n-1][column]
	r.FinalP, r.FinalRank = final.FollowP, final.FollowRank
	return r, true
}

// Fact is a sentence with the numbers just computed.
type Fact struct {
	Key  string
	Args []string
}

// Facts are the "notice" sentences about the pinned column.
func (a *App) Facts(p *Page) []Fact {
	if p.Lens == nil {
		return nil
	}
	r, ok := p.Read(p.Column())
	if !ok {
		return nil
	}
	q := func(s string) string { return text.Quote(a.Lang, s) }
	follow, last := q(p.Lens.Follow.Text), text.Int(len(p.Lens.Layers)-1)
	var out []Fact
	switch {
	case r.First == 0:
		out = append(out, Fact{"notice.always", []string{follow, text.Prob(r.FinalP)}})
	case r.First > 0:
		out = append(out, Fact{"notice.first", []string{follow, text.Int(r.First), last, text.Prob(r.FinalP)}})
		if below := p.At(&Cell{r.First - 1, p.Column()}); len(below.Top) > 0 {
			out = append(out, Fact{"notice.before", []string{text.Int(r.First - 1), q(below.Top[0].Text), text.Prob(below.Top[0].P)}})
		}
	default:
		out = append(out, Fact{"notice.never", []string{follow, text.Int(int(r.FinalRank) + 1), text.Prob(r.FinalP)}})
		if top := p.At(&Cell{len(p.Lens.Layers) - 1, p.Column()}); len(top.Top) > 0 {
			out = append(out, Fact{"notice.answer", []string{q(top.Top[0].Text), text.Prob(top.Top[0].P)}})
		}
	}
	if r.Best != len(p.Lens.Layers)-1 && r.BestP > r.FinalP+0.05 {
		out = append(out, Fact{"notice.best", []string{follow, text.Int(r.Best), text.Prob(r.BestP)}})
	}
	if r.CalmBy >= 0.5 && len(out) < 3 {
		out = append(out, Fact{"notice.calm", []string{text.Int(r.Calm), text.Number(r.CalmBy, 1)}})
	}
	return out
}

// Sentences are the facts in words.
func (a *App) Sentences(p *Page) []string {
	var out []string
	for _, f := range a.Facts(p) {
		out = append(out, a.T(f.Key, f.Args...))
	}
	return out
}

// Layers is how many layers the chosen model has: of the result, of the loaded model, or of
// the first model, so that room can be kept before anything is known.
func (a *App) Layers() int {
	if p := a.Pages["lens"]; p.Lens != nil && !p.Stale {
		return len(p.Lens.Layers)
	}
	if e := a.End(); e.Loaded != nil && e.Loaded.Layers > 0 {
		return e.Loaded.Layers
	}
	return 8
}

// GuessRange is the i-th of three equal ranges of layers.
func (a *App) GuessRange(i int) (from, to int) {
	n := a.Layers()
	return n * i / 3, n*(i+1)/3 - 1
}

// Verdict compares the guess with the result: the layer, and which third it lies in (-1:
// the token is not on top at the end, so no third is right).
func (a *App) Verdict() (layer, third int, ok bool) {
	p := a.Pages["lens"]
	if p.Lens == nil || p.Stale || len(p.Lens.Positions) == 0 {
		return 0, 0, false
	}
	r, ok := p.Read(len(p.Lens.Positions) - 1)
	if !ok || r.First < 0 {
		return -1, -1, ok
	}
	for i := range 3 {
		if from, to := a.GuessRange(i); r.First >= from && r.First <= to {
			return r.First, i, true
		}
	}
	return r.First, -1, true
}

// StageHeight is the room, in CSS pixels, that the picture needs at a width: rows stay
// readable, the whole picture stays on the screen where it can.
func (a *App) StageHeight(width, screen float64) float64 {
	if !a.Page().Own {
		return figureHeight(a.Page().FigureOf(), width)
	}
	widest := 22.0
	if a.Layers() <= 12 {
		widest = 46 // a small model's picture is no smaller for it
	}
	if a.Embedded {
		screen = 900 // a figure's frame is as tall as its author's page made it; the picture is not squeezed into it
	}
	row := math.Min(widest, math.Max(13, (screen-395)/float64(a.Layers())))
	if width < 480 {
		row = math.Max(14, math.Min(row, 32))
	}
	return math.Round(row*float64(a.Layers()) + 56)
}
