// Command app is the page: it mounts the Vugu tree of wasm/app/ui at #app, carries out the
// effects of wasm/state, and brings in what the browser and the engines report. Everything
// that touches JavaScript is in this folder; everything that decides is not.
package main

import (
	"syscall/js"
	"time"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/domrender"

	"patchbay/wasm/app/ui"
	"patchbay/wasm/link"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

var (
	window   = js.Global()
	document = window.Get("document")
)

// page is the edge. Its state and fields are touched under env's lock only: Vugu takes it
// around its own handlers, within does for everything else.
type page struct {
	*ui.Lab
	env   vugu.EventEnv
	ends  map[state.Place]link.Endpoint
	stops map[state.JobID]func()
	waits map[string]js.Value // running timers by name
	stage stage
	boxes map[string]string // what the edge last put into each text box
	soon  bool              // a render is on its way for what streams in
	cost  time.Duration     // of the latest render

	secret    string // the token, for as long as the tab lives
	composing bool   // an input method is at work
}

func main() {
	renderer, err := domrender.New("#app")
	if err != nil {
		panic(err)
	}
	defer renderer.Release()
	p := newPage(renderer.EventEnv())
	build, err := vugu.NewBuildEnv(renderer.EventEnv())
	if err != nil {
		panic(err)
	}
	root := &ui.Root{L: p.Lab}
	p.start()
	for ok := true; ok; ok = renderer.EventWait() {
		begun := time.Now()
		tree := build.RunBuild(root)
		ui.Whole(tree)
		if err := renderer.Render(tree); err != nil {
			panic(err)
		}
		p.cost = time.Since(begun)
		p.rendered()
	}
}

func newPage(env vugu.EventEnv) *page {
	a := state.New(text.Pick(preferredLanguage()))
	p := &page{env: env, ends: map[state.Place]link.Endpoint{}, stops: map[state.JobID]func(){},
		waits: map[string]js.Value{}, boxes: map[string]string{}}
	p.Lab = &ui.Lab{App: a, Do: p.do, Draft: state.NewDraft()}
	a.Origin = window.Get("URL").New("./", window.Get("location").Get("href").String()).Get("href").String()
	a.Secure = window.Get("isSecureContext").Bool()
	a.DarkSystem = media("(prefers-color-scheme: dark)")
	p.restore()
	return p
}

// start opens the lines and listens; the first render comes right after.
func (p *page) start() {
	p.look()
	p.listen()
	p.do(p.TellCut())
	// The page's query is the worker's: ?threads=2 forces what it would measure.
	p.open(state.Tab, link.Worker("worker.js"+window.Get("location").Get("search").String()))
	if token := p.token(); token != "" {
		p.open(state.Sidecar, link.Sidecar(socketAddress(), token))
	} else if p.Place == state.Sidecar {
		p.Place = state.Tab // a link to a sidecar that this visitor has no key for
		p.Popover = "place"
	}
}

// within changes the state under the lock, carries out what follows, and renders.
func (p *page) within(f func() []state.Effect) {
	p.env.Lock()
	p.do(f())
	p.env.UnlockRender()
}

// streaming is within for what comes many times a second: it renders a little later, with all
// that came until then, and leaves the page at least half of its time, so that a press of Stop
// never waits behind a queue of pictures of each token.
func (p *page) streaming(f func() []state.Effect) {
	p.quietly(func() {
		p.do(f())
		if p.soon {
			return
		}
		p.soon = true
		after(max(frame, 2*p.cost), func() {
			p.within(func() []state.Effect { p.soon = false; return nil })
		})
	})
}

// frame is how often what streams in is shown at most.
const frame = 40 * time.Millisecond

// quietly is within for what changes nothing that is seen.
func (p *page) quietly(f func()) {
	p.env.Lock()
	f()
	p.env.UnlockOnly()
}

// rendered mends after each render what Vugu does not keep.
func (p *page) rendered() {
	p.quietly(func() {
		p.fillBoxes()
		p.stage.follow(p)
	})
}
