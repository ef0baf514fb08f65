package nn

import "patchbay/shared/errs"

// meta reads a file's metadata, whatever numeric types the file chose. The first problem
// sticks, so that a reader can be written without a check per key.
type meta struct {
	m   map[string]any
	err error
}

// number is any of the numeric types that GGUF and JSON readers give.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, true
	case float32:
		return float64(x), true
	case int:
		return float64(x), true
	case int8:
		return float64(x), true
	case int16:
		return float64(x), true
	case int32:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint8:
		return float64(x), true
	case uint16:
		return float64(x), true
	case uint32:
		return float64(x), true
	case uint64:
		return float64(x), true
	}
	return 0, false
}

func (m *meta) fail(format string, args ...any) {
	if m.err == nil {
		m.err = errs.E("nn.Config", errs.Invalid, format, args...)
	}
}

// float is the number under the first of the keys that is there, or def. A null counts as absent.
func (m *meta) float(def float64, keys ...string) float64 {
	for _, k := range keys {
		v, ok := m.m[k]
		if !ok || v == nil {
			continue
		}
		f, ok := number(v)
		if !ok || !finite(f) {
			m.fail("metadata key %q should be a finite number, not %T", k, v)
			return def
		}
		return f
	}
	return def
}

// int is as float, and whole.
func (m *meta) int(def int, keys ...string) int {
	f := m.float(float64(def), keys...)
	if f != float64(int(f)) || f < -1<<40 || f > 1<<40 {
		m.fail("metadata key %q is %g; it should be a whole number", keys[0], f)
		return def
	}
	return int(f)
}

// need is an int that must be there.
func (m *meta) need(keys ...string) int {
	if !m.has(keys...) {
		m.fail("metadata key %q is missing", keys[0])
	}
	return m.int(0, keys...)
}

func (m *meta) has(keys ...string) bool {
	for _, k := range keys {
		if v, ok := m.m[k]; ok && v != nil {
			return true
		}
	}
	return false
}

func (m *meta) str(def string, keys ...string) string {
	for _, k := range keys {
		if s, ok := m.m[k].(string); ok {
			return s
		}
	}
	return def
}

func (m *meta) bool(def bool, keys ...string) bool {
	for _, k := range keys {
		if b, ok := m.m[k].(bool); ok {
			return b
		}
	}
	return def
}

// sub is the object under key, empty if there is none.
func (m *meta) sub(key string) *meta {
	s, _ := m.m[key].(map[string]any)
	return &meta{m: s}
}

// strings is the list of strings under key, nil if there is none.
func (m *meta) strings(key string) []string {
	if list, ok := m.m[key].([]string); ok {
		return list
	}
	var out []string
	list, _ := m.m[key].([]any)
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}
