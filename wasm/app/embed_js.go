package main

import (
	"context"
	"encoding/base64"
	"syscall/js"
	"time"

	"patchbay/wasm/scene"
	"patchbay/wasm/state"
	"patchbay/wasm/web"
)

// shotWidth is how wide a stored picture is drawn, in CSS pixels: what a blog post's column has.
const shotWidth = 680

// shoot stores the picture on the page: as SVG, deflated by the browser, in base64url.
func (p *page) shoot() {
	s := p.stage
	s.w = shotWidth
	if f := p.Page().FigureOf(); f != nil {
		s.h = float64(scene.FigureHeight(f, shotWidth))
	} else {
		s.h = 420
	}
	sc, ok := s.scene(p)
	go func() {
		data, why := "", "no picture"
		if ok {
			data, why = deflated(scene.SVG(&sc))
		}
		p.within(func() []state.Effect { return p.Shot(data, int(s.h), why) })
	}()
}

// deflated is data as the browser's CompressionStream packs it, in base64url, or why it is not.
func deflated(data []byte) (packed, why string) {
	if !web.Has("CompressionStream") {
		return "", "this browser has no CompressionStream"
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	out, err := web.Await(ctx, func() js.Value {
		stream := window.Get("Blob").New([]any{web.Array(data)}).Call("stream").Call("pipeThrough", window.Get("CompressionStream").New("deflate-raw"))
		return window.Get("Response").New(stream).Call("arrayBuffer")
	})
	if err != nil {
		return "", err.Error()
	}
	return base64.RawURLEncoding.EncodeToString(web.Bytes(out)), ""
}
