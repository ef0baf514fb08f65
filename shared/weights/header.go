package weights

import (
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// headerParser reads the one shape of JSON that a safetensors header has. Nesting is bounded by
// the grammar itself, nothing is reflected, and strings without escapes are copied once: frames
// come by the hundred.
type headerParser struct {
	b      []byte
	i      int
	dims   []int // arena of all shapes
	limits Limits
	err    error
}

const maxRank = 32

func (p *headerParser) fail(what string) {
	if p.err == nil {
		p.err = badST("at byte %d of the header: %s", p.i, what)
	}
}

func (p *headerParser) space() {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\n' || p.b[p.i] == '\r' || p.b[p.i] == '\t') {
		p.i++
	}
}

// next skips spaces and says whether c follows, which it then consumes.
func (p *headerParser) next(c byte) bool {
	p.space()
	if p.err == nil && p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *headerParser) expect(c byte) {
	if !p.next(c) {
		p.fail("'" + string(rune(c)) + "' expected")
	}
}

// header is the whole: { name: tensor, ..., "__metadata__": {...} } and spaces.
func (p *headerParser) header() (entries []entry, meta map[string]string) {
	if len(p.b) == 0 || p.b[0] != '{' {
		p.fail("'{' expected")
	}
	seen := map[string]bool{}
	p.object(func(key string) {
		if seen[key] {
			p.fail("key \"" + clip(key) + "\" is there twice")
			return
		}
		seen[key] = true
		if key == "__metadata__" {
			meta = p.metadata()
			return
		}
		entries = append(entries, p.tensor(key))
		if len(entries) > p.limits.Tensors && p.err == nil {
			p.err = errs.E(opST, errs.TooLarge, "safetensors with more than %d tensors", p.limits.Tensors)
		}
	})
	if p.space(); p.i < len(p.b) {
		p.fail("nothing more expected")
	}
	return entries, meta
}

// object reads { key: value, ... }, where value reads the value of a key.
func (p *headerParser) object(value func(key string)) {
	p.expect('{')
	if p.next('}') {
		return
	}
	for p.err == nil {
		key := p.text()
		p.expect(':')
		if p.err != nil {
			return
		}
		value(key)
		if p.next(',') {
			continue
		}
		p.expect('}')
		return
	}
}

func (p *headerParser) metadata() map[string]string {
	meta := map[string]string{}
	p.object(func(key string) {
		if _, twice := meta[key]; twice {
			p.fail("metadata key \"" + clip(key) + "\" is there twice")
		}
		meta[key] = p.text()
	})
	return meta
}

// tensor reads {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, in any order.
func (p *headerParser) tensor(name string) entry {
	e := entry{name: name}
	var have [3]bool
	once := func(i int) {
		if have[i] {
			p.fail("a field is there twice")
		}
		have[i] = true
	}
	p.object(func(field string) {
		switch field {
		case "dtype":
			once(0)
			e.dtype = p.dtype(name)
		case "shape":
			once(1)
			e.shape = p.shape()
		case "data_offsets":
			once(2)
			e.begin, e.end = p.offsets()
		default:
			p.fail("unknown field \"" + clip(field) + "\"")
		}
	})
	if have != [3]bool{true, true, true} {
		p.fail("tensor \"" + clip(name) + "\" lacks dtype, shape or data_offsets")
	}
	return e
}

func (p *headerParser) dtype(name string) (d tensor.DType) {
	s := p.text()
	if p.err != nil {
		return 0
	}
	d, err := stType(s)
	if err != nil {
		p.err = errs.E(opST, errs.Other, "tensor %q: %w", clip(name), err)
	}
	return d
}

// shape reads a list of dimensions; it lies in the arena with its capacity cut.
func (p *headerParser) shape() []int {
	from := len(p.dims)
	p.expect('[')
	if p.next(']') {
		return []int{}
	}
	for p.err == nil {
		p.dims = append(p.dims, p.number())
		if len(p.dims)-from > maxRank {
			p.fail("more than 32 dimensions")
		}
		if p.next(',') {
			continue
		}
		p.expect(']')
		break
	}
	return p.dims[from:len(p.dims):len(p.dims)]
}

func (p *headerParser) offsets() (begin, end int) {
	p.expect('[')
	begin = p.number()
	p.expect(',')
	end = p.number()
	p.expect(']')
	return begin, end
}

// number reads a whole number that is not negative: the only kind a header holds.
func (p *headerParser) number() int {
	p.space()
	from, n := p.i, 0
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		if n > maxOffset/10 {
			p.fail("number too large")
			return 0
		}
		n = n*10 + int(p.b[p.i]-'0')
		p.i++
	}
	if p.i == from || p.b[from] == '0' && p.i > from+1 {
		p.fail("a whole number expected")
	}
	return n
}

// text reads a JSON string. The common case, no escape, is one scan and one copy.
func (p *headerParser) text() string {
	p.expect('"')
	for from := p.i; p.err == nil && p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			s := p.b[from:p.i]
			p.i++
			return p.valid(s)
		case c == '\\':
			return p.escaped(from)
		case c < ' ':
			p.fail("control character in a string")
		}
	}
	p.fail("string does not end")
	return ""
}

func (p *headerParser) valid(s []byte) string {
	if !utf8.Valid(s) {
		p.fail("a string is no UTF-8")
	}
	return string(s)
}

// escaped goes on with text from the first escape.
func (p *headerParser) escaped(from int) string {
	out := make([]byte, p.i-from, 2*(p.i-from)+64)
	copy(out, p.b[from:p.i])
	for p.err == nil && p.i < len(p.b) {
		rest, n := p.b[p.i:], 0
		for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] >= ' ' {
			n++
		}
		out = append(out, rest[:n]...)
		if p.i += n; p.i == len(p.b) {
			break
		}
		switch p.b[p.i] {
		case '"':
			p.i++
			if !utf8.Valid(out) {
				p.fail("a string is no UTF-8")
			}
			return unsafe.String(unsafe.SliceData(out), len(out)) // out is ours and written no more
		case '\\':
			out = p.escape(out)
		default:
			p.fail("control character in a string")
		}
	}
	p.fail("string does not end")
	return ""
}

// escape appends the character that the escape at p.i means.
func (p *headerParser) escape(out []byte) []byte {
	if p.i+1 >= len(p.b) {
		p.i = len(p.b)
		return out
	}
	c := p.b[p.i+1]
	p.i += 2
	switch c {
	case '"', '\\', '/':
		return append(out, c)
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		r := p.hex4()
		if utf16.IsSurrogate(r) {
			r = p.surrogate(r)
		}
		return utf8.AppendRune(out, r)
	}
	p.fail("unknown escape in a string")
	return out
}

// surrogate reads the second half of a pair; a half alone becomes U+FFFD, as encoding/json has it.
func (p *headerParser) surrogate(high rune) rune {
	if p.i+6 > len(p.b) || p.b[p.i] != '\\' || p.b[p.i+1] != 'u' {
		return utf8.RuneError
	}
	back := p.i
	p.i += 2
	r := utf16.DecodeRune(high, p.hex4())
	if r == utf8.RuneError {
		p.i = back
	}
	return r
}

func (p *headerParser) hex4() (r rune) {
	if p.i+4 > len(p.b) {
		p.fail("escape cut short")
		return 0
	}
	for _, c := range p.b[p.i : p.i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			p.fail("bad digit in an escape")
			return 0
		}
	}
	p.i += 4
	return r
}
