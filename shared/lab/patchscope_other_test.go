package lab

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/internal/refdata"
)

// withOther is a bench beside which one other model can be opened.
func withOther(b, other *Bench) *Bench {
	out := *b
	out.Other = func(_ context.Context, id string) (*Bench, error) {
		if id != other.Parity.Model {
			return nil, errs.E("weights.Lookup", errs.NotFound, "there is no model %q", id)
		}
		return other, nil
	}
	return &out
}

// twin is Pocket under another name: the map into it should be nearly the identity.
func twin(t *testing.T) *Bench {
	b := pocketBench(t)
	other := *b
	other.Parity.Model = "pocket-twin"
	return withOther(b, &other)
}

func TestPatchscopeIntoAnotherModel(t *testing.T) {
	b := twin(t)
	stages := map[string]bool{}
	_, r := run[PatchscopeResult](t, b, "patchscope", `{"set":"pocket","items":30,"step":2,"words":700,"other":"pocket-twin"}`, func(e Event) { stages[e.Stage] = true })
	_, plain := run[PatchscopeResult](t, b, "patchscope", `{"set":"pocket","items":30,"step":2}`, nil)
	f := figureOf(t, r.Report, "precision")
	through, direct := seriesOf(t, f, "patchscope"), seriesOf(t, figureOf(t, plain.Report, "precision"), "patchscope")
	mixed, random := seriesOf(t, f, "map of shuffled pairs"), seriesOf(t, f, "random vector")
	last := len(r.Layers) - 1
	for l := range r.Layers {
		if r.Fit.Explained[l] < 0.85 || r.Fit.Cosine[l] < 0.9 || r.Fit.Shuffled[l] > 0.1 {
			t.Errorf("layer %d into itself: R² %.2f, cosine %.2f; of shuffled pairs %.2f", r.Layers[l], r.Fit.Explained[l], r.Fit.Cosine[l], r.Fit.Shuffled[l])
		}
		if math.Abs(float64(through.Values[l]-direct.Values[l])) > 0.35 || mixed.Values[l] > 0.1 || random.Values[l] > 0.1 {
			t.Errorf("layer %d: through the map %.2f, without %.2f, shuffled pairs %.2f, random %.2f", r.Layers[l], through.Values[l], direct.Values[l], mixed.Values[l], random.Values[l])
		}
	}
	if through.Values[last] < 0.8 || !stages["fit"] || !slices.Equal(r.Layers, r.Into) || plain.Fit != nil {
		t.Errorf("last layer %.2f; stages %v; layers %v into %v; a fit without another model: %v", through.Values[last], stages, r.Layers, r.Into, plain.Fit != nil)
	}
}

// A model of other shape: its layers are met at the same depth, and everything is said of it.
func TestPatchscopeIntoAnotherShape(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a few hundred words in a real model")
	}
	const id = "smollm2-135m-instruct"
	_ = refdata.Model(t, id)
	other := bench(t, id)
	b := withOther(pocketBench(t), other)
	out, r := run[PatchscopeResult](t, b, "patchscope", `{"source":"The capital of Poland is","other":"`+id+`","words":120,"step":3,"count":1,"grid":true}`, nil)
	if !slices.Equal(r.Layers, []int{1, 4, 7}) || !slices.Equal(r.Into, []int{7, 18, 29}) || len(figureOf(t, r.Report, "pairs").Cells) != 3 {
		t.Errorf("layers %v into %v", r.Layers, r.Into)
	}
	if x := r.Items[0]; x.Word != " Warsaw" || len(x.Mixed) != 3 {
		t.Errorf("the wanted word is %q, through the map of shuffled pairs come %q", x.Word, x.Mixed)
	}
	again, _ := run[PatchscopeResult](t, b, "patchscope", string(out.Params), nil)
	if string(again.Result) != string(out.Result) {
		t.Error("the same parameters gave another result")
	}
}

func TestPatchscopeRefusesOtherModels(t *testing.T) {
	b := twin(t)
	refused(t, pocketBench(t), "patchscope", `{"other":"x"}`, "no second model can be opened here")
	refused(t, b, "patchscope", `{"other":"nowhere"}`, `there is no model "nowhere"`)
	refused(t, b, "patchscope", `{"other":"pocket-twin","words":30}`, "of width 128 needs 32")
	refused(t, b, "patchscope", `{"other":"pocket-twin","fit":["one two three"]}`, "give more words, or more texts")
	same, _ := run[PatchscopeResult](t, b, "patchscope", `{"source":"The capital of Poland is","count":1,"other":"pocket"}`, nil)
	if strings.Contains(string(same.Result), `"fit"`) {
		t.Error("a map was fitted from a model into itself")
	}
}

// The price counts both models and the fit, without running either.
func TestPriceOfAnotherModel(t *testing.T) {
	b, x := twin(t), must(Get("patchscope"))(t)
	alone := must(x.Price(b, []byte(`{"set":"pocket"}`)))(t)
	both := must(x.Price(b, []byte(`{"set":"pocket","other":"pocket-twin"}`)))(t)
	more := must(x.Price(b, []byte(`{"set":"pocket","other":"pocket-twin","words":2000}`)))(t)
	if both.FLOPs < 2*alone.FLOPs || more.FLOPs < 1.3*both.FLOPs || both.Seconds <= alone.Seconds {
		t.Errorf("alone %+v, into another %+v, with more words %+v", alone, both, more)
	}
	if got := x.Others([]byte(`{"other":"b","set":"one"}`)); !slices.Equal(got, []string{"b"}) || x.Others([]byte(`{}`)) != nil {
		t.Errorf("other models %v", got)
	}
}

func TestPatchscopeFitStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var at time.Time
	_, err := must(Get("patchscope"))(t).Run(ctx, twin(t), []byte(`{"set":"pocket","other":"pocket-twin"}`), func(e Event) {
		if e.Stage == "fit" && e.Done > 0 && at.IsZero() {
			at = time.Now()
			cancel()
		}
	})
	if err == nil || time.Since(at) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(at))
	}
}

// A map that is known is found again, from few examples of a few directions.
func TestRidgeFindsAnAffineMap(t *testing.T) {
	r := source(1)
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	a, offset := [][]float32{random(6), random(6), random(6)}, random(3)
	image := func(x []float32) []float32 {
		return []float32{offset[0] + float32(dot(a[0], x)), offset[1] + float32(dot(a[1], x)), offset[2] + float32(dot(a[2], x))}
	}
	var x, y [][]float32
	for range 40 {
		v := random(6)
		x, y = append(x, v), append(y, image(v))
	}
	m := must(newRidge(t.Context(), x, 1e-7))(t)
	mean := average(y)
	centre(y, mean)
	z := random(6)
	got, want := plus(mean, blend(y, m.weights(z), nil), 1), image(z)
	for k := range want {
		near(t, "the map's image", float64(got[k]), float64(want[k]))
	}
	if _, err := newRidge(t.Context(), [][]float32{{1, 2}, {1, 2}}, 0.1); err == nil {
		t.Error("a map was fitted on one state")
	}
}
