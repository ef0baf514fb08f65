package main

import (
	"encoding/json"
	"strconv"
	"syscall/js"

	"patchbay/wasm/scene"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
	"patchbay/wasm/web"
)

// stage is the page's side of the picture: an iframe that paints a scene and says what the
// pointer hits. It is opened when the first result is wanted. The iframe takes no events of
// its own (it would trap scrolling and the Tab key): the pad over it forwards the pointer.
type stage struct {
	dirty bool // the scene must be sent again
	asked bool // a frame is asked for
	w, h  float64
	old   bool // painted in another density than the screen has now
	plain plain
	grown string // the picture that was last seen to add up

	ratio float64 // the screen's density, device pixels to one of CSS, as it was last seen
	query js.Value
	heard js.Func // on a change of query
}

const (
	opening = 15_000 // milliseconds after which a stage that is not ready is opened again
	tries   = 2      // how often, before the plain picture has to do
	minimum = 200    // pixels of width below which nothing is drawn
)

// listen hears the iframe, the pointer over the pad, and the window's size.
func (s *stage) listen(p *page) {
	on(window, "message", func(e js.Value) { s.message(p, e) })
	s.heard = js.FuncOf(func(js.Value, []js.Value) any {
		go p.within(func() []state.Effect { return nil })
		return nil
	})
	s.density(p)
	on(window, "resize", func(js.Value) { go p.within(func() []state.Effect { s.dirty = true; return nil }) })
	for _, event := range []string{"pointermove", "pointerout", "click"} {
		on(document, event, func(e js.Value) { s.pointer(p, event, e) })
	}
}

// density opens the stage again when the screen's density changed, as by zooming or on another
// monitor: Ebiten asks for it once, and would paint in the old one, blurred. Browsers do not tell of
// every change, so it is compared after each render, and the query only brings a render about.
func (s *stage) density(p *page) {
	ratio := window.Get("devicePixelRatio").Float()
	if ratio == s.ratio {
		return
	}
	if s.ratio > 0 {
		s.old = p.Stage != ""
		s.query.Call("removeEventListener", "change", s.heard)
	}
	s.ratio = ratio
	s.query = window.Call("matchMedia", "(resolution: "+strconv.FormatFloat(ratio, 'g', -1, 64)+"dppx)")
	s.query.Call("addEventListener", "change", s.heard)
}

// pointer forwards what happens over the pad. A touch that scrolls must not pin: only its
// click does.
func (s *stage) pointer(p *page, event string, e js.Value) {
	target := e.Get("target")
	if id := target.Get("id"); id.Type() != js.TypeString || id.String() != "pad" {
		return
	}
	box := target.Call("getBoundingClientRect")
	kind := map[string]string{"pointermove": "move", "pointerout": "leave", "click": "down"}[event]
	x, y := e.Get("clientX").Float()-box.Get("left").Float(), e.Get("clientY").Float()-box.Get("top").Float()
	if s.plain.img.Truthy() {
		go p.within(func() []state.Effect { return s.plain.point(p, s, kind, float32(x), float32(y)) })
		return
	}
	s.post(map[string]any{"type": "pointer", "kind": kind, "x": x, "y": y})
}

func (s *stage) post(m map[string]any) {
	if el := byID("stage"); el.Truthy() {
		el.Get("contentWindow").Call("postMessage", m, window.Get("location").Get("origin"))
	}
}

// message is the iframe's word; any other window's is not heard.
func (s *stage) message(p *page, e js.Value) {
	el := byID("stage")
	if !el.Truthy() || !e.Get("source").Equal(el.Get("contentWindow")) ||
		e.Get("origin").String() != window.Get("location").Get("origin").String() {
		return
	}
	d := e.Get("data")
	go p.within(func() []state.Effect { return s.said(p, d) })
}

func (s *stage) said(p *page, d js.Value) []state.Effect {
	switch str(d, "type") {
	case "ready":
		p.Stage, s.dirty = "ready", true
		s.plain.end()
	case "hit":
		return s.hit(p, str(d, "kind"), str(d, "id"))
	case "png":
		return []state.Effect{state.File{Name: p.FileName() + ".png", Type: "image/png", Data: web.Bytes(d.Get("data"))}}
	case "error":
		window.Get("console").Call("error", "stage: "+str(d, "message"))
		if p.Stage == "ready" && !d.Get("fatal").Truthy() {
			return p.Tell("export.failed", str(d, "message"))
		}
		p.Stage, s.dirty = "failed", true
	}
	return nil
}

func (s *stage) hit(p *page, kind, id string) []state.Effect {
	if !p.Page().Own {
		if kind == "click" {
			return p.PinMark(id)
		}
		return p.HoverMark(id)
	}
	layer, column, ok := scene.ParseCellID(id)
	switch {
	case kind == "click" && ok:
		return p.PinCell(state.Cell{Layer: layer, Column: column})
	case kind == "hover" && ok:
		return p.HoverCell(&state.Cell{Layer: layer, Column: column})
	case kind == "hover":
		return p.HoverCell(nil)
	}
	return nil
}

