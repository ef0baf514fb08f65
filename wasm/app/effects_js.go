package main

import (
	"context"
	"syscall/js"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/link"
	"patchbay/wasm/state"
	"patchbay/wasm/web"
)

// do carries out effects, in order, under the lock.
func (p *page) do(effects []state.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case state.Call:
			p.call(e)
		case state.Cancel:
			if stop := p.stops[e.Job]; stop != nil {
				stop()
			}
		case state.Wait:
			p.wait(e.Name, e.After)
		case state.Say:
			say(e.Text, e.Urgent)
		case state.Save:
			if keep("localStorage", e.Key, e.Value) != nil {
				p.do(p.Unsaved(e.Key))
			}
		case state.Link:
			p.address()
		case state.Copy:
			p.copy(e.Text)
		case state.File:
			download(e.Name, e.Type, e.Data)
		case state.Export:
			p.stage.export(p, e.Format)
		case state.Shoot:
			p.shoot()
		case state.Draw:
			p.stage.dirty = true
		case state.Look:
			p.look()
		case state.Retry:
			if end := p.ends[e.Place]; end != nil {
				end.Retry()
			}
		case state.Focus:
			focusSoon(e.ID)
		}
	}
}

// call runs a request in its own goroutine, which ends with the request.
func (p *page) call(c state.Call) {
	end := p.ends[c.Place]
	ctx, stop := context.WithCancel(context.Background())
	p.stops[c.Job] = stop
	go func() {
		defer stop()
		if end == nil {
			p.within(func() []state.Effect {
				return p.Failed(c.Job, errs.E("app.call", errs.Gone, "there is no engine at this place"))
			})
			return
		}
		r, err := end.Do(ctx, c.Method, c.Params, func(ev lab.Event) {
			p.streaming(func() []state.Effect { return p.Event(c.Job, ev) })
		})
		p.within(func() []state.Effect {
			delete(p.stops, c.Job)
			if err != nil {
				return p.Failed(c.Job, err)
			}
			return p.Result(c.Job, r.Msg)
		})
	}()
}

// open watches a line for the life of the page.
func (p *page) open(place state.Place, end link.Endpoint) {
	p.ends[place] = end
	end.Watch(func(s link.State) {
		// Watch may call from inside a callback of JavaScript, which must not wait for the lock.
		go p.within(func() []state.Effect {
			now := end.State() // the newest: goroutines may overtake each other
			var w *wire.Welcome
			if got, ok := end.Welcome(); ok {
				w = &got
			}
			return p.Line(place, phases[now.Phase], now.Err, w)
		})
	})
}

var phases = map[link.Phase]state.Phase{link.Opening: state.Opening, link.Open: state.Open, link.Lost: state.Lost, link.Dead: state.Dead, link.Closed: state.Dead}

// wait calls Waited after a while; a second wait of the same name starts over.
func (p *page) wait(name string, after time.Duration) {
	if old, ok := p.waits[name]; ok {
		window.Call("clearTimeout", old)
	}
	var f js.Func
	f = js.FuncOf(func(js.Value, []js.Value) any {
		f.Release()
		go p.within(func() []state.Effect {
			delete(p.waits, name)
			return p.Waited(name)
		})
		return nil
	})
	p.waits[name] = window.Call("setTimeout", f, after.Milliseconds())
}

// copy puts a text on the clipboard, or the page's address where there is none. Plain http has
// no clipboard: then the person is told where to find it.
func (p *page) copy(what string) {
	no := "said.nocopy.text"
	if what == "" {
		p.address()
		what, no = window.Get("location").Get("href").String(), "said.nocopy"
	}
	go func() {
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		key := "said.copied"
		if !web.Has("navigator", "clipboard") {
			key = no
		} else if _, err := web.Await(ctx, func() js.Value {
			return window.Get("navigator").Get("clipboard").Call("writeText", what)
		}); err != nil {
			key = no
		}
		p.within(func() []state.Effect { return p.Tell(key) })
	}()
}
