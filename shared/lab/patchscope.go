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
	Grid   bool        `json:"grid"`   // of one prompt: any source layer into any target layer
	Items  int         `json:"items"`  // of a list, at most
	Texts  []string    `json:"texts"`  // own list: prompts, scored against the model's own next word
	Pairs  [][2]string `json:"pairs"`  // own list: prompts with words of which one must be written
	Seed   int64       `json:"seed"`
}

// PatchscopeResult says what each layer's state means in another prompt.
type PatchscopeResult struct {
	Report
	Layers []int       `json:"layers"` // those that were patched
	Items  []ScopeItem `json:"items"`
}

// ScopeItem is one source and what became of it.
type ScopeItem struct {
	Source  string   `json:"source"`
	Next    string   `json:"next"`              // the model's own next token after the source's place
	Want    []string `json:"want,omitempty"`    // words of which one must be written; none: Next is wanted
	Lens    []string `json:"lens,omitempty"`    // [layer] the logit lens' first guess
	Patched []string `json:"patched,omitempty"` // [layer] what the target writes
	Random  []string `json:"random,omitempty"`  // [layer] what it writes with a random vector of equal length
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
			{Name: "set", Kind: Choice, Default: "one", Choices: []string{"one", "sentences", "entities", "attributes", "pocket", "own"}, Label: "What to read", Help: "One prompt of yours, or a list that is scored: sentences by their next word, entities and attributes by what must be written, or an own list."},
			{Name: "source", Kind: Text, Default: "The capital of Poland is", Label: "Source prompt", Help: "The text whose representation is taken."},
			{Name: "at", Kind: Text, Default: "", Label: "Taken at", Help: "Words of the source (their last token) or a position; left empty, the last token."},
			{Name: "target", Kind: Choice, Default: "identity", Choices: []string{"identity", "entity", "description", "attribute", "own"}, Label: "Target prompt", Help: "The prompt into which it is put: one that repeats, one that describes, one that asks for the currency, or your own."},
			Param{Name: "count", Kind: Int, Default: 6, Label: "Tokens written", Help: "How many tokens the target writes; a list scored by the next word needs one."}.ranged(1, 40),
			Param{Name: "step", Kind: Int, Default: 1, Label: "Layer step", Help: "Measure every so many layers."}.ranged(1, 16),
			Param{Name: "items", Kind: Int, Default: 20, Label: "List items", Help: "How many of the list are used at most."}.ranged(1, 400),
			{Name: "own", Kind: Text, Default: "", Label: "Own target", Help: "The target's text, where it is your own.", More: true},
			{Name: "into", Kind: Text, Default: "", Label: "Put at", Help: "Words of your target (their last token) or a position; left empty, the last token.", More: true},
			{Name: "grid", Kind: Bool, Default: false, Label: "All layer pairs", Help: "Also put every source layer into every target layer, for one prompt.", More: true},
			{Name: "texts", Kind: Texts, Default: []string{}, Label: "Own prompts", Help: "An own list: prompts, scored by the model's own next word.", More: true},
			{Name: "pairs", Kind: Pairs, Default: [][2]string{}, Label: "Own prompts and words", Help: "An own list: prompts, each with the words, parted by commas, of which one must be written.", More: true},
			Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Of the random vectors.", More: true}.ranged(0, 1<<53-1),
		},
		Presets: scopePresets(),
	}, priceScope, runScope)
}

// scope is a patchscope on its way.
type scope struct {
	b       *Bench
	p       PatchscopeParams
	ctx     context.Context
	emit    func(Event)
	text    string // of the target
	into    plan.Positions
	layers  []int
	sources []scopedSource
	count   int   // tokens written; 0: only the first is looked at
	blank   reply // of the target as it is

	lens, patched, random, wrong []Rate // [layer]
	unpatched                    Rate
}

// scopedSource is a source with what was read of it.
type scopedSource struct {
	ScopeItem
	at     string
	id     int32       // of Next
	states [][]float32 // [layer][width]
	lensP  []float32   // [layer] probability of the lens' first guess
	first  []plan.Item // [layer] the first token that the target writes
	noise  []plan.Item // the same with random vectors
}

