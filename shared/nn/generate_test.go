package nn

import (
	"context"
	"errors"
	"slices"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/internal/refdata"
)

type greedyRun struct {
	IDs     []int32
	Tokens  []int32
	Margins []float64
}

// Greedy texts match token for token, with their margins, up to the first close call.
func TestGreedyReference(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, rm := range referenceModels {
			t.Run(rm.name, func(t *testing.T) {
				skipLong(t, dev, rm.name, rm.long)
				var info struct{ Runs map[string]greedyRun }
				readJSON(t, &info, "greedy_"+rm.name+".json")
				m := openModel(t, dev, refdata.Model(t, rm.id))
				for name, want := range info.Runs {
					if name != "capital" && brief(dev) {
						continue
					}
					t.Run(name, func(t *testing.T) { checkGreedy(t, m, want) })
				}
			})
		}
	})
}

func checkGreedy(t *testing.T, m *Model, want greedyRun) {
	n := len(want.Tokens)
	if brief(m.dev) {
		n = 5
	}
	if close := slices.IndexFunc(want.Margins[:n], func(x float64) bool { return x < 0.01 }); close >= 0 {
		n = close
	}
	got := must[*Generated](t)(Generate(context.Background(), m, want.IDs, GenerateOptions{Count: n}))
	for i, s := range got.Steps {
		if s.ID != want.Tokens[i] {
			t.Fatalf("token %d is %d where %d is needed (margin %g)", i, s.ID, want.Tokens[i], want.Margins[i])
		}
		if d := float64(s.Margin) - want.Margins[i]; d > 1e-2 || d < -1e-2 {
			t.Errorf("margin %d is %g where %g is needed", i, s.Margin, want.Margins[i])
		}
	}
	t.Logf("%d tokens equal", len(got.Steps))
}

// Cached decoding, one position at a time or in uneven pieces, equals one full pass; in every
// family, so past the windows of those that have one.
func TestCachedEqualsFull(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
				want := forward(t, m, ids, nil)
				cache := must[*Cache](t)(m.NewCache(len(ids)))
				defer cache.Free()
				var got []float32
				for _, n := range []int{1, 1, 5, 1, 13, 1, 1, 1} {
					part := ids[cache.Len : cache.Len+n]
					logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: part, Cache: cache, Logits: AllLogits}))
					got = append(got, download(t, dev, logits)...)
				}
				compare(t, "logits", got, want, m.cfg.Vocab, 1e-5)
				// The last row alone, and after a pass that only filled the cache.
				got = nil
				cache.Truncate(0)
				for _, p := range []Pass{{IDs: ids[:7], Logits: LastLogits}, {IDs: ids[7:20]}, {IDs: ids[20:], Logits: LastLogits}} {
					p.Cache = cache
					if logits := must[device.Buffer](t)(m.Forward(context.Background(), p)); logits != nil {
						got = append(got, download(t, dev, logits)...)
					}
				}
				last := append(slices.Clone(want[6*m.cfg.Vocab:7*m.cfg.Vocab]), want[23*m.cfg.Vocab:]...)
				compare(t, "last logits", got, last, m.cfg.Vocab, 1e-5)
			})
		}
	})
}

// A prompt longer than a chunk goes through in pieces with the same result.
func TestChunkedEqualsFull(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "mistral", "config.json")
		ids := make([]int32, 2*chunk-50)
		for i := range ids {
			ids[i] = int32(i*i+7*i) % 128
		}
		whole := forward(t, m, ids, nil)
		cache := must[*Cache](t)(m.NewCache(len(ids)))
		defer cache.Free()
		logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: ids, Cache: cache, Logits: LastLogits}))
		compare(t, "logits", download(t, dev, logits), whole[len(whole)-m.cfg.Vocab:], m.cfg.Vocab, 1e-5)
		if cache.Len != len(ids) {
			t.Errorf("the cache holds %d of %d positions", cache.Len, len(ids))
		}
	})
}

func generate(t *testing.T, m *Model, o GenerateOptions) []int32 {
	t.Helper()
	g := must[*Generated](t)(Generate(context.Background(), m, []int32{3, 14, 15, 92}, o))
	var ids []int32
	for _, s := range g.Steps {
		ids = append(ids, s.ID)
	}
	return ids
}

