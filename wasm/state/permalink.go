package state

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"patchbay/wasm/scene"
	"patchbay/wasm/text"
)

// MaxLink is the longest fragment that is put into an address: longer ones are cut by mailers,
// chats and spreadsheets.
const MaxLink = 32 << 10

// Fragment is the state as an address's fragment, without the token: lesson, model, place,
// parameters that differ from their defaults, picture, pin, colour, language, theme, and whether
// there was a result to show. Of one that would be longer than MaxLink the longest parameters
// are left out, and it says so.
func (a *App) Fragment() string {
	parts, total := a.longParams(), 0
	skip := map[string]bool{}
	for _, part := range parts {
		total += len(part.text)
	}
	for _, part := range parts {
		if total <= MaxLink {
			break
		}
		skip[part.name] = true
		total -= len(part.text)
	}
	return a.fragmentWithout(skip)
}

// LinkSize is how long the whole link would be.
func (a *App) LinkSize() int { return len(a.fragmentWithout(nil)) }

type longParam struct{ name, text string }

// longParams are the page's parameters as a link has them, the longest first.
func (a *App) longParams() []longParam {
	p := a.Page()
	var out []longParam
	for _, k := range sortedKeys(p.Params) {
		if raw, err := json.Marshal(p.Params[k]); err == nil && !same(p.Params[k], p.base[k]) {
			out = append(out, longParam{k, escape(string(raw))})
		}
	}
	slices.SortStableFunc(out, func(x, y longParam) int { return len(y.text) - len(x.text) })
	return out
}

func (a *App) fragmentWithout(skip map[string]bool) string {
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
	if p.Figure != "" {
		f.add("fig", p.Figure)
	}
	if p.Mark != "" {
		f.add("mark", p.Mark)
	}
	if p.Outcome != nil || p.Busy() {
		f.add("run", "1")
	}
	if len(skip) > 0 {
		f.add("cut", "1")
	}
	for _, k := range sortedKeys(p.Params) {
		if skip[k] {
			continue
		}
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
	switch l := v.Get("lesson"); {
	case a.Pages[l] != nil:
		a.Lesson = l
	case l != "" && a.End().Welcome == nil:
		a.link = frag // perhaps the engine knows it
	}
	a.restoreFrame(v)
	p := a.Page()
	p.opened = p.opened || v.Get("model") != "" // the link's model, even where the lesson does not work
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
		a.restoreParam(p, name, x)
	}
	p.Figure = v.Get("fig")
	if _, _, ok := scene.ParseMarkID(v.Get("mark")); ok {
		p.Mark = v.Get("mark")
	}
	a.cut = a.cut || v.Get("cut") == "1"
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

// restoreParam takes in a parameter of a link, or keeps it until the registry describes it.
func (a *App) restoreParam(p *Page, name string, x any) {
	base, known := p.base[name]
	d, described := a.param(p.Name, name)
	switch {
	case !known:
		p.later[name] = x
	case !p.Own && described:
		if v, fits := take(d, x); fits {
			p.right(name)
			p.Params[name] = v
		}
	case sameType(x, base):
		p.Params[name] = x
	}
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
	out = append(out, a.firstOpen()...)
	if !a.End().IsLoaded(a.Model) {
		return append(out, a.settle(a.Place)...)
	}
	if a.runWhen {
		a.runWhen = false
		out = append(out, a.runLinked()...)
	}
	return out
}

// Colors are the choices of what a colour means; the words are scene.By's.
var Colors = []string{"p", "follow", "rank", "entropy", "kl"}

func (a *App) restoreFrame(v values) {
	if a.Embedded {
		a.Allowed = map[string]bool{}
		for _, name := range strings.Split(v.Get("controls"), ",") {
			a.Allowed[name] = true
		}
	}
	if m := v.Get("model"); m != "" {
		a.Model, a.picked = m, true
	}
	if p := Place(v.Get("place")); p == Tab || p == Sidecar && !a.Embedded {
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

// CopyLink copies the page's link, or says that it would be too long and offers the result as a file.
func (a *App) CopyLink() []Effect {
	n := a.LinkSize()
	if n <= MaxLink {
		return []Effect{Copy{}}
	}
	out := a.Tell("link.long", text.Bytes(int64(n)), text.Bytes(MaxLink))
	a.Notice.JSON = a.Page().Outcome != nil
	return out
}
