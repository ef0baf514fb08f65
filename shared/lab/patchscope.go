package lab

import (
	"context"
	"strconv"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// PatchscopeParams are the parameters of a patchscope (Ghandeharioun et al. 2024): a source's state
// after some layer takes the place of a target's, and the target goes on.
type PatchscopeParams struct {
	Set    string      `json:"set"`    // "one" prompt, or a list that is scored
	Source string      `json:"source"` // the one prompt
	At     string      `json:"at"`     // where in the source
	Target string      `json:"target"` // identity, entity, description, attribute, own
	Own    string      `json:"own"`    // the target's text, if it is one's own
	Into   string      `json:"into"`   // where in it
	Count  int         `json:"count"`  // tokens that the target writes
	Step   int         `json:"step"`   // every so many layers
	Grid   bool        `json:"grid"`   // any source layer into any target layer
	Other  string      `json:"other"`  // another model, whose the target is; empty: this one
	Words  int         `json:"words"`  // that the map between the models is fitted and checked on, at most
	Fit    []string    `json:"fit"`    // own texts for that; empty: the built-in ones
	Items  int         `json:"items"`  // of a list, at most
	Texts  []string    `json:"texts"`  // own list: prompts, scored against the model's own next word
	Pairs  [][2]string `json:"pairs"`  // own list: prompts with words of which one must be written
	Seed   int64       `json:"seed"`
}

// PatchscopeResult says what each layer's state means in another prompt.
type PatchscopeResult struct {
	Report
	Layers []int       `json:"layers"`         // those that were patched
	Into   []int       `json:"into,omitempty"` // the layers of the other model that they were put in
	Fit    *ScopeFit   `json:"fit,omitempty"`  // of the map into it
	Items  []ScopeItem `json:"items"`
}

// ScopeItem is one source and what became of it.
type ScopeItem struct {
	Source  string   `json:"source"`
	Next    string   `json:"next"`              // the model's own next token after the source's place
	Word    string   `json:"word,omitempty"`    // into another model: the word that Next begins, of which the first token there is wanted
	Want    []string `json:"want,omitempty"`    // words of which one must be written; none: Next is wanted
	Lens    []string `json:"lens,omitempty"`    // [layer] the logit lens' first guess
	Patched []string `json:"patched,omitempty"` // [layer] what the target writes
	Random  []string `json:"random,omitempty"`  // [layer] what it writes with a random vector of equal length
	Mixed   []string `json:"mixed,omitempty"`   // [layer] what it writes through a map fitted on shuffled pairs
}

func patchscope() *Experiment {
	return register(About{
		Name:   "patchscope",
		Title:  "Patchscope",
		Help:   "What does a representation mean? Put it into another prompt, which says it in words, layer by layer.",
		Source: "Ghandeharioun et al., Patchscopes: A Unifying Framework for Inspecting Hidden Representations (2024), sections 3 and 4",
		Models: []string{"pocket", "smollm2-135m-instruct", "gemma3-270m", "qwen2.5-coder-1.5b-instruct"},
		Lesson: scopeLesson(),
		Params: []Param{
			{Name: "set", Kind: Choice, Default: "one", Choices: []string{"one", "sentences", "entities", "attributes", "lists", "pocket", "own"}, Label: "What to read", Help: "One prompt of yours, or a list that is scored: sentences and lists of six by their next word, entities and attributes by what must be written, or an own list."},
			{Name: "source", Kind: Text, Default: "The capital of Poland is", Label: "Source prompt", Help: "The text whose representation is taken."},
			{Name: "at", Kind: Text, Default: "", Label: "Taken at", Help: "Words of the source (their last token) or a position; left empty, the last token."},
			{Name: "target", Kind: Choice, Default: "identity", Choices: []string{"identity", "entity", "description", "attribute", "own"}, Label: "Target prompt", Help: "The prompt into which it is put: one that repeats, one that describes, one that asks for the currency, or your own."},
			Param{Name: "count", Kind: Int, Default: 6, Label: "Tokens written", Help: "How many tokens the target writes; a list scored by the next word needs one."}.ranged(1, 40),
			Param{Name: "step", Kind: Int, Default: 1, Label: "Layer step", Help: "Measure every so many layers."}.ranged(1, 16),
			Param{Name: "items", Kind: Int, Default: 20, Label: "List items", Help: "How many of the list are used at most."}.ranged(1, 400),
			{Name: "own", Kind: Text, Default: "", Label: "Own target", Help: "The target's text, where it is your own.", More: true},
			{Name: "into", Kind: Text, Default: "", Label: "Put at", Help: "Words of your target (their last token) or a position; left empty, the last token.", More: true},
			{Name: "grid", Kind: Bool, Default: false, Label: "All layer pairs", Help: "Also put every source layer into every target layer.", More: true},
			{Name: "other", Kind: Second, Default: "", Label: "Target model", Help: "The model that gets the state. If it is another one, a map between their states is fitted first.", More: true},
			Param{Name: "words", Kind: Int, Default: 1200, Label: "Words of the fit", Help: "How many words of short texts are read for the map at most; a tenth of the texts is kept to check it.", More: true}.ranged(20, 3000),
			{Name: "fit", Kind: Texts, Default: []string{}, Label: "Texts of the fit", Help: "Own texts for the map between two models; left empty, built-in ones.", More: true},
			{Name: "texts", Kind: Texts, Default: []string{}, Label: "Own prompts", Help: "An own list: prompts, scored by the model's own next word.", More: true},
			{Name: "pairs", Kind: Pairs, Default: [][2]string{}, Label: "Own prompts and words", Help: "An own list: prompts, each with the words, parted by commas, of which one must be written.", More: true},
			Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Of the random vectors and the order of texts.", More: true}.ranged(0, 1<<53-1),
		},
		Presets: scopePresets(),
	}, priceScope, runScope)
}

// scope is a patchscope on its way.
type scope struct {
	b, to   *Bench    // of the source and of the target
	bridge  *bridge   // between them; nil: they are one model
	fitted  *ScopeFit // how well it does
	p       PatchscopeParams
	ctx     context.Context
	emit    func(Event)
	text    string // of the target
	into    plan.Positions
	layers  []int
	deep    []int // the target's layers, one for each of layers
	sources []scopedSource
	count   int   // tokens written; 0: only the first is looked at
	blank   reply // of the target as it is

	lens, patched, random, mixed, wrong []Rate // [layer]
	unpatched                           Rate
	reader                              Rate // the other model, given the source itself
}

// scopedSource is a source with what was read of it.
type scopedSource struct {
	ScopeItem
	at     string
	id     int32          // of Next
	goal   int32          // what the target must write: Next, or the beginning of Word in its tokens
	states [][]float32    // [layer][width]
	put    [3][][]float32 // [kind][layer][width of the target] what is put in
	lensP  []float32      // [layer] probability of the lens' first guess
	first  []plan.Item    // [layer] the first token that the target writes
	noise  []plan.Item    // the same with random vectors
	blur   []plan.Item    // the same through the map of shuffled pairs
}

// newScope checks all that can be checked before anything runs.
func newScope(ctx context.Context, b *Bench, p PatchscopeParams) (*scope, error) {
	s := &scope{b: b, p: p, ctx: ctx, count: p.Count}
	if err := s.list(); err != nil {
		return nil, err
	}
	if err := s.target(); err != nil {
		return nil, err
	}
	target, into := p.Own, p.Into
	if t, ok := scopeTargets[p.Target]; ok {
		target, into = t[0], t[1]
	}
	if err := asked(s.to, "the target prompt", target, into); err != nil {
		return nil, err
	}
	s.text, s.into = target, place(into)
	for i := range s.sources {
		x := &s.sources[i]
		if err := asked(b, "the source prompt", x.Source, x.at); err != nil {
			return nil, err
		}
	}
	if s.p.Set != "one" && len(s.sources[0].Want) == 0 {
		s.count = 0
	}
	n := len(s.layers)
	s.lens, s.patched, s.random, s.mixed, s.wrong = make([]Rate, n), make([]Rate, n), make([]Rate, n), make([]Rate, n), make([]Rate, n)
	return s, nil
}

// sourcePlan reads some sources' states and what the lens makes of them; for another model it lets
// them go on to the end of a word.
func (s *scope) sourcePlan(from, to int) *plan.Plan {
	p := &plan.Plan{}
	for i := from; i < to; i++ {
		x := &s.sources[i]
		read := func(name string, reduce plan.Reduce) plan.Read {
			return plan.Read{Name: name, Site: hook.ResidPost, Layers: plan.Select{List: s.layers}, Positions: place(x.at), Reduce: reduce}
		}
		lens := read("lens", plan.TopK)
		lens.K = 1
		r := plan.Run{Name: "s" + strconv.Itoa(i), Prompt: plan.Prompt{Text: x.Source}, Reads: []plan.Read{read("state", plan.None), lens}}
		if s.bridge != nil {
			r.Generation = &plan.Generate{Count: wordTokens}
		}
		p.Runs = append(p.Runs, r)
	}
	return p
}

// targetRun is the target: its first token, and its text where one is wanted.
func (s *scope) targetRun(name string) plan.Run {
	r := plan.Run{Name: name, Prompt: plan.Prompt{Text: s.text}, Reads: []plan.Read{topRead()}}
	if s.count > 1 {
		r.Generation = &plan.Generate{Count: s.count}
	}
	return r
}

// patchPlan puts operands [layers, 1, width] into the target, each layer's part at that layer.
func (s *scope) patchPlan(operands []plan.Operand) *plan.Plan {
	r := s.targetRun("scope")
	r.Edits = []plan.Edit{{Site: hook.ResidPost, Positions: s.into, Op: plan.Set}}
	r.Sweep = &plan.Sweep{Layers: plan.Select{List: s.deep}, Operands: operands}
	return planOf(r)
}

func priceScope(b *Bench, p PatchscopeParams) (Price, error) {
	s, err := newScope(context.Background(), b, p)
	if err != nil {
		return Price{}, err
	}
	n := s.kinds() * min(len(s.sources), scopeChunk)
	operands := make([]plan.Operand, n)
	for i := range operands {
		operands[i] = *plan.Scalar(0)
	}
	sum, err := pricePlans(b, s.sourcePlan(0, len(s.sources)))
	if err != nil {
		return sum, err
	}
	one, err := pricePlans(s.to, s.patchPlan(operands))
	sum = together(sum, one, float64(s.kinds()*len(s.sources))/float64(n))
	if err == nil && p.Grid {
		var pairs Price
		pairs, err = pricePlans(s.to, s.gridPlan(operands[:1], 0))
		sum = together(sum, pairs, float64(len(s.layers)*len(s.sources))) // a little less: they share a base
	}
	if err == nil && s.bridge != nil {
		var fit Price
		fit, err = s.priceOther()
		sum = together(sum, fit, 1)
	}
	return sum, err
}

// scopeChunk is how many sources are patched before what is known is shown.
const scopeChunk = 4
