package plan

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/nn"
	"patchbay/shared/tensor"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

// tiny loads a model of the reference's families, with a tokenizer of 128 letters.
func tiny(t testing.TB, family string) Env {
	t.Helper()
	return tinyOn(t, ref.New(), family)
}

func tinyOn(t testing.TB, dev device.Device, family string) Env {
	t.Helper()
	dir := filepath.Dir(refdata.Path(t, "families", family, "config.json"))
	file := must(weights.Open(dir))(t)
	t.Cleanup(func() { file.Close() })
	m := must(nn.Load(context.Background(), dev, file, nn.Options{MaxTokens: 64}))(t)
	t.Cleanup(m.Close)
	tokens, types := make([]string, 128), make([]int32, 128)
	for i := range tokens {
		tokens[i], types[i] = string(rune('!'+i)), 1
	}
	tok := must(token.FromGGUF(map[string]any{
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": tokens,
		"tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": []string{}, "tokenizer.ggml.eos_token_id": uint32(127),
	}))(t)
	return Env{Model: m, Tokens: tok}
}

var prompt = Prompt{IDs: []int32{5, 17, 40, 3, 99, 64}}

func whole(name string, site hook.Site, layers Select) Read {
	return Read{Name: name, Site: site, Layers: layers}
}

func ramp(n int, scale float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = scale * float32(math.Sin(float64(i)*1.3+float64(scale)))
	}
	return v
}

// TestOps reads a site before and after each op, and compares with the op's formula.
func TestOps(t *testing.T) {
	env := tiny(t, "llama")
	d := env.Model.Config().Width
	v, w, b := ramp(d, 0.3), ramp(d*d, 0.1), ramp(d, 0.2)
	unit := slices.Clone(v)
	rescale(unit, 1)
	for _, c := range []struct {
		name string
		edit Edit
		want func(i int, x []float32) float64 // of element i
	}{
		{"set", Edit{Op: Set, Operand: Literal(nil, v)}, func(i int, x []float32) float64 { return float64(v[i]) }},
		{"set half", Edit{Op: Set, Strength: Strength(0.5), Operand: Scalar(2)}, func(i int, x []float32) float64 { return float64(x[i])/2 + 1 }},
		{"add", Edit{Op: Add, Strength: Strength(-3), Operand: Literal(nil, v)}, func(i int, x []float32) float64 { return float64(x[i]) - 3*float64(v[i]) }},
		{"scale", Edit{Op: Scale, Strength: Strength(0.25)}, func(i int, x []float32) float64 { return float64(x[i]) / 4 }},
		{"project", Edit{Op: Project, Operand: Literal(nil, v)}, func(i int, x []float32) float64 { return float64(x[i]) - dot(x, unit)*float64(unit[i]) }},
		{"project a share", Edit{Op: Project, Strength: Strength(0.3), Operand: Literal(nil, v)}, func(i int, x []float32) float64 { return float64(x[i]) - 0.3*dot(x, unit)*float64(unit[i]) }},
		{"affine", Edit{Op: Affine, Operand: Literal([]int{d, d}, w), Bias: Literal(nil, b)}, func(i int, x []float32) float64 { return dot(w[i*d:(i+1)*d], x) + float64(b[i]) }},
		{"norm_add", Edit{Op: NormAdd, Strength: Strength(2), Operand: Literal(nil, v)}, func(i int, x []float32) float64 {
			y := slices.Clone(x)
			for j := range y {
				y[j] += 2 * v[j]
			}
			return float64(y[i]) * length(x) / length(y)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := c.edit
			e.Site, e.Layers, e.Positions = hook.ResidMid, One(1), At(2, -1)
			before := whole("before", hook.ResidMid, One(1))
			before.Before = true
			res := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt, Edits: []Edit{e}, Reads: []Read{before, whole("after", hook.ResidMid, One(1))}}}})
			x, y := floats(t, res, "r/before"), floats(t, res, "r/after")
			for p := range prompt.IDs {
				row := x[p*d : (p+1)*d]
				for i := range row {
					want := float64(row[i])
					if p == 2 || p == 5 {
						want = c.want(i, row)
					}
					if got := float64(y[p*d+i]); math.Abs(got-want) > 1e-5*max(1, math.Abs(want)) {
						t.Fatalf("position %d element %d is %g, want %g", p, i, got, want)
					}
				}
			}
		})
	}
}

