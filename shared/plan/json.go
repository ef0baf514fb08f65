package plan

import (
	"encoding/json"
	"errors"
	"fmt"

	"patchbay/shared/errs"
	"patchbay/shared/internal/strict"
)

// Parse decodes a plan strictly: unknown fields are refused by name, sizes are bounded and
// errors say where in the plan they are. It does not need a model; Check does the rest.
func Parse(data []byte) (*Plan, error) {
	p := new(Plan)
	return p, parse("plan.Parse", data, p)
}

// ParseEdits decodes a list of edits alone, as experiments take it.
func ParseEdits(data []byte) (edits []Edit, err error) {
	err = parse("plan.ParseEdits", data, &edits)
	if err == nil && len(edits) > MaxEdits {
		err = errs.E("plan.ParseEdits", errs.TooLarge, "there are %d edits; at most %d are allowed", len(edits), MaxEdits)
	}
	return edits, err
}

func parse(op errs.Op, data []byte, v any) error {
	if len(data) > MaxBytes {
		return errs.E(op, errs.TooLarge, "the plan has %d bytes; at most %d are read: put large operands in the store and name them", len(data), MaxBytes)
	}
	return strict.Decode(op, data, v)
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
		return strict.Object(b, p.Text)
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
		return false, nil, fmt.Errorf("%.40s is not a whole number, or a list of them", b)
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
	return strict.Object(b, (*fields)(p))
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
		return strict.Object(b, (*fields)(o))
	case b[0] == '[':
		return strict.Value(b, &o.Values)
	}
	o.Values = make([]float32, 1)
	return strict.Value(b, &o.Values[0])
}

// MarshalJSON writes {"answer": RUN}, the text or the id.
func (t TokenRef) MarshalJSON() ([]byte, error) {
	if t.Answer != "" {
		type fields TokenRef
		return json.Marshal(fields(t))
	}
	if t.Text != "" {
		return json.Marshal(t.Text)
	}
	return json.Marshal(t.ID)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *TokenRef) UnmarshalJSON(b []byte) error {
	*t = TokenRef{}
	if b[0] == '{' {
		type fields TokenRef
		if err := strict.Object(b, (*fields)(t)); err != nil || t.Answer != "" {
			return err
		}
		return errors.New("answer must name a run")
	}
	if b[0] != '"' {
		return strict.Value(b, &t.ID)
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
	return strict.Object(b, (*fields)(e))
}
