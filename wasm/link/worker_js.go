package link

import (
	"context"
	"sync"
	"syscall/js"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/web"
)

// Worker starts the engine in this tab; script is the address of worker.js. A worker that
// dies takes its requests with it: the line is Dead and Retry starts another.
func Worker(script string) Endpoint {
	return &tab{Client: NewClient(Options{
		Dial: func(_ context.Context, receive func([]byte), lost func(error)) (Port, error) {
			return newWorkerPort(script, receive, lost)
		},
		Dead: func(err error) error {
			return errs.E("link.Worker", errs.Gone, "the engine in this tab stopped: %w", err)
		},
	})}
}

// tab asks the browser to keep what the first download stores: only a window may ask.
type tab struct {
	*Client
	persist sync.Once
}

// Do implements Endpoint.
func (t *tab) Do(ctx context.Context, method string, params any, onEvent func(lab.Event)) (*Result, error) {
	if method == wire.MethodLoad && web.Has("navigator", "storage", "persist") {
		t.persist.Do(func() { js.Global().Get("navigator").Get("storage").Call("persist") })
	}
	return t.Client.Do(ctx, method, params, onEvent)
}

// workerPort carries frames as transferred ArrayBuffers.
type workerPort struct {
	worker js.Value
	funcs  []js.Func
}

func newWorkerPort(script string, receive func([]byte), lost func(error)) (Port, error) {
	w, err := web.Try(func() js.Value { return js.Global().Get("Worker").New(script) })
	if err != nil {
		return nil, errs.E("link.Worker", errs.Unsupported, "this browser does not start workers here: %w", err)
	}
	p := &workerPort{worker: w}
	p.on("message", func(e js.Value) {
		data := e.Get("data")
		if fatal := data.Get("fatal"); fatal.Type() == js.TypeString {
			lost(errs.E("link.Worker", errs.Gone, "%s", fatal.String()))
			return
		}
		receive(web.Bytes(data))
	})
	p.on("error", func(e js.Value) {
		e.Call("preventDefault")
		words := "its script did not load"
		if m := e.Get("message"); m.Type() == js.TypeString {
			words = m.String()
		}
		lost(errs.E("link.Worker", errs.Gone, "%s", words))
	})
	return p, nil
}

func (p *workerPort) on(event string, f func(e js.Value)) {
	fn := js.FuncOf(func(_ js.Value, a []js.Value) any { f(a[0]); return nil })
	p.funcs = append(p.funcs, fn)
	p.worker.Call("addEventListener", event, fn)
}

// Send transfers the frame, which copies it once, out of Go's memory.
func (p *workerPort) Send(frame []byte) error {
	buf := web.Array(frame).Get("buffer")
	_, err := web.Try(func() js.Value { return p.worker.Call("postMessage", buf, []any{buf}) })
	return err
}

// Close ends the worker and all it was doing.
func (p *workerPort) Close() {
	p.worker.Call("terminate")
	for i, event := range []string{"message", "error"} {
		p.worker.Call("removeEventListener", event, p.funcs[i])
		p.funcs[i].Release()
	}
}
