package plan

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestDocs runs every example of docs/plan.md, and holds its limits to the real ones.
func TestDocs(t *testing.T) {
	text := string(must(os.ReadFile(filepath.Join("..", "..", "docs", "plan.md")))(t))
	for _, limit := range []int{MaxBytes, MaxRuns, MaxEdits, MaxReads, MaxText, MaxPrompt, MaxGenerate, MaxValues, MaxMatrix, MaxTerms, MaxTokens, MaxTopK, MaxResult, MaxName, MaxItems, MaxRows, MaxVariants} {
		if !strings.Contains(text, " "+strconv.Itoa(limit)+" ") {
			t.Errorf("docs/plan.md does not name the limit %d", limit)
		}
	}
	for _, op := range []Op{Set, Add, Scale, Project, Affine, Dict, NormAdd, Mask} {
		if !strings.Contains(text, "| `"+string(op)+"` |") {
			t.Errorf("docs/plan.md does not describe the op %s", op)
		}
	}
	for _, r := range []Reduce{None, Mean, Norm, TopK, Logits, LogitDiff, LogProb, Rank, CrossEntropy, KL, Projection, Entropy, Features} {
		if !strings.Contains(text, "`"+string(r)+"`") {
			t.Errorf("docs/plan.md does not describe the reduction %s", r)
		}
	}
	blocks := strings.Split(text, "```json\n")[1:]
	if len(blocks) < 10 {
		t.Fatalf("only %d examples were found", len(blocks))
	}
	env := bench(t, "smollm2-135m-instruct")
	for i, b := range blocks {
		source, _, _ := strings.Cut(b, "```")
		p, err := Parse([]byte(source))
		if err != nil {
			t.Errorf("example %d: %v", i+1, err)
			continue
		}
		res := execute(t, env, p)
		check[p.Runs[len(p.Runs)-1].Name](t, res)
	}
}

// check holds what the examples' last runs must show, by the run's name.
var check = map[string]func(*testing.T, *Results){
	"without head 5": func(t *testing.T, r *Results) {
		near(t, "KL of the ablated head", floats(t, r, "without head 5/kl")[0], 0.083516) // as the reference has it
	},
	"lens": func(t *testing.T, r *Results) {
		if d := floats(t, r, "lens/distance/29")[0]; d > 1e-6 {
			t.Errorf("the last layer differs from the output by %g", d)
		}
	},
	"patched": func(t *testing.T, r *Results) {
		if d := floats(t, r, "patched/Paris over Warsaw")[0]; d <= 0 {
			t.Errorf("France was put in Poland's place, yet Warsaw leads by %g", -d)
		}
	},
	"scope": func(t *testing.T, r *Results) {
		if run := r.Run("scope"); len(run.Generated) != 6 || run.Text == "" {
			t.Errorf("generated %q", run.Text)
		}
	},
	"grid": func(t *testing.T, r *Results) {
		grid, by := floats(t, r, "grid/Paris over Warsaw"), floats(t, r, "strength/Paris over Warsaw")
		if shape := r.Tensors["grid/Paris over Warsaw"].Shape; len(shape) != 3 || shape[0] != 30 || shape[1] != 5 || len(by) != 5 {
			t.Fatalf("the grid's shape is %v, and there are %d strengths", shape, len(by))
		}
		near(t, "the patch at full strength", by[4], grid[8*5+3])
		if !(by[0] < 0 && by[4] > 0) {
			t.Errorf("Paris leads Warsaw by %v as the patch grows", by)
		}
	},
	"neurons": func(t *testing.T, r *Results) {
		if kl := floats(t, r, "heads/kl"); len(kl) != 27 || kl[0] <= 0 {
			t.Errorf("ablated heads move the output by %v", kl)
		}
		if s := r.Run("neurons").Sweep; s.Variants != 8 || s.Axes[0].Name != "index" || len(floats(t, r, "neurons/p")) != 8 {
			t.Errorf("the sweep of neurons is %+v", s)
		}
	},
	"scopes": func(t *testing.T, r *Results) {
		if s := r.Run("scopes").Sweep; len(s.Texts) != 30 || len(s.Generated[29]) != 4 {
			t.Errorf("the scopes wrote %q", s.Texts)
		}
	},
	"second pass": func(t *testing.T, r *Results) {
		if top := r.Read("second pass", "answer").Top[0][0]; len(top) != 3 {
			t.Errorf("answer %v", top)
		}
	},
	"steered": func(t *testing.T, r *Results) {
		if r.Run("steered").Text == "" {
			t.Error("nothing was written")
		}
	},
	"removed": func(t *testing.T, r *Results) {
		before, after := floats(t, r, "removed/before"), floats(t, r, "removed/after")
		for i := range after {
			if after[i] > 1e-3 || after[i] < -1e-3 {
				t.Errorf("position %d still has %g of the direction, %g before", i, after[i], before[i])
			}
		}
	},
	"blind": func(t *testing.T, r *Results) {
		clean, blind := floats(t, r, "clean/p")[0], floats(t, r, "blind/p")[0]
		if blind >= clean {
			t.Errorf("Warsaw has log-probability %g without sight of Poland, %g with it", blind, clean)
		}
		if a := floats(t, r, "blind/attention"); len(a) != 9*5 || a[3] != 0 {
			t.Errorf("attention to Poland is %v", a)
		}
	},
	"off": func(t *testing.T, r *Results) {
		if clean, off := floats(t, r, "clean/loss")[0], floats(t, r, "off/loss")[0]; off == clean || clean <= 0 {
			t.Errorf("loss %g with the neuron, %g without", clean, off)
		}
	},
	"chat": func(t *testing.T, r *Results) {
		if len(r.Read("asked", "answer").Top[0][0]) != 5 || r.Run("chat").Text == "" {
			t.Error("no answer")
		}
	},
	"nudged": func(t *testing.T, r *Results) {
		slope := floats(t, r, "this/slope/15")
		if n := length(slope); math.Abs(n-0.95589) > 1e-4 { // as the reference has it
			t.Errorf("the gradient at layer 15 has length %g", n)
		}
		h, other := floats(t, r, "this/h"), floats(t, r, "other/h")
		estimate := 0.0
		for i, g := range slope[len(slope)-len(h):] {
			estimate += float64(g) * float64(other[i]-h[i]) * 0.05
		}
		moved := float64(floats(t, r, "nudged/score")[0] - floats(t, r, "this/score")[0])
		if math.Abs(moved-estimate) > 0.1*math.Abs(moved)+1e-3 {
			t.Errorf("the gradient foretells %g, and the score moves by %g", estimate, moved)
		}
	},
	"swapped": func(t *testing.T, r *Results) {
		was, is := floats(t, r, "swapped/was"), floats(t, r, "swapped/is")
		for p := 0; p < len(was); p += 2 {
			near(t, "swapped dimension", is[p], was[p+1]+0.1)
			near(t, "swapped dimension", is[p+1], was[p]-0.1)
		}
	},
}
