package state

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/lab"
)

// Params are an experiment's parameters by name, as the registry describes them: strings,
// bools, ints, float64s and lists, the values of JSON.
type Params map[string]any

func (p Params) clone() Params { return maps.Clone(p) }

// Str is a text parameter.
func (p Params) Str(name string) string { s, _ := p[name].(string); return s }

// Bool is a switch.
func (p Params) Bool(name string) bool { b, _ := p[name].(bool); return b }

// Int is a whole number.
func (p Params) Int(name string) int { return int(math.Round(p.Float(name))) }

// Float is a number.
func (p Params) Float(name string) float64 {
	switch v := p[name].(type) {
	case float64:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	}
	return 0
}

// Show is a parameter as it stands in its box.
func (p Params) Show(name string) string {
	switch v := p[name].(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int:
		return strconv.Itoa(v)
	}
	raw, _ := json.Marshal(p[name])
	return string(raw)
}

// defaults takes in the registry's parameters that the page did not know of.
func (p *Page) defaults(params []lab.Param) {
	for _, d := range params {
		if _, ok := p.base[d.Name]; !ok {
			x, fits := take(d, d.Default)
			if !fits {
				x = d.Default
			}
			p.base[d.Name], p.Params[d.Name] = x, x
			if x, ok := p.later[d.Name]; ok {
				if x, fits := take(d, x); fits {
					p.Params[d.Name] = x
				}
			}
		}
	}
}

// take gives a parameter's value as the page keeps it, of JSON's: pairs as [][]string, texts as
// []string, a direction as *lab.Vector or nil. What the controls could not show does not fit.
func take(d lab.Param, x any) (v any, fits bool) {
	switch d.Kind {
	case lab.Text, lab.Token, lab.Second:
		_, fits = x.(string)
	case lab.Choice:
		s, is := x.(string)
		fits = is && slices.Contains(d.Choices, s)
	case lab.Bool:
		_, fits = x.(bool)
	case lab.Int, lab.Float:
		n := Params{"x": x}.Float("x")
		_, isInt := x.(int)
		_, isFloat := x.(float64)
		fits = (isInt || isFloat) && inside(d, n) && (d.Kind == lab.Float || n == math.Trunc(n))
	case lab.Edits:
		_, fits = x.([]any)
	case lab.Pairs:
		pairs, ok := convert[[][]string](x)
		return pairs, ok && !slices.ContainsFunc(pairs, func(p []string) bool { return len(p) != 2 })
	case lab.Texts:
		return convert[[]string](x)
	case lab.Dir:
		if x == nil {
			return nil, true
		}
		vec, ok := convert[*lab.Vector](x)
		return vec, ok && vec != nil && len(vec.Values) > 0
	}
	return x, fits
}

// convert reads a value as another type by way of JSON; null is an empty list.
func convert[T any](x any) (out T, ok bool) {
	raw, err := json.Marshal(x)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return out, false
	}
	return out, true
}

// SetText takes in what was typed for a parameter. What cannot be read is kept in its box,
// marked as wrong, and the last good value stays in force.
func (a *App) SetText(d lab.Param, typed string) []Effect {
	p := a.Page()
	if d.Kind == lab.Pairs || d.Kind == lab.Texts {
		return a.setList(d, typed)
	}
	v, ok := read(d, typed)
	if !ok {
		p.Wrong[d.Name] = typed
		return nil
	}
	return a.Set(d.Name, v)
}

// read turns a text into the parameter's type and checks its range.
func read(d lab.Param, typed string) (any, bool) {
	switch d.Kind {
	case lab.Int:
		n, err := strconv.Atoi(typed)
		return n, err == nil && inside(d, float64(n))
	case lab.Float:
		x, err := strconv.ParseFloat(typed, 64)
		return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) && inside(d, x)
	case lab.Bool:
		b, err := strconv.ParseBool(typed)
		return b, err == nil
	case lab.Choice:
		for _, c := range d.Choices {
			if c == typed {
				return typed, true
			}
		}
		return nil, false
	case lab.Edits:
		return readEdits(typed)
	}
	return typed, true
}

func inside(d lab.Param, x float64) bool {
	return (d.Min == nil || x >= *d.Min) && (d.Max == nil || x <= *d.Max)
}

// Fill is a control's text: what was typed while it cannot be read, else the value.
func (p *Page) Fill(name string) string {
	if w, ok := p.Wrong[name]; ok {
		return w
	}
	if t, ok := p.Typed[name]; ok {
		return t
	}
	switch v := p.Params[name].(type) {
	case [][]string:
		return pairLines(v)
	case []string:
		return textLines(v)
	}
	return p.Params.Show(name)
}

// same compares two parameter values by their JSON, so that 5 and 5.0 are equal.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
