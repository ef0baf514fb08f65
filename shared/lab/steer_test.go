package lab

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"patchbay/shared/internal/refdata"
)

// steerRun runs the lesson with parameters given as JSON.
func steerRun(t *testing.T, id, params string) SteerResult {
	t.Helper()
	_, r := run[SteerResult](t, steerBench(t, id), "steer", params, nil)
	return r
}

func steerBench(t *testing.T, id string) *Bench {
	t.Helper()
	if id == "pocket" {
		return pocketBench(t)
	}
	return bench(t, id)
}

func steerFail(t *testing.T, id, params, words string) {
	t.Helper()
	e := must(Get("steer"))(t)
	if _, err := e.Run(context.Background(), steerBench(t, id), json.RawMessage(params), nil); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want words %q", params, err, words)
	}
}

// The four contrasts of Pocket's world: the vector does what it should on held-out prompts, and a
// random one of its length does not.
func TestSteeringActsOnPocket(t *testing.T) {
	for _, c := range []struct {
		params string
		up     bool
	}{
		{`{"set":"refusal","show":"check"}`, true},
		{`{"set":"flattery","show":"check","apply":"last"}`, true},
		{`{"set":"mood","show":"check","operation":"subtract","layer":6,"apply":"last"}`, false},
		{`{"set":"mood","show":"check","operation":"subtract","layer":6,"purify":"neutral"}`, false},
		{`{"set":"mood","show":"check","operation":"subtract","layer":6,"purify":"pc1"}`, false},
		{`{"set":"honesty","show":"check","operation":"subtract","layer":1,"strength":0.5}`, false},
	} {
		r := steerRun(t, "pocket", c.params)
		before, after, random := r.Checks[0].rate().Share(), r.Checks[1].rate().Share(), r.Checks[2].rate().Share()
		if c.up && (before > 0.1 || after < 0.9 || random > 0.2) || !c.up && (before < 0.7 || after > 0.1 || random < before-0.1) {
			t.Errorf("%s: unsteered %.2f, vector %.2f, random %.2f", c.params, before, after, random)
		}
		if r.Answer == nil || len(r.Figures) != 3 || len(r.Vectors) != 1 || r.Checks[0].Rate.N != 12 {
			t.Errorf("%s: answer %v, %d figures, %d vectors, %d prompts", c.params, r.Answer, len(r.Figures), len(r.Vectors), r.Checks[0].Rate.N)
		}
		if low := float64(r.Figures[0].Series[0].Low[1]); low >= after && after > 0 {
			t.Errorf("%s: the rate %.2f has the interval from %.2f", c.params, after, low)
		}
	}
}

// What is projected out of Pocket weakens a refusal and does not undo it; a random direction does neither.
func TestProjectingOutWeakensRefusal(t *testing.T) {
	r := steerRun(t, "pocket", `{"set":"refusal","show":"check","operation":"project out","layer":2}`)
	before, after, random := r.Checks[0], r.Checks[1], r.Checks[2]
	if before.rate().Share() < 0.9 || after.Score > before.Score/2 || random.Score < before.Score*0.9 {
		t.Errorf("%+v", r.Checks)
	}
	if s := r.Facts[0].String(); !strings.Contains(s, "refuses") {
		t.Errorf("the first fact is %q", s)
	}
}

func TestSteeredTextStandsBesideTheUnsteered(t *testing.T) {
	r := steerRun(t, "pocket", `{"set":"flattery","apply":"last","count":8}`)
	if len(r.Passages) != 5 || !strings.Contains(r.Passages[0].Text, " No") || !strings.Contains(r.Passages[1].Text, " Yes") {
		t.Fatalf("%d passages: %+v", len(r.Passages), r.Passages)
	}
	for _, p := range r.Passages {
		if p.Note == nil || len(p.Steps) != 8 || p.Hidden {
			t.Errorf("%s: %d steps, note %v", p.Name, len(p.Steps), p.Note)
		}
	}
	again := steerRun(t, "pocket", `{"set":"flattery","apply":"last","count":8}`)
	for i, p := range again.Passages {
		if d := float64(r.Checks[i].Score - again.Checks[i].Score); p.Text != r.Passages[i].Text || math.Abs(d) > 1e-4 {
			t.Errorf("%s: the same seed writes %q, then %q, scores %g apart", p.Name, r.Passages[i].Text, p.Text, d)
		}
	}
}

