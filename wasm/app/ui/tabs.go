package ui

import (
	"unicode/utf8"

	"patchbay/wasm/text"
)

// Tabs choose among the pictures of a result: as tabs where they fit in a line, else from a list.
type Tabs struct{ L *Lab }

// Tab is a picture to choose.
type Tab struct {
	Name, Title string
	On          bool
}

// Figures are the result's pictures.
func (c *Tabs) Figures() []Tab {
	p := c.L.Page()
	if p.Report == nil {
		return nil
	}
	var out []Tab
	shown := p.FigureOf()
	for i := range p.Report.Figures {
		f := &p.Report.Figures[i]
		out = append(out, Tab{f.Name, c.L.Say(f.Title), f == shown})
	}
	return out
}

// Many says that tabs would take more than a line.
func (c *Tabs) Many() bool {
	letters, list := 0, c.Figures()
	for _, f := range list {
		letters += utf8.RuneCountInString(f.Title) + 4
	}
	return len(list) > 1 && (letters > 96 || len(list) > 4)
}

// Few are the tabs; none where the list stands.
func (c *Tabs) Few() []Tab {
	if c.Many() {
		return nil
	}
	return c.Figures()
}

// Step is the name of the picture before or after the one shown, empty at the ends.
func (c *Tabs) Step(by int) string {
	list := c.Figures()
	for i, f := range list {
		if f.On && i+by >= 0 && i+by < len(list) {
			return list[i+by].Name
		}
	}
	return ""
}

// Place says which of how many pictures is shown.
func (c *Tabs) Place() string {
	list := c.Figures()
	for i, f := range list {
		if f.On {
			return text.Int(i+1) + " / " + text.Int(len(list))
		}
	}
	return ""
}
