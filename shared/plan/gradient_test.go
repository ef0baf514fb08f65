package plan

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// scalars is one read of each reduction that has a gradient, and where it is taken to.
func scalars(to ...Read) []Read {
	warsaw, paris := TokenRef{Text: " Warsaw"}, TokenRef{Text: " Paris"}
	last := At(-1)
	list := []Read{
		{Name: "logit", Site: hook.Logits, Positions: last, Reduce: Logits, Tokens: []TokenRef{warsaw}},
		{Name: "difference", Site: hook.ResidPost, Layers: One(20), Positions: last, Reduce: LogitDiff, Tokens: []TokenRef{warsaw, paris}},
		{Name: "logprob", Site: hook.Logits, Positions: last, Reduce: LogProb, Tokens: []TokenRef{{Answer: "clean"}}},
		{Name: "entropy", Site: hook.ResidMid, Layers: One(25), Positions: last, Reduce: Entropy},
		{Name: "loss", Site: hook.Logits, Positions: At(2, 3), Reduce: CrossEntropy},
		{Name: "kl", Site: hook.Logits, Positions: last, Reduce: KL, To: "clean"},
		{Name: "lens kl", Site: hook.ResidPost, Layers: One(18), Positions: last, Reduce: KL, To: "0"},
		{Name: "norm", Site: hook.AttnOut, Layers: One(12), Positions: At(3), Reduce: Norm},
		{Name: "head norm", Site: hook.Z, Layers: One(14), Heads: One(5), Positions: last, Reduce: Norm},
		{Name: "projection", Site: hook.MLPOut, Layers: One(16), Positions: last, Reduce: Projection, Operand: Of("clean", "state")},
		{Name: "neuron", Site: hook.MLPPost, Layers: One(11), Index: One(7), Positions: last},
		{Name: "mean", Site: hook.MLPPre, Layers: One(13), Index: One(9), Reduce: Mean},
		{Name: "attention", Site: hook.Pattern, Layers: One(15), Heads: One(3), Positions: last, Keys: At(3)},
	}
	for _, d := range list {
		for _, g := range to {
			g.Name, g.GradientOf = g.Name+" of "+d.Name, d.Name
			list = append(list, g)
		}
	}
	return list
}

// edited are edits of every op that a gradient must pass.
func edited() []Edit {
	eye := make([]float32, 16)
	for i := range 4 {
		eye[4*i+(i+1)%4] = 0.7
	}
	return []Edit{
		{Site: hook.ResidPost, Layers: One(9), Positions: At(1), Op: Set, Operand: Of("clean", "state"), Strength: Strength(0.6)},
		{Site: hook.Z, Layers: One(10), Heads: Select{List: []int{1, 4}}, Op: Scale, Strength: Strength(0.5)},
		{Site: hook.MLPOut, Layers: One(9), Op: NormAdd, Operand: Of("clean", "state"), Strength: Strength(0.1)},
		{Site: hook.ResidPre, Layers: One(12), Op: Project, Operand: Of("clean", "state"), Strength: Strength(0.8)},
		{Site: hook.ResidMid, Layers: One(11), Index: Select{List: []int{3, 30, 300, 301}}, Op: Affine, Operand: Literal([]int{4, 4}, eye)},
		{Site: hook.AttnScores, Layers: One(13), Positions: At(-1), Keys: At(2), Op: Mask},
		{Site: hook.LN2Out, Layers: One(14), Op: Add, Operand: Scalar(0.02)},
	}
}

// The gradient of every reduction, through every op, is the slope that moving the site shows.
func TestGradientsOfReads(t *testing.T) {
	env := bench(t, "smollm2-135m-instruct")
	width := env.Model.Config().Width
	rng, u, size := rand.New(rand.NewPCG(3, 4)), make([]float32, width), 0.0
	for i := range u {
		u[i] = float32(rng.NormFloat64())
		size += float64(u[i]) * float64(u[i])
	}
	prompt := Prompt{Text: "The capital of Poland is"}
	to := Read{Name: "g", Site: hook.ResidPost, Layers: One(8), Positions: At(3)}
	p := &Plan{Runs: []Run{
		{Name: "clean", Prompt: prompt, Reads: []Read{{Name: "state", Site: hook.ResidPost, Layers: One(8), Positions: At(-1)}}},
		{Name: "0", Prompt: prompt, Edits: edited(), Reads: scalars(to)},
	}}
	const h = 0.004
	for name, step := range map[string]float64{"-2": -2 * h, "-1": -h, "+1": h, "+2": 2 * h} {
		move := Edit{Site: to.Site, Layers: to.Layers, Positions: to.Positions, Op: Add, Operand: Literal(nil, u), Strength: Strength(step)}
		list := scalars()
		for i := range list {
			if list[i].To == "0" {
				list[i].To = name
			}
		}
		p.Runs = append(p.Runs, Run{Name: name, Prompt: prompt, Edits: append([]Edit{move}, edited()...), Reads: list})
	}
	before := env.Model.Device().Used()
	execute(t, env, p) // the first of its size, after which scratch stays as it is
	settled := env.Model.Device().Used()
	res := execute(t, env, p)
	if left := env.Model.Device().Used() - settled; left != 0 {
		t.Errorf("%d bytes are left on the device (%d at first)", left, settled-before)
	}
	for _, d := range scalars() {
		g := floats(t, res, "0/g of "+d.Name)
		at := func(run string) float64 { return float64(floats(t, res, run+"/"+d.Name)[0]) }
		slope := (8*(at("+1")-at("-1")) - (at("+2") - at("-2"))) / (12 * h)
		scale := length(g) * math.Sqrt(size/float64(width))
		if e := math.Abs(dot(g, u)-slope) / scale; !(e < 2e-2) || scale == 0 {
			t.Errorf("%s: gradient %g along a direction, moving it shows %g (error %.2g)", d.Name, dot(g, u), slope, e)
		} else {
			t.Logf("%s: %.5g, error %.2g", d.Name, slope, e)
		}
	}
}