// The same seed draws the same text and another seed another; limits of one are greedy.
func TestSampling(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "qwen3", "config.json")
		greedy := generate(t, m, GenerateOptions{Count: 30})
		hot := GenerateOptions{Count: 30, Temperature: 1.5, Seed: 7}
		first := generate(t, m, hot)
		if !slices.Equal(first, generate(t, m, hot)) {
			t.Error("the same seed drew another text")
		}
		hot.Seed = 8
		if slices.Equal(first, generate(t, m, hot)) {
			t.Error("another seed drew the same text")
		}
		hot.TopK = 1
		if !slices.Equal(greedy, generate(t, m, hot)) {
			t.Error("top-k 1 is not greedy")
		}
		hot.TopK, hot.TopP = 0, 1e-9
		if !slices.Equal(greedy, generate(t, m, hot)) {
			t.Error("a tiny top-p is not greedy")
		}
	})
}

// Draws follow the distribution that the options describe.
func TestDraw(t *testing.T) {
	logits := []float32{2, 0, 1, -30, 1.5, 0.5}
	for _, c := range []struct {
		o    GenerateOptions
		want []float64
	}{
		{GenerateOptions{Temperature: 1}, []float64{0.4109, 0.0556, 0.1512, 0, 0.2492, 0.0917}},
		{GenerateOptions{Temperature: 1, TopK: 2}, []float64{0.6225, 0, 0, 0, 0.3775, 0}},
		{GenerateOptions{Temperature: 1, TopP: 0.6}, []float64{0.6225, 0, 0, 0, 0.3775, 0}},
		{GenerateOptions{Temperature: 0.5, TopP: 0.9}, []float64{0.6652, 0, 0.0900, 0, 0.2447, 0}},
	} {
		s, err := newSampler(&c.o)
		if err != nil {
			t.Fatal(err)
		}
		const n = 20000
		count := make([]float64, len(logits))
		for range n {
			count[s.draw(logits)]++
		}
		total := 0.0
		for _, w := range c.want {
			total += w
		}
		for i := range count {
			if d := count[i]/n - c.want[i]/total; d > 0.02 || d < -0.02 {
				t.Errorf("%+v: token %d drawn %.3f of the time, expected %.3f", c.o, i, count[i]/n, c.want[i]/total)
			}
		}
	}
}

// Generation ends where it is told to, and says why.
func TestGenerateEnds(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "gpt2", "config.json")
	ids := make([]int32, 60) // the model's context is 64
	g := must[*Generated](t)(Generate(context.Background(), m, ids, GenerateOptions{Count: 10}))
	if g.Stop != "context" || len(g.Steps) != 5 {
		t.Errorf("stopped for %q after %d tokens; the context has room for 4 more positions", g.Stop, len(g.Steps))
	}
	n := 0
	g = must[*Generated](t)(Generate(context.Background(), m, ids[:3], GenerateOptions{Count: 10, Stop: func(int32) bool { n++; return n == 3 }}))
	if g.Stop != "stop" || len(g.Steps) != 3 {
		t.Errorf("stopped for %q after %d tokens instead of 3", g.Stop, len(g.Steps))
	}
	full := errors.New("the line is gone")
	g, err := Generate(context.Background(), m, ids[:3], GenerateOptions{Count: 10, OnToken: func(s Step) error {
		if s.Index == 1 {
			return full
		}
		return nil
	}})
	if !errors.Is(err, full) || len(g.Steps) != 2 {
		t.Errorf("a failing receiver gave %v after %d tokens", err, len(g.Steps))
	}
	for _, o := range []GenerateOptions{{}, {Count: 1, Temperature: -1}, {Count: 1, TopK: -1}, {Count: 1, TopP: 1.5}} {
		if _, err := Generate(context.Background(), m, ids[:3], o); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v gave %v", o, err)
		}
	}
	if _, err := Generate(context.Background(), m, make([]int32, 65), GenerateOptions{Count: 1}); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("65 tokens of 64 gave %v", err)
	}
}
