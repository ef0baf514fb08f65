package state

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"patchbay/wasm/text"
)

// Fragment is the state as an address's fragment, without the token: lesson, model, place,
// parameters that differ from their defaults, pin, colour, language, theme, and whether
// there was a result to show.
func (a *App) Fragment() string {
	p := a.Page()
	var f fragment
	f.add("lesson", a.Lesson)
	f.add("model", a.Model)
	f.add("place", string(a.Place))
	if a.Mode != "exact" {
		f.add("mode", a.Mode)
	}
	f.add("lang", string(a.Lang))
	if a.Theme != System {
		f.add("theme", string(a.Theme))
	}
	if p.Color != "p" {
		f.add("color", p.Color)
	}
	if p.Pin != nil {
		f.add("pin", strconv.Itoa(p.Pin.Layer)+"."+strconv.Itoa(p.Pin.Column))
	}
	if p.Outcome != nil || p.Busy() {
		f.add("run", "1")
	}
	for _, k := range sortedKeys(p.Params) {
		if raw, err := json.Marshal(p.Params[k]); err == nil && !same(p.Params[k], p.base[k]) {
			f.add("p."+k, string(raw))
		}
	}
	return string(f)
}

type fragment string

func (f *fragment) add(k, v string) {
	if *f != "" {
		*f += "&"
	}
	*f += fragment(k + "=" + escape(v))
}

func sortedKeys(p Params) []string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// values are a fragment's entries; the first of a name counts.
type values map[string]string

// Get is an entry, empty if there is none.
func (v values) Get(k string) string { return v[k] }

// parse reads a fragment. net/url would do as well and add a hundred kilobytes to the page.
func parse(frag string) values {
	v := values{}
	for _, entry := range strings.Split(frag, "&") {
		k, x, _ := strings.Cut(entry, "=")
		if _, twice := v[k]; k != "" && !twice {
			v[k] = unescape(x)
		}
	}
	return v
}

const hex = "0123456789ABCDEF"

// escape writes all but unreserved characters (RFC 3986, section 2.3) as %XX.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// unescape undoes escape. What is no escape stays as it is; a plus is a space, as forms have it.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		if s[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// maxFragment bounds what is read of an address: a link is a prompt, not a book.
const maxFragment = 64 << 10

// Restore takes in an address's fragment and returns the token in it, which must not stay in
// the address. What it does not know it leaves alone, so old links keep working.
func (a *App) Restore(frag string) (token string) {
	frag = strings.TrimPrefix(frag, "#")
	if len(frag) > maxFragment {
		a.cut = true
		return ""
	}
	v := parse(frag)
	if l := v.Get("lesson"); a.Pages[l] != nil {
		a.Lesson = l
	}
	a.restoreFrame(v)
	p := a.Page()
	for k := range v {
		name, ok := strings.CutPrefix(k, "p.")
		if !ok {
			continue
		}
		x, whole := salvage(v.Get(k))
		a.cut = a.cut || !whole
		if x == nil {
			continue
		}
		if base, known := p.base[name]; !known {
			p.later[name] = x
		} else if sameType(x, base) {
			p.Params[name] = x
		}
	}
	if l, c, ok := strings.Cut(v.Get("pin"), "."); ok {
		layer, errL := strconv.Atoi(l)
		col, errC := strconv.Atoi(c)
		if errL == nil && errC == nil && layer >= 0 && col >= 0 {
			p.Pin = &Cell{layer, col}
		}
	}
	if c := v.Get("color"); slices.Contains(Colors, c) {
		p.Color = c
	}
	a.runWhen = v.Get("run") == "1"
	return v.Get("token")
}

// salvage reads a parameter's JSON. Of a text whose end was cut off, as chats and mailers do
// with long links, it gives what is there.
func salvage(raw string) (x any, whole bool) {
	if json.Unmarshal([]byte(raw), &x) == nil {
		return x, true
	}
	// The cut may have gone through a character: %C of the address, \u1 of the JSON.
	if i := strings.LastIndexByte(raw, '%'); i >= 0 && i >= len(raw)-2 {
		raw = raw[:i]
	}
	raw = strings.TrimRight(raw, "\uFFFD")
	for cut := range min(8, len(raw)) {
		if part := raw[:len(raw)-cut]; strings.HasPrefix(part, `"`) && json.Unmarshal([]byte(part+`"`), &x) == nil {
			return x, false
		}
	}
	return nil, false
}

// TellCut says, once, that the link was not whole.
func (a *App) TellCut() []Effect {
	if !a.cut {
		return nil
	}
	a.cut = false
	return a.Tell("link.cut")
}

// Arrived follows up on an address that changed while the page was open.
func (a *App) Arrived() []Effect {
	out := append([]Effect{Look{}, Draw{}, Wait{Name: "tokens"}}, a.TellCut()...)
	if a.End().Phase == None {
		a.Place, a.Popover = Tab, "place"
	}
	if !a.End().IsLoaded(a.Model) {
		return append(out, a.settle(a.Place)...)
	}
	if a.runWhen {
		a.runWhen = false
		out = append(out, a.Run()...)
	}
	return out
}

// Colors are the choices of what a colour means; the words are scene.By's.
var Colors = []string{"p", "follow", "rank", "entropy", "kl"}

func (a *App) restoreFrame(v values) {
	if m := v.Get("model"); m != "" {
		a.Model = m
	}
	if p := Place(v.Get("place")); p == Tab || p == Sidecar {
		a.Place = p
	}
	if m := v.Get("mode"); m == "exact" || m == "fast" {
		a.Mode = m
	}
	if l := text.Lang(v.Get("lang")); l == text.EN || l == text.ZH {
		a.Lang = l
	}
	if t := Theme(v.Get("theme")); t == Light || t == Dark || t == System {
		a.Theme = t
	}
}

// sameType refuses a parameter of a kind that the page's controls could not show.
func sameType(x, base any) bool {
	switch base.(type) {
	case string:
		_, ok := x.(string)
		return ok
	case bool:
		_, ok := x.(bool)
		return ok
	case int, float64:
		_, ok := x.(float64)
		return ok
	case []any:
		_, ok := x.([]any)
		return ok
	}
	return false
}
