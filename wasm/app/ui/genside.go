package ui

import "patchbay/shared/lab"

// Genside is what can be changed about a generation: sampling and edits.
type Genside struct{ L *Lab }

// Add appends the small form's edit to the list.
func (c *Genside) Add() {
	effects, wrong := c.L.AddEdit(c.L.Draft)
	c.L.Wrong = wrong
	c.L.Do(effects)
}

// Param is the description of the edits' JSON box.
func (c *Genside) Param() lab.Param { return lab.Param{Name: "edits", Kind: lab.Edits} }

// BadJSON says that the box cannot be read.
func (c *Genside) BadJSON() bool { _, bad := c.L.Pages["generate"].Wrong["edits"]; return bad }
