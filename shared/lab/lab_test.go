package lab

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// models are the reference's names with the catalogue's.
var models = []struct{ ref, id string }{
	{"smollm2-135m", "smollm2-135m-instruct"},
	{"gemma3-270m", "gemma3-270m"},
}

func TestLensReference(t *testing.T) {
	for _, m := range models {
		t.Run(m.ref, func(t *testing.T) {
			if testing.Short() && m.ref != models[0].ref {
				t.Skip("one model is enough for -short")
			}
			var want struct {
				Prompts map[string]struct {
					Text   string
					Layers []struct{ Top [][2]float64 }
				}
			}
			readJSON(t, &want, "lens_"+m.ref+".json")
			b := bench(t, m.id)
			for name, p := range want.Prompts {
				_, got := run[LensResult](t, b, "lens", marshal(t, map[string]any{"prompt": p.Text, "topk": 6, "positions": "last"}), nil)
				if len(got.Layers) != len(p.Layers) {
					t.Fatalf("%s: %d layers, want %d", name, len(got.Layers), len(p.Layers))
				}
				for l, layer := range p.Layers {
					compareTop(t, name, l, got.Layers[l][0], layer.Top)
				}
				answer := got.Layers[len(got.Layers)-1][0]
				if answer.FollowRank != 0 || answer.Top[0].ID != got.Follow.ID || answer.KL > 1e-6 {
					t.Errorf("%s: the model's own answer %q is not first in the last layer: rank %d, KL %g", name, got.Follow.Text, answer.FollowRank, answer.KL)
				}
			}
		})
	}
}

// compareTop compares the first five guesses; neighbours closer than the tolerance may swap.
func compareTop(t *testing.T, name string, layer int, got LensCell, want [][2]float64) {
	t.Helper()
	for i, w := range want {
		at := slices.IndexFunc(got.Top, func(g Guess) bool { return g.ID == int32(w[0]) })
		if at < 0 {
			t.Errorf("%s layer %d: token %d is not among %v", name, layer, int(w[0]), got.Top)
			continue
		}
		if lp := math.Log(float64(got.Top[at].P)); math.Abs(lp-w[1]) > 1e-3 {
			t.Errorf("%s layer %d: token %d has log-probability %.5f, want %.5f", name, layer, int(w[0]), lp, w[1])
		}
		if at != i && math.Abs(want[min(at, len(want)-1)][1]-w[1]) > 1e-3 {
			t.Errorf("%s layer %d: token %d stands at %d, want %d", name, layer, int(w[0]), at, i)
		}
	}
}

// TestLensAllPositions checks that a column for each token holds what the last position alone
// gives, and the model's real distribution in the last layer.
func TestLensAllPositions(t *testing.T) {
	b := bench(t, models[0].id)
	var stages []string
	_, all := run[LensResult](t, b, "lens", `{"follow": " Warsaw"}`, func(e Event) {
		if !slices.Contains(stages, e.Stage) {
			stages = append(stages, e.Stage)
		}
	})
	_, last := run[LensResult](t, b, "lens", `{"follow": " Warsaw", "positions": "last"}`, nil)
	if len(all.Tokens) != 5 || len(all.Positions) != 5 || all.Follow.Text != " Warsaw" {
		t.Fatalf("tokens %v, positions %v, follow %v", all.Tokens, all.Positions, all.Follow)
	}
	if want := []string{"prefill", "layers"}; !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
	for l := range last.Layers {
		a, z := all.Layers[l][4], last.Layers[l][0]
		// How many rows are computed at once moves the last bits, and near-ties among low ranks with them.
		moved := math.Abs(float64(a.FollowRank - z.FollowRank))
		if math.Abs(float64(a.FollowP-z.FollowP)) > 1e-5 || moved > 1e-3*float64(z.FollowRank) || math.Abs(float64(a.KL-z.KL)) > 1e-4 || a.Top[0].ID != z.Top[0].ID {
			t.Errorf("layer %d: %+v of all differs from %+v of the last alone", l, a, z)
		}
		if l == 0 && a.KL < 1 {
			t.Errorf("KL of the first layer is %g; it should be far from the last", a.KL)
		}
	}
}

func TestGenerateReference(t *testing.T) {
	for _, m := range models {
		t.Run(m.ref, func(t *testing.T) {
			if testing.Short() && m.ref != models[0].ref {
				t.Skip("one model is enough for -short")
			}
			var want struct {
				Runs map[string]struct {
					Text         string
					IDs, Tokens  []int32
					Continuation string
					Margins      []float64
				}
			}
			readJSON(t, &want, "greedy_"+m.ref+".json")
			b := bench(t, m.id)
			most := 64
			if b.Model.Device().Info().Name == "ref" {
				most = 4 // a second or more each
			}
			for _, name := range []string{"capital", "antonym"} {
				w := want.Runs[name]
				w.Tokens = w.Tokens[:min(most, len(w.Tokens))]
				var streamed []string
				_, got := run[GenerateResult](t, b, "generate", marshal(t, map[string]any{"prompt": strings.TrimPrefix(w.Text, "<bos>"), "count": len(w.Tokens), "stop_at_eos": false}), func(e Event) {
					if e.Stage == "tokens" {
						var s GenerateStep
						if err := json.Unmarshal(e.Partial, &s); err != nil {
							t.Fatal(err)
						}
						streamed = append(streamed, s.Chunk)
					}
				})
				if len(got.Prompt) != len(w.IDs) || len(got.Steps) != len(w.Tokens) || got.Stop != "count" {
					t.Fatalf("%s: %d prompt tokens, %d steps, stop %q", name, len(got.Prompt), len(got.Steps), got.Stop)
				}
				sure := true
				for i, id := range w.Tokens {
					if sure = w.Margins[i] > 0.01; !sure {
						break
					}
					if got.Steps[i].ID != id || math.Abs(float64(got.Steps[i].Margin)-w.Margins[i]) > 5e-3 {
						t.Errorf("%s: step %d is %+v, want token %d with margin %g", name, i, got.Steps[i], id, w.Margins[i])
						break
					}
				}
				if sure && most == 64 && got.Text != w.Continuation {
					t.Errorf("%s: %q, want %q", name, got.Text, w.Continuation)
				}
				if s := strings.Join(streamed, ""); !strings.HasPrefix(got.Text, s) || len(streamed) != len(got.Steps) {
					t.Errorf("%s: streamed %q in %d events, but the text is %q", name, s, len(streamed), got.Text)
				}
			}
		})
	}
}
