// Package strict decodes JSON that strangers wrote: unknown fields are refused by name, lists
// are bounded before they are made, and an error says where in the value it is.
package strict

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
)

// Fault is a decoding error: the path to the value ("runs[2].edits[0].layers") and what is
// wrong with it.
type Fault struct {
	Path string
	Msg  string
	kind errs.Kind
}

func (f *Fault) Error() string {
	if f.Path == "" {
		return f.Msg
	}
	return f.Path + ": " + f.Msg
}

// Decode decodes one JSON value into v, a pointer. Field names must match their json tags
// exactly. A tag max:"N" bounds the length of a list or text. The error is an *errs.Error.
func Decode(op errs.Op, data []byte, v any) error {
	if err := syntax(data); err != nil {
		return errs.E(op, errs.Invalid, "%s", err.Error())
	}
	f := decode(data, reflect.ValueOf(v).Elem(), 0)
	if f == nil {
		return nil
	}
	return errs.E(op, f.kind, "%s", f.Error())
}

// Object decodes an object into v, a pointer to a struct whose own UnmarshalJSON calls this
// with a type that has none. The error keeps its path.
func Object(data []byte, v any) error {
	if f := object(data, reflect.ValueOf(v).Elem()); f != nil {
		return f
	}
	return nil
}

// Value decodes anything into v, likewise.
func Value(data []byte, v any) error {
	if f := decode(data, reflect.ValueOf(v).Elem(), 0); f != nil {
		return f
	}
	return nil
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func decode(raw []byte, v reflect.Value, limit int) *Fault {
	t := v.Type()
	switch {
	case reflect.PointerTo(t).Implements(unmarshaler):
		return wrap(v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(trim(raw)), t)
	case string(trim(raw)) == "null":
		v.SetZero()
		return nil
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return decode(raw, v.Elem(), limit)
	case t.Kind() == reflect.Struct:
		return object(raw, v)
	case t.Kind() == reflect.Slice && !primitive(t.Elem()):
		return list(raw, v, limit)
	}
	if f := wrap(json.Unmarshal(raw, v.Addr().Interface()), t); f != nil {
		return f
	}
	if (t.Kind() == reflect.Slice || t.Kind() == reflect.String) && limit > 0 && v.Len() > limit {
		return tooLong(v.Len(), limit)
	}
	return nil
}

func primitive(t reflect.Type) bool {
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64
}

func tooLong(n, limit int) *Fault {
	return &Fault{Msg: fmt.Sprintf("has a length of %d; at most %d is allowed", n, limit), kind: errs.TooLarge}
}

func list(raw []byte, v reflect.Value, limit int) *Fault {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return wrap(err, v.Type())
	}
	if limit > 0 && len(items) > limit {
		return tooLong(len(items), limit)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if f := decode(item, v.Index(i), 0); f != nil {
			return f.under("[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

func object(raw []byte, v reflect.Value) *Fault {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return wrap(err, v.Type())
	}
	fields, names := fieldsOf(v.Type())
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	slices.Sort(keys) // so that the same mistake always gets the same words
	for _, key := range keys {
		i, ok := fields[key]
		if !ok {
			return &Fault{Msg: fmt.Sprintf("unknown field %.60q; known are %s", key, strings.Join(names, ", ")), kind: errs.Invalid}
		}
		limit, _ := strconv.Atoi(v.Type().Field(i).Tag.Get("max"))
		if f := decode(members[key], v.Field(i), limit); f != nil {
			return f.under(key)
		}
	}
	return nil
}

func fieldsOf(t reflect.Type) (index map[string]int, names []string) {
	index = map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			index[name] = i
			names = append(names, name)
		}
	}
	return index, names
}

func (f *Fault) under(key string) *Fault {
	switch {
	case f.Path == "":
		f.Path = key
	case f.Path[0] == '[':
		f.Path = key + f.Path
	default:
		f.Path = key + "." + f.Path
	}
	return f
}

// wrap turns a decoding error into words that one can act on.
func wrap(err error, t reflect.Type) *Fault {
	var f *Fault
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case errors.As(err, &kind) && strings.HasPrefix(kind.Value, "number "):
		return &Fault{Msg: fmt.Sprintf("%.40s is not %s", strings.TrimPrefix(kind.Value, "number "), noun(kind.Type)), kind: errs.Invalid}
	case errors.As(err, &kind):
		return &Fault{Msg: fmt.Sprintf("%s belongs here, not %.40s", noun(t), kind.Value), kind: errs.Invalid}
	}
	return &Fault{Msg: strings.TrimPrefix(err.Error(), "json: "), kind: errs.Invalid}
}

func noun(t reflect.Type) string {
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return "true or false"
	case k == reflect.String:
		return "a text"
	case k == reflect.Float32 || k == reflect.Float64:
		return "a finite number of " + t.Kind().String()
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number of " + t.Kind().String()
	case k == reflect.Slice:
		return "a list"
	case k == reflect.Pointer:
		return noun(t.Elem())
	}
	return "an object"
}

// syntax checks that data is one JSON value. A bare NaN gets a sentence of its own, since it
// is what other languages write for a broken vector.
func syntax(data []byte) error {
	var probe json.RawMessage
	err := json.Unmarshal(data, &probe)
	var s *json.SyntaxError
	if !errors.As(err, &s) {
		return err
	}
	at := max(0, min(int(s.Offset)-1, len(data)))
	for _, word := range []string{"NaN", "Infinity", "Inf", "nan", "inf"} {
		from := max(0, at-len(word))
		if strings.Contains(string(data[from:min(at+len(word), len(data))]), word) {
			return fmt.Errorf("%s cannot stand in JSON (byte %d); numbers must be finite", word, s.Offset)
		}
	}
	return fmt.Errorf("not JSON: %v (byte %d)", s, s.Offset)
}

func trim(raw []byte) []byte { return []byte(strings.TrimSpace(string(raw))) }
