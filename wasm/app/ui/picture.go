package ui

import (
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Picture is the stage's place on the page, whatever lesson it shows. The picture itself is the
// stage's: the edge puts its iframe into #stage-box. (A dynamic attribute keeps that box from
// being taken for a static one, whose content Vugu writes anew on every render.)
type Picture struct{ L *Lab }

func (c *Picture) page() *state.Page { return c.L.Page() }

// has says that there is something to draw.
func (c *Picture) has() bool { return c.page().Lens != nil || c.page().FigureOf() != nil }

// Blank says why there is no picture to see, as a word for Blank; empty: there is one.
func (c *Picture) Blank() string {
	return c.L.Why(c.has() || c.page().Report != nil, c.has() && c.L.Stage != "ready" && c.L.Stage != "failed") // failed: drawn without the stage
}

// Class is the stage's look.
func (c *Picture) Class() string {
	return Cls(Cls("stage", c.Blank() != "", "blank"), c.page().Stale, "stale")
}

// Tab lets the keyboard in only when there is something to walk over.
func (c *Picture) Tab() string {
	if c.has() {
		return "0"
	}
	return "-1"
}

// Role is what kind of thing the picture is.
func (c *Picture) Role() string {
	if c.page().Own {
		return c.L.T("stage.role")
	}
	return c.L.T("figure.role")
}

// Label says what the picture shows.
func (c *Picture) Label() string {
	if f := c.page().FigureOf(); f != nil {
		return c.L.T("figure.stage", c.L.Say(f.Title), c.L.Say(f.Unit))
	}
	rows, cols := 0, 0
	if r := c.page().Lens; r != nil {
		rows, cols = len(r.Layers), len(r.Positions)
	}
	if !c.page().Own {
		return c.L.T("stage.title")
	}
	return c.L.T("stage.label", text.Int(rows), text.Int(cols))
}

// Help says how the keyboard moves over it.
func (c *Picture) Help() string {
	if c.page().Own {
		return c.L.T("stage.help")
	}
	return c.L.T("figure.help")
}

// Mark is the mark under the pointer or the pinned one, in words.
func (c *Picture) Mark() string {
	if w := c.L.MarkWords(); w != "" {
		return w
	}
	return c.L.T("figure.point")
}
