package lab

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestAlgebraPocket composes the large letter of a list's last word.
func TestAlgebraPocket(t *testing.T) {
	b := pocketBench(t)
	partials := 0
	_, r := run[AlgebraResult](t, b, "algebra", `{"shots":5,"format":"x -> y","query":"big, cat, walk"}`, func(e Event) {
		if e.Partial != nil {
			partials++
		}
	})
	if r.Formula != "last-copy + first-capitalise - first-copy" || r.Composed.Share() < 0.3 || r.Zero.Share() > 0.1 || r.Random.Share() > 0.1 || r.Parts[0].Share() > 0.1 {
		t.Errorf("%s: composed %v, zero-shot %v, random %v, parts %v", r.Formula, r.Composed, r.Zero, r.Random, r.Parts)
	}
	if r.Cosine < 0.9 || r.Centred < 0.5 || r.Cosine > 1.001 {
		t.Errorf("cosine %.3f, centred %.3f", r.Cosine, r.Centred)
	}
	plane, bars, lines := r.Figures[0], r.Figures[1], r.Figures[2]
	arrows, own := 0, 0
	for _, d := range plane.Dots {
		if d.From {
			arrows++
		}
		if d.Edit {
			own++
		}
	}
	if plane.Kind != Points || arrows != 5 || own != 1 || len(plane.Dots) <= arrows {
		t.Errorf("the plane has %d dots, %d arrows", len(plane.Dots), arrows)
	}
	if bars.Kind != Bars || len(bars.X.Labels) != 7 || len(bars.Series[0].Low) != 7 {
		t.Errorf("bars: %v", bars.X.Labels)
	}
	if lines.Kind != Lines || len(lines.Series) != 7 || math.Abs(float64(lines.Series[0].Values[lines.Best[0]])-r.Composed.Share()) > 1e-4 {
		t.Errorf("lines: %d series, best %v", len(lines.Series), lines.Best)
	}
	if partials < r.Kept || r.Kept == 0 || len(r.Passages) != 5 || r.Answer == nil {
		t.Errorf("%d partial results, %d kept, %d texts, answer %v", partials, r.Kept, len(r.Passages), r.Answer)
	}
}

// TestAlgebraNamedPlace composes what no part does: a line before the examples names the place, and the
// difference of places is turned up.
func TestAlgebraNamedPlace(t *testing.T) {
	for _, task := range []string{"capitalise", "capital", "french"} {
		_, r := run[AlgebraResult](t, pocketBench(t), "algebra", marshal(t, map[string]any{
			"task": task, "shots": 5, "format": "x -> y", "layer": 3, "lead": "Take the * of each.", "formula": "3*last-copy + first-" + task + " - 3*first-copy"}), nil)
		if r.Composed.Share() < 0.6 || r.Few.Share() < 0.9 || r.Parts[0].Share() > 0.1 || r.Parts[1].Share() > 0.1 || r.Random.Share() > 0.2 {
			t.Errorf("%s: composed %v, with examples %v, parts %v, random %v", r.Formula, r.Composed, r.Few, r.Parts, r.Random)
		}
	}
}

// TestAlgebraMine puts a vector of the in-context lesson into a formula: it alone does its task.
func TestAlgebraMine(t *testing.T) {
	b := pocketBench(t)
	_, made := run[ICVResult](t, b, "icv", `{"task":"french","shots":5}`, nil)
	params := marshal(t, map[string]any{"task": "french", "place": "first", "formula": "0.5*mine + 0.5*mine", "vector": made.Vectors[0], "layer": made.Vectors[0].Layer, "shots": 5, "format": "x -> y"})
	_, r := run[AlgebraResult](t, b, "algebra", params, nil)
	if r.Composed.Share() < 0.2 || r.Layer != made.Vectors[0].Layer || len(r.Figures) != 2 || r.Formula != "0.5*mine + 0.5*mine" {
		t.Errorf("%s after layer %d: %v", r.Formula, r.Layer, r.Composed)
	}
	if v := r.Vectors[0]; v.fits(b) != nil || norm(plus(v.Values, made.Vectors[0].Values, -1)) > 1e-3*norm(v.Values) {
		t.Error("half and half of a vector is not the vector")
	}
}

// TestFormula reads formulas as people write them, and says what is wrong with the others.
func TestFormula(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "last-copy + first-capital - first-copy",
		" last-copy  +  first-capital ": "last-copy + first-capital",
		"- capital + 2*past":            "- capital + 2*past",
		"last-copy − first-copy":        "last-copy - first-copy",
		"-0.5*french":                   "- 0.5*french",
	} {
		p := AlgebraParams{Task: "capital", Place: "last", Formula: in}
		if terms, err := p.terms(); err != nil || spell(terms) != want {
			t.Errorf("%q: %q, %v", in, spell(terms), err)
		}
	}
	for in, want := range map[string]string{
		"last-copy +":                          "it ends without a name",
		"last-copy first-copy":                 "+ or - is missing",
		"last-copy + + past":                   "a name is missing",
		"last-copy + dog":                      `there is no vector "dog"; there are mine`,
		"x*last-copy":                          "is no number times a name",
		"mine":                                 "no such vector is given",
		strings.Repeat("past + ", 20) + "past": "at most 12",
	} {
		p := AlgebraParams{Task: "capital", Place: "last", Formula: in}
		if _, err := p.terms(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestAlgebraRefused refuses layers and vectors of other models.
func TestAlgebraRefused(t *testing.T) {
	b := pocketBench(t)
	for _, c := range []struct{ params, want string }{
		{`{"layer":8}`, "this model has the layers 0 to 7"},
		{marshal(t, map[string]any{"formula": "mine", "vector": Vector{Name: "v", Layer: 1, Values: Floats{1, 2}}}), "it was made for another model"},
		{`{"formula":"nothing"}`, "there is no vector"},
	} {
		if _, err := must(Get("algebra"))(t).Run(context.Background(), b, json.RawMessage(c.params), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.params, err)
		}
		if _, err := must(Get("algebra"))(t).Price(b, json.RawMessage(c.params)); err == nil {
			t.Errorf("%s has a price", c.params)
		}
	}
}

// TestAlgebraReal reproduces, on a few lists, what an independent implementation measured: .70 by the composed
// vector at layer 21 of SmolLM2, .13 by its best part.
func TestAlgebraReal(t *testing.T) {
	if testing.Short() {
		t.Skip("real models take seconds")
	}
	_, r := run[AlgebraResult](t, bench(t, "smollm2-135m-instruct"), "algebra", `{"items":15,"layer":20}`, nil)
	if r.Composed.Share() < 0.5 || r.Parts[0].Share() > 0.1 || r.Parts[1].Share() > 0.4 || r.Random.Share() > 0.1 {
		t.Errorf("composed %v, parts %v, random %v", r.Composed, r.Parts, r.Random)
	}
}

// TestAlgebraOwnPairs composes lists of a person's own words.
func TestAlgebraOwnPairs(t *testing.T) {
	b := pocketBench(t)
	words := strings.Fields("Poland Spain Italy Greece Japan Norway Egypt Cuba France Peru")
	var pairs [][2]string
	for _, w := range words {
		pairs = append(pairs, [2]string{w, strings.ToLower(w)})
	}
	_, r := run[AlgebraResult](t, b, "algebra", marshal(t, map[string]any{"pairs": pairs, "solved": false, "shots": 3, "items": 4, "layer": 2}), nil)
	for _, x := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(r.Passages[0].Prompt, "Q: "), "\nA:"), ", ") {
		if !slices.Contains(words, x) {
			t.Errorf("the list has %q, which is none of the words given", x)
		}
	}
}
