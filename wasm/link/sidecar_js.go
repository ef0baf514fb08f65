package link

import (
	"context"
	"syscall/js"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/wire"
	"patchbay/wasm/web"
)

// Sidecar opens a websocket to a sidecar at url ("ws://host:port/ws"); the token comes from the
// page's fragment and travels in the first frame. A dropped line is reopened and its session
// resumed. The page asks for raw frames: undoing zstd would cost it 0.3 MB of program.
func Sidecar(url, token string) Endpoint {
	return NewClient(Options{
		Dial: func(ctx context.Context, receive func([]byte), lost func(error)) (Port, error) {
			return dialSocket(ctx, url, receive, lost)
		},
		Hello:   wire.Hello{Token: token, Codecs: []string{"raw"}},
		Backoff: []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second},
		Dead: func(err error) error {
			if errs.KindOf(err) == errs.Denied {
				return errs.E("link.Sidecar", errs.Denied, "the sidecar refused this page: %w; open the address it printed when it started", err)
			}
			return errs.E("link.Sidecar", errs.Gone, "the sidecar at %s does not answer (%w); see whether it still runs, start it again with `patchbay serve`, then retry", url, err)
		},
	})
}

// socket carries frames as binary messages of the platform's WebSocket.
type socket struct {
	ws    js.Value
	funcs []js.Func
}

// dialSocket waits until the socket is open or has failed.
func dialSocket(ctx context.Context, url string, receive func([]byte), lost func(error)) (Port, error) {
	ws, err := web.Try(func() js.Value { return js.Global().Get("WebSocket").New(url) })
	if err != nil {
		return nil, errs.E("link.Sidecar", errs.Invalid, "%s is no websocket address: %w", url, err)
	}
	ws.Set("binaryType", "arraybuffer")
	s := &socket{ws: ws}
	opened, closed := make(chan struct{}, 1), make(chan error, 1)
	s.on("open", func(js.Value) { opened <- struct{}{} })
	s.on("message", func(e js.Value) {
		if data := e.Get("data"); data.Type() == js.TypeObject {
			receive(web.Bytes(data))
		}
	})
	s.on("close", func(e js.Value) {
		err := closeError(e.Get("code").Int(), e.Get("reason").String())
		closed <- err // the one event that comes last, once
		lost(err)
	})
	select {
	case <-opened:
		return s, nil
	case err := <-closed:
		s.Close()
		return nil, err
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
}

// closeError words why a socket closed. Codes 4000 and up are the sidecar's own, with a reason
// written for a person; 4001 and 4003 refuse the token.
func closeError(code int, reason string) error {
	kind := errs.Gone
	if code == 4001 || code == 4003 {
		kind = errs.Denied
	}
	switch {
	case reason != "":
		return errs.E("link.Sidecar", kind, "%s", reason)
	case code == 1006: // the browser tells a page no more than this
		return errs.E("link.Sidecar", kind, "the connection failed or was cut")
	}
	return errs.E("link.Sidecar", kind, "the socket was closed with code %d", code)
}

func (s *socket) on(event string, f func(e js.Value)) {
	fn := js.FuncOf(func(_ js.Value, a []js.Value) any { f(a[0]); return nil })
	s.funcs = append(s.funcs, fn)
	s.ws.Call("addEventListener", event, fn)
}

// Send queues the frame in the browser.
func (s *socket) Send(frame []byte) error {
	if s.ws.Get("readyState").Int() != 1 { // OPEN
		return errs.E("link.Sidecar", errs.Gone, "the socket is not open")
	}
	_, err := web.Try(func() js.Value { return s.ws.Call("send", web.Array(frame)) })
	return err
}

// Close takes the listeners off first, so that none is called once it is released.
func (s *socket) Close() {
	for i, event := range []string{"open", "message", "close"} {
		s.ws.Call("removeEventListener", event, s.funcs[i])
		s.funcs[i].Release()
	}
	s.ws.Call("close")
}
