package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/internal/strict"
	"patchbay/shared/plan"
)

// The limits of experiments' parameters, in one place.
const (
	MaxParams    = 8 << 20 // bytes of JSON
	MaxText      = 65536   // bytes of a text
	MaxCount     = 1024    // tokens to generate
	MaxTop       = 20      // guesses in a cell
	MaxLensCells = 512     // prompt tokens of a lens with a column for each
	MaxEdits     = 256     // edits of an experiment
	MaxItems     = 4096    // pairs or texts of an experiment
)

func limits(min, max float64) (*float64, *float64) { return &min, &max }

// ranged sets a parameter's range.
func (p Param) ranged(min, max float64) Param {
	p.Min, p.Max = limits(min, max)
	return p
}

// Complete checks parameters against their descriptions and fills in the defaults. What it
// gives is the canonical form: every parameter, in the order of the description.
func Complete(about About, raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) > MaxParams {
		return nil, errs.E("lab.Params", errs.TooLarge, "the parameters have %d bytes; at most %d are read", len(raw), MaxParams)
	}
	given := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := strict.Decode("lab.Params", raw, &given); err != nil {
			return nil, err
		}
	}
	if err := unknown(about, given); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for i, p := range about.Params {
		value, ok := given[p.Name]
		if !ok || string(value) == "null" {
			value, _ = json.Marshal(p.Default)
		}
		value, err := p.check(value)
		if err != nil {
			return nil, errs.E("lab.Params", errs.Other, "%s: %w", p.Name, err)
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, p.Name), ':'), value...)
	}
	return append(out, '}'), nil
}

func unknown(about About, given map[string]json.RawMessage) error {
	var known, extra []string
	for _, p := range about.Params {
		known = append(known, p.Name)
	}
	for name := range given {
		if !slices.Contains(known, name) {
			extra = append(extra, name)
		}
	}
	if len(extra) == 0 {
		return nil
	}
	slices.Sort(extra)
	return errs.E("lab.Params", errs.Invalid, "%s has no parameter %.60q; it has %s", about.Name, extra[0], strings.Join(known, ", "))
}

func bad(format string, args ...any) error {
	return errs.E("lab.Params", errs.Invalid, format, args...)
}

// check gives the value in its canonical spelling.
func (p Param) check(raw json.RawMessage) (json.RawMessage, error) {
	switch p.Kind {
	case Text, Token, Second:
		return p.text(raw)
	case Choice:
		return p.choice(raw)
	case Int, Float:
		return p.number(raw)
	case Bool:
		var v bool
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, bad("%.40s is neither true nor false", raw)
		}
		return json.Marshal(v)
	case Edits:
		return p.edits(raw)
	case Dir:
		return p.vector(raw)
	case Pairs:
		return list[[]string](p, raw, func(pair []string) error {
			if len(pair) != 2 || pair[0] == "" || pair[1] == "" {
				return bad("each pair has two texts, neither of them empty; one has %d: %.80q", len(pair), pair)
			}
			return nil
		})
	case Texts:
		return list[string](p, raw, func(string) error { return nil })
	}
	return nil, errs.E("lab.Params", errs.Other, "the parameter has the unknown kind %q", p.Kind)
}

// vector reads a direction; null is none.
func (p Param) vector(raw json.RawMessage) (json.RawMessage, error) {
	var v *Vector
	if err := strict.Decode("lab.Params", raw, &v); err != nil {
		return nil, err
	}
	if v != nil && len(v.Values) == 0 {
		return nil, bad("the vector %.60q has no numbers", v.Name)
	}
	return json.Marshal(v)
}

// list reads a list of at most MaxItems entries, each of which must pass.
func list[T any](p Param, raw json.RawMessage, pass func(T) error) (json.RawMessage, error) {
	v := []T{}
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		return nil, bad("%.60s is not the list that is wanted here", raw)
	}
	if len(v) > MaxItems {
		return nil, errs.E("lab.Params", errs.TooLarge, "the list has %d entries; at most %d are taken", len(v), MaxItems)
	}
	for i, x := range v {
		if err := pass(x); err != nil {
			return nil, errs.E("lab.Params", errs.KindOf(err), "entry %d: %w", i+1, err)
		}
	}
	return json.Marshal(v)
}