// TestProjectSpan removes the span of dependent vectors: nothing of any of them is left.
func TestProjectSpan(t *testing.T) {
	env := tiny(t, "llama")
	d := env.Model.Config().Width
	a, b := ramp(d, 0.3), ramp(d, 1.7)
	sum := make([]float32, d)
	for i := range sum {
		sum[i] = a[i] - 2*b[i]
	}
	span := Literal([]int{4, d}, slices.Concat(a, b, sum, make([]float32, d)))
	res := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt,
		Edits: []Edit{{Site: hook.ResidPost, Layers: All(), Op: Project, Operand: span}},
		Reads: []Read{{Name: "left", Site: hook.ResidPost, Layers: One(1), Reduce: Projection, Operand: span}, {Name: "norm", Site: hook.ResidPost, Layers: One(1), Reduce: Norm}},
	}}})
	for i, x := range floats(t, res, "r/left") {
		if math.Abs(float64(x)) > 1e-4 {
			t.Errorf("projection %d is %g after the span was removed", i, x)
		}
	}
	if n := floats(t, res, "r/norm"); n[0] < 0.1 {
		t.Error("the whole activation was removed, not just the span")
	}
}

// TestHeadsAndNeurons edits parts of a row and leaves the rest as it is.
func TestHeadsAndNeurons(t *testing.T) {
	env := tiny(t, "llama")
	for _, c := range []struct {
		site         hook.Site
		heads, index Select
		width, head  int // of the site
	}{
		{hook.Z, One(1), Select{}, env.Model.Config().Heads * env.Model.Config().HeadDim, env.Model.Config().HeadDim},
		{hook.K, One(0), Select{List: []int{3, 0}}, env.Model.Config().KVHeads * env.Model.Config().HeadDim, env.Model.Config().HeadDim},
		{hook.MLPPost, Select{}, Select{List: []int{7}}, env.Model.Config().MLP, env.Model.Config().MLP},
	} {
		before := whole("before", c.site, One(0))
		before.Before = true
		part := whole("part", c.site, One(0))
		part.Heads, part.Index = c.heads, c.index
		res := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt,
			Edits: []Edit{{Site: c.site, Layers: One(0), Heads: c.heads, Index: c.index, Op: Set, Operand: Scalar(9)}},
			Reads: []Read{before, whole("after", c.site, One(0)), part}}}})
		x, y := floats(t, res, "r/before"), floats(t, res, "r/after")
		for i := range x {
			h, e := i%c.width/c.head, i%c.width%c.head
			hit := (c.heads.List == nil || slices.Contains(c.heads.List, h)) && (c.index.List == nil || slices.Contains(c.index.List, e))
			if hit != (y[i] == 9) || !hit && y[i] != x[i] {
				t.Fatalf("%s: element %d of head %d went from %g to %g", c.site, e, h, x[i], y[i])
			}
		}
		for _, v := range floats(t, res, "r/part") {
			if v != 9 {
				t.Errorf("%s: the part read holds %g", c.site, v)
			}
		}
	}
}

// TestMask checks that masked keys get no attention and the others share it.
func TestMask(t *testing.T) {
	env := tiny(t, "llama")
	H, T := env.Model.Config().Heads, len(prompt.IDs)
	res := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt,
		Edits: []Edit{{Site: hook.AttnScores, Layers: One(1), Heads: One(2), Positions: At(-1), Keys: At(0, 3), Op: Mask}},
		Reads: []Read{whole("pattern", hook.Pattern, One(1)), {Name: "scores", Site: hook.AttnScores, Layers: One(1)}}}}})
	pattern := floats(t, res, "r/pattern") // [T, H, keys]
	if got := res.Read("r", "pattern").Shape; !slices.Equal(got, []int{T, H, T}) {
		t.Fatalf("the pattern's shape is %v", got)
	}
	for q := range T {
		for h := range H {
			row, sum := pattern[(q*H+h)*T:(q*H+h+1)*T], float32(0)
			for k, p := range row {
				sum += p
				masked := k > q || q == T-1 && h == 2 && (k == 0 || k == 3)
				if masked != (p == 0) {
					t.Errorf("query %d head %d pays %g to key %d", q, h, p, k)
				}
			}
			if math.Abs(float64(sum)-1) > 1e-5 {
				t.Errorf("query %d head %d pays %g in all", q, h, sum)
			}
		}
	}
	// What is not finite may be read but not written.
	p := &Plan{Runs: []Run{
		{Name: "a", Prompt: prompt, Reads: []Read{whole("s", hook.AttnScores, One(1))}},
		{Name: "b", Prompt: prompt, Edits: []Edit{{Site: hook.AttnScores, Layers: One(1), Positions: Positions{All: true}, Phase: InPrompt, Op: Set, Operand: Of("a", "s")}}, Reads: []Read{whole("s", hook.AttnScores, One(1))}},
	}}
	c := must(Check(p, env.Model, env.Tokens))(t)
	if _, err := Execute(context.Background(), env, c, Observer{}); err == nil || !strings.Contains(err.Error(), `runs[1].edits[0].operand.reads[0]: the read "s" of run "a" holds -Inf`) {
		t.Errorf("got %v", err)
	}
}

