package lab

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// peer reads what transformers computed, float32 on the same weights (testdata/peers).
func peer[T any](t testing.TB, name string) (v T) {
	t.Helper()
	raw := must(os.ReadFile(filepath.Join("..", "..", "testdata", "peers", name)))(t)
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// speed runs one of the plans by its cones.
func speed(t testing.TB, b *Bench, name string) *plan.Results {
	t.Helper()
	for _, s := range SpeedPlans() {
		if s.Name == name {
			c := must(plan.Check(s.Plan, b.Model, b.Tokens))(t)
			start := time.Now()
			res := must(plan.Execute(t.Context(), plan.Env{Model: b.Model, Tokens: b.Tokens}, c, plan.Observer{}))(t)
			t.Logf("%s: %.2f s", name, time.Since(start).Seconds())
			return res
		}
	}
	t.Fatalf("there is no plan %s", name)
	return nil
}

const peerTolerance = 1e-3 // in logits

// TestPeers compares the grid, the sweep and the lens with what PyTorch computed.
func TestPeers(t *testing.T) {
	b := bench(t, models[0].id)
	t.Run("grid", func(t *testing.T) {
		want := peer[struct{ Grid [][]float64 }](t, "patch_grid.json").Grid
		res := speed(t, b, "grid")
		got := must(res.Tensors["grid/answer"].Float32())(t)
		worst := 0.0
		for l, row := range want {
			for p, w := range row {
				worst = max(worst, math.Abs(float64(got[l*len(row)+p])-w))
			}
		}
		if worst > peerTolerance {
			t.Errorf("the grid is off by %.2g", worst)
		}
		t.Logf("largest difference %.2g", worst)
	})
	t.Run("scope", func(t *testing.T) {
		want := peer[struct{ Layers []struct{ IDs []int32 } }](t, "patchscope.json").Layers
		for l, got := range speed(t, b, "scope").Run("scope").Sweep.Generated {
			for i, id := range want[l].IDs {
				if got[i] != id {
					t.Errorf("layer %d: token %d is %d, PyTorch has %d", l, i, got[i], id)
				}
			}
		}
	})
	t.Run("lens", func(t *testing.T) {
		want := peer[struct {
			Answer [][]float64 `json:"answer_logit"`
			Top    [][]int32   `json:"top_ids"`
		}](t, "logit_lens.json")
		res := speed(t, b, "lens")
		for l := range want.Answer {
			tensor, read, at := "lens/embedding answer", "embedding top", 0
			if l > 0 {
				tensor, read, at = res.Read("lens", "layers answer").Tensors[l-1], "layers top", l-1
			}
			got := must(res.Tensors[tensor].Float32())(t)
			for p, w := range want.Answer[l] {
				if e := math.Abs(float64(got[p]) - w); e > peerTolerance {
					t.Errorf("layer %d position %d: the answer's logit is %g, PyTorch has %g", l, p, got[p], w)
				}
				if id := res.Read("lens", read).Top[at][p][0].ID; id != want.Top[l][p] {
					t.Errorf("layer %d position %d: the likeliest token is %d, PyTorch has %d", l, p, id, want.Top[l][p])
				}
			}
		}
	})
}

// TestCancelSweep cancels the grid in its midst. The device is free within 100 ms (the best of a few
// tries, since other work on the machine can only make it later), and nothing is left on it.
func TestCancelSweep(t *testing.T) {
	b := bench(t, models[0].id)
	speed(t, b, "scope") // what the model keeps between passes is there now
	c := must(plan.Check(SpeedPlans()[0].Plan, b.Model, b.Tokens))(t)
	used, routines := b.Model.Device().Used(), runtime.NumGoroutine()
	best := time.Hour
	for try := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		var at time.Time
		time.AfterFunc(time.Duration(80+70*try)*time.Millisecond, func() { at = time.Now(); cancel() })
		_, err := plan.Execute(ctx, plan.Env{Model: b.Model, Tokens: b.Tokens}, c, plan.Observer{})
		if errs.KindOf(err) != errs.Cancelled {
			t.Fatalf("a cancelled sweep gave %v", err)
		}
		best = min(best, time.Since(at))
		t.Logf("free after %v", time.Since(at))
	}
	if best > 100*time.Millisecond {
		t.Errorf("the device was free %v after the cancel", best)
	}
	cfg := b.Model.Config()
	if grown := b.Model.Device().Used() - used; grown > 1025*cfg.BatchRowBytes() { // what the model keeps for its passes
		t.Errorf("%d bytes more are in use than before", grown)
	}
	if n := runtime.NumGoroutine(); n > routines {
		t.Errorf("%d goroutines, %d before", n, routines)
	}
}
