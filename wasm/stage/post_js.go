package main

import (
	"syscall/js"

	"github.com/hajimehoshi/ebiten/v2"
)

// message is one thing that the page asked for.
type message struct {
	kind  string
	scene string
	x, y  float32
}

var window = js.Global()

// listen puts the page's messages into the inbox. Messages of other origins are not ours.
// A full inbox drops pointer moves only: a newer one follows.
func listen(inbox chan message) {
	origin := window.Get("location").Get("origin").String()
	window.Call("addEventListener", "message", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if args[0].Get("origin").String() != origin || args[0].Get("data").Type() != js.TypeObject {
			return nil
		}
		m := parse(args[0].Get("data"))
		select {
		case inbox <- m:
		default:
			if m.kind != "move" {
				go func() { inbox <- m }()
			}
		}
		schedule()
		return nil
	}))
}

// schedule asks for a frame, and has stage.js let Ebiten see it.
func schedule() {
	ebiten.ScheduleFrame()
	window.Call("stageWake")
}

func parse(d js.Value) message {
	m := message{kind: text(d, "type")}
	switch m.kind {
	case "scene":
		m.scene = text(d, "scene")
	case "pointer":
		m.kind = text(d, "kind")
		m.x, m.y = number(d, "x"), number(d, "y")
	}
	return m
}

func text(d js.Value, key string) string {
	if v := d.Get(key); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

func number(d js.Value, key string) float32 {
	if v := d.Get(key); v.Type() == js.TypeNumber {
		return float32(v.Float())
	}
	return -1
}

// post tells the page something.
func post(m map[string]any) {
	window.Get("parent").Call("postMessage", m, window.Get("location").Get("origin"))
}

func postError(text string) { post(map[string]any{"type": "error", "message": text}) }

// postPNG lets the browser encode the pixels, which are opaque, and sends the file.
func postPNG(pixels []byte, w, h int) {
	canvas := newCanvas(w, h)
	data := window.Get("Uint8ClampedArray").New(len(pixels))
	js.CopyBytesToJS(data, pixels)
	canvas.Call("getContext", "2d").Call("putImageData", window.Get("ImageData").New(data, w, h), 0, 0)
	var done js.Func
	done = js.FuncOf(func(_ js.Value, args []js.Value) any {
		args[0].Call("arrayBuffer").Call("then", js.FuncOf(func(_ js.Value, args []js.Value) any {
			post(map[string]any{"type": "png", "data": args[0]})
			return nil
		}))
		done.Release()
		return nil
	})
	canvas.Call("toBlob", done, "image/png")
}

func newCanvas(w, h int) js.Value {
	c := window.Get("document").Call("createElement", "canvas")
	c.Set("width", w)
	c.Set("height", h)
	return c
}

func reducedMotion() bool {
	return window.Call("matchMedia", "(prefers-reduced-motion: reduce)").Get("matches").Bool()
}
