package ui

import (
	"strconv"
	"unicode/utf8"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Params makes a control for each parameter that the registry describes, but for the prompt
// and the edits, which have boxes of their own. Part is which of them: "" all; of a registry's
// lesson "first" (a row over the picture), "lists" (beside it) and "more" (folded).
type Params struct {
	L    *Lab
	Page string
	Part string
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
		if d.Name != "prompt" && d.Kind != lab.Edits && c.L.May(d.Name) && (c.Part == "" || c.Part == part(d)) {
			out = append(out, d)
		}
	}
	return out
}

func part(d lab.Param) string {
	switch {
	case d.More:
		return "more"
	case d.Kind == lab.Pairs || d.Kind == lab.Texts:
		return "lists"
	}
	return "first"
}

// Look is the part's class.
func (c *Params) Look() string { return Cls("params", c.Part == "first", "inrow") }

// Field is the class of a parameter's box.
func (c *Params) Field(d lab.Param) string {
	cls := Cls("param", c.Long(d) || d.Kind == lab.Dir, "long")
	return Cls(cls, d.Kind == lab.Text && !c.page().Own, "wide")
}

// ID is a control's element id.
func (c *Params) ID(d lab.Param) string { return "param-" + c.Page + "-" + d.Name }

// Long says that the control is a box of many lines.
func (c *Params) Long(d lab.Param) bool { return d.Kind == lab.Pairs || d.Kind == lab.Texts }

// Typed says that the control is a text box.
func (c *Params) Typed(d lab.Param) bool {
	return d.Kind != lab.Bool && d.Kind != lab.Choice && d.Kind != lab.Dir && d.Kind != lab.Second && !c.Long(d)
}

// Buttons says that a choice is small enough to be shown whole.
func (c *Params) Buttons(d lab.Param) bool {
	if d.Kind != lab.Choice || len(d.Choices) > 4 {
		return false
	}
	letters := 0
	for _, s := range d.Choices {
		letters += utf8.RuneCountInString(c.Choice(s))
	}
	return letters <= 28
}

// Label is the parameter's name in the reader's language, else as the registry has it.
func (c *Params) Label(d lab.Param) string {
	switch {
	case d.Label != "":
		return c.L.Said(d.Label)
	case text.Has("param." + d.Name):
		return c.L.T("param." + d.Name)
	}
	return d.Name
}

// Help is the parameter's sentence with its range, or what is wrong with what was typed.
func (c *Params) Help(d lab.Param) string {
	switch {
	case c.Bad(d):
		return c.wrong(d)
	case c.page().Own && text.Has("help."+d.Name):
		return c.L.T("help." + d.Name)
	case d.Kind == lab.Pairs:
		return c.L.Said(d.Help) + " " + c.L.T("pairs.help")
	case d.Kind == lab.Texts:
		return c.L.Said(d.Help) + " " + c.L.T("texts.help")
	}
	return c.L.Said(d.Help)
}

// HelpClass hides the sentence from eyes where the control stands in a row, unless something is wrong.
func (c *Params) HelpClass(d lab.Param) string {
	if c.Part == "first" && !c.Bad(d) {
		return "vh"
	}
	return Cls("soft", c.Bad(d), "warn")
}

func (c *Params) wrong(d lab.Param) string {
	if why, ok := c.page().Why[d.Name]; ok {
		return c.L.T(why.Key, why.Args...)
	}
	if d.Kind == lab.Dir {
		return c.L.T("run.vector")
	}
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
	if said := c.L.Said(s); said != s || c.L.Lang == text.EN && !c.page().Own {
		return said
	}
	if text.Has("choice." + s) {
		return c.L.T("choice." + s)
	}
	return s
}

// Bad says that what was typed cannot be read, or that a vector is of another model.
func (c *Params) Bad(d lab.Param) bool {
	if v, ok := c.page().Params[d.Name].(*lab.Vector); ok && v != nil {
		return c.L.Strange(v) != ""
	}
	_, bad := c.page().Wrong[d.Name]
	return bad
}

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

// Count is the number of a list's entries.
func (c *Params) Count(d lab.Param) string {
	return c.L.T("lists.count", text.Int(c.page().Count(d.Name)))
}

// Option is a vector or a model to choose.
type Option struct {
	Value, Text string
	On          bool
}

// Vectors are the kept ones: those of this model first by being plain, others with their model.
func (c *Params) Vectors(d lab.Param) []Option {
	chosen := c.L.Chosen(d.Name)
	out := []Option{{"-1", c.L.T("vectors.none"), chosen == -1}}
	if v, ok := c.page().Params[d.Name].(*lab.Vector); ok && chosen == -2 {
		out = append(out, Option{"-2", v.Name, true})
	}
	for i := range c.L.App.Vectors {
		v := &c.L.App.Vectors[i]
		name := v.Name
		if c.L.Strange(v) != "" {
			name += " (" + v.Model + ")"
		}
		out = append(out, Option{strconv.Itoa(i), name, chosen == i})
	}
	return out
}

// Models are the further models to choose: none, those of the place, and one that it does not know.
func (c *Params) Models(d lab.Param) []Option {
	chosen := c.page().Params.Str(d.Name)
	out, known := []Option{{"", c.L.T("param.same"), chosen == ""}}, chosen == ""
	for _, m := range c.L.End().Models {
		if m.ID != c.L.Model {
			out = append(out, Option{m.ID, m.Name, m.ID == chosen})
			known = known || m.ID == chosen
		}
	}
	if !known {
		out = append(out, Option{chosen, chosen, true})
	}
	return out
}

// Choose takes a vector by its place; -2 is the one that is there.
func (c *Params) Choose(d lab.Param, value string) {
	if i, err := strconv.Atoi(value); err == nil && i != -2 {
		c.L.Do(c.L.ChooseVector(d.Name, i))
	}
}
