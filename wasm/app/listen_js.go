package main

import (
	"strings"
	"syscall/js"

	"patchbay/wasm/scene"
	"patchbay/wasm/state"
)

// listen hears what concerns the whole page: keys, clicks on cells, the system's theme, the
// address, and the stage.
func (p *page) listen() {
	on(document, "keydown", p.key)
	on(document, "click", p.click)
	on(document, "change", p.file)
	on(window, "storage", func(e js.Value) {
		if e.Get("key").Type() == js.TypeString && e.Get("key").String() == "patchbay.vectors" {
			go p.within(func() []state.Effect { p.OpenVectors(kept("localStorage", "vectors")); return nil })
		}
	})
	on(document, "compositionstart", func(js.Value) { p.composing = true })
	on(document, "compositionend", func(js.Value) { p.composing = false })
	on(window, "hashchange", func(e js.Value) {
		// The event's own address: the page may have written its state into the bar meanwhile.
		_, hash, _ := strings.Cut(e.Get("newURL").String(), "#")
		go p.within(func() []state.Effect {
			p.fragment(hash)
			return p.Arrived()
		})
	})
	on(window.Call("matchMedia", "(prefers-color-scheme: dark)"), "change", func(e js.Value) {
		dark := e.Get("matches").Bool()
		go p.within(func() []state.Effect {
			p.DarkSystem = dark
			return []state.Effect{state.Look{}, state.Draw{}}
		})
	})
	p.stage.listen(p)
}

// key is a key pressed anywhere.
func (p *page) key(e js.Value) {
	if p.composing || e.Get("isComposing").Truthy() {
		return
	}
	name := e.Get("key").String()
	switch {
	case name == "Enter" && (e.Get("ctrlKey").Bool() || e.Get("metaKey").Bool()):
		e.Call("preventDefault")
		go p.within(p.Run)
	case name == "Escape":
		go p.within(p.Escape)
	case e.Get("target").Get("id").Type() == js.TypeString && e.Get("target").Get("id").String() == "pad":
		p.padKey(e, name)
	case name == "ArrowLeft" || name == "ArrowRight" || name == "ArrowUp" || name == "ArrowDown":
		radioKey(e, name == "ArrowRight" || name == "ArrowDown")
	}
}

// padKey walks over the heat map.
func (p *page) padKey(e js.Value, name string) {
	if e.Get("ctrlKey").Bool() || e.Get("metaKey").Bool() || e.Get("altKey").Bool() {
		return
	}
	const far = 1 << 20
	steps := map[string][2]int{"ArrowUp": {1, 0}, "ArrowDown": {-1, 0}, "ArrowLeft": {0, -1}, "ArrowRight": {0, 1},
		"Home": {0, -far}, "End": {0, far}, "PageUp": {far, 0}, "PageDown": {-far, 0}}
	step, moves := steps[name]
	switch {
	case moves:
		e.Call("preventDefault")
		go p.within(func() []state.Effect {
			if !p.Page().Own {
				return p.MoveMark(step[0], step[1])
			}
			return p.Move(step[0], step[1])
		})
	case !p.Page().Own:
		if name == "Enter" {
			e.Call("preventDefault")
			go p.within(func() []state.Effect { return p.PinMark(p.Page().Mark) })
		}
	case name == "Enter":
		e.Call("preventDefault")
		go p.within(func() []state.Effect { return p.Move(far, far) })
	case name == "f" || name == "F":
		e.Call("preventDefault")
		go p.within(func() []state.Effect {
			pg := p.Page()
			if c := pg.At(pg.Pin); c != nil && len(c.Top) > 0 {
				return p.Follow(c.Top[0].Text)
			}
			return nil
		})
	}
}

// radioKey moves between the buttons of a group with the arrow keys, as a group of radio
// buttons is expected to behave.
func radioKey(e js.Value, forward bool) {
	target := e.Get("target")
	if target.Call("getAttribute", "role").IsNull() || target.Call("getAttribute", "role").String() != "radio" {
		return
	}
	next := "previousElementSibling"
	if forward {
		next = "nextElementSibling"
	}
	if el := target.Get(next); el.Truthy() {
		e.Call("preventDefault")
		el.Call("focus")
		el.Call("click")
	}
}

// click hears clicks on what has a cell: the table's entries. A click outside an open panel
// closes it.
func (p *page) click(e js.Value) {
	target := e.Get("target")
	if !target.Get("closest").Truthy() {
		return
	}
	if el := target.Call("closest", "[data-cell]"); el.Truthy() {
		id := el.Get("dataset").Get("cell").String()
		go p.within(func() []state.Effect { return p.pin(id) })
		return
	}
	outside := !target.Call("closest", ".pop, .rail, header button, #btn-embed, #embed-panel").Truthy()
	if outside && p.Popover != "" && target.Get("isConnected").Bool() {
		go p.within(func() []state.Effect { p.Popover = ""; return nil })
	}
}

func (p *page) pin(id string) []state.Effect {
	if _, _, mark := scene.ParseMarkID(id); mark {
		return p.PinMark(id)
	}
	layer, column, ok := scene.ParseCellID(id)
	if !ok {
		return nil
	}
	return p.PinCell(state.Cell{Layer: layer, Column: column})
}
