package ui

// Tabs choose among the pictures of a result.
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