// Gradients can be read before edits, in parts, reduced, and used as operands.
func TestGradientReads(t *testing.T) {
	env := bench(t, "smollm2-135m-instruct")
	diff := Read{Name: "d", Site: hook.Logits, Positions: At(-1), Reduce: LogitDiff, Tokens: []TokenRef{{Text: " Warsaw"}, {Text: " Paris"}}}
	of := func(name string, r Read) Read { r.Name, r.GradientOf = name, "d"; return r }
	run := Run{Name: "a", Prompt: Prompt{Text: "The capital of Poland is"},
		Edits: []Edit{{Site: hook.ResidPost, Layers: One(14), Positions: At(2), Op: Set, Operand: Scalar(0)}, {Site: hook.ResidPost, Layers: One(14), Positions: At(3), Op: Scale, Strength: Strength(2)}},
		Reads: []Read{diff,
			of("all", Read{Site: hook.ResidPost, Layers: Select{List: []int{14, 29}}}),
			of("before", Read{Site: hook.ResidPost, Layers: One(14), Before: true}),
			of("part", Read{Site: hook.ResidPost, Layers: One(14), Positions: At(-1, 3), Index: Select{List: []int{5, 500}}}),
			of("norm", Read{Site: hook.Z, Layers: All(), Positions: At(-1), Reduce: Norm}),
			of("pattern", Read{Site: hook.Pattern, Layers: One(15), Heads: One(2), Positions: At(-1)}),
			of("scale", Read{Site: hook.LN1Scale, Layers: One(15)}),
			of("later", Read{Site: hook.Logits, Positions: At(0), Index: One(4)}),
			of("final", Read{Site: hook.LNFinalNormalized, Positions: At(-1)}),
		}}
	sum := Run{Name: "b", Prompt: run.Prompt, Edits: []Edit{{Site: hook.ResidPost, Layers: One(14), Op: Add, Operand: Of("a", "before")}}, Reads: []Read{diff}}
	res := execute(t, env, &Plan{Runs: []Run{run, sum}})
	w := env.Model.Config().Width
	all, before, part := floats(t, res, "a/all/14"), floats(t, res, "a/before"), floats(t, res, "a/part")
	if dot(before[2*w:3*w], before[2*w:3*w]) != 0 || dot(all[2*w:3*w], all[2*w:3*w]) == 0 {
		t.Error("a set position must have a gradient after the edit and none before it")
	}
	near(t, "scaled", before[3*w], 2*all[3*w])
	near(t, "part", part[1], all[4*w+500])
	near(t, "part", part[2], all[3*w+5])
	if n := floats(t, res, "a/norm/3"); len(n) != env.Model.Config().Heads || n[0] <= 0 {
		t.Errorf("norms %v", n)
	}
	if floats(t, res, "a/later")[0] != 0 {
		t.Error("a logit that is not read has a gradient")
	}
	if d := res.Read("a", "norm"); d.Gradient != "d" {
		t.Errorf("the result does not say what it is the gradient of: %+v", d)
	}
	if g := floats(t, res, "a/final"); dot(g, g) == 0 {
		t.Error("no gradient at the final norm")
	}
}

// What has no gradient, or is none, is refused in words.
func TestGradientRefusals(t *testing.T) {
	scalar := Read{Name: "k", Site: hook.Logits, Positions: At(-1), Reduce: Entropy}
	g := Read{Name: "g", Site: hook.ResidPost, Layers: One(0), GradientOf: "k"}
	change := func(r Read, f func(*Read)) Read { f(&r); return r }
	for _, c := range []struct {
		name  string
		reads []Read
		want  string
		kind  errs.Kind
	}{
		{"of itself", []Read{g, change(g, func(r *Read) { r.Name = "k" })}, "no scalar read", errs.NotFound},
		{"of a rank", []Read{change(scalar, func(r *Read) { r.Reduce, r.Tokens = Rank, []TokenRef{{ID: 3}} }), g}, "has no gradient", errs.Invalid},
		{"of two layers", []Read{{Name: "k", Site: hook.ResidPost, Layers: Select{List: []int{0, 1}}, Positions: At(0), Reduce: Norm}, g}, "one number", errs.Invalid},
		{"of a scale", []Read{{Name: "k", Site: hook.LN1Scale, Layers: One(1), Positions: At(0)}, g}, "only shown", errs.Unsupported},
		{"through the lens", []Read{scalar, change(g, func(r *Read) { r.Reduce = Entropy })}, "no distribution", errs.Invalid},
	} {
		_, err := Check(one(nil, c.reads...), paper(), words{})
		if errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
