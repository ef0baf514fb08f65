package plan

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// one is a plan of a single run over "abcab" (6 tokens with BOS).
func one(edits []Edit, reads ...Read) *Plan {
	return &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: "abcab"}, Edits: edits, Reads: reads}}}
}

func editing(e Edit) *Plan {
	if e.Site == "" {
		e.Site = hook.ResidPost
	}
	if e.Layers.IsZero() {
		e.Layers = One(1)
	}
	if e.Op == "" {
		e.Op, e.Operand = Set, Scalar(0)
	}
	return one([]Edit{e})
}

func looking(r Read) *Plan {
	r.Name = "r"
	if r.Site == "" {
		r.Site = hook.ResidPost
	}
	if r.Layers.IsZero() {
		r.Layers = One(1)
	}
	return one(nil, r)
}

// two is a source run with the read "r" of layer 1 and a run that refers to it.
func two(b Run) *Plan {
	p := looking(Read{})
	b.Name = "b"
	if b.Base == "" && b.Prompt.IsZero() {
		b.Prompt = Prompt{Text: "abcab"}
	}
	p.Runs = append(p.Runs, b)
	return p
}

func adding(o *Operand) Run {
	return Run{Edits: []Edit{{Site: hook.ResidPost, Layers: One(1), Positions: At(0, 1), Op: Add, Operand: o}}}
}

