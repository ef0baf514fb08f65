package main

import (
	"syscall/js"

	"patchbay/wasm/scene"
	"patchbay/wasm/state"
	"patchbay/wasm/web"
)

// plain is the picture where there is no WebGL: the scene as an SVG in an <img>, the same marks
// without motion. The page then finds for itself what the pointer is on.
type plain struct {
	img     js.Value
	address js.Value
	scene   scene.Scene
	on      string // the mark under the pointer
}

// show puts a scene in the stage's place.
func (l *plain) show(sc scene.Scene) {
	box := byID("stage-box")
	if !box.Truthy() {
		return
	}
	if !l.img.Truthy() {
		if el := byID("stage"); el.Truthy() {
			el.Get("style").Set("display", "none")
		}
		l.img = document.Call("createElement", "img")
		l.img.Set("alt", "") // the pad and the table speak for it
		box.Call("appendChild", l.img)
	}
	l.scene = sc
	blob := window.Get("Blob").New([]any{web.Array(scene.SVG(&sc))}, map[string]any{"type": "image/svg+xml"})
	old := l.address
	l.address = window.Get("URL").Call("createObjectURL", blob)
	l.img.Set("src", l.address)
	if old.Truthy() {
		window.Get("URL").Call("revokeObjectURL", old)
	}
}

// end gives the place back to a stage that got ready after all.
func (l *plain) end() {
	if !l.img.Truthy() {
		return
	}
	l.img.Call("remove")
	window.Get("URL").Call("revokeObjectURL", l.address)
	if el := byID("stage"); el.Truthy() {
		el.Get("style").Set("display", "")
	}
	*l = plain{}
}

// point does what the stage does with the pointer.
func (l *plain) point(p *page, s *stage, kind string, x, y float32) []state.Effect {
	id := ""
	if kind != "leave" {
		id = scene.Hit(&l.scene, x, y)
	}
	if kind == "down" {
		return s.hit(p, "click", id)
	}
	if id == l.on {
		return nil
	}
	l.on = id
	return s.hit(p, "hover", id)
}
