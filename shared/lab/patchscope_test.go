package lab

import (
	"encoding/json"
	"strings"
	"testing"

	"patchbay/shared/internal/refdata"
)

func TestPatchscopeOnPocket(t *testing.T) {
	b := pocketBench(t)
	var partials int
	_, r := run[PatchscopeResult](t, b, "patchscope", `{"set":"pocket","items":30}`, func(e Event) {
		if e.Partial != nil {
			partials++
			if err := json.Unmarshal(e.Partial, new(PatchscopeResult)); err != nil {
				t.Error(err)
			}
		}
	})
	f := figureOf(t, r.Report, "precision")
	scope, random, wrong := seriesOf(t, f, "patchscope"), seriesOf(t, f, "random vector"), seriesOf(t, f, "another source's state")
	if scope.Values[6] < 0.9 || scope.Values[0] > 0.2 {
		t.Errorf("by layer the identity prompt names %v; it should name nothing at first and nearly all after layer 6", scope.Values)
	}
	for l := range random.Values {
		if random.Values[l] > 0.1 || wrong.Values[l] > 0.2 {
			t.Errorf("layer %d: random vectors are right for %v, other sources' states for %v", l, random.Values[l], wrong.Values[l])
		}
	}
	if partials < 3 {
		t.Errorf("%d partial results; a long list should be seen growing", partials)
	}
}

// One source gives a row of texts for each layer, and the last layer's says what the model would.
func TestPatchscopeOfOnePrompt(t *testing.T) {
	b := pocketBench(t)
	out, r := run[PatchscopeResult](t, b, "patchscope", `{"source":"The capital of Poland is","count":3,"grid":true}`, nil)
	f, pairs := figureOf(t, r.Report, "scope"), figureOf(t, r.Report, "pairs")
	if n := b.Model.Config().Layers; len(f.Texts) != n || len(pairs.Cells) != n || len(pairs.Cells[0]) != n {
		t.Fatalf("%d rows of texts and %d by %d pairs for %d layers", len(f.Texts), len(pairs.Cells), len(pairs.Cells[0]), n)
	}
	item, top := r.Items[0], len(f.Texts)-1
	if !strings.HasPrefix(f.Texts[top][1], item.Next) || f.Texts[top][0] != item.Next {
		t.Errorf("with the last layer's state the target writes %q; the model's own next token is %q", f.Texts[top][1], item.Next)
	}
	if pairs.Cells[top][top] < 0.5 {
		t.Errorf("last layer into last layer: probability %v of the own next token", pairs.Cells[top][top])
	}
	again, _ := run[PatchscopeResult](t, b, "patchscope", string(out.Params), nil)
	if string(again.Result) != string(out.Result) {
		t.Error("the same parameters gave another result")
	}
}

func TestPatchscopeRefuses(t *testing.T) {
	b := pocketBench(t)
	refused(t, b, "patchscope", `{"source":""}`, "the source prompt is empty")
	refused(t, b, "patchscope", `{"source":"The capital of Poland is","at":"Norway"}`, "does not occur")
	refused(t, b, "patchscope", `{"source":"The capital of Poland is","at":"99"}`, "there is no position 99")
	refused(t, b, "patchscope", `{"target":"own"}`, "the target prompt is empty")
	refused(t, b, "patchscope", `{"set":"own"}`, "the own list is empty")
	refused(t, b, "patchscope", `{"set":"own","pairs":[["Poland",""]]}`, "neither of them empty")
	refused(t, b, "patchscope", `{"step":0}`, "outside 1 to 16")
}

// The figures of the reference: identity reads the next word long before the lens.
func TestPatchscopeOnRealModels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds a model")
	}
	for id, at := range map[string]int{"smollm2-135m-instruct": 25, "gemma3-270m": 13} {
		_ = refdata.Model(t, id)
		b := bench(t, id)
		_, r := run[PatchscopeResult](t, b, "patchscope", `{"set":"sentences","items":12,"step":4}`, nil)
		f := figureOf(t, r.Report, "precision")
		for i, l := range r.Layers {
			scope, lens, random := seriesOf(t, f, "patchscope").Values[i], seriesOf(t, f, "logit lens").Values[i], seriesOf(t, f, "random vector").Values[i]
			if l == at && (scope < 0.6 || lens > 0.4 || random > 0.1) {
				t.Errorf("%s layer %d: patchscope %v, lens %v, random %v", id, l, scope, lens, random)
			}
		}
	}
}