// TestCheckRefuses lists plans that must not run, with the words that a person gets: what is
// wrong, the limit, and where.
func TestCheckRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), math.Inf(1)
	vec := Literal(nil, make([]float32, 8))
	for _, c := range []struct {
		name string
		p    *Plan
		want string
		kind errs.Kind
	}{
		{"no runs", &Plan{}, "runs: the plan has no runs", errs.Invalid},
		{"no name", &Plan{Runs: []Run{{}}}, "runs[0].name: the name is missing", errs.Invalid},
		{"slash in a name", &Plan{Runs: []Run{{Name: "a/b"}}}, "runs[0].name: the name \"a/b\" holds a slash", errs.Invalid},
		{"long name", &Plan{Runs: []Run{{Name: strings.Repeat("x", 65)}}}, "at most 64 are allowed", errs.TooLarge},
		{"same run twice", &Plan{Runs: []Run{{Name: "a"}, {Name: "a"}}}, `runs[1].name: "a" is the name of runs[0] already`, errs.Invalid},
		{"same read twice", one(nil, Read{Name: "r"}, Read{Name: "r"}), `runs[0].reads[1].name: another read`, errs.Invalid},

		{"no prompt", &Plan{Runs: []Run{{Name: "a"}}}, "runs[0].prompt: the prompt is empty", errs.Invalid},
		{"two prompts", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: "x", IDs: []int32{1}}}}}, "exclude each other", errs.Invalid},
		{"prompt too long", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: strings.Repeat("x", 64)}}}}, "runs[0].prompt: the prompt has 65 tokens; at most 64 fit", errs.TooLarge},
		{"prompt absurdly long", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: strings.Repeat("x", MaxText+1)}}}}, "at most 262144 are read", errs.TooLarge},
		{"token out of range", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{IDs: []int32{1, 300}}}}}, "runs[0].prompt.ids[1]: there is no token 300; the vocabulary has 300, 0 to 299", errs.Invalid},
		{"negative token", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{IDs: []int32{-1}}}}}, "there is no token -1", errs.Invalid},
		{"generates too much", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: "x"}, Generation: &Generate{Count: 63}}}}, "runs[0].generation.count: a prompt of 2 tokens and 63 new ones do not fit: the model is loaded for 64", errs.TooLarge},
		{"generates nothing", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: "x"}, Generation: &Generate{}}}}, "it must be 1 to 2048", errs.TooLarge},
		{"temperature NaN", &Plan{Runs: []Run{{Name: "a", Prompt: Prompt{Text: "x"}, Generation: &Generate{Count: 1, Temperature: math.NaN()}}}}, "temperature: it is NaN", errs.Invalid},

		{"unknown site", editing(Edit{Site: "hook_resid_last"}), `runs[0].edits[0].site: there is no site "hook_resid_last"`, errs.NotFound},
		{"site the family lacks", editing(Edit{Site: hook.QNormed}), "runs[0].edits[0].site: this model (llama) has no site attn.hook_q_normed", errs.Unsupported},
		{"read-only site", editing(Edit{Site: hook.LN1Scale}), "runs[0].edits[0].site: ln1.hook_scale can be read but not edited", errs.Unsupported},
		{"layer 999", editing(Edit{Layers: One(999)}), "runs[0].edits[0].layers: there is no layer 999; this model has 3 layers here, 0 to 2", errs.Invalid},
		{"negative layer", editing(Edit{Layers: One(-1)}), "there is no layer -1", errs.Invalid},
		{"layer twice", editing(Edit{Layers: Select{List: []int{1, 1}}}), "layer 1 is named twice", errs.Invalid},
		{"no layers", one([]Edit{{Site: hook.ResidPost, Op: Set, Operand: Scalar(0)}}), "runs[0].edits[0].layers: the layers are missing; this model has 3", errs.Invalid},
		{"layer of a layerless site", editing(Edit{Site: hook.Embed}), "hook_embed belongs to no layer", errs.Invalid},
		{"head out of range", editing(Edit{Site: hook.Z, Heads: One(4)}), "runs[0].edits[0].heads: there is no head 4; this model has 4 heads here, 0 to 3", errs.Invalid},
		{"key head out of range", editing(Edit{Site: hook.K, Heads: One(2)}), "there is no head 2; this model has 2 heads here", errs.Invalid},
		{"heads of a residual", editing(Edit{Heads: One(0)}), "runs[0].edits[0].heads: hook_resid_post has no heads", errs.Invalid},
		{"neuron out of range", editing(Edit{Site: hook.MLPPost, Index: One(16)}), "there is no element 16; this model has 16 elements here", errs.Invalid},
		{"position out of range", editing(Edit{Positions: At(6)}), "runs[0].edits[0].positions: there is no position 6; the prompt has 6 tokens, 0 to 5 (or -6 to -1 from the end)", errs.Invalid},
		{"negative position out of range", editing(Edit{Positions: At(-7)}), "there is no position -7", errs.Invalid},
		{"position twice", editing(Edit{Positions: At(5, -1)}), "position 5 is named twice", errs.Invalid},
		{"no positions", editing(Edit{Positions: Positions{List: []int{}}}), "the list is empty", errs.Invalid},
		{"text not there", editing(Edit{Positions: Positions{Text: &TextPosition{Text: "zz"}}}), `runs[0].edits[0].positions.text: "zz" does not occur in the prompt`, errs.NotFound},
		{"occurrence not there", editing(Edit{Positions: Positions{Text: &TextPosition{Text: "ab", Occurrence: 2}}}), "there is no occurrence 2 of \"ab\"; the prompt has it 2 times", errs.Invalid},
		{"which is odd", editing(Edit{Positions: Positions{Text: &TextPosition{Text: "ab", Which: "middle"}}}), "use first, last or all", errs.Invalid},
		{"phase is odd", editing(Edit{Phase: "later"}), `runs[0].edits[0].phase: "later" is not known; use prompt, generated, all`, errs.Invalid},
		{"phase that never comes", editing(Edit{Phase: InGenerated}), "the run generates nothing", errs.Invalid},
		{"index of attention", editing(Edit{Site: hook.Pattern, Index: One(0)}), "holds key positions: use keys", errs.Invalid},
		{"keys of a residual", editing(Edit{Keys: At(0)}), "only attention scores and patterns have keys", errs.Invalid},

		{"unknown op", editing(Edit{Op: "multiply", Operand: Scalar(1)}), `runs[0].edits[0].op: "multiply" is not known; use set, add, scale`, errs.Invalid},
		{"no operand", editing(Edit{Op: Add}), "runs[0].edits[0].operand: add needs an operand", errs.Invalid},
		{"two operands", editing(Edit{Op: Add, Operand: &Operand{Values: []float32{1}, Vector: "v"}}), "exactly one of values, vector, dictionary and reads; 2 are given", errs.Invalid},
		{"operand for scale", editing(Edit{Op: Scale, Operand: Scalar(1)}), "takes no operand", errs.Invalid},
		{"NaN in an operand", editing(Edit{Op: Add, Operand: Literal(nil, []float32{1, nan})}), "runs[0].edits[0].operand.values[1]: it is NaN; an edit's numbers must be finite", errs.Invalid},
		{"infinite strength", editing(Edit{Op: Scale, Strength: &inf}), "runs[0].edits[0].strength: it is +Inf; it must be a finite number", errs.Invalid},
		{"strength beyond float32", editing(Edit{Op: Scale, Strength: Strength(1e60)}), "must be a finite number", errs.Invalid},
		{"wrong width", editing(Edit{Op: Add, Operand: Literal(nil, make([]float32, 7))}), "runs[0].edits[0].operand: an operand of shape [7] does not fit [1 layers, 6 positions, 8 elements]", errs.Invalid},
		{"wrong positions", editing(Edit{Op: Add, Positions: At(0, 1), Operand: Literal([]int{3, 8}, make([]float32, 24))}), "an operand of shape [3 8] does not fit [1 layers, 2 positions, 8 elements]", errs.Invalid},
		{"shape against values", editing(Edit{Op: Add, Operand: Literal([]int{2, 8}, make([]float32, 8))}), "the shape [2 8] does not hold the 8 values given", errs.Invalid},
		{"shape overflows", editing(Edit{Op: Add, Operand: Literal([]int{1 << 40, 1 << 40}, make([]float32, 8))}), "does not hold the 8 values", errs.Invalid},
		{"project width", editing(Edit{Op: Project, Operand: Literal([]int{2, 7}, make([]float32, 14))}), "is not made of vectors of 8 numbers", errs.Invalid},
		{"affine shape", editing(Edit{Op: Affine, Operand: vec}), "the matrix has the shape [8]; affine needs [8 8] here", errs.Invalid},
		{"bias elsewhere", editing(Edit{Op: Add, Operand: vec, Bias: vec}), "only affine has a bias", errs.Invalid},
		{"mask of a residual", editing(Edit{Op: Mask}), "mask works on attn.hook_attn_scores and attn.hook_pattern", errs.Invalid},
		{"dictionary", editing(Edit{Op: Dict, Operand: &Operand{Dictionary: "sae"}, Features: One(3), Do: Add}), "no dictionary is loaded", errs.Unsupported},
		{"dictionary as a vector", editing(Edit{Op: Add, Operand: &Operand{Dictionary: "sae"}}), "dict edits and feature reads only", errs.Invalid},

		{"run that is not there", two(adding(Of("c", "r"))), `runs[1].edits[0].operand.reads[0].run: there is no run "c"`, errs.NotFound},
		{"read that is not there", two(adding(Of("a", "s"))), `runs[1].edits[0].operand.reads[0].read: run "a" has no read "s"`, errs.NotFound},
		{"own read", two(adding(Of("b", "r"))), "the runs refer to each other in a circle: b -> b", errs.Invalid},
		{"base that is not there", two(Run{Base: "c"}), `runs[1].base: there is no run "c"`, errs.NotFound},
		{"base of itself", two(Run{Base: "b"}), "circle: b -> b", errs.Invalid},
		{"circle of three", circle(), "the runs refer to each other in a circle: a -> c -> b -> a", errs.Invalid},
		{"base with another prompt", two(Run{Base: "a", Prompt: Prompt{Text: "x"}}), "the prompt differs from that of the base", errs.Invalid},
		{"read of another shape", two(adding(Of("a", "r"))), "an operand of shape [6 8] does not fit [1 layers, 2 positions, 8 elements]", errs.Invalid},
		{"weight NaN", two(adding(&Operand{Reads: []Term{{Run: "a", Read: "r", Weight: Strength(math.NaN())}}})), "weight: it is NaN", errs.Invalid},

		{"unknown reduction", looking(Read{Reduce: "median"}), `runs[0].reads[0].reduce: "median" is not known`, errs.Invalid},
		{"topk without k", looking(Read{Reduce: TopK}), "runs[0].reads[0].k: it is 0; it must be 1 to 1000", errs.TooLarge},
		{"logprob of nothing", looking(Read{Reduce: LogProb}), "logprob needs the tokens it is about", errs.Invalid},
		{"logprob of a phrase", looking(Read{Reduce: LogProb, Tokens: []TokenRef{{Text: "abc"}}}), `runs[0].reads[0].tokens[0]: "abc" is 3 tokens`, errs.Invalid},
		{"logprob of no token", looking(Read{Reduce: LogProb, Tokens: []TokenRef{{ID: 300}}}), "there is no token 300", errs.Invalid},
		{"answer of no run", looking(Read{Reduce: LogProb, Tokens: []TokenRef{{Answer: "z"}}}), `runs[0].reads[0].tokens[0].answer: there is no run "z"`, errs.NotFound},
		{"difference of three", looking(Read{Reduce: LogitDiff, Tokens: make([]TokenRef, 3)}), "logit_diff needs two tokens, and has 3", errs.Invalid},
		{"vocabulary of neurons", looking(Read{Site: hook.MLPPost, Reduce: Entropy}), "runs[0].reads[0].site: mlp.hook_post is no residual stream", errs.Invalid},
		{"kl to nobody", looking(Read{Reduce: KL}), "kl needs the run to compare with", errs.Invalid},
		{"kl to a run that is not there", looking(Read{Reduce: KL, To: "z"}), `runs[0].reads[0].to: there is no run "z"`, errs.NotFound},
		{"kl in pairs", two(Run{Prompt: Prompt{Text: "abc"}, Reads: []Read{{Name: "k", Site: hook.Logits, Reduce: KL, To: "a"}}}), "they are 4 in this run and 6 in \"a\"", errs.Invalid},
		{"cross-entropy of the last", looking(Read{Reduce: CrossEntropy, Positions: At(-1)}), "the last token of the prompt has no next token", errs.Invalid},
		{"k of a norm", looking(Read{Reduce: Norm, K: 3}), "k belongs to topk", errs.Invalid},
		{"tokens of a norm", looking(Read{Reduce: Norm, Tokens: []TokenRef{{ID: 1}}}), "tokens belong to", errs.Invalid},
		{"projection onto nothing", looking(Read{Reduce: Projection}), "projection needs the direction", errs.Invalid},
		{"features", looking(Read{Reduce: Features, Operand: &Operand{Dictionary: "sae"}}), "no dictionary is loaded", errs.Unsupported},
		{"phase without generation", looking(Read{Phase: InGenerated}), "there are no generated positions to read", errs.Invalid},
		{"small plan of a million edits", bases(), "the plan has more than 16384 edits and reads", errs.TooLarge},
		{"too many rows", rows(), "the reads so far have more than 2097152 rows", errs.TooLarge},
		{"gradient", one(nil, Read{Name: "k", Site: hook.Logits, Reduce: Entropy}, Read{Name: "g", Site: hook.ResidPost, Layers: One(0), GradientOf: "k"}), `runs[0].reads[1].gradient_of: "k" gives`, errs.Invalid},
		{"gradient of nothing", one(nil, Read{Name: "g", Site: hook.ResidPost, Layers: One(0), GradientOf: "k"}), `the run has no scalar read "k"`, errs.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Check(c.p, paper(), words{})
			if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
				t.Errorf("got  %v (%v)\nwant %q (%v)", err, errs.KindOf(err), c.want, c.kind)
			}
		})
	}
}

