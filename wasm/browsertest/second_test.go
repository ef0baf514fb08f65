package browsertest

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// mapped is what is compared of a patchscope into another model.
type mapped struct {
	Result struct {
		Into  []int
		Fit   struct{ Explained, Cosine []float64 }
		Items []struct {
			Word    string
			Patched []string
		}
	}
}

// TestSecondModel puts Pocket's states into SmolLM2 in a tab, which fetches that too, and on the sidecar.
func TestSecondModel(t *testing.T) {
	need(t)
	needModel(t)
	const run = `call("run", {model: "pocket", experiment: "patchscope", params: {source: "The capital of Poland is", count: 1, step: 3, words: 80, other: "` + smol + `"}})`
	l := lab(t)
	tab := visit(t, launch(t, ""), l.At("127.0.0.1", false))
	inject(t, tab)
	var inTab, outside mapped
	eval(t, tab, `start()`, nil)
	eval(t, tab, run, &inTab)
	eval(t, tab, `stop()`, nil)
	eval(t, tab, fmt.Sprintf(`dial(%q)`, l.Token()), nil)
	eval(t, tab, run, &outside)
	a, b := inTab.Result, outside.Result
	if !slices.Equal(a.Into, []int{7, 18, 29}) || a.Items[0].Word != " Warsaw" || !slices.Equal(a.Items[0].Patched, b.Items[0].Patched) {
		t.Fatalf("in the tab %+v, on the sidecar %+v", a, b)
	}
	for i := range a.Into {
		if math.Abs(a.Fit.Explained[i]-b.Fit.Explained[i]) > 1e-3 || math.Abs(a.Fit.Cosine[i]-b.Fit.Cosine[i]) > 1e-3 {
			t.Errorf("layer %d: R² %g and %g, cosine %g and %g", a.Into[i], a.Fit.Explained[i], b.Fit.Explained[i], a.Fit.Cosine[i], b.Fit.Cosine[i])
		}
	}
}
