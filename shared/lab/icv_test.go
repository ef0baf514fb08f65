package lab

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// TestICVPocket puts the vector of capitals in place: nearly all right at some layer, nothing by a
// random vector, nothing at the last layer; and the report says so.
func TestICVPocket(t *testing.T) {
	b := pocketBench(t)
	partials := 0
	_, r := run[ICVResult](t, b, "icv", `{"shots":5,"query":"Poland"}`, func(e Event) {
		if e.Partial != nil {
			var part ICVResult
			if err := json.Unmarshal(e.Partial, &part); err != nil || len(part.Figures) != 1 || len(part.Figures[0].X.Labels) != 8 {
				t.Fatalf("partial result: %v, %.200s", err, e.Partial)
			}
			partials++
		}
	})
	if r.Zero.Share() > 0.1 || r.Few.Share() < 0.9 || r.Best.Share() < 0.9 || r.Recover < 0.9 {
		t.Errorf("zero-shot %v, few-shot %v, vector %v, recovered %.2f", r.Zero, r.Few, r.Best, r.Recover)
	}
	f := r.Figures[0]
	vector, random := f.Series[0].Values, f.Series[2].Values
	if at := f.Best[0]; random[at] > 0.3 || vector[len(vector)-1] > 0.3 || vector[at] < 0.9 {
		t.Errorf("vector %v, random %v", vector, random)
	}
	if r.Kept == 0 || r.Kept > r.Of || r.Answer == nil || partials < r.Kept {
		t.Errorf("kept %d of %d, answer %v, %d partial results", r.Kept, r.Of, r.Answer, partials)
	}
	if v := r.Vectors[0]; v.Layer != r.At || v.fits(b) != nil || v.Model != "pocket" {
		t.Errorf("the vector is of layer %d of %s; best is %d", v.Layer, v.Model, r.At)
	}
	if p := r.Passages; len(p) != 4 || strings.Contains(p[0].Text, "Warsaw") || !strings.HasPrefix(p[1].Text, " Warsaw") || !p[3].Control {
		t.Errorf("texts: %+v", p)
	}
}

// TestICVSame holds a run to its seed, and another seed to other words.
func TestICVSame(t *testing.T) {
	b := pocketBench(t)
	one, _ := run[ICVResult](t, b, "icv", `{"shots":3,"items":8}`, nil)
	two, _ := run[ICVResult](t, b, "icv", `{"shots":3,"items":8}`, nil)
	other, _ := run[ICVResult](t, b, "icv", `{"shots":3,"items":8,"seed":1}`, nil)
	if string(one.Result) != string(two.Result) || string(one.Result) == string(other.Result) {
		t.Error("the same seed gave another result, or another seed the same")
	}
}

