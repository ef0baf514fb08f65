package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Lens is the picture of the logit lens with its scale. The picture itself is the stage's: the
// edge puts its iframe into #stage-box. (A dynamic attribute keeps that box from being taken
// for a static one, whose content Vugu writes anew on every render.)
type Lens struct{ L *Lab }

func (c *Lens) result() *lab.LensResult { return c.L.Pages["lens"].Lens }

// Blank says why there is no picture to see, as a word for Blank; empty: there is one.
func (c *Lens) Blank() string {
	p, e := c.L.Pages["lens"], c.L.End()
	switch {
	case p.Job != nil && p.Job.Phase == state.Failed:
		return "failed"
	case p.Lens != nil && c.L.Stage != "ready" && c.L.Stage != "failed": // failed: drawn without the stage
		return "drawing"
	case p.Lens != nil:
		return ""
	case e.Phase == state.None, e.Phase == state.Dead, e.Phase == state.Lost:
		return "line"
	case e.Phase == state.Opening:
		return "opening"
	case e.Load != nil && e.Load.Phase == state.Failed:
		return "loadfailed"
	case e.Loading() != nil:
		return "loading"
	case p.Busy():
		return "running"
	case !e.Here(c.L.Model) && !e.IsLoaded(c.L.Model):
		return "absent"
	}
	return "ready"
}

// Tab lets the keyboard in only when there is something to walk over.
func (c *Lens) Tab() string {
	if c.result() == nil {
		return "-1"
	}
	return "0"
}

// Rows is the number of layers.
func (c *Lens) Rows() string {
	if r := c.result(); r != nil {
		return text.Int(len(r.Layers))
	}
	return "0"
}

// Cols is the number of positions.
func (c *Lens) Cols() string {
	if r := c.result(); r != nil {
		return text.Int(len(r.Positions))
	}
	return "0"
}