// bases is a plan whose runs all inherit a thousand edits.
func bases() *Plan {
	p := one(nil)
	for range 1000 {
		p.Runs[0].Edits = append(p.Runs[0].Edits, Edit{Site: hook.ResidPost, Layers: All(), Op: Scale})
	}
	for i := range 30 {
		p.Runs = append(p.Runs, Run{Name: "v" + strconv.Itoa(i), Base: "a"})
	}
	return p
}

// rows is a plan of many reads of everything.
func rows() *Plan {
	p := &Plan{}
	for i := range 60 {
		r := Run{Name: "v" + strconv.Itoa(i), Prompt: Prompt{Text: strings.Repeat("x", 63)}}
		for j := range MaxItems / 60 {
			r.Reads = append(r.Reads, Read{Name: strconv.Itoa(j), Site: hook.ResidPost, Layers: All(), Reduce: CrossEntropy})
		}
		p.Runs = append(p.Runs, r)
	}
	return p
}

func circle() *Plan {
	needs := func(name, other string) Run {
		r := adding(Of(other, "r"))
		r.Name, r.Prompt = name, Prompt{Text: "abcab"}
		r.Reads = []Read{{Name: "r", Site: hook.ResidPost, Layers: One(0), Positions: At(0, 1)}}
		return r
	}
	return &Plan{Runs: []Run{needs("a", "c"), needs("b", "a"), needs("c", "b")}}
}