// TestVocabulary compares every reduction over the vocabulary with whole rows of logits.
func TestVocabulary(t *testing.T) {
	env := tiny(t, "llama")
	L, V := env.Model.Config().Layers, env.Model.Config().Vocab
	lens := func(name string, r Reduce, f func(*Read)) Read {
		d := Read{Name: name, Site: hook.ResidPost, Layers: All(), Reduce: r}
		if f != nil {
			f(&d)
		}
		return d
	}
	ids := []TokenRef{{ID: 7}, {ID: 101}, {Answer: "b"}}
	reads := []Read{
		lens("top", TopK, func(d *Read) { d.K = 3 }),
		lens("logits", Logits, func(d *Read) { d.Tokens = ids }),
		lens("lp", LogProb, func(d *Read) { d.Tokens = ids }),
		lens("rank", Rank, func(d *Read) { d.Tokens = ids }),
		lens("diff", LogitDiff, func(d *Read) { d.Tokens = ids[:2] }),
		lens("entropy", Entropy, nil),
		lens("own", KL, func(d *Read) { d.To = "b" }),
		lens("other", KL, func(d *Read) { d.To = "a" }),
		lens("ce", CrossEntropy, nil),
		{Name: "out", Site: hook.Logits, Reduce: LogProb, Tokens: ids},
		whole("raw", hook.Logits, Select{}),
	}
	shift := Edit{Site: hook.ResidPost, Layers: One(0), Op: Add, Operand: Literal(nil, ramp(env.Model.Config().Width, 2))}
	boost := Edit{Site: hook.Logits, Index: One(7), Op: Add, Operand: Scalar(3)}
	for _, c := range []struct {
		name  string
		edits []Edit
	}{{"clean", nil}, {"edited", []Edit{shift}}, {"edited logits", []Edit{shift, boost}}} {
		t.Run(c.name, func(t *testing.T) {
			res := execute(t, env, &Plan{Runs: []Run{
				{Name: "b", Prompt: prompt, Edits: c.edits, Reads: reads},
				{Name: "a", Prompt: prompt, Reads: []Read{whole("raw", hook.Logits, Select{})}},
			}})
			raw, other := floats(t, res, "b/raw"), floats(t, res, "a/raw")
			T := len(prompt.IDs)
			answer := res.Read("b", "lp").Tokens[2]
			direct := c.name == "edited logits"
			ce := 0.0
			for p := range T {
				row := raw[p*V : (p+1)*V]
				want := device.RankRow(row, device.RankRequest{K: 3, Tokens: []int32{7, 101, answer}}, other[p*V:(p+1)*V])
				if p == T-1 && want.Rank[2] != 0 {
					t.Errorf("the answer %d is not the likeliest token", answer)
				}
				for i := range 3 {
					near(t, "log-probability of the output", floats(t, res, "b/out")[p*3+i], want.TokenLP[i])
				}
				if p < T-1 {
					ce -= float64(device.RankRow(row, device.RankRequest{Tokens: []int32{prompt.IDs[p+1]}}, nil).TokenLP[0])
				}
				if direct {
					continue // the lens at the last layer is not the output then
				}
				last := func(name string) []float32 { return floats(t, res, "b/"+name+"/"+string(rune('0'+L-1))) }
				for i := range 3 {
					near(t, "log-probability", last("lp")[p*3+i], want.TokenLP[i])
					near(t, "logit", last("logits")[p*3+i], row[[]int32{7, 101, answer}[i]])
					near(t, "rank", last("rank")[p*3+i], float32(want.Rank[i]))
					if top := res.Read("b", "top").Top[L-1][p][i]; top.ID != want.IDs[i] {
						t.Errorf("guess %d is %d, want %d", i, top.ID, want.IDs[i])
					}
				}
				near(t, "difference", last("diff")[p], row[7]-row[101])
				near(t, "entropy", last("entropy")[p], want.Entropy)
				near(t, "KL to itself", last("own")[p], 0)
				near(t, "KL to the other", last("other")[p], want.KL)
			}
			if !direct {
				near(t, "cross-entropy", floats(t, res, "b/ce/"+string(rune('0'+L-1)))[0], float32(ce/float64(T-1)))
			}
		})
	}
}