func str(d js.Value, key string) string {
	if v := d.Get(key); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// follow keeps room for the picture, opens the iframe when there is something to paint, and
// sends the scene when it changed. It runs after each render.
func (s *stage) follow(p *page) {
	s.density(p)
	box := byID("stage-box")
	if p.Lesson == "generate" || !box.Truthy() {
		return
	}
	w := box.Get("clientWidth").Float()
	h := p.StageHeight(w, window.Get("innerHeight").Float())
	if h != s.h {
		document.Get("documentElement").Get("style").Call("setProperty", "--stage-h", text.Number(h, 0)+"px")
	}
	if w != s.w || h != s.h {
		s.w, s.h, s.dirty = w, h, true
	}
	wanted := p.Drawn() || p.Page().Busy()
	if wanted && p.Stage == "" {
		s.open(p, box)
	}
	if el := byID("stage"); s.old && p.Stage == "ready" && el.Truthy() {
		s.old, p.Stage = false, "loading"
		el.Set("src", "stage.html")
		s.watch(p, el, tries)
		go p.within(func() []state.Effect { return nil }) // the page says that it is being drawn
	}
	if s.dirty && (p.Stage == "ready" || p.Stage == "failed") && p.Drawn() && !s.asked {
		s.asked = true
		s.frame(p)
	}
}

// frame sends the scene with the browser's next frame, however often it changes until then.
func (s *stage) frame(p *page) {
	var f js.Func
	f = js.FuncOf(func(js.Value, []js.Value) any {
		f.Release()
		go p.quietly(func() {
			s.asked, s.dirty = false, false
			sc, ok := s.scene(p)
			if !ok {
				return
			}
			if p.Stage == "failed" {
				s.plain.show(sc)
				return
			}
			s.grow(p)
			s.send(sc)
		})
		return nil
	})
	window.Call("requestAnimationFrame", f)
}

// grow shows a new result's sum or stream before its terms have arrived, so that the stage, which
// moves each mark from where it was, lets them be seen to add up. Parts of one run grow once.
func (s *stage) grow(p *page) {
	pg := p.Page()
	f := pg.FigureOf()
	if f == nil || pg.Job == nil {
		return
	}
	key := pg.Name + "/" + f.Name + "/" + strconv.FormatUint(uint64(pg.Job.ID), 10)
	if key != s.grown {
		s.grown = key
		s.send(scene.FigureStart(f, s.figure(p)))
	}
}

func (s *stage) send(sc scene.Scene) {
	if raw, err := json.Marshal(sc); err == nil {
		s.post(map[string]any{"type": "scene", "scene": string(raw)})
	}
}

// open puts the iframe into its box, which is empty in Vugu's tree: Vugu leaves what it does
// not know of alone there, and would reload the iframe if it knew.
func (s *stage) open(p *page, box js.Value) {
	p.Stage = "loading"
	el := document.Call("createElement", "iframe")
	el.Set("id", "stage")
	el.Set("src", "stage.html")
	el.Set("tabIndex", -1)
	el.Call("setAttribute", "aria-hidden", "true")
	el.Set("title", p.T("stage.title"))
	box.Call("appendChild", el)
	s.watch(p, el, tries)
}

// watch opens a stage again that does not get ready (a service worker may change its version
// just then, and answer neither with the old file nor with the new), and in the end draws
// without it. A stage that gets ready later still is taken.
func (s *stage) watch(p *page, el js.Value, left int) {
	var f js.Func
	f = js.FuncOf(func(js.Value, []js.Value) any {
		f.Release()
		go p.within(func() []state.Effect {
			switch {
			case p.Stage != "loading":
			case p.Lesson == "generate": // a hidden frame is given no time to get ready in
				s.watch(p, el, left)
			case left == 0:
				p.Stage, s.dirty = "failed", true
			default:
				el.Set("src", "stage.html")
				s.watch(p, el, left-1)
			}
			return nil
		})
		return nil
	})
	window.Call("setTimeout", f, opening)
}

// scene is the picture of the state as it stands.
func (s *stage) scene(p *page) (scene.Scene, bool) {
	pg := p.Page()
	if !p.Drawn() || s.w < minimum {
		return scene.Scene{}, false
	}
	if f := pg.FigureOf(); f != nil {
		return scene.Figure(f, s.figure(p)), true
	}
	o := scene.Options{W: float32(s.w), H: float32(s.h), Theme: scene.Light, By: scene.By(pg.Color), Words: words(p)}
	if p.IsDark() {
		o.Theme = scene.Dark
	}
	if pg.Pin != nil {
		o.Pinned = scene.CellID(pg.Pin.Layer, pg.Pin.Column)
	}
	if pg.Hover != nil {
		o.Hover = scene.CellID(pg.Hover.Layer, pg.Hover.Column)
	}
	return scene.Lens(pg.Lens, o), true
}

// figure says how a report's picture is to be drawn.
func (s *stage) figure(p *page) scene.FigureOptions {
	o := scene.FigureOptions{W: float32(s.w), H: float32(s.h), Theme: scene.Light, Pinned: p.Page().Mark, Hover: p.Page().Over, Translate: p.Lab.Say}
	if p.IsDark() {
		o.Theme = scene.Dark
	}
	return o
}

func words(p *page) scene.Words {
	units := map[scene.By]string{}
	for by, key := range map[scene.By]string{scene.ByTop: "unit.p", scene.ByFollow: "unit.follow", scene.ByRank: "unit.rank", scene.ByEntropy: "unit.entropy", scene.ByKL: "unit.kl"} {
		units[by] = p.T(key)
	}
	return scene.Words{Layer: p.T("axis.layer"), Position: p.T("axis.position"), Title: p.T("scene.title"),
		Cell: p.T("scene.cell"), Follow: p.T("scene.follow"), Units: units}
}

// export makes a file of the picture: the stage has the pixels, the scene itself the drawing.
func (s *stage) export(p *page, format string) {
	if format == "png" {
		s.post(map[string]any{"type": "png"})
		return
	}
	if sc, ok := s.scene(p); ok {
		download(p.FileName()+".svg", "image/svg+xml", scene.SVG(&sc))
	}
}
