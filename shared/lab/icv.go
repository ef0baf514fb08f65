package lab

import (
	"context"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// ICVParams are the parameters of the in-context vector (Hendel et al. 2023, Todd et al. 2024,
// Liu et al. 2023): what demonstrations leave at the last token, used instead of them.
type ICVParams struct {
	Task     string      `json:"task"`
	Pairs    [][2]string `json:"pairs"` // one's own task; empty: the chosen one
	Tests    [][2]string `json:"tests"` // one's own task's queries to test; empty: some of Pairs
	Query    string      `json:"query"` // one's own query for the texts; empty: a tested one
	Format   string      `json:"format"`
	Method   string      `json:"method"` // "average", "heads" or "icv"
	Op       string      `json:"op"`     // "replace" or "add"
	Items    int         `json:"items"`
	Shots    int         `json:"shots"`
	Strength float64     `json:"strength"` // of an added vector
	TopHeads int         `json:"heads"`    // how many heads a head vector is the sum of
	Prompts  int         `json:"prompts"`  // shuffled prompts on which heads are tried
	Words    int         `json:"words"`    // of a list
	Solved   bool        `json:"solved"`   // only queries that are answered in context
	Step     int         `json:"step"`     // every so many layers
	Seed     int64       `json:"seed"`
}

// ICVResult is what was measured, beside the report of it.
type ICVResult struct {
	Report
	Zero     Rate `json:"zero"`     // of the measured queries, without demonstrations
	Few      Rate `json:"few"`      // of all queries, after demonstrations
	Shuffled Rate `json:"shuffled"` // of all queries, after demonstrations with each other's answers
	Best     Rate `json:"best"`     // with the vector, where it works best
	At       int  `json:"at"`       // that layer (of method icv: the place in Strengths)
	Recover  Num  `json:"recover"`  // (best - zero) / (few - zero), on the measured queries
}

// The methods by which a vector is made.
const (
	averageMethod = "average"
	headsMethod   = "heads"
	icvMethod     = "icv"
)

// demoSets is how many sets of demonstrations the queries are shared out to.
const demoSets = 5

// icvStrengths are tried for the vector that Liu et al. add at every MLP; theirs is 0.1.
var icvStrengths = []float64{0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2}

func icv() *Experiment {
	return register(About{
		Name:   "icv",
		Title:  "In-context vector",
		Help:   "Show a task by examples, take the state they leave in the model, and use it in place of the examples.",
		Source: "Todd et al. 2024, Function vectors in large language models, sections 2.1 and 2.3; Hendel et al. 2023, In-context learning creates task vectors; Liu et al. 2023, In-context vectors",
		Lesson: &Lesson{
			Idea:    "A model that has seen a few examples does the task on a new word. Where is the task kept? We take the state at the last token after such examples, average it over many queries, and put it into a prompt without any examples.",
			Predict: "In which part of the model will the vector work best?",
			Guesses: [3]string{"in the first third of the layers", "in the middle third", "in the last third"},
			Fails:   "Late layers fail: from layer 12 of 18 on Gemma's vectors answer next to nothing, for the state there already holds the word that followed the old query. Added instead of put in place, a vector is weaker, since the prompt's own state stays and speaks as loudly. Shuffled examples are no empty control: their answers still show what kind of word is wanted, and for capitals they do nearly as well. The heads' vector is too short for Gemma at strength 1: it answered 1 of 20.",
		},
		Models:  []string{"pocket", "gemma3-270m", "smollm2-135m-instruct"},
		Presets: icvPresets(),
		Params: []Param{
			{Name: "task", Kind: Choice, Default: "capital", Choices: taskNames, Label: "Task", Help: "What the examples show: past tense, plural, a country's capital, opposite, French word, large first letter, first or last of a list."},
			{Name: "pairs", Kind: Pairs, Default: [][2]string{}, Label: "Your own pairs", Help: "A task of your own: at least six queries with their answers. Given, they are used instead of the task above."},
			{Name: "tests", Kind: Pairs, Default: [][2]string{}, Label: "Your test queries", Help: "Queries of your own task to be tested; left empty, some of your pairs are set aside.", More: true},
			{Name: "query", Kind: Text, Default: "", Label: "Your query", Help: "A word to see answered with and without the vector; left empty, one of those tested."},
			{Name: "format", Kind: Choice, Default: arrowFormat, Choices: []string{arrowFormat, qaFormat, colonFormat}, Label: "Format", Help: "How examples and queries are written."},
			{Name: "method", Kind: Choice, Default: averageMethod, Choices: []string{averageMethod, headsMethod, icvMethod}, Label: "Method", Help: "average: the mean state after each layer. heads: the sum of what the most causal attention heads say. icv: the main difference between answers and queries, at every MLP."},
			{Name: "op", Kind: Choice, Default: "replace", Choices: []string{"replace", "add"}, Label: "How to use it", Help: "Put the vector in the place of the last token's state, or add it; the vector of heads is always added."},
			Param{Name: "items", Kind: Int, Default: 30, Label: "Queries", Help: "How many queries are tested."}.ranged(2, 200),
			Param{Name: "shots", Kind: Int, Default: 10, Label: "Examples", Help: "How many examples stand before a query."}.ranged(1, 30),
			Param{Name: "strength", Kind: Float, Default: 1, Label: "Strength", Help: "How many times an added vector is added.", More: true}.ranged(-20, 20),
			Param{Name: "heads", Kind: Int, Default: 10, Label: "Heads", Help: "How many heads a vector of heads is the sum of.", More: true}.ranged(1, 200),
			Param{Name: "prompts", Kind: Int, Default: 10, Label: "Prompts for heads", Help: "On how many prompts with shuffled answers the heads are tried.", More: true}.ranged(1, 100),
			Param{Name: "words", Kind: Int, Default: 3, Label: "List length", Help: "How many words a list has, in tasks on lists.", More: true}.ranged(2, 8),
			{Name: "solved", Kind: Bool, Default: true, Label: "Only solved queries", Help: "Test only queries that the model answers after examples, as the papers do.", More: true},
			Param{Name: "step", Kind: Int, Default: 1, Label: "Layer step", Help: "Try every layer, or every so many.", More: true}.ranged(1, 16),
			Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Which words are shown and which tested.", More: true}.ranged(0, 1<<53-1),
		},
	}, priceICV, runICV)
}

// icvRun is an experiment on its way.
type icvRun struct {
	b      *Bench
	p      ICVParams
	emit   func(Event)
	layers []int // swept

	deal            deal
	zero, few, bad  []*probe // of the tested queries, in one order
	train, trainBad []*probe
	bare            []*probe // queries of train alone, to try heads on
	first           *prober
	out             *ICVResult
	vectors         treatment
}

func newICV(b *Bench, p ICVParams, emit func(Event)) (*icvRun, error) {
	r := &icvRun{b: b, p: p, emit: emit, out: &ICVResult{}}
	r.layers = every(0, b.Model.Config().Layers, p.Step)
	ps, err := r.pairs()
	if err == nil {
		r.deal, err = dealt(ps, p.tests(), p.Items, demoSets, p.Shots, sizeIn(b))
	}
	if err == nil {
		err = r.ask()
	}
	return r, err
}

// pairs are the task's, or the person's own, in an order drawn from the seed.
func (r *icvRun) pairs() ([]pair, error) {
	rnd := source(r.p.Seed)
	if len(r.p.Pairs) > 0 {
		for i, p := range r.p.Pairs {
			if trim(p[0]) == "" || trim(p[1]) == "" {
				return nil, errs.E("lab.icv", errs.Invalid, "pair %d has an empty side; each pair needs a query and an answer", i+1)
			}
		}
		return shuffled(given(r.p.Pairs), rnd), nil
	}
	if t := r.p.Task; t == "first" || t == "last" {
		n := r.p.Items + demoSets*(r.p.Shots+(r.p.Items+demoSets-1)/demoSets)
		return listed(r.b, wordTask("copy"), r.p.Words, n, t == "last", false, rnd), nil
	}
	return shuffled(wordTask(r.p.Task), rnd), nil
}

// tests are the queries that the person wants tested.
func (p *ICVParams) tests() []pair {
	if len(p.Pairs) == 0 {
		return nil
	}
	return given(p.Tests)
}

// given are a person's pairs.
func given(list [][2]string) (ps []pair) {
	for _, p := range list {
		ps = append(ps, pair{trim(p[0]), trim(p[1])})
	}
	return ps
}

// ask makes the probes: each tested query alone, after its set's demonstrations, and after the
// same with each other's answers; and the queries that vectors are made of.
func (r *icvRun) ask() error {
	f, d := formatOf(r.p.Format), &r.deal
	r.first = newProber(r.b)
	for s, demos := range d.demos {
		bad := rotated(demos, max(1, len(demos)/2-s%2*2))
		for _, x := range []struct {
			to, made *[]*probe
			demos    []pair
			name     string
		}{{&r.few, &r.train, demos, "few"}, {&r.bad, &r.trainBad, bad, "shuffled"}} {
			test, err := probesOf(r.b, f, x.demos, d.tested(s, demoSets))
			if err != nil {
				return err
			}
			train, err := probesOf(r.b, f, x.demos, d.train[s])
			if err != nil {
				return err
			}
			*x.to, *x.made = append(*x.to, test...), append(*x.made, train...)
			r.first.add(x.name, append(slices.Clone(test), train...), wants{state: r.p.Method == averageMethod, heads: r.p.Method == headsMethod, logp: r.p.Method == headsMethod})
		}
		if s == 0 {
			var err error
			if r.zero, err = probesOf(r.b, f, nil, d.test); err != nil {
				return err
			}
			r.first.add("zero", r.zero, wants{})
		}
	}
	if r.p.Method != headsMethod {
		return nil
	}
	var items []pair
	for _, p := range evenly(r.train, r.p.Prompts) {
		items = append(items, p.item)
	}
	var err error
	if r.bare, err = probesOf(r.b, f, nil, items); err != nil {
		return err
	}
	r.first.add("bare", r.bare, wants{logp: true})
	return nil
}

// priceICV adds up what runICV would run if every query were solved in context.
func priceICV(b *Bench, p ICVParams) (Price, error) {
	r, err := newICV(b, p, nil)
	if err != nil {
		return Price{}, err
	}
	plans := []*plan.Plan{&r.first.plan}
	if r.p.Method == headsMethod {
		plans = append(plans, r.effectPlan(nil))
	}
	if r.p.Method == icvMethod {
		q, _, err := r.differences()
		if err != nil {
			return Price{}, err
		}
		plans = append(plans, &q.plan)
	}
	r.vectors = r.treatment(make([]madeVector, r.series()))
	return pricePlans(b, append(plans, r.vectors.plan(r.zero))...)
}

func runICV(ctx context.Context, b *Bench, p ICVParams, emit func(Event)) (*ICVResult, error) {
	r, err := newICV(b, p, emit)
	if err != nil {
		return nil, err
	}
	if err := r.context(ctx); err != nil {
		return nil, err
	}
	made, err := r.make(ctx)
	if err != nil {
		return nil, err
	}
	r.vectors = r.treatment(made)
	if err := r.measure(ctx); err != nil {
		return nil, err
	}
	return r.out, r.finish(ctx)
}

// context asks everything that needs no vector, and shows how many are right as that goes on.
func (r *icvRun) context(ctx context.Context) error {
	err := r.first.run(ctx, r.emit, func() {
		r.levels(r.zero)
		r.partial()
	})
	r.levels(r.kept(r.zero))
	return err
}

func (r *icvRun) levels(zero []*probe) {
	r.out.Zero, r.out.Few, r.out.Shuffled = countRight(zero), countRight(r.few), countRight(r.bad)
	r.out.Of = len(r.few)
}

// kept are those of the tested queries that are measured.
func (r *icvRun) kept(ps []*probe) []*probe {
	if !r.p.Solved {
		return ps
	}
	var out []*probe
	for i, p := range ps {
		if r.few[i].right() {
			out = append(out, p)
		}
	}
	return out
}

// partial sends the report as it is.
func (r *icvRun) partial() {
	r.report()
	stage := "layers"
	if r.vectors.total == 0 {
		stage = "prefill"
	}
	showSoFar(r.emit, stage, r.vectors.done, r.vectors.total, r.out)
}

// measure applies the vectors to every kept query.
func (r *icvRun) measure(ctx context.Context) error {
	kept := r.kept(r.zero)
	r.out.Kept = len(kept)
	if len(kept) == 0 {
		return nil
	}
	return r.vectors.run(ctx, r.b, kept, r.partial)
}

// finish finds the best place, keeps its vector, and writes texts with it.
func (r *icvRun) finish(ctx context.Context) error {
	if r.out.Kept > 0 {
		hits := r.vectors.hits[0]
		r.out.At = peak(hits)
		r.out.Best = hits[r.out.At]
		few := r.few
		if r.p.Solved {
			few = r.kept(r.few)
		}
		r.out.Recover = Num(recovered(r.out.Best, r.out.Zero, countRight(few)))
		if r.p.Method != icvMethod {
			r.keepVector()
		}
		if err := r.passages(ctx); err != nil {
			return err
		}
		if r.p.Method != icvMethod {
			r.out.At = r.layers[r.out.At]
		}
	}
	r.report()
	return nil
}

// recovered is the part of the gap between zero-shot and few-shot that a rate makes up for.
func recovered(best, zero, few Rate) float64 {
	if few.Share() <= zero.Share() {
		return math.NaN()
	}
	return (best.Share() - zero.Share()) / (few.Share() - zero.Share())
}

func (r *icvRun) name() string {
	if len(r.p.Pairs) > 0 {
		return "own pairs"
	}
	return r.p.Task
}

func (r *icvRun) keepVector() {
	l := r.layers[r.out.At]
	r.out.Vectors = []Vector{{
		Name: r.name(), Model: r.b.Parity.Model, Digest: r.b.Parity.Digest, Site: "hook_resid_post", Layer: l,
		Values: Floats(r.vectors.vectors[0].by[l]), Made: "icv " + r.p.Method + ", " + strconv.Itoa(r.p.Shots) + " examples of " + r.name(),
	}}
}