func near(t *testing.T, what string, got, want float32) {
	t.Helper()
	if math.Abs(float64(got-want)) > 2e-4 {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

// TestBase checks that a run with a base is the base with more edits.
func TestBase(t *testing.T) {
	env := tiny(t, "gemma3_text")
	d := env.Model.Config().Width
	e1 := Edit{Site: hook.AttnOut, Layers: One(0), Op: Add, Operand: Literal(nil, ramp(d, 1))}
	e2 := Edit{Site: hook.AttnOut, Layers: One(0), Positions: At(1), Op: Scale, Strength: Strength(-2)}
	logits := []Read{whole("l", hook.Logits, Select{})}
	res := execute(t, env, &Plan{Runs: []Run{
		{Name: "variant", Base: "base", Edits: []Edit{e2}, Reads: logits},
		{Name: "base", Prompt: prompt, Edits: []Edit{e1}, Reads: logits},
		{Name: "both", Prompt: prompt, Edits: []Edit{e1, e2}, Reads: logits},
	}})
	if !slices.Equal(floats(t, res, "variant/l"), floats(t, res, "both/l")) {
		t.Error("a variant differs from the same edits written out")
	}
	if slices.Equal(floats(t, res, "variant/l"), floats(t, res, "base/l")) {
		t.Error("the variant's own edit did nothing")
	}
}

// TestCombination puts the mean of two runs, less a third, into a fourth, layer by layer.
func TestCombination(t *testing.T) {
	env := tiny(t, "llama")
	d := env.Model.Config().Width
	source := func(name string, ids ...int32) Run {
		return Run{Name: name, Prompt: Prompt{IDs: ids}, Reads: []Read{{Name: "m", Site: hook.ResidPost, Layers: Select{List: []int{0, 2}}, Reduce: Mean}}}
	}
	half, minus := Strength(0.5), Strength(-1)
	res := execute(t, env, &Plan{Runs: []Run{
		source("a", 1, 2, 3), source("b", 4, 5), source("c", 6, 7, 8, 9),
		{Name: "r", Prompt: prompt, Edits: []Edit{{Site: hook.ResidPost, Layers: Select{List: []int{0, 2}}, Op: Set, Operand: &Operand{Reads: []Term{{"a", "m", half}, {"b", "m", half}, {"c", "m", minus}}}}},
			Reads: []Read{whole("x", hook.ResidPost, Select{List: []int{0, 2}})}},
	}})
	for _, l := range []string{"0", "2"} {
		a, b, c, x := floats(t, res, "a/m/"+l), floats(t, res, "b/m/"+l), floats(t, res, "c/m/"+l), floats(t, res, "r/x/"+l)
		for i := range x {
			near(t, "layer "+l, x[i], 0.5*a[i%d]+0.5*b[i%d]-c[i%d])
		}
	}
}

// TestPhases checks which tokens an edit reaches while generating.
func TestPhases(t *testing.T) {
	env := tiny(t, "llama")
	T, n := len(prompt.IDs), 5
	for _, c := range []struct {
		pos   Positions
		phase Phase
		hit   func(p int) bool
	}{
		{Positions{}, "", func(p int) bool { return true }},
		{At(-1), "", func(p int) bool { return p == T-1 }},
		{At(-1), Always, func(p int) bool { return p >= T-1 }},
		{Positions{}, InGenerated, func(p int) bool { return p >= T }},
		{Positions{}, InPrompt, func(p int) bool { return p < T }},
	} {
		res := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt, Generation: &Generate{Count: n},
			Edits: []Edit{{Site: hook.MLPOut, Layers: One(1), Positions: c.pos, Phase: c.phase, Op: Set, Operand: Scalar(0.5)}},
			Reads: []Read{
				{Name: "x", Site: hook.MLPOut, Layers: One(1), Phase: Always, Index: One(3)},
				{Name: "keys", Site: hook.Pattern, Layers: One(1), Phase: Always, Keys: At(0, 2), Reduce: Norm},
				{Name: "p", Site: hook.Logits, Phase: Always, Reduce: TopK, K: 1},
			}}}})
		x := floats(t, res, "r/x")
		if len(x) != T+n-1 || len(res.Run("r").Generated) != n || len(floats(t, res, "r/keys")) != (T+n-1)*env.Model.Config().Heads {
			t.Fatalf("%d values for %d prompt and %d new tokens", len(x), T, n)
		}
		for p, v := range x {
			if c.hit(p) != (v == 0.5) {
				t.Errorf("positions %+v phase %q: position %d holds %g", c.pos, c.phase, p, v)
			}
		}
		// The likeliest token at each position from the last on is the one generated.
		for i, id := range res.Run("r").Generated {
			if top := res.Read("r", "p").Top[0][T-1+i][0].ID; top != id {
				t.Errorf("step %d generated %d, but the read says %d", i, id, top)
			}
		}
	}
}

