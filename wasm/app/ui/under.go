package ui

import (
	"strings"

	"patchbay/wasm/text"
)

// Under is what stands below the picture: the table twin, export, link, undo.
type Under struct{ L *Lab }

// Has says that there is a result.
func (c *Under) Has() bool {
	p := c.L.Page()
	return p.Outcome != nil || p.Report != nil
}

// Pictured says that there is a picture, which is what a figure in another page stands for.
func (c *Under) Pictured() bool {
	p := c.L.Page()
	return p.Outcome != nil && (p.Lens != nil || p.FigureOf() != nil)
}

// Shown says whether the table is open.
func (c *Under) Shown() bool { return c.Has() && c.L.Open["table"] }

// Formats are what the result can be saved as; only a picture has png and svg.
func (c *Under) Formats() []string {
	p, out := c.L.Page(), []string{"csv"}
	if p.Outcome != nil {
		out = append(out, "json")
	}
	if p.Lens == nil && p.FigureOf() == nil {
		return out
	}
	if c.L.Stage == "ready" {
		out = append(out, "png")
	}
	return append(out, "svg")
}

// Upper is a format as its button says it.
func (c *Under) Upper(f string) string { return strings.ToUpper(f) }

// Took says what the shown result cost, and whether it is of other parameters.
func (c *Under) Took() string {
	p := c.L.Page()
	switch {
	case p.Stale && p.Own:
		return c.L.T("under.stale")
	case p.Stale:
		return c.L.T("under.other")
	case p.Outcome == nil:
		return ""
	}
	return c.L.T("under.took", text.Seconds(p.Outcome.Seconds), p.Outcome.Parity.Device)
}
