package main

import (
	"strings"
	"syscall/js"
	"time"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/web"
)

func media(query string) bool { return window.Call("matchMedia", query).Get("matches").Bool() }

// on listens for the life of the page; the callback must not block.
func on(target js.Value, event string, f func(e js.Value)) {
	target.Call("addEventListener", event, js.FuncOf(func(_ js.Value, args []js.Value) any { f(args[0]); return nil }))
}

func byID(id string) js.Value { return document.Call("getElementById", id) }

// say speaks through the live regions, which stand outside Vugu's tree: it would write their
// text again, and have it read again, on every render.
func say(words string, urgent bool) {
	id := "live"
	if urgent {
		id = "live-urgent"
	}
	if el := byID(id); el.Truthy() {
		el.Set("textContent", words)
	}
}

// focusSoon moves the keyboard after the next render has made its target visible.
func focusSoon(id string) {
	var f js.Func
	f = js.FuncOf(func(js.Value, []js.Value) any {
		f.Release()
		if el := byID(id); el.Truthy() {
			el.Call("focus")
		}
		return nil
	})
	window.Call("setTimeout", f, 30)
}

// after calls f, in a goroutine, after a while.
func after(d time.Duration, f func()) {
	var once js.Func
	once = js.FuncOf(func(js.Value, []js.Value) any {
		once.Release()
		go f()
		return nil
	})
	window.Call("setTimeout", once, d.Milliseconds())
}

// keep stores a setting; a browser that refuses storage loses it with the tab, no more.
func keep(shelf, key, value string) error {
	_, err := web.Try(func() js.Value { return window.Get(shelf).Call("setItem", "patchbay."+key, value) })
	return err
}

// kept is a stored setting, empty if there is none.
func kept(shelf, key string) string {
	v, err := web.Try(func() js.Value { return window.Get(shelf).Call("getItem", "patchbay."+key) })
	if err != nil || v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

// download offers a file under a name.
func download(name, kind string, data []byte) {
	blob := window.Get("Blob").New([]any{web.Array(data)}, map[string]any{"type": kind})
	address := window.Get("URL").Call("createObjectURL", blob)
	a := document.Call("createElement", "a")
	a.Set("href", address)
	a.Set("download", name)
	a.Call("click")
	var f js.Func
	f = js.FuncOf(func(js.Value, []js.Value) any {
		f.Release()
		window.Get("URL").Call("revokeObjectURL", address)
		return nil
	})
	window.Call("setTimeout", f, 10_000)
}

func preferredLanguage() string {
	if l := kept("localStorage", "lang"); l != "" {
		return l
	}
	if l := window.Get("navigator").Get("language"); l.Type() == js.TypeString {
		return l.String()
	}
	return ""
}

// look brings language and theme to the document, which is above Vugu's tree.
func (p *page) look() {
	root := document.Get("documentElement")
	root.Set("lang", string(p.Lang))
	mode := "light"
	if p.IsDark() {
		mode = "dark"
	}
	root.Get("dataset").Set("theme", mode)
	document.Set("title", p.Title(p.Lesson)+" · Patchbay")
}

// restore takes in the kept settings, then the address, which wins.
func (p *page) restore() {
	for key, set := range map[string]func(string){
		"theme": func(v string) { p.Theme = state.Theme(v) },
		"mode":  func(v string) { p.Mode = v },
		"place": func(v string) { p.Place = state.Place(v) },
	} {
		if v := kept("localStorage", key); known[key+v] {
			set(v)
		}
	}
	p.OpenVectors(kept("localStorage", "vectors"))
	if document.Get("body").Get("classList").Call("contains", "embed").Bool() {
		p.BeEmbedded()
	}
	p.fragment(window.Get("location").Get("hash").String())
}

var known = map[string]bool{"themesystem": true, "themelight": true, "themedark": true, "modeexact": true, "modefast": true, "placetab": true, "placesidecar": true}

// fragment restores the state from the address. The token is taken out at once, so that it
// is in no history, screenshot or copied link; it lives as long as the tab.
func (p *page) fragment(hash string) {
	if token := p.Restore(hash); token != "" {
		keep("sessionStorage", "token", token)
		p.secret = token
	}
	if strings.Contains(hash, "token=") {
		p.address()
	}
}

func (p *page) token() string {
	if p.secret != "" {
		return p.secret
	}
	return kept("sessionStorage", "token")
}

// address puts the state into the address bar without a step in the history.
func (p *page) address() {
	if p.Embedded {
		return // the figure's address is its author's
	}
	l := window.Get("location")
	to := l.Get("pathname").String() + l.Get("search").String() + "#" + p.Fragment()
	web.Try(func() js.Value { return window.Get("history").Call("replaceState", nil, "", to) })
	document.Set("title", p.Title(p.Lesson)+" · Patchbay")
}

// socketAddress is the sidecar of this page's own origin.
func socketAddress() string {
	u := window.Get("URL").New("ws", window.Get("location").Get("href"))
	u.Set("hash", "")
	u.Set("search", "")
	u.Set("protocol", strings.Replace(u.Get("protocol").String(), "http", "ws", 1))
	return u.Get("href").String()
}

// fillBoxes brings the state's texts to the boxes that a person types in. They are not Vugu
// properties: a long prompt would not fit its buffer, and writing while someone composes
// Chinese would break the composition.
func (p *page) fillBoxes() {
	pg := p.Page()
	p.fillBox("prompt", pg.Prompt())
	if p.Popover == "embed" {
		p.fillBox("snippet", p.Snippet())
	}
	if p.Lesson == "generate" {
		p.fillBox("edits", pg.Fill("edits"))
	}
	if about := p.Lab.Lab(); about != nil {
		for _, d := range about.Params {
			if d.Kind == lab.Pairs || d.Kind == lab.Texts {
				p.fillList("param-"+p.Lesson+"-"+d.Name, pg.Fill(d.Name))
			}
		}
	}
}

// fillList fills a list's box. Vugu may have made it anew for another lesson, so what the edge
// last put there says nothing.
func (p *page) fillList(id, want string) {
	if el := byID(id); el.Truthy() && !p.composing && el.Get("value").String() != want {
		el.Set("value", want)
	}
}

func (p *page) fillBox(id, want string) {
	if p.boxes[id] == want {
		return
	}
	el := byID(id)
	if !el.Truthy() || p.composing {
		return
	}
	if el.Get("value").String() != want {
		el.Set("value", want)
	}
	p.boxes[id] = want
}
