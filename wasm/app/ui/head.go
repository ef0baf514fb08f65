package ui

import (
	"slices"
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Head is the top of a registry's lesson: the models on which it works, and its examples.
type Head struct{ L *Lab }

// On says that there is something to show.
func (c *Head) On() bool { return c.L.Lab() != nil || c.Note() != "" }

// Work is a model that the lesson works on.
type Work struct {
	ID, Name, State string
	On, Far         bool // Far: only the sidecar has it
}

// Works are the lesson's models, the best first.
func (c *Head) Works() []Work {
	var out []Work
	e := c.L.End()
	for _, id := range c.L.Works() {
		w := Work{ID: id, On: id == c.L.Model}
		m := e.ModelInfo(id)
		if far := c.L.Ends[state.Sidecar].ModelInfo(id); m == nil && far != nil {
			m, w.Far, w.State = far, true, c.L.T("works.far")
		} else if m != nil && !e.Here(id) && !e.IsLoaded(id) {
			w.State = text.Bytes(m.Size - m.Here)
		}
		if m != nil {
			w.Name = strings.TrimSuffix(m.Name, " Instruct")
			out = append(out, w)
		}
	}
	return out
}

// Take makes one of them the page's, on the sidecar if only that has it.
func (c *Head) Take(w Work) {
	if w.Far {
		c.L.Do(c.L.SetPlace(state.Sidecar))
	}
	c.L.Do(c.L.ChooseModel(w.ID))
}

// Note says what the chosen model is to the lesson.
func (c *Head) Note() string {
	works := c.L.Works()
	place := slices.Index(works, c.L.Model)
	switch {
	case len(works) > 0 && place < 0 && c.L.End().Phase == state.Open:
		return c.L.T("works.not", c.L.ModelName())
	case place > 0:
		return c.L.T("works.best", c.name(works[0]))
	case c.L.Model == state.FirstModel && c.L.Lesson == "lens":
		return c.L.T("pocket.lens")
	case c.L.Model == state.FirstModel:
		return c.L.T("pocket.note")
	}
	return ""
}

func (c *Head) name(id string) string {
	if m := c.L.End().ModelInfo(id); m != nil && m.Name != "" {
		return m.Name
	}
	return id
}

// maxExamples are shown at first: the picture is to stay on the screen.
const maxExamples = 5

// Examples are the lesson's in its order, and only some of many until all are asked for.
func (c *Head) Examples() []lab.Preset {
	all := c.L.Examples()
	if len(all) <= maxExamples+1 || c.L.Open["examples"] {
		return all
	}
	for _, p := range all[maxExamples:] {
		if c.Is(p.Name) { // the one that stands on the page is never hidden
			return all
		}
	}
	return all[:maxExamples]
}

// Rest is the button that brings the others; empty: there are none.
func (c *Head) Rest() string {
	if n := len(c.L.Examples()) - len(c.Examples()); n > 0 {
		return "+" + text.Int(n)
	}
	return ""
}

// Is says whether an example stands on the page.
func (c *Head) Is(name string) bool { ps := c.L.Example(); return ps != nil && ps.Name == name }

// Where is an example's model.
func (c *Head) Where(p lab.Preset) string {
	return c.name(p.Model)
}

// Happened is what was measured on the example that stands on the page.
func (c *Head) Happened() string {
	if ps := c.L.Example(); ps != nil && ps.Said != "" {
		return c.L.T("said.preset", c.L.Said(ps.Said))
	}
	return ""
}
