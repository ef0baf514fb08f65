package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Params makes a control for each parameter that the registry describes, but for the prompt
// and the edits, which have boxes of their own.
type Params struct {
	L    *Lab
	Page string
}

func (c *Params) page() *state.Page { return c.L.Pages[c.Page] }

// List is what the registry describes.
func (c *Params) List() []lab.Param {
	about := c.L.About(c.Page)
	if about == nil {
		return nil
	}
	var out []lab.Param
	for _, d := range about.Params {
		if d.Name != "prompt" && d.Kind != lab.Edits {
			out = append(out, d)
		}
	}
	return out
}

// ID is a control's element id.
func (c *Params) ID(d lab.Param) string { return "param-" + c.Page + "-" + d.Name }

// Typed says that the control is a text box.
func (c *Params) Typed(d lab.Param) bool { return d.Kind != lab.Bool && d.Kind != lab.Choice }

// Label is the parameter's name in the reader's language, else as the registry has it.
func (c *Params) Label(d lab.Param) string {
	if text.Has("param." + d.Name) {
		return c.L.T("param." + d.Name)
	}
	return d.Name
}

// Help is the parameter's sentence with its range, or what is wrong with what was typed.
func (c *Params) Help(d lab.Param) string {
	if c.Bad(d) {
		return c.wrong(d)
	}
	if text.Has("help." + d.Name) {
		return c.L.T("help." + d.Name)
	}
	return d.Help
}

func (c *Params) wrong(d lab.Param) string {
	if d.Min != nil && d.Max != nil {
		return c.L.T("param.range", number(*d.Min), number(*d.Max))
	}
	return c.L.T("param.number")
}

func number(x float64) string {
	if x == float64(int64(x)) {
		return text.Int(int(x))
	}
	return text.Number(x, 2)
}

// Choice is a choice in words, else as it is.
func (c *Params) Choice(s string) string {
	if text.Has("choice." + s) {
		return c.L.T("choice." + s)
	}
	return s
}

// Bad says that what was typed cannot be read.
func (c *Params) Bad(d lab.Param) bool { _, bad := c.page().Wrong[d.Name]; return bad }

// Class is mono for tokens, where each space counts.
func (c *Params) Class(d lab.Param) string {
	return Cls(Cls("in", d.Kind == lab.Token, "mono"), c.Bad(d), "bad")
}

// Keys asks a phone for the keyboard that fits.
func (c *Params) Keys(d lab.Param) string {
	switch d.Kind {
	case lab.Int:
		return "numeric"
	case lab.Float:
		return "decimal"
	}
	return "text"
}
