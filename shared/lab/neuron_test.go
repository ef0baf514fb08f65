package lab

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// The terms add up to the gate's sum, and the curve passes through what the neuron gives.
func TestNeuronSum(t *testing.T) {
	b := pocketBench(t)
	_, r := run[NeuronResult](t, b, "neuron", `{"layer": 3, "neuron": 1, "prompt": "Q: chat"}`, nil)
	f := figureOf(t, r.Report, "sum")
	sum := 0.0
	for _, x := range f.Series[0].Values {
		sum += float64(x)
	}
	if at := float64(f.Curve.At); math.Abs(sum-at) > 1e-3 || at <= 0 {
		t.Errorf("the terms add up to %g, the weighted sum is %g", sum, at)
	}
	p := &plan.Plan{Runs: []plan.Run{{Name: "x", Prompt: plan.Prompt{Text: "Q: chat"}, Reads: []plan.Read{
		{Name: "n", Site: hook.MLPPost, Layers: plan.One(3), Index: plan.One(1), Positions: plan.At(-1)}}}}}
	res := must(perform(t.Context(), b, func(Event) {}, p, plan.Observer{}))(t)
	if want := rowsOf(res, "x", "n")[0][0]; math.Abs(float64(want)-float64(f.Curve.Out)) > 1e-4 {
		t.Errorf("the curve ends at %g; the neuron gives %g", f.Curve.Out, want)
	}
	if r.Answer == nil || *r.Answer != 0 {
		t.Errorf("one neuron less changes the answer: prediction %v came true", r.Answer)
	}
	if top := figureOf(t, r.Report, "top"); len(top.Cells) != topRows || !strings.Contains(marshal(t, top.Texts), "cheval") {
		t.Errorf("the texts that excite the French neuron are %v", top.Texts)
	}
}

// Near misses leave few neurons that look perfect, shuffled labels none, and the one that is chosen
// tells the concept on texts with other words too.
func TestNeuronFind(t *testing.T) {
	b := pocketBench(t)
	for _, concept := range []string{"french", "countries"} {
		_, r := run[NeuronResult](t, b, "neuron", marshal(t, map[string]any{"part": "find", "concept": concept}), nil)
		f := figureOf(t, r.Report, "perfect")
		var total [3]float64
		for i, s := range f.Series {
			for _, x := range s.Values {
				total[i] += float64(x)
			}
		}
		if total[0] < 2*total[1] || total[2] > total[0]/10 {
			t.Errorf("%s: %v neurons look perfect without near misses, with them, and with shuffled labels", concept, total)
		}
		tells := figureOf(t, r.Report, "concepts")
		for i, name := range tells.X.Labels {
			if name == concept && tells.Series[0].Values[i] < 0.9 {
				t.Errorf("%s: the neuron that was found has AUROC %g", concept, tells.Series[0].Values[i])
			}
		}
	}
	_, r := run[NeuronResult](t, b, "neuron", `{"part": "find", "concept": "several"}`, nil)
	if !strings.Contains(r.Facts[0].String(), "two jobs") {
		t.Errorf("several: %v", r.Facts)
	}
}

// A concept of one's own is searched for like the built-in ones.
func TestNeuronOwn(t *testing.T) {
	var marked [][2]string
	for _, w := range strings.Fields("cat dog cow wolf fox duck goat bear pig") {
		marked = append(marked, [2]string{"The " + w + " is", "animal"}, [2]string{"The " + strings.ToUpper(w) + " is", "no"})
	}
	_, r := run[NeuronResult](t, pocketBench(t), "neuron", marshal(t, map[string]any{"part": "find", "concept": "own", "marked": marked}), nil)
	if s := r.Facts[0].String(); !strings.Contains(s, "tells animal best") {
		t.Error(s)
	}
	if r.Chosen < 0.9 || r.Tested < 0.5 || r.Chance == 0 {
		t.Errorf("AUROC %.2f where it was chosen, %.2f on others, %.2f of a chance one", r.Chosen, r.Tested, r.Chance)
	}
}

// One neuron of Pocket does not matter, fifty by attribution do, fifty random ones do not.
func TestNeuronAblate(t *testing.T) {
	b := pocketBench(t)
	for _, method := range []string{"together", "gradient"} {
		_, r := run[NeuronResult](t, b, "neuron", marshal(t, map[string]any{"part": "ablate", "method": method, "facts": [][2]string{
			{"The capital of Poland is", " Warsaw"}, {"The capital of Japan is", " Tokyo"}, {"The capital of Egypt is", " Nowhere"}}}), nil)
		if r.Kept != 2 || r.Of != 3 {
			t.Errorf("%s: %d of %d facts are kept", method, r.Kept, r.Of)
		}
		f := figureOf(t, r.Report, "groups")
		last := len(f.X.Labels) - 1
		if one, many, random := f.Series[0].Values[0], f.Series[0].Values[last], f.Series[1].Values[last]; one < -0.2 || many > -3 || random < -0.2 {
			t.Errorf("%s: one neuron %g, two hundred %g, two hundred random ones %g", method, one, many, random)
		}
		if r.Answer == nil || *r.Answer != 0 {
			t.Errorf("%s: prediction %v came true", method, r.Answer)
		}
	}
}

func TestNeuronRefuses(t *testing.T) {
	b := pocketBench(t)
	e := must(Get("neuron"))(t)
	for params, want := range map[string]string{
		`{"prompt": ""}`:                               "no tokens",
		`{"layer": 8}`:                                 "layers 0 to 7",
		`{"neuron": 99999}`:                            "the neurons 0 to",
		`{"position": 50}`:                             "it must be",
		`{"part": "find", "concept": "own"}`:           "mark texts",
		`{"part": "find", "concept": "months"}`:        "no texts about",
		`{"marked": [["a cat", "x"], ["a dog", "x"]]}`: "another one",
		`{"marked": [["a cat", ""]]}`:                  "two texts",
		`{"part": "ablate", "facts": [["The capital of Poland is", " Nowhere"]]}`: "knows none",
	} {
		_, err := e.Run(context.Background(), b, json.RawMessage(params), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", params, err, want)
		}
	}
	for _, part := range []string{"look", "find", "ablate"} {
		if p, err := e.Price(b, json.RawMessage(`{"part": "`+part+`"}`)); err != nil || p.FLOPs <= 0 {
			t.Errorf("%s: price %v, %v", part, p, err)
		}
	}
}