// newScope checks all that can be checked before anything runs.
func newScope(b *Bench, p PatchscopeParams) (*scope, error) {
	s := &scope{b: b, p: p, layers: everyLayer(b.Model.Config().Layers, p.Step), count: p.Count}
	target, into := p.Own, p.Into
	if t, ok := scopeTargets[p.Target]; ok {
		target, into = t[0], t[1]
	}
	if err := asked(b, "the target prompt", target, into); err != nil {
		return nil, err
	}
	s.text, s.into = target, place(into)
	if err := s.list(); err != nil {
		return nil, err
	}
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
	s.lens, s.patched, s.random, s.wrong = make([]Rate, n), make([]Rate, n), make([]Rate, n), make([]Rate, n)
	return s, nil
}

// sourcePlan reads some sources' states and what the lens makes of them, and with the first lets the
// target run as it is.
func (s *scope) sourcePlan(from, to int) *plan.Plan {
	p := &plan.Plan{}
	if from == 0 {
		p.Runs = append(p.Runs, s.targetRun("target"))
	}
	for i := from; i < to; i++ {
		x := &s.sources[i]
		read := func(name string, reduce plan.Reduce) plan.Read {
			return plan.Read{Name: name, Site: hook.ResidPost, Layers: plan.Select{List: s.layers}, Positions: place(x.at), Reduce: reduce}
		}
		lens := read("lens", plan.TopK)
		lens.K = 1
		p.Runs = append(p.Runs, plan.Run{Name: "s" + strconv.Itoa(i), Prompt: plan.Prompt{Text: x.Source}, Reads: []plan.Read{read("state", plan.None), lens}})
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
	r.Sweep = &plan.Sweep{Layers: plan.Select{List: s.layers}, Operands: operands}
	return planOf(r)
}

func priceScope(b *Bench, p PatchscopeParams) (Price, error) {
	s, err := newScope(b, p)
	if err != nil {
		return Price{}, err
	}
	n := 2 * min(len(s.sources), scopeChunk)
	operands := make([]plan.Operand, n)
	for i := range operands {
		operands[i] = *plan.Scalar(0)
	}
	sum, err := pricePlans(b, s.sourcePlan(0, len(s.sources)))
	if err != nil {
		return sum, err
	}
	one, err := pricePlans(b, s.patchPlan(operands))
	sum = together(sum, one, float64(2*len(s.sources))/float64(n))
	if err == nil && s.wantsGrid() {
		var pairs Price
		pairs, err = pricePlans(b, s.gridPlan(make([][]float32, len(s.layers))))
		sum = together(sum, pairs, 1)
	}
	return sum, err
}

// scopeChunk is how many sources are patched before what is known is shown.
const scopeChunk = 4

func runScope(ctx context.Context, b *Bench, p PatchscopeParams, emit func(Event)) (*PatchscopeResult, error) {
	s, err := newScope(b, p)
	if err != nil {
		return nil, err
	}
	s.ctx, s.emit = ctx, emit
	for at := 0; at < len(s.sources); {
		to := min(at+min(at+1, scopeChunk), len(s.sources)) // the first alone, so that something is seen at once
		if err := s.read(at, to); err != nil {
			return nil, err
		}
		if err := s.patch(at, to); err != nil {
			return nil, err
		}
		at = to
	}
	s.scoreWrong()
	r := s.result()
	if s.wantsGrid() {
		f, err := s.pairs()
		if err != nil {
			return nil, err
		}
		r.figure(f)
	}
	return r, nil
}

// read runs some sources, and with the first the target as it is.
func (s *scope) read(from, to int) error {
	res, err := perform(s.ctx, s.b, nil, s.sourcePlan(from, to), plan.Observer{})
	if err != nil {
		return err
	}
	if from == 0 {
		s.blank = replyOf(res, "target")
	}
	for i := from; i < to; i++ {
		x, name := &s.sources[i], "s"+strconv.Itoa(i)
		x.states = rowsOf(res, name, "state")
		for l, t := range res.Read(name, "lens").Top {
			g := t[0][0]
			x.Lens, x.lensP = append(x.Lens, g.Text), append(x.lensP, exp(g.Value))
			if l == len(s.layers)-1 { // the last layer's lens is the output
				x.Next, x.id = g.Text, g.ID
			}
		}
		for l, t := range res.Read(name, "lens").Top {
			s.lens[l].add(s.guessed(x, t[0][0]))
		}
		s.unpatched.add(s.right(x, s.blank.top, s.blank.text))
	}
	if s.p.Set == "one" {
		showSoFar(s.emit, "variants", 0, 2*len(s.layers), s.result()) // the lens is there already
	}
	return nil
}

// patch puts the states of some sources into the target, and random vectors of their lengths.
func (s *scope) patch(from, to int) error {
	var operands []plan.Operand
	for i := from; i < to; i++ {
		operands = append(operands, *stacked(s.sources[i].states))
	}
	for i := from; i < to; i++ {
		noise := make([][]float32, len(s.layers))
		for l, v := range s.sources[i].states {
			noise[l] = randomLike(v, s.p.Seed+int64(i*len(s.layers)+l)+1)
		}
		operands = append(operands, *stacked(noise))
	}
	total := 2 * len(s.sources) * len(s.layers)
	done := 2 * from * len(s.layers)
	res, err := perform(s.ctx, s.b, nil, s.patchPlan(operands), plan.Observer{Variant: func(plan.Variant) {
		done++
		s.emit(Event{Stage: "variants", Done: done, Total: total})
	}})
	if err != nil {
		return err
	}
	s.take(res, from, to)
	if to < len(s.sources) {
		showSoFar(s.emit, "variants", done, total, s.result())
	}
	return nil
}

// take sorts the variants back to their sources.
func (s *scope) take(res *plan.Results, from, to int) {
	n := 2 * (to - from)
	sweep, top := res.Run("scope").Sweep, res.Read("scope", "top").Top[0]
	for l := range s.layers {
		for k := range n {
			v := l*n + k
			x, first := &s.sources[from+k%(n/2)], top[v][0]
			text := first.Text
			if sweep.Texts != nil {
				text = sweep.Texts[v]
			}
			if k < n/2 {
				x.Patched, x.first = append(x.Patched, text), append(x.first, first)
				s.patched[l].add(s.right(x, first, text))
			} else {
				x.Random, x.noise = append(x.Random, text), append(x.noise, first)
				s.random[l].add(s.right(x, first, text))
			}
		}
	}
}

func (s *scope) wantsGrid() bool { return s.p.Grid && s.p.Set == "one" }

// gridPlan puts every source layer into every target layer and asks for the source's own next token.
func (s *scope) gridPlan(states [][]float32) *plan.Plan {
	var operands []plan.Operand
	for _, v := range states {
		if v == nil {
			v = []float32{0}
		}
		operands = append(operands, *plan.Literal(nil, v))
	}
	p := s.patchPlan(operands)
	r := &p.Runs[0]
	r.Generation = nil
	r.Reads = append(r.Reads, lastLogits("next", plan.LogProb, plan.TokenRef{ID: s.sources[0].id}))
	return p
}

// pairs is the grid of source and target layers.
func (s *scope) pairs() (Figure, error) {
	n := len(s.layers)
	done := 0
	res, err := perform(s.ctx, s.b, nil, s.gridPlan(s.sources[0].states), plan.Observer{Variant: func(plan.Variant) {
		done++
		s.emit(Event{Stage: "variants", Done: done, Total: n * n})
	}})
	if err != nil {
		return Figure{}, err
	}
	lp := rowsOf(res, "scope", "next")
	f := s.gridFigure()
	top := res.Read("scope", "top").Top[0]
	for y := range n {
		row, texts := make([]Num, n), make([]string, n)
		for x := range n {
			v := x*n + y // the layer is the outer axis, the operand the inner one
			row[x], texts[x] = Num(exp(lp[0][v])), top[v][0].Text
		}
		f.Cells, f.Texts = append(f.Cells, row), append(f.Texts, texts)
	}
	return f, nil
}
