package state

import (
	"encoding/json"
	"maps"
	"math"
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
			p.base[d.Name] = d.Default
			p.Params[d.Name] = d.Default
			if x, ok := p.later[d.Name]; ok && sameType(x, d.Default) {
				p.Params[d.Name] = x
			}
		}
	}
}

// SetText takes in what was typed for a parameter. What cannot be read is kept in its box,
// marked as wrong, and the last good value stays in force.
func (a *App) SetText(d lab.Param, typed string) []Effect {
	v, ok := read(d, typed)
	if !ok {
		a.Page().Wrong[d.Name] = typed
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
	return p.Params.Show(name)
}

// same compares two parameter values by their JSON, so that 5 and 5.0 are equal.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
