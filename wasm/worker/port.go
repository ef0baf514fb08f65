//go:build js

package main

import (
	"context"
	"fmt"
	"syscall/js"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/wire"
	"patchbay/wasm/web"
)

// inbound is a bound that is never reached: the page sends a request at a time, and a frame of
// it is taken at every yield.
const inbound = 1024

// serve answers the page for as long as the tab lives.
func serve(h *host.Host) {
	frames := make(chan []byte, inbound)
	take := js.FuncOf(func(_ js.Value, a []js.Value) any {
		select {
		case frames <- web.Bytes(a[0]):
		default:
			fatal(errs.E("worker.serve", errs.Busy, "more than %d frames came in without one being read", inbound))
		}
		return nil
	})
	// worker.js kept what came before this was ready, and now passes everything on.
	js.Global().Call("patchbayListen", take)
	s := h.Session(say)
	var asm wire.Assembler
	for f := range frames {
		m, err := asm.Add(f)
		if err == nil && m != nil {
			err = handle(h, s, m)
		}
		if err != nil { // a page of another version: nothing it says can be trusted
			say(wire.Fail(0, err))
			asm = wire.Assembler{}
		}
	}
}

func handle(h *host.Host, s *host.Session, m *wire.Message) error {
	if m.Kind != wire.KindHello {
		return s.Handle(m)
	}
	w, err := h.Welcome(context.Background())
	if err != nil {
		return err
	}
	out, err := wire.New(wire.KindWelcome, 0, w)
	if err == nil {
		say(out)
	}
	return err
}

// say sends a message as transferred ArrayBuffers.
func say(m wire.Message) {
	frames, err := wire.Encode(m)
	if err != nil {
		frames, err = wire.Encode(wire.Fail(m.Request, err))
	}
	if err != nil {
		fatal(fmt.Errorf("a message cannot be sent: %w", err))
		return
	}
	for _, f := range frames {
		buf := web.Array(f).Get("buffer")
		js.Global().Call("postMessage", buf, []any{buf})
	}
}
