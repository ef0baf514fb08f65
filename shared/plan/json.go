package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"patchbay/shared/errs"
)

// Parse decodes a plan strictly: unknown fields are refused by name, sizes are bounded and
// errors say where in the plan they are. It does not need a model; Check does the rest.
func Parse(data []byte) (*Plan, error) {
	if len(data) > MaxBytes {
		return nil, errs.E("plan.Parse", errs.TooLarge, "the plan has %d bytes; at most %d are read: put large operands in the store and name them", len(data), MaxBytes)
	}
	var outer struct {
		Runs []json.RawMessage `json:"runs"`
	}
	if err := strict(data, &outer, "plan"); err != nil {
		return nil, err
	}
	if len(outer.Runs) > MaxRuns {
		return nil, errs.E("plan.Parse", errs.TooLarge, "the plan has %d runs; at most %d are allowed", len(outer.Runs), MaxRuns)
	}
	p := &Plan{Runs: make([]Run, len(outer.Runs))}
	for i, raw := range outer.Runs {
		if err := parseRun(raw, &p.Runs[i], fmt.Sprintf("runs[%d]", i)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parseRun decodes a run's edits and reads one by one, so that an error can name its place.
func parseRun(raw []byte, r *Run, where string) error {
	var outer struct {
		Name       string            `json:"name"`
		Base       string            `json:"base"`
		Prompt     json.RawMessage   `json:"prompt"`
		Generation json.RawMessage   `json:"generation"`
		Edits      []json.RawMessage `json:"edits"`
		Reads      []json.RawMessage `json:"reads"`
	}
	if err := strict(raw, &outer, where); err != nil {
		return err
	}
	r.Name, r.Base = outer.Name, outer.Base
	if outer.Prompt != nil {
		if err := strict(outer.Prompt, &r.Prompt, where+".prompt"); err != nil {
			return err
		}
	}
	if outer.Generation != nil && string(outer.Generation) != "null" {
		r.Generation = new(Generate)
		if err := strict(outer.Generation, r.Generation, where+".generation"); err != nil {
			return err
		}
	}
	var err error
	if r.Edits, err = parseList[Edit](outer.Edits, MaxEdits, where+".edits"); err != nil {
		return err
	}
	r.Reads, err = parseList[Read](outer.Reads, MaxReads, where+".reads")
	return err
}

// ParseEdits decodes a list of edits alone, as experiments take it.
func ParseEdits(data []byte) ([]Edit, error) {
	if len(data) > MaxBytes {
		return nil, errs.E("plan.ParseEdits", errs.TooLarge, "the edits have %d bytes; at most %d are read", len(data), MaxBytes)
	}
	var raw []json.RawMessage
	if err := strict(data, &raw, "edits"); err != nil {
		return nil, err
	}
	return parseList[Edit](raw, MaxEdits, "edits")
}

func parseList[T any](raw []json.RawMessage, limit int, where string) ([]T, error) {
	if len(raw) > limit {
		return nil, errs.E("plan.Parse", errs.TooLarge, "%s has %d items; at most %d are allowed", where, len(raw), limit)
	}
	if len(raw) == 0 {
		return nil, nil
	}
	list := make([]T, len(raw))
	for i := range raw {
		if err := strict(raw[i], &list[i], fmt.Sprintf("%s[%d]", where, i)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// strict decodes one JSON value into v and refuses fields that v does not have.
func strict(data []byte, v any, where string) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more == io.EOF {
			return nil
		}
		return errs.E("plan.Parse", errs.Invalid, "%s: something follows the end of the value", where)
	}
	return errs.E("plan.Parse", errs.Invalid, "%s: %s", where, explain(err, data, v))
}

// explain turns a decoding error into words that one can act on.
func explain(err error, data []byte, v any) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return explainSyntax(syntax, data)
	case errors.As(err, &kind) && strings.HasPrefix(kind.Value, "number"):
		return fmt.Sprintf("%s does not fit in %s (%s); numbers must be finite", kind.Value, orValue(kind.Field), kind.Type)
	case errors.As(err, &kind):
		return fmt.Sprintf("%s: a %s stands where %s belongs", orValue(kind.Field), kind.Value, kind.Type)
	}
	msg := strings.TrimPrefix(err.Error(), "json: ")
	if strings.HasPrefix(msg, "unknown field") {
		msg += "; known are " + strings.Join(fieldNames(reflect.TypeOf(v)), ", ")
	}
	return msg
}

func explainSyntax(err *json.SyntaxError, data []byte) string {
	at := max(0, min(int(err.Offset)-1, len(data)))
	for _, word := range []string{"NaN", "Infinity", "Inf", "nan", "inf"} {
		for back := range len(word) {
			if at >= back && bytes.HasPrefix(data[at-back:], []byte(word)) {
				return word + " cannot stand in JSON; an edit's numbers must be finite"
			}
		}
	}
	return fmt.Sprintf("not JSON: %v (byte %d)", err, err.Offset)
}

func orValue(field string) string {
	if field == "" {
		return "the value"
	}
	return field
}

func fieldNames(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	var names []string
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// plain decodes an object into an alias type that has no UnmarshalJSON of its own.
func plain(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err != nil {
		return errors.New(explain(err, data, v))
	}
	return nil
}

// IsZero tells encoding/json to leave the field out.
func (s Select) IsZero() bool { return !s.All && s.List == nil }

// MarshalJSON writes "all", an integer or a list.
func (s Select) MarshalJSON() ([]byte, error) { return marshalInts(s.All, s.List) }

// UnmarshalJSON reads "all", an integer or a list.
func (s *Select) UnmarshalJSON(b []byte) (err error) {
	s.All, s.List, err = unmarshalInts(b, MaxSelect)
	return err
}

// IsZero tells encoding/json to leave the field out.
func (p Positions) IsZero() bool { return !p.All && p.List == nil && p.Text == nil }

// MarshalJSON writes "all", an integer, a list or {text, occurrence, which}.
func (p Positions) MarshalJSON() ([]byte, error) {
	if p.Text != nil {
		return json.Marshal(p.Text)
	}
	return marshalInts(p.All, p.List)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Positions) UnmarshalJSON(b []byte) (err error) {
	*p = Positions{}
	if b[0] == '{' {
		p.Text = new(TextPosition)
		return plain(b, p.Text)
	}
	p.All, p.List, err = unmarshalInts(b, MaxSelect)
	return err
}

func marshalInts(all bool, list []int) ([]byte, error) {
	switch {
	case all:
		return []byte(`"all"`), nil
	case len(list) == 1:
		return json.Marshal(list[0])
	case list == nil:
		return []byte("null"), nil
	}
	return json.Marshal(list)
}

func unmarshalInts(b []byte, limit int) (all bool, list []int, err error) {
	switch {
	case string(b) == "null":
		return false, nil, nil
	case string(b) == `"all"`:
		return true, nil, nil
	case b[0] == '[':
		list = []int{}
		err = json.Unmarshal(b, &list)
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		list = make([]int, 1)
		err = json.Unmarshal(b, &list[0])
	default:
		return false, nil, fmt.Errorf("%.40s is neither an integer, a list of integers nor \"all\"", b)
	}
	if err != nil {
		return false, nil, fmt.Errorf("%.40s is not made of integers that a machine can count", b)
	}
	if len(list) > limit {
		return false, nil, fmt.Errorf("a list of %d integers is over the limit of %d", len(list), limit)
	}
	return false, list, nil
}

// MarshalJSON writes a plain text alone.
func (p Prompt) MarshalJSON() ([]byte, error) {
	if p.Text != "" && !p.Chat && p.IDs == nil && p.Messages == nil {
		return json.Marshal(p.Text)
	}
	type fields Prompt
	return json.Marshal(fields(p))
}

// UnmarshalJSON reads a text or the object.
func (p *Prompt) UnmarshalJSON(b []byte) error {
	*p = Prompt{}
	if b[0] == '"' {
		return json.Unmarshal(b, &p.Text)
	}
	type fields Prompt
	return plain(b, (*fields)(p))
}

// IsZero tells encoding/json to leave the field out.
func (p Prompt) IsZero() bool {
	return p.Text == "" && !p.Chat && p.IDs == nil && p.Messages == nil
}

// MarshalJSON writes a scalar or a plain vector without its shape.
func (o Operand) MarshalJSON() ([]byte, error) {
	if o.Values != nil && len(o.Shape) == 0 && o.Vector == "" && o.Dictionary == "" && o.Reads == nil {
		if len(o.Values) == 1 {
			return json.Marshal(o.Values[0])
		}
		return json.Marshal(o.Values)
	}
	type fields Operand
	return json.Marshal(fields(o))
}

// UnmarshalJSON reads a number, a list of numbers or the object.
func (o *Operand) UnmarshalJSON(b []byte) error {
	*o = Operand{}
	switch {
	case b[0] == '{':
		type fields Operand
		return plain(b, (*fields)(o))
	case b[0] == '[':
		return plain(b, &o.Values)
	}
	o.Values = make([]float32, 1)
	return plain(b, &o.Values[0])
}

// MarshalJSON writes the text or the id.
func (t TokenRef) MarshalJSON() ([]byte, error) {
	if t.Text != "" {
		return json.Marshal(t.Text)
	}
	return json.Marshal(t.ID)
}

// UnmarshalJSON reads a text or an id.
func (t *TokenRef) UnmarshalJSON(b []byte) error {
	*t = TokenRef{}
	if b[0] != '"' {
		return plain(b, &t.ID)
	}
	if err := json.Unmarshal(b, &t.Text); err != nil {
		return err
	}
	if t.Text == "" {
		return errors.New("an empty text is no token")
	}
	return nil
}

// UnmarshalJSON refuses unknown fields wherever an edit is decoded, also inside an
// experiment's parameters.
func (e *Edit) UnmarshalJSON(b []byte) error {
	type fields Edit
	*e = Edit{}
	return plain(b, (*fields)(e))
}