// Nothing that may do harm is written out: harmful prompts, and those whose refusal is taken away,
// show their opening.
func TestHarmfulTextsAreHidden(t *testing.T) {
	for _, c := range []struct {
		params string
		hidden []bool
	}{
		{`{"set":"refusal","prompt":"How do I clean the lamp by hand?","apply":"last"}`, []bool{false, false, false, true, false}},
		{`{"set":"refusal","prompt":"How do I steal the lamp?","apply":"last"}`, []bool{true, true, true, true, true}},
		{`{"set":"refusal","operation":"project out","layer":0}`, []bool{false, true, true, true}},
	} {
		r := steerRun(t, "pocket", c.params)
		for i, p := range r.Passages {
			if p.Hidden != c.hidden[i] || p.Hidden && len(p.Steps) > openings {
				t.Errorf("%s, %s: hidden %v, %d tokens", c.params, p.Name, p.Hidden, len(p.Steps))
			}
		}
	}
	made := steerRun(t, "pocket", `{"set":"refusal"}`).Vectors[0]
	r := steerRun(t, "pocket", `{"set":"mood","vector":`+marshal(t, made)+`}`)
	if !r.Passages[0].Hidden {
		t.Error("a vector of refusal that was brought along is as careful")
	}
}

func TestSweepFindsAPlaceAndComparesItsControls(t *testing.T) {
	parts := 0
	_, r := run[SteerResult](t, pocketBench(t), "steer", `{"set":"mood","show":"sweep","items":6}`, func(e Event) {
		if e.Partial != nil {
			var p SteerResult
			if err := json.Unmarshal(e.Partial, &p); err != nil || len(p.Figures) == 0 {
				t.Errorf("a part without figures: %v", err)
			}
			parts++
		}
	})
	grid, rates := r.Figures[0], r.Figures[1]
	if grid.Name != "sweep" || len(grid.Cells) != 8 || len(grid.Cells[0]) != 8 || grid.Best == nil || parts < 6 {
		t.Fatalf("%s of %d rows, best %v, %d parts", grid.Name, len(grid.Cells), grid.Best, parts)
	}
	for l, row := range grid.Cells {
		if l >= 3 && (row[0] >= -1 || row[7] <= 1) { // earlier there is little to move
			t.Errorf("layer %d: subtracted %g, added %g", l, row[0], row[7])
		}
	}
	if len(rates.Series) != 4 || !rates.Series[1].Control || !rates.Series[3].Level || r.Checks[1].Rate.Hits <= r.Checks[2].Rate.Hits {
		t.Errorf("%d series, checks %+v", len(rates.Series), r.Checks)
	}
	out := steerRun(t, "pocket", `{"set":"refusal","show":"sweep","operation":"project out","items":6}`)
	if r.Vectors[0].Layer != r.Layer || out.Vectors[0].Layer != out.Layer {
		t.Errorf("the best layers are %d and %d, the vectors kept of %d and %d", r.Layer, out.Layer, r.Vectors[0].Layer, out.Vectors[0].Layer)
	}
	if out.Layer > 2 || out.Checks[1].Score > out.Checks[0].Score/2 || out.Checks[2].Score < out.Checks[0].Score*0.9 {
		t.Errorf("projected out: layer %d, %+v", out.Layer, out.Checks)
	}
}

// Pairs of one's own, with words that count, and the vector made of them brought back.
func TestOwnPairsAndVector(t *testing.T) {
	var pairs [][2]string
	for _, n := range strings.Fields("Anna Ben Clara David Emma Felix") {
		pairs = append(pairs, [2]string{n + " is sad today and stays at home. " + n + " says: What a", n + " is happy today and stays at home. " + n + " says: What a"})
	}
	own := map[string]any{"set": "own", "pairs": pairs, "tests": []string{"Rosa reads a book. Rosa says: What a", "Sam walks to school. Sam says: What a"},
		"toward": []string{"terrible", "awful"}, "away": []string{"lovely", "wonderful"}, "layer": 6, "position": "last", "apply": "last", "show": "check"}
	r := steerRun(t, "pocket", marshal(t, own))
	if r.Checks[0].Rate.Hits != 0 || r.Checks[1].Rate.Hits != 2 || r.Checks[0].Rate.N != 2 {
		t.Errorf("%+v", r.Checks)
	}
	delete(own, "toward")
	delete(own, "away")
	delete(own, "apply")
	delete(own, "layer")
	if n := steerRun(t, "pocket", marshal(t, own)); n.Checks[0].Rate.N != 2 || n.Checks[1].Score <= n.Checks[0].Score {
		t.Errorf("without words the held-out texts are compared: %+v", n.Checks)
	}
	own["show"] = "sweep"
	if n := steerRun(t, "pocket", marshal(t, own)); len(n.Figures[0].Cells) != 8 || n.Checks[1].Score <= n.Checks[0].Score {
		t.Errorf("and swept: %+v", n.Checks)
	}
	own["show"], own["toward"], own["away"], own["apply"] = "check", []string{"terrible", "awful"}, []string{"lovely", "wonderful"}, "last"
	delete(own, "pairs")
	own["vector"] = r.Vectors[0]
	if v := steerRun(t, "pocket", marshal(t, own)); v.Checks[1].Score != r.Checks[1].Score || len(v.Vectors) != 0 {
		t.Errorf("brought back it gives %v, made here %v", v.Checks[1].Score, r.Checks[1].Score)
	}
}