// TestStore fetches named vectors, and refuses those that do not fit in words.
func TestStore(t *testing.T) {
	env := tiny(t, "llama")
	d := env.Model.Config().Width
	nan := ramp(d, 1)
	nan[3] = float32(math.NaN())
	env.Store = shelf{"v": tensor.FromFloat32(ramp(d, 1)), "short": tensor.FromFloat32(ramp(d-1, 1)), "nan": tensor.FromFloat32(nan)}
	plan := func(name string, op Op) *Plan {
		return &Plan{Runs: []Run{{Name: "r", Prompt: prompt, Edits: []Edit{{Site: hook.ResidPost, Layers: One(0), Op: op, Operand: &Operand{Vector: name}}}, Reads: []Read{whole("x", hook.ResidPost, One(0))}}}}
	}
	res := execute(t, env, plan("v", Set))
	if x := floats(t, res, "r/x"); !slices.Equal(x[d:2*d], ramp(d, 1)) {
		t.Errorf("the stored vector is not what was set: %v", x[:4])
	}
	for _, c := range []struct {
		name string
		op   Op
		want string
		kind errs.Kind
	}{
		{"gone", Add, `runs[0].edits[0].operand: there is no vector "gone"`, errs.NotFound},
		{"short", Add, "an operand of shape [31] does not fit", errs.Invalid},
		{"short", Project, "an operand of shape [31] is not made of vectors of 32", errs.Invalid},
		{"v", Affine, `the vector "v" has the shape [32]; [32 32] is needed`, errs.Invalid},
		{"nan", Add, `the vector "nan" holds NaN at index 3`, errs.Invalid},
	} {
		_, err := Execute(context.Background(), env, must(Check(plan(c.name, c.op), env.Model, env.Tokens))(t), Observer{})
		if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
			t.Errorf("%s: got %v (%v), want %q", c.name, err, errs.KindOf(err), c.want)
		}
	}
}

// TestCancel checks that a cancelled plan says so and leaves nothing on the device.
func TestCancel(t *testing.T) {
	env := tiny(t, "llama")
	p := &Plan{Runs: []Run{{Name: "r", Prompt: prompt, Generation: &Generate{Count: 40}, Reads: []Read{{Name: "e", Site: hook.ResidPost, Layers: All(), Reduce: KL, To: "r"}}}}}
	c := must(Check(p, env.Model, env.Tokens))(t)
	must(Execute(context.Background(), env, c, Observer{}))(t)
	used := env.Model.Device().Used()
	for _, stage := range []string{"prefill", "tokens", "layers"} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Execute(ctx, env, c, Observer{Progress: func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}})
		cancel()
		if stage != "layers" && errs.KindOf(err) != errs.Cancelled {
			t.Errorf("cancelled while at %s: %v (%v)", stage, err, errs.KindOf(err))
		}
		if now := env.Model.Device().Used(); now > used {
			t.Errorf("cancelled while at %s: %d bytes are in use, %d before", stage, now, used)
		}
	}
}
