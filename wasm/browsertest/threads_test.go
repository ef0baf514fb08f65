package browsertest

import (
	"fmt"
	"strings"
	"testing"
)

// engine is what a worker says of its device.
type engine struct {
	Device struct {
		Name, Detail string
		Threads      int
	}
}

// bareTab is a page with nothing but the worker, under a name of loopback.
func bareTab(t *testing.T, host string) (*Browser, *Tab, *Bare) {
	t.Helper()
	server, err := ServeBare(Models())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	b := launch(t, toLoopback)
	return b, visit(t, b, server.URL(host, "/bare.html")), server
}

const (
	longLens = `{model: "` + smol + `", experiment: "lens", params: {prompt: "The capital of Poland is the city of Warsaw, and the capital of France is", topk: 5}}`
	someText = `{model: "` + smol + `", experiment: "generate", params: {prompt: "Once upon a time", count: 24, stop_at_eos: false}}`
)

// TestThreadsAgree runs the same on one thread and on more. A kernel gives the same bits whoever computes
// it (TestThreadsGiveTheSameBits of shared/device/simd); a pass may be cut into other slices on a
// faster device, so here texts are the same and numbers to rounding.
func TestThreadsAgree(t *testing.T) {
	need(t)
	needModel(t)
	_, tab, _ := bareTab(t, "127.0.0.1")
	var lens outcome
	var text string
	for _, n := range []int{1, 2, 4} {
		var e engine
		eval(t, tab, fmt.Sprintf(`start("?threads=%d")`, n), &e)
		if e.Device.Threads != n {
			t.Fatalf("asked for %d threads: %+v", n, e.Device)
		}
		t.Log(e.Device.Detail)
		var o outcome
		var s string
		eval(t, tab, `call("run", `+longLens+`)`, &o)
		eval(t, tab, `call("run", `+someText+`).then((r) => JSON.stringify(r.result.steps.map((s) => s.token)))`, &s)
		eval(t, tab, `stop()`, nil)
		if n == 1 {
			lens, text = o, s
			continue
		}
		compare(t, lens, o)
		if s != text || len(s) < 40 {
			t.Errorf("with %d threads the text is %s, with one %s", n, s, text)
		}
	}
}

// TestThreadsOfThePage has the lab's page pass its wish on, and say what came of it.
func TestThreadsOfThePage(t *testing.T) {
	need(t)
	l := lab(t)
	u := *l.URL
	u.RawQuery = "threads=2"
	tab := visit(t, launch(t, ""), u.String())
	await(t, tab, `crossOriginIsolated && document.querySelector("#btn-place")?.innerText.includes("2 thr")`)
	eval(t, tab, `document.querySelector("#btn-place").click()`, nil)
	await(t, tab, `document.querySelector("#pop-place")?.innerText.includes("2 threads (asked for)")`)
}

// TestThreadsNeedIsolation is a page that shares no memory: plain http under a name.
func TestThreadsNeedIsolation(t *testing.T) {
	need(t)
	_, tab, _ := bareTab(t, "lab.test")
	var isolated bool
	if eval(t, tab, `crossOriginIsolated`, &isolated); isolated {
		t.Fatal("this page is isolated, so the test shows nothing")
	}
	var e engine
	eval(t, tab, `start("?threads=2")`, &e)
	if e.Device.Threads != 1 || !strings.Contains(e.Device.Detail, "not cross-origin isolated") {
		t.Errorf("device: %+v", e.Device)
	}
	t.Log(e.Device.Detail)
}

// TestThreadsThatDoNotStart goes on with one, and says why.
func TestThreadsThatDoNotStart(t *testing.T) {
	need(t)
	_, tab, server := bareTab(t, "127.0.0.1")
	server.Block.Store("/kernels/thread.js")
	var e engine
	eval(t, tab, `start("?threads=2")`, &e)
	if e.Device.Name != "simd" || e.Device.Threads != 1 || !strings.Contains(e.Device.Detail, "threads do not start") {
		t.Errorf("device: %+v", e.Device)
	}
	t.Log(e.Device.Detail)
}

// TestThreadsAreMeasured lets the tab find out how many pay, whatever that is on this machine.
func TestThreadsAreMeasured(t *testing.T) {
	need(t)
	_, tab, _ := bareTab(t, "127.0.0.1")
	var cores int
	eval(t, tab, `navigator.hardwareConcurrency`, &cores)
	var e engine
	eval(t, tab, `start()`, &e)
	if n := e.Device.Threads; n < 1 || n > min(cores, 8) || cores > 1 && !strings.Contains(e.Device.Detail, "measured") {
		t.Errorf("%d processors, device: %+v", cores, e.Device)
	}
	t.Log(e.Device.Detail)
}

// TestThreadsSleep wants no work of helpers that have none.
func TestThreadsSleep(t *testing.T) {
	need(t)
	needModel(t)
	b, tab, _ := bareTab(t, "127.0.0.1")
	eval(t, tab, `start("?threads=2")`, nil)
	eval(t, tab, `call("run", `+poland+`).then(() => 1)`, nil)
	eval(t, tab, `new Promise((yes) => setTimeout(yes, 1500))`, nil) // compilers finish
	least := 9.0
	for range 3 {
		before := b.CPU()
		eval(t, tab, `new Promise((yes) => setTimeout(yes, 1000))`, nil)
		least = min(least, b.CPU()-before)
	}
	t.Logf("%.0f %% of a CPU", max(0, 100*least))
	if least > 0.1 { // a helper that spun would take all of one
		t.Errorf("an idle engine takes %.0f %% of a CPU", 100*least)
	}
}