func (p Param) text(raw json.RawMessage) (json.RawMessage, error) {
	var v string
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, bad("%.40s is not a text", raw)
	}
	limit := MaxText
	if p.Max != nil {
		limit = int(*p.Max)
	}
	if len(v) > limit {
		return nil, errs.E("lab.Params", errs.TooLarge, "the text has %d bytes; at most %d are allowed", len(v), limit)
	}
	return plainJSON(v)
}

// plainJSON marshals without escaping < and >, so that prompts stay readable.
func plainJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func (p Param) choice(raw json.RawMessage) (json.RawMessage, error) {
	var v string
	if err := json.Unmarshal(raw, &v); err != nil || !slices.Contains(p.Choices, v) {
		return nil, bad("%.40s is not one of %s", raw, strings.Join(p.Choices, ", "))
	}
	return json.Marshal(v)
}

func (p Param) number(raw json.RawMessage) (json.RawMessage, error) {
	var v float64
	what := "a number"
	if p.Kind == Int {
		what = "a whole number"
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, bad("%.40s is not %s", raw, what)
	}
	if p.Kind == Int && v != math.Trunc(v) {
		return nil, bad("%g is not a whole number", v)
	}
	if p.Min != nil && v < *p.Min || p.Max != nil && v > *p.Max {
		return nil, bad("%s is outside %s", number(v), p.Range())
	}
	return json.RawMessage(number(v)), nil
}

// number spells a number as JSON does, without an exponent where a person would not use one.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Range says what numbers a parameter takes: "1 to 20".
func (p Param) Range() string {
	switch {
	case p.Min != nil && p.Max != nil:
		return number(*p.Min) + " to " + number(*p.Max)
	case p.Min != nil:
		return "at least " + number(*p.Min)
	case p.Max != nil:
		return "at most " + number(*p.Max)
	}
	return "any number"
}

func (p Param) edits(raw json.RawMessage) (json.RawMessage, error) {
	edits, err := plan.ParseEdits(raw)
	if err != nil {
		return nil, err
	}
	if len(edits) > MaxEdits {
		return nil, errs.E("lab.Params", errs.TooLarge, "there are %d edits; at most %d are allowed", len(edits), MaxEdits)
	}
	if edits == nil {
		edits = []plan.Edit{}
	}
	return plainJSON(edits)
}

// ParseFlags makes parameters of the texts that a command line gives, by name. Hyphens stand
// for underscores; edits are JSON. The result is checked and complete.
func ParseFlags(about About, flags map[string]string) (json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for name, text := range flags {
		key := strings.ReplaceAll(name, "-", "_")
		i := slices.IndexFunc(about.Params, func(p Param) bool { return p.Name == key })
		value, err := json.RawMessage(text), error(nil)
		switch {
		case i < 0:
			value = json.RawMessage("null") // Complete names the known ones
		case slices.Contains([]Kind{Text, Token, Choice, Second}, about.Params[i].Kind):
			value, err = plainJSON(text)
		case !json.Valid(value):
			err = bad("--%s: %.40q is not %s", name, text, nouns[about.Params[i].Kind])
		}
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	raw, err := json.Marshal(values)
	if err != nil {
		return nil, errs.E("lab.ParseFlags", errs.Invalid, "%w", err)
	}
	return Complete(about, raw)
}

var nouns = map[Kind]string{Int: "a whole number", Float: "a number", Bool: "true or false", Edits: "a JSON list of edits"}

// Usage is one line of help for a parameter: "1 to 20, default 5".
func (p Param) Usage() string {
	var parts []string
	switch {
	case len(p.Choices) > 0:
		parts = append(parts, strings.Join(p.Choices, ", "))
	case p.Kind == Int || p.Kind == Float:
		parts = append(parts, p.Range())
	}
	if d := fmt.Sprint(p.Default); d != "" && d != "[]" {
		parts = append(parts, "default "+d)
	}
	return strings.Join(parts, "; ")
}
