package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// Embed makes a figure for another page: which controls its reader gets, and the text to paste.
type Embed struct{ L *Lab }

// Controls are what could be left to the reader; none are listed while the panel is shut.
func (c *Embed) Controls() []lab.Param {
	if c.L.Popover != "embed" {
		return nil
	}
	return c.L.Controls()
}

// Label is a parameter's name in the reader's language.
func (c *Embed) Label(d lab.Param) string {
	return (&Params{L: c.L, Page: c.L.Lesson}).Label(d)
}

// Ready says that the stored picture is made, or that there will be none.
func (c *Embed) Ready() bool { return c.L.Embed.Shot != "" || c.L.Embed.Failed != "" }

// Shot says how large the stored picture is, or why there is none.
func (c *Embed) Shot() string {
	switch e := c.L.Embed; {
	case e.Failed != "":
		return c.L.T("embed.noshot", e.Failed)
	case e.Shot == "":
		return c.L.T("embed.making")
	default:
		return c.L.T("embed.shot", text.Bytes(int64(len(e.Shot))))
	}
}
