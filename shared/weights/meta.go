package weights

import (
	"math"
	"strings"

	"patchbay/shared/errs"
)

// The getters below read metadata. A missing key is errs.NotFound, a value of another type
// errs.Invalid; both name the key. In a model directory, where Meta is config.json, a dot leads
// into an object: "rope_scaling.factor".

// Has says whether the key is there.
func (m *Model) Has(key string) bool {
	_, ok := m.lookup(key)
	return ok
}

func (m *Model) lookup(key string) (any, bool) {
	if v, ok := m.Meta[key]; ok {
		return v, v != nil
	}
	var at any = m.Meta
	for part := range strings.SplitSeq(key, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		at = object[part]
	}
	return at, at != nil
}

// get finds key and converts it; want describes the type in messages.
func get[T any](m *Model, key, want string, convert func(any) (T, bool)) (T, error) {
	var zero T
	v, ok := m.lookup(key)
	if !ok {
		return zero, errs.E("weights.Meta", errs.NotFound, "%s has no metadata key %q", m.name, key)
	}
	got, ok := convert(v)
	if !ok {
		return zero, errs.E("weights.Meta", errs.Invalid, "metadata key %q of %s is %s, not %s", key, m.name, describe(v), want)
	}
	return got, nil
}

// or is get with a default for a missing key; a value of the wrong type is still an error.
func or[T any](m *Model, key string, def T, get func(string) (T, error)) (T, error) {
	if !m.Has(key) {
		return def, nil
	}
	return get(key)
}

// String reads a text.
func (m *Model) String(key string) (string, error) { return get(m, key, "a text", as[string]) }

// StringOr is String with a default for a missing key.
func (m *Model) StringOr(key, def string) (string, error) { return or(m, key, def, m.String) }

// Bool reads a truth value.
func (m *Model) Bool(key string) (bool, error) { return get(m, key, "true or false", as[bool]) }

// BoolOr is Bool with a default for a missing key.
func (m *Model) BoolOr(key string, def bool) (bool, error) { return or(m, key, def, m.Bool) }

// Int reads a whole number of any stored type.
func (m *Model) Int(key string) (int, error) { return get(m, key, "a whole number", asInt) }

// IntOr is Int with a default for a missing key.
func (m *Model) IntOr(key string, def int) (int, error) { return or(m, key, def, m.Int) }

// Float reads a number of any stored type.
func (m *Model) Float(key string) (float64, error) { return get(m, key, "a number", asFloat) }

// FloatOr is Float with a default for a missing key.
func (m *Model) FloatOr(key string, def float64) (float64, error) { return or(m, key, def, m.Float) }

// Strings reads a list of texts. GGUF lists share one block of memory: keep them or clone what you keep.
func (m *Model) Strings(key string) ([]string, error) {
	return get(m, key, "a list of texts", func(v any) ([]string, bool) {
		if s, ok := v.([]string); ok {
			return s, true
		}
		return each(v, as[string])
	})
}

// Ints reads a list of whole numbers that fit 32 bits, such as token types.
func (m *Model) Ints(key string) ([]int32, error) {
	return get(m, key, "a list of whole numbers", func(v any) ([]int32, bool) {
		switch s := v.(type) {
		case []int32:
			return s, true
		case []uint32:
			return each(v, asInt32)
		case []int8:
			return widen(s), true
		case []uint8:
			return widen(s), true
		case []int16:
			return widen(s), true
		case []uint16:
			return widen(s), true
		}
		return each(v, asInt32)
	})
}

// Floats reads a list of numbers, such as token scores.
func (m *Model) Floats(key string) ([]float32, error) {
	return get(m, key, "a list of numbers", func(v any) ([]float32, bool) {
		if s, ok := v.([]float32); ok {
			return s, true
		}
		return each(v, func(v any) (float32, bool) { f, ok := asFloat(v); return float32(f), ok })
	})
}

func widen[T int8 | uint8 | int16 | uint16](s []T) []int32 {
	out := make([]int32, len(s))
	for i, v := range s {
		out[i] = int32(v)
	}
	return out
}

// each converts the elements of any list type that Meta may hold.
func each[T any](v any, convert func(any) (T, bool)) ([]T, bool) {
	switch s := v.(type) {
	case []any:
		return mapped(s, convert)
	case []uint32:
		return mapped(s, convert)
	case []int32:
		return mapped(s, convert)
	case []uint64:
		return mapped(s, convert)
	case []int64:
		return mapped(s, convert)
	case []float64:
		return mapped(s, convert)
	}
	return nil, false
}

func mapped[S, T any](s []S, convert func(any) (T, bool)) ([]T, bool) {
	out := make([]T, len(s))
	for i, v := range s {
		var ok bool
		if out[i], ok = convert(v); !ok {
			return nil, false
		}
	}
	return out, true
}

func as[T any](v any) (T, bool) { t, ok := v.(T); return t, ok }

func asInt(v any) (int, bool) {
	switch n := v.(type) {
	case uint8:
		return int(n), true
	case int8:
		return int(n), true
	case uint16:
		return int(n), true
	case int16:
		return int(n), true
	case uint32:
		return int(n), uint64(n) <= math.MaxInt
	case int32:
		return int(n), true
	case uint64:
		return int(n), n <= math.MaxInt
	case int64:
		return int(n), int64(int(n)) == n
	case float64: // config.json
		return int(n), n == math.Trunc(n) && math.Abs(n) <= 1<<53
	}
	return 0, false
}

func asInt32(v any) (int32, bool) {
	n, ok := asInt(v)
	return int32(n), ok && int(int32(n)) == n
}

func asFloat(v any) (float64, bool) {
	switch f := v.(type) {
	case float64:
		return f, true
	case float32:
		return float64(f), true
	}
	n, ok := asInt(v)
	return float64(n), ok
}

// describe names a value's type for a message, without its content.
func describe(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case map[string]any:
		return "an object"
	case float32, float64:
		return "a fractional number"
	}
	if _, ok := asInt(v); ok {
		return "a whole number"
	}
	if _, ok := v.(uint64); ok {
		return "a whole number too large"
	}
	return "a list of another type"
}