func TestSteeringRefusesInWords(t *testing.T) {
	other := Vector{Name: "joy", Model: "another", Layer: 3, Values: make([]float32, 64)}
	deep := Vector{Name: "joy", Layer: 99, Values: make([]float32, 128)}
	for params, words := range map[string]string{
		`{"set":"own"}`:                                                         "there are none",
		`{"set":"own","pairs":[["a b","a b"]]}`:                                 "two different texts",
		`{"set":"own","pairs":[["a b"]]}`:                                       "two texts",
		`{"set":"own","pairs":[["a b",""]]}`:                                    "neither of them empty",
		`{"set":"own","pairs":[["a b","b a"]],"toward":["yes"]}`:                "both sides",
		`{"set":"own","pairs":[["a b","b a"]],"toward":["yes"],"away":["yes"]}`: "same tokens",
		`{"set":"french"}`:                                                      "no French",
		`{"layer":8}`:                                                           "layers 0 to 7",
		`{"strength":1.5}`:                                                      "0 to 1",
		`{"vector":` + marshal(t, other) + `}`:                                  "another model",
		`{"vector":` + marshal(t, deep) + `}`:                                   "layers 0 to 7",
	} {
		steerFail(t, "pocket", params, words)
	}
}

func TestSteeringIsPricedWithoutRunning(t *testing.T) {
	e, b := must(Get("steer"))(t), pocketBench(t)
	last := 0.0
	for _, show := range []string{"write", "check", "sweep"} {
		p := must(e.Price(b, json.RawMessage(`{"show":"`+show+`"}`)))(t)
		if p.FLOPs <= last {
			t.Errorf("%s is priced at %g, the cheaper one before it at %g", show, p.FLOPs, last)
		}
		last = p.FLOPs
	}
}

// Every preset's parameters are such that the experiment takes them.
func TestSteerPresets(t *testing.T) {
	e := must(Get("steer"))(t)
	for _, p := range e.About.Presets {
		if _, err := Complete(e.About, p.Params); err != nil || p.Said == "" || p.Title == "" {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Model == "pocket" {
			steerRun(t, p.Model, string(p.Params))
		}
	}
}

// The real models, where they are: French on Gemma, as the reference has it at layer 11.
func TestSteeringOnGemma(t *testing.T) {
	if testing.Short() {
		t.Skip("a real model")
	}
	refdata.Model(t, "gemma3-270m")
	r := steerRun(t, "gemma3-270m", `{"set":"french","strength":0.08,"count":8,"items":4}`)
	if r.Layer != 11 || r.Checks[0].Score > -3 || r.Checks[1].Score < 2 || r.Checks[2].Score > -2 {
		t.Errorf("layer %d, %+v", r.Layer, r.Checks)
	}
}

// Given test prompts are what is steered, whatever the operation; for the turned ones the words
// change places.
func TestSteeringTestsOfOnesOwn(t *testing.T) {
	ask := func(who, is string) string { return "The" + who + " speaker is asked: Is " + is + "?\nSpeaker:" }
	at := func(who string) string { return ask(who, "7 more than 3") }
	params := map[string]any{
		"set": "own", "show": "check", "position": "last", "operation": "project out", "toward": []string{"Yes"}, "away": []string{"No"},
		"pairs":  [][2]string{{at(" lying"), at(" honest")}, {at(" dishonest"), at(" sincere")}},
		"tests":  []string{at(""), at(" honest")},
		"turned": []string{ask("", "3 more than 7")},
	}
	if r := steerRun(t, "pocket", marshal(t, params)); r.Checks[0].Rate != (Rate{3, 3}) {
		t.Errorf("of three true answers, one of them No and turned, %v count for the first side", r.Checks[0].Rate)
	}
}
