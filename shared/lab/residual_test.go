package lab

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// tinyFamilies are random models of every architecture.
var tinyFamilies = []string{"llama", "llama3_rope", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gpt2", "gpt_neox"}

// The parts of the stream add up to the logit on every architecture, heads and source positions to
// their attention.
func TestResidualSums(t *testing.T) {
	for _, family := range tinyFamilies {
		for _, against := range []int32{-1, 9} {
			b := tinyBench(t, family)
			d := &dissection{b: b, ids: tinyIDs(15), answer: -1, against: against}
			if err := d.take(t.Context(), func(Event) {}); err != nil {
				t.Fatal(family, err)
			}
			near(t, family+": all parts", d.direct.sum(), d.direct.score)
			for l, want := range d.direct.attn {
				heads, sources := d.direct.bias[l], d.direct.bias[l]
				for _, x := range d.direct.heads[l] {
					heads += x
				}
				for _, x := range d.direct.sources[l] {
					sources += x
				}
				near(t, family+": heads", heads, want)
				near(t, family+": sources", sources, want)
				if bias := d.direct.bias[l]; !b.Model.Config().OutBias && math.Abs(bias) > 1e-4 {
					t.Errorf("%s: heads of layer %d leave %g although there is no bias", family, l, bias)
				}
			}
		}
	}
}

// The last layer's MLP reaches the logits through the final norm alone, so that without the norm's
// rescaling its direct share would be exactly what is lost. Where it is knocked out the whole way is
// computed again by hand here.
func TestResidualKnockOut(t *testing.T) {
	b := pocketBench(t)
	_, r := run[ResidualResult](t, b, "residual", `{"prompt": "The capital of Poland is"}`, nil)
	if math.Abs(r.Sum-r.Score) > 1e-3 {
		t.Errorf("the parts add up to %g, the logits to %g", r.Sum, r.Score)
	}
	last := len(r.Figures[2].Cells) - 1
	if r.Figures[2].Name != "knocked" || len(r.Figures[2].Cells[last]) != 2 {
		t.Fatalf("figure 2 is %q", r.Figures[2].Name)
	}
	edits := `[{"site": "hook_mlp_out", "layers": 7, "positions": -1, "op": "set", "operand": 0}]`
	_, clean := run[GenerateResult](t, b, "generate", `{"prompt": "The capital of Poland is", "count": 1}`, nil)
	_, without := run[GenerateResult](t, b, "generate", `{"prompt": "The capital of Poland is", "count": 1, "edits": `+edits+`}`, nil)
	if clean.Steps[0].ID != r.Token.ID || clean.Steps[0].ID != without.Steps[0].ID {
		t.Fatalf("the answers are %v, %v and %v", clean.Steps[0], without.Steps[0], r.Token)
	}
	want := math.Log(float64(without.Steps[0].P)) - math.Log(float64(clean.Steps[0].P))
	if got := float64(r.Figures[2].Cells[last][1]); math.Abs(got-want) > 1e-4 {
		t.Errorf("without the last MLP the log-probability changes by %g, want %g", got, want)
	}
}

// Every option gives numbers for every place, and says which prediction came true.
func TestResidualOptions(t *testing.T) {
	b := pocketBench(t)
	for _, params := range []string{
		`{"prompt": "When Anna and Tom went to the park, Anna gave a ball to", "answer": " Tom", "against": " Anna"}`,
		`{"ablate": "mean"}`, `{"where": "everywhere", "heads": false}`, `{"position": -3}`, `{"position": 0}`,
	} {
		partials := 0
		_, r := run[ResidualResult](t, b, "residual", params, func(e Event) {
			if e.Partial != nil {
				partials++
			}
		})
		if r.Answer == nil || partials == 0 || len(r.Facts) < 6 {
			t.Errorf("%s: answer %v, %d partials, facts %v", params, r.Answer, partials, r.Facts)
		}
		for _, f := range r.Figures {
			for _, row := range f.Cells {
				for _, x := range row {
					if !x.Known() {
						t.Errorf("%s: %s has a blank cell", params, f.Name)
					}
				}
			}
		}
	}
}

func TestResidualRefuses(t *testing.T) {
	b := pocketBench(t)
	e := must(Get("residual"))(t)
	for params, want := range map[string]string{
		`{"prompt": ""}`:                                    "no tokens",
		`{"position": 99}`:                                  "the prompt has",
		`{"position": -99}`:                                 "the prompt has",
		`{"answer": " Warsaw is a city"}`:                   "answer",
		`{"answer": " Tom", "against": " Tom"}`:             "the answer itself",
		`{"ablate": "twice"}`:                               "not one of",
		`{"prompt": "` + strings.Repeat("a b ", 400) + `"}`: "at most 256",
	} {
		_, err := e.Run(context.Background(), b, json.RawMessage(params), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", params, err, want)
		}
	}
	if p, err := e.Price(b, json.RawMessage(`{}`)); err != nil || p.FLOPs <= 0 {
		t.Errorf("price %v, %v", p, err)
	}
}