// TestCheckResolves checks what positions, phases and order become.
func TestCheckResolves(t *testing.T) {
	text := func(s string, n int, w Which) Positions { return Positions{Text: &TextPosition{s, n, w}} }
	for _, c := range []struct {
		pos  Positions
		want []int
	}{
		{At(-1, 0), []int{5, 0}},
		{text("ab", 0, ""), []int{2}},
		{text("ab", 0, First), []int{1}},
		{text("ab", -1, Every), []int{4, 5}},
		{text("bca", 0, Every), []int{2, 3, 4}},
		{Positions{All: true}, []int{0, 1, 2, 3, 4, 5}},
		{Positions{}, []int{0, 1, 2, 3, 4, 5}},
	} {
		cp := must(Check(editing(Edit{Positions: c.pos}), paper(), words{}))(t)
		got := cp.runs[0].edits[0].pos
		if got == nil {
			got = every(cp.runs[0].edits[0].box.pos)
		}
		if !equal(got, c.want) {
			t.Errorf("%+v is %v, want %v", c.pos, got, c.want)
		}
	}
	p := editing(Edit{})
	p.Runs[0].Generation = &Generate{Count: 4}
	p.Runs = append(p.Runs, Run{Name: "b", Base: "a", Generation: &Generate{Count: 2}, Edits: []Edit{{Site: hook.ResidPost, Layers: One(0), Positions: At(-1), Op: Scale}}})
	p.Runs[0], p.Runs[1] = p.Runs[1], p.Runs[0]
	cp := must(Check(p, paper(), words{}))(t)
	if cp.todo[0].name != "a" || cp.todo[1].name != "b" {
		t.Error("a base must run before what is built on it")
	}
	e := cp.todo[1].edits
	if len(e) != 2 || e[0].phase != Always || e[0].pos != nil || e[1].phase != InPrompt {
		t.Errorf("edits %+v: the base's come first, everywhere means while generating too, chosen positions mean the prompt", e)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