// TestProbesShare holds prompts computed together, with their beginning shared, to each by itself.
func TestProbesShare(t *testing.T) {
	b := pocketBench(t)
	r := must(newICV(b, ICVParams{Task: "french", Format: arrowFormat, Method: averageMethod, Items: 12, Shots: 4, Step: 1}, func(Event) {}))(t)
	if err := r.first.run(context.Background(), func(Event) {}, nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Concat(r.few, r.train) {
		if slices.Index(r.few, p)%3 != 0 {
			continue
		}
		alone := &probe{item: p.item, ids: p.ids, gold: p.gold}
		q := newProber(b)
		q.add("alone", []*probe{alone}, wants{state: true})
		if err := q.run(context.Background(), func(Event) {}, nil); err != nil {
			t.Fatal(err)
		}
		if alone.top != p.top || len(p.state) != 8 {
			t.Errorf("%q: %d together, %d alone", p.item.x, p.top, alone.top)
		}
		for l := range alone.state {
			if d := norm(plus(p.state[l], alone.state[l], -1)); d > 1e-4*norm(alone.state[l]) {
				t.Errorf("%q, layer %d: the states differ by %g of %g", p.item.x, l, d, norm(alone.state[l]))
			}
		}
	}
}

// TestICVHeads makes a vector of the heads with the largest effect: it does the task, other heads less.
func TestICVHeads(t *testing.T) {
	_, r := run[ICVResult](t, pocketBench(t), "icv", `{"task":"french","shots":5,"method":"heads","strength":2}`, nil)
	grid := r.Figures[1]
	if len(grid.Cells) != 8 || len(grid.Cells[0]) != 4 || grid.Cells[grid.Best[1]][grid.Best[0]] <= 0 {
		t.Fatalf("effects: %v, best %v", grid.Cells, grid.Best)
	}
	f := r.Figures[0]
	at := f.Best[0]
	if r.Best.Share() < 0.8 || f.Series[3].Values[at] > f.Series[0].Values[at]-0.2 || f.Series[2].Values[at] > 0.2 {
		t.Errorf("vector %v; others %v, random %v", r.Best, f.Series[3].Values, f.Series[2].Values)
	}
}

// TestICVDifferences adds the main difference of answers and queries at every MLP (Liu et al. 2023).
func TestICVDifferences(t *testing.T) {
	_, r := run[ICVResult](t, pocketBench(t), "icv", `{"task":"french","shots":5,"method":"icv"}`, nil)
	if r.Best.Share() < 0.8 || r.Figures[0].Series[2].Values[r.At] > 0.2 || len(r.Figures[0].X.Labels) != len(icvStrengths) {
		t.Errorf("best %v at %d, random %v", r.Best, r.At, r.Figures[0].Series[2].Values)
	}
}

// TestPrincipal recovers a plane that points were made in.
func TestPrincipal(t *testing.T) {
	var rows [][]float32
	for i := range 9 {
		x, y := float32(i%3-1)*3, float32(i/3-1)
		rows = append(rows, []float32{5, 5 + x, 5, 5 + y, 5})
	}
	axes := principal(rows, average(rows), 2)
	if math.Abs(float64(axes[0][1])) < 0.999 || math.Abs(float64(axes[1][3])) < 0.999 {
		t.Errorf("directions %v", axes)
	}
}

// TestTaskLists checks that the word lists are whole: pairs, no query twice, nothing tested that is shown.
func TestTaskLists(t *testing.T) {
	b := pocketBench(t)
	for _, name := range append([]string{"copy"}, wordTasks...) {
		ps, seen := wordTask(name), map[string]bool{}
		if len(ps) < 40 {
			t.Errorf("%s has %d pairs", name, len(ps))
		}
		for _, p := range ps {
			if p.x == "" || p.y == "" || name != "copy" && p.x == p.y {
				t.Errorf("%s: %q -> %q", name, p.x, p.y)
			}
			if seen[p.x] && name != "capitalise" && name != "copy" {
				t.Errorf("%s has %q twice", name, p.x)
			}
			seen[p.x] = true
		}
		d := must(dealt(ps, nil, 20, 5, 10, sizeIn(b)))(t)
		for s := range d.demos {
			for _, p := range d.demos[s] {
				if name != "capitalise" && name != "copy" && (slices.Contains(d.test, p) || slices.Contains(d.train[s], p)) {
					t.Errorf("%s: %q is shown and asked", name, p.x)
				}
			}
		}
	}
	for _, words := range []string{pastWords, pluralWords, capitalWords, oppositeWords, frenchWords} {
		if n := len(strings.Fields(words)); n%2 != 0 {
			t.Errorf("a list has %d words, an odd number: %.20q", n, words)
		}
	}
}

// TestICVRefused lists what a person can get wrong, with the words of the answer.
func TestICVRefused(t *testing.T) {
	b := pocketBench(t)
	for _, c := range []struct{ params, want string }{
		{`{"pairs":[["a","b"],["c","d"]]}`, "there are 2 pairs; at least 6 are needed"},
		{`{"pairs":[["a",""]]}`, "neither of them empty"},
		{`{"pairs":[["a"]]}`, "each pair has two texts"},
		{`{"pairs":[["a","b"],["c","d"],["e","f"],["g","h"],["i","j"],["k"," "]]}`, "has an empty side"},
		{`{"task":"speech"}`, "is not one of past"},
		{`{"layers":3}`, "icv has no parameter"},
	} {
		_, err := must(Get("icv"))(t).Run(context.Background(), b, json.RawMessage(c.params), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.params, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := must(Get("icv"))(t).Run(ctx, b, nil, nil); errs.KindOf(err) != errs.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}

// TestICVOwn runs a person's own pairs, that no list here has.
func TestICVOwn(t *testing.T) {
	var pairs [][2]string
	for _, p := range wordTask("antonym")[:24] {
		pairs = append(pairs, [2]string{p.x, capital(p.x)})
	}
	raw := marshal(t, map[string]any{"pairs": pairs, "shots": 4})
	_, r := run[ICVResult](t, pocketBench(t), "icv", raw, nil)
	if r.Best.Share() < 0.8 || r.Of != 12 || r.Vectors[0].Name != "own pairs" {
		t.Errorf("best %v of %d, %s", r.Best, r.Of, r.Vectors[0].Name)
	}
}

// TestICVPrice asks that the price is known beforehand, and grows with what is asked.
func TestICVPrice(t *testing.T) {
	b := pocketBench(t)
	last := 0.0
	for _, params := range []string{`{"items":10,"shots":3}`, `{"items":30,"shots":3}`, `{"items":30,"shots":10,"method":"heads"}`} {
		p := must(must(Get("icv"))(t).Price(b, json.RawMessage(params)))(t)
		if p.FLOPs <= last {
			t.Errorf("%s costs %g, no more than %g", params, p.FLOPs, last)
		}
		last = p.FLOPs
	}
}

// TestICVReal reproduces, on a few words, what an independent implementation measured: past tense
// .93 after layer 11 on Gemma.
func TestICVReal(t *testing.T) {
	if testing.Short() {
		t.Skip("real models take seconds")
	}
	_, r := run[ICVResult](t, bench(t, "gemma3-270m"), "icv", `{"task":"past","format":"Q: x A: y","items":12,"step":11}`, nil)
	if f := r.Figures[0]; r.At != 11 || r.Best.Share() < 0.75 || r.Zero.Share() > 0.1 || f.Series[2].Values[1] > 0.1 {
		t.Errorf("best %v after layer %d, zero-shot %v", r.Best, r.At, r.Zero)
	}
}

// TestGold finds the answer's first token in the joined text, as the model would write it.
func TestGold(t *testing.T) {
	b := pocketBench(t)
	p := must(newProbe(b, formatOf(qaFormat), nil, pair{"Poland", "Warsaw"}))(t)
	want := must(b.Tokens.Encode(" Warsaw", token.Options{}))(t)
	if p.gold != want[0] {
		t.Errorf("gold %d, want %d", p.gold, want[0])
	}
}

// TestICVTests tests the queries that are given, and only those; a task that examples do not teach
// has nothing to recover, which is no error.
func TestICVTests(t *testing.T) {
	b := pocketBench(t)
	pairs := [][2]string{{"Spain", "Madrid"}, {"Italy", "Rome"}, {"Greece", "Athens"}, {"Japan", "Tokyo"}, {"Norway", "Oslo"}, {"Egypt", "Cairo"}, {"Cuba", "Havana"}, {"France", "Paris"}}
	tests := [][2]string{{"Poland", "Warsaw"}, {"Germany", "Berlin"}, {"Peru", "Lima"}}
	_, r := run[ICVResult](t, b, "icv", marshal(t, map[string]any{"pairs": pairs, "tests": tests, "shots": 5}), nil)
	if r.Of != 3 || r.Few.Hits != 3 || r.Best.Hits != 3 {
		t.Errorf("%d queries, few-shot %v, vector %v", r.Of, r.Few, r.Best)
	}
	for i := range tests {
		tests[i][1] = "kettle"
	}
	_, r = run[ICVResult](t, b, "icv", marshal(t, map[string]any{"pairs": pairs, "tests": tests, "shots": 5, "solved": false}), nil)
	if r.Few.Hits != 0 || r.Recover.Known() {
		t.Errorf("few-shot %v, recovered %v", r.Few, r.Recover)
	}
}
