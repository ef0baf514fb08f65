package browsertest

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// poland is the run that the README promises.
const poland = `{model: "` + smol + `", experiment: "lens", params: {prompt: "The capital of Poland is", topk: 5}}`

// outcome is the part of a lens result that is compared.
type outcome struct {
	Parity struct {
		Digest, Device, Mode string
		SelfTest             float64
	}
	Result struct {
		Layers [][]struct {
			Top []struct {
				ID   int
				Text string
				P    float64
			}
			FollowP float64 `json:"follow_p"`
			Entropy float64
			KL      float64
		}
	}
}

// answer is the model's own second guess after the whole prompt; its first is " the", because
// "the city of Warsaw" would be as good an end.
func (o outcome) answer() string {
	last := o.Result.Layers[len(o.Result.Layers)-1]
	return last[len(last)-1].Top[1].Text
}

// inject brings bare.js into a page of the real lab, so that both engines can be asked.
func inject(t *testing.T, tab *Tab) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(Root(), "wasm", "browsertest", "testdata", "bare.js"))
	if err != nil {
		t.Fatal(err)
	}
	eval(t, tab, string(src)+"; 1", nil)
}

func lab(t *testing.T, flags ...string) *Lab {
	t.Helper()
	l, err := StartLab(context.Background(), "127.0.0.1:0", flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Kill)
	return l
}

// TestSidecarEqualsTab runs one lens on both engines from one page.
func TestSidecarEqualsTab(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t)
	tab := visit(t, launch(t, ""), l.At("127.0.0.1", false))
	inject(t, tab)
	var inTab, outside outcome
	eval(t, tab, `start()`, nil)
	eval(t, tab, `call("run", `+poland+`)`, &inTab)
	eval(t, tab, `stop()`, nil)
	token := l.Token()
	eval(t, tab, fmt.Sprintf(`dial(%q)`, token), nil)
	eval(t, tab, `call("run", `+poland+`)`, &outside)
	if inTab.answer() != " Warsaw" {
		t.Errorf("the tab says %q", inTab.answer())
	}
	if inTab.Parity.Digest != outside.Parity.Digest || inTab.Parity.Mode != "exact" {
		t.Errorf("parity: tab %+v, sidecar %+v", inTab.Parity, outside.Parity)
	}
	compare(t, inTab, outside)
}

// compare holds every cell of the tab against the sidecar's: log-probabilities to 1e-3.
func compare(t *testing.T, a, b outcome) {
	t.Helper()
	if len(a.Result.Layers) != 30 || len(b.Result.Layers) != 30 {
		t.Fatalf("%d and %d layers", len(a.Result.Layers), len(b.Result.Layers))
	}
	worst := 0.0
	for l, row := range a.Result.Layers {
		for p, cell := range row {
			other := b.Result.Layers[l][p]
			for k, g := range cell.Top {
				o := other.Top[k]
				if g.ID != o.ID && math.Abs(g.P-o.P) > 1e-4 {
					t.Errorf("layer %d position %d guess %d: %q in the tab, %q on the sidecar", l, p, k, g.Text, o.Text)
				}
				worst = max(worst, math.Abs(math.Log(g.P)-math.Log(o.P)))
			}
			worst = max(worst, math.Abs(math.Log(cell.FollowP)-math.Log(other.FollowP)), math.Abs(cell.KL-other.KL), math.Abs(cell.Entropy-other.Entropy))
		}
	}
	t.Logf("largest difference %.2g", worst)
	if !(worst < 1e-3) {
		t.Errorf("tab and sidecar differ by %g in log-probability", worst)
	}
}

// TestCancelInMidRun stops a long generation and a long prompt's pass in the tab.
func TestCancelInMidRun(t *testing.T) {
	need(t)
	needModel(t)
	server, err := ServeBare(Models())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	tab := visit(t, launch(t, ""), server.URL("127.0.0.1", "/bare.html"))
	var welcome struct{ Device struct{ Name string } }
	eval(t, tab, `start()`, &welcome)
	eval(t, tab, `call("load", {model: "`+smol+`"}).then(() => 1)`, nil)
	for name, params := range map[string]string{
		"tokens":  `experiment: "generate", params: {prompt: "Once upon a time", count: 400, stop_at_eos: false}`,
		"prefill": `experiment: "generate", params: {prompt: "one two three four five ".repeat(60), count: 1}`,
		"lens":    `experiment: "lens", params: {prompt: "one two three four five ".repeat(12)}`,
	} {
		t.Run(name, func(t *testing.T) {
			var ms float64
			eval(t, tab, `new Promise((yes, no) => {
				let at;
				const run = call("run", {model: "`+smol+`", `+params+`}, () => {
					if (!at) setTimeout(() => { at = performance.now(); cancel(run.id); }, 30);
				});
				run.then(() => no(new Error("it ran to its end")), (e) => e.message === "cancelled" ? yes(performance.now() - at) : no(e));
			})`, &ms)
			t.Logf("acknowledged after %.1f ms on %s", ms, welcome.Device.Name)
			if limit := 100.0; ms > limit && welcome.Device.Name != "ref" {
				t.Errorf("a cancel was acknowledged after %.0f ms, the limit is %.0f", ms, limit)
			}
		})
	}
	// The engine is free again and right.
	var o outcome
	eval(t, tab, `call("run", `+poland+`)`, &o)
	if o.answer() != " Warsaw" {
		t.Errorf("after a cancel the tab says %q", o.answer())
	}
}

// TestKernelsThatDoNotStart falls back to the oracle and says so.
func TestKernelsThatDoNotStart(t *testing.T) {
	need(t)
	server, err := ServeBare(Models())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.Block.Store("/kernels/kernels.js")
	tab := visit(t, launch(t, ""), server.URL("127.0.0.1", "/bare.html"))
	var w struct{ Device struct{ Name, Detail string } }
	eval(t, tab, `start()`, &w)
	if w.Device.Name != "ref" || w.Device.Detail == "" {
		t.Errorf("device: %+v", w.Device)
	}
	t.Log(w.Device.Detail)
}
