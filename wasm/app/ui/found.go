package ui

import (
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// Found is what stands under a report's picture: how much was measured, texts side by side, and
// the vectors that the run made.
type Found struct{ L *Lab }

// Report is the page's, or nil.
func (c *Found) Report() *lab.Report { return c.L.Page().Report }

// Pictured says that there is a picture.
func (c *Found) Pictured() bool { return c.L.Page().FigureOf() != nil }

// Lines say how many items were measured, and whether that was all.
func (c *Found) Lines() string {
	p := c.L.Page()
	var parts []string
	if s := c.L.KeptLine(p.Report); s != "" {
		parts = append(parts, s)
	}
	if p.Partial() && p.Busy() {
		parts = append(parts, c.L.T("partial.line"))
	} else if p.Partial() {
		parts = append(parts, c.L.T("partial.stop"))
	}
	if !c.Pictured() {
		parts = append(parts, c.L.T("figure.nothing"))
	}
	return strings.Join(parts, " ")
}

// The most that is shown token by token: every event renders the page again.
const (
	maxPassages = 16
	maxSteps    = 900 // of all together
)

// Passage is a text as the page shows it.
type Passage struct {
	Name, Prompt, Note, Plain string
	Steps                     []lab.GenerateStep
	Control, Hidden           bool
}

// Passages are the report's texts, the unedited first, as the lesson ordered them.
func (c *Found) Passages() []Passage {
	var out []Passage
	room := maxSteps
	asked := ""
	for _, p := range c.Report().Passages[:min(maxPassages, len(c.Report().Passages))] {
		s := Passage{Name: c.L.Say(p.Name), Control: p.Control, Hidden: p.Hidden}
		if p.Prompt != asked { // the same question is asked once
			s.Prompt, asked = p.Prompt, p.Prompt
		}
		if p.Note != nil {
			s.Note = c.L.Say(*p.Note)
		}
		switch {
		case p.Hidden && s.Note == "":
			s.Note = c.L.T("passage.hide")
		case p.Hidden:
		case len(p.Steps) > 0 && len(p.Steps) <= room:
			s.Steps = p.Steps
			room -= len(p.Steps)
		case p.Text != "":
			s.Plain = p.Text
		default:
			s.Plain = c.L.T("passage.none")
		}
		out = append(out, s)
	}
	return out
}

// Shown is what a token adds to the text, its line ends made visible.
func (c *Found) Shown(s lab.GenerateStep) string { return strings.ReplaceAll(s.Chunk, "\n", "⏎\n") }

// Title is a token's numbers.
func (c *Found) Title(s lab.GenerateStep) string {
	return c.L.T("generate.step", text.Token(s.Text), text.Prob(s.P), text.Number(float64(s.Margin), 2))
}
