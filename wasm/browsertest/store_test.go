package browsertest

import (
	"strings"
	"testing"
)

// contexts are the three places where a tab keeps models, and how to get each.
var contexts = []struct{ kind, host string }{
	{"opfs", "127.0.0.1"},
	{"cache", "127.0.0.1"},
	{"indexeddb", "lab.test"}, // plain http under a name: no secure context, nothing else is there
}

const toLoopback = "MAP lab.test 127.0.0.1"

// stage loads a model and keeps what it reports, so that a test can look while it runs.
const stage = `(() => {
	window.seen = [];
	window.ended = null;
	window.load = call("load", {model: "` + smol + `"}, (e) => seen.push(e));
	load.then((r) => (ended = {ok: r}), (e) => (ended = {error: e.message}));
})()`

// here asks how many bytes of the model the tab has.
const here = `call("models").then((r) => r.models.find((m) => m.id === "` + smol + `").here)`

func TestStore(t *testing.T) {
	need(t)
	needModel(t)
	for _, c := range contexts {
		t.Run(c.kind, func(t *testing.T) {
			server, err := ServeBare(Models())
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			b := launch(t, toLoopback)
			query := "?shelf=" + c.kind
			if c.kind == "indexeddb" {
				query = ""
			}
			tab := visit(t, b, server.URL(c.host, "/bare.html"))
			var secure bool
			if eval(t, tab, "isSecureContext", &secure); secure != (c.host == "127.0.0.1") {
				t.Fatalf("secure context: %v", secure)
			}
			eval(t, tab, `start("`+query+`")`, nil)
			cancelHalfway(t, tab)
			resume(t, tab, server)
			again(t, b, tab, server, c.host, query)
			remove(t, tab)
		})
	}
}

// cancelHalfway stops a download and finds what came of it, but not a whole file.
func cancelHalfway(t *testing.T, tab *Tab) {
	t.Helper()
	eval(t, tab, stage, nil)
	await(t, tab, `seen.some((e) => e.stage === "fetch" && e.done > 8e6)`)
	eval(t, tab, `cancel(load.id)`, nil)
	await(t, tab, `ended`)
	var ended struct{ Error string }
	eval(t, tab, `ended`, &ended)
	if ended.Error != "cancelled" {
		t.Fatalf("ended with %q", ended.Error)
	}
	var n int64
	if eval(t, tab, here, &n); n < 8e6 || n >= 98362432 {
		t.Fatalf("%d bytes are kept after a cancel", n)
	}
}

// resume goes on after a line that breaks once more, and verifies the whole.
func resume(t *testing.T, tab *Tab, server *Bare) {
	t.Helper()
	server.Cut.Store(30e6)
	eval(t, tab, stage, nil)
	await(t, tab, `ended`)
	var ended struct{ Error string }
	if eval(t, tab, `ended`, &ended); !strings.Contains(ended.Error, "broke off") {
		t.Fatalf("a broken line gave %q", ended.Error)
	}
	server.Cut.Store(0)
	eval(t, tab, `fetch("/bare.html").then(() => 1)`, nil)
	eval(t, tab, stage, nil)
	await(t, tab, `ended`)
	var done struct {
		Error string
		Ok    *struct {
			Parity struct{ Digest, Device string }
			Model  struct{ Here, Size int64 }
		}
	}
	if eval(t, tab, `ended`, &done); done.Ok == nil || done.Ok.Model.Here != done.Ok.Model.Size || !strings.HasPrefix(done.Ok.Parity.Digest, "b179c9523d0e") {
		t.Fatalf("the load after a resume: %+v", done)
	}
	if server.Ranges.Load() < 2 {
		t.Errorf("%d of %d fetches asked for a range", server.Ranges.Load(), server.Fetches.Load())
	}
}

// again finds the model in a new tab, without its server.
func again(t *testing.T, b *Browser, tab *Tab, server *Bare, host, query string) {
	t.Helper()
	eval(t, tab, `stop()`, nil)
	before := server.Fetches.Load()
	next := visit(t, b, server.URL(host, "/bare.html"))
	defer next.Close()
	eval(t, next, `start("`+query+`")`, nil)
	eval(t, next, stage, nil)
	await(t, next, `ended`)
	var ended struct{ Error string }
	if eval(t, next, `ended`, &ended); ended.Error != "" {
		t.Fatal(ended.Error)
	}
	if server.Fetches.Load() != before {
		t.Error("a stored model was fetched again")
	}
	eval(t, tab, `start("`+query+`")`, nil)
}

func remove(t *testing.T, tab *Tab) {
	t.Helper()
	eval(t, tab, `call("delete", {model: "`+smol+`"})`, nil)
	var n int64
	if eval(t, tab, here, &n); n != 0 {
		t.Fatalf("%d bytes are left after deleting", n)
	}
}
