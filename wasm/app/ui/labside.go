package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// Labside is a registry's lesson beside its picture: predict, notice, one's own lists, options,
// vectors, where it fails.
type Labside struct{ L *Lab }

// On says that there is a lesson to show.
func (c *Labside) On() bool { about := c.L.Lab(); return about != nil && about.Lesson != nil }

// Lesson is the course's text.
func (c *Labside) Lesson() *lab.Lesson { return c.L.Lab().Lesson }

// Third is an answer's look: chosen, right or neither.
func (c *Labside) Third(i int) string {
	p := c.L.Page()
	cls := Cls("third", p.Guess == i, "on")
	if answer, ok := p.Came(); ok && answer == i && p.Guess >= 0 {
		cls += " right"
	}
	return cls
}

// Facts are the report's sentences, in parts.
func (c *Labside) Facts() [][]text.Part {
	r := c.L.Page().Report
	if r == nil {
		return nil
	}
	var out [][]text.Part
	for _, w := range r.Facts {
		out = append(out, text.SayParts(c.L.Lang, w))
	}
	return out
}

// Has says whether a part of the parameters has any.
func (c *Labside) Has(part string) bool {
	return len((&Params{L: c.L, Page: c.L.Lesson, Part: part}).List()) > 0
}

// HasVectors says whether the lesson takes or makes vectors.
func (c *Labside) HasVectors() bool {
	if r := c.L.Page().Report; r != nil && len(r.Vectors) > 0 {
		return true
	}
	for _, d := range c.L.Lab().Params {
		if d.Kind == lab.Dir {
			return true
		}
	}
	return false
}

// VectorTitle says how many are kept.
func (c *Labside) VectorTitle() string {
	return c.L.T("vectors.title") + " · " + text.Int(len(c.L.Vectors))
}

// Sure says that the next click deletes.
func (c *Labside) Sure(i int) bool { return c.L.Confirm == "vector "+text.Int(i) }

// DropWord is the deleting button's.
func (c *Labside) DropWord(i int) string {
	if c.Sure(i) {
		return c.L.T("models.delete.sure")
	}
	return c.L.T("vectors.delete")
}
