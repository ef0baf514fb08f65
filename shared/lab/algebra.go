package lab

import (
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
)

// AlgebraParams are the parameters of vector algebra (Todd et al. 2024, section 3.3): task vectors
// added and subtracted to make the vector of a task that none of them knows.
type AlgebraParams struct {
	Task     string      `json:"task"`    // what becomes of the word
	Pairs    [][2]string `json:"pairs"`   // one's own words for it, with what becomes of them
	Place    string      `json:"place"`   // "last" or "first": which word of the list is meant
	Formula  string      `json:"formula"` // empty: last-copy + first-TASK - first-copy
	Vector   *Vector     `json:"vector"`  // "mine" in the formula
	Vector2  *Vector     `json:"vector2"` // "mine2"
	Query    string      `json:"query"`   // one's own list for the texts; empty: a tested one
	Format   string      `json:"format"`
	Lead     string      `json:"lead"`  // a line before examples on lists; * is the place
	Op       string      `json:"op"`    // "replace" or "add"
	Layer    int         `json:"layer"` // -1: all
	Items    int         `json:"items"`
	Shots    int         `json:"shots"`
	Words    int         `json:"words"` // of a list
	Strength float64     `json:"strength"`
	Solved   bool        `json:"solved"` // only lists whose word the model can do alone
	Step     int         `json:"step"`
	Seed     int64       `json:"seed"`
}

// AlgebraResult is what was measured, beside the report of it.
type AlgebraResult struct {
	Report
	Formula  string  `json:"formula"`
	Layer    int     `json:"layer"` // where the composed vector works best, or the chosen one
	Zero     Rate    `json:"zero"`  // without examples
	Few      Rate    `json:"few"`   // after examples of the wanted task
	Composed Rate    `json:"composed"`
	Direct   Rate    `json:"direct"` // the vector made of examples of the wanted task
	Parts    []Rate  `json:"parts"`  // each added term alone
	Random   Rate    `json:"random"`
	Cosine   float64 `json:"cosine"`  // of composed and direct
	Centred  float64 `json:"centred"` // the same without what all tasks share
}

// wordTasks are what may become of a word.
var wordTasks = []string{"capital", "capitalise", "antonym", "french", "plural", "past"}

func algebra() *Experiment {
	return register(About{
		Name:   "algebra",
		Title:  "Vector algebra",
		Help:   "Add and subtract the vectors of tasks to make the vector of a new task.",
		Source: "Todd et al. 2024, Function vectors in large language models, section 3.3",
		Lesson: &Lesson{
			Idea:    "If a task is a direction, tasks can be added and subtracted. From the last word of a list, plus the capital of the first, less the first word, comes the capital of the last: a task that none of the three shows. We make the vectors from examples, compute the sum, and use it without any example of the new task.",
			Predict: "How well will the composed vector do the new task?",
			Guesses: [3]string{"no better than one of its parts", "better than its parts, but worse than a vector made from examples", "about as well as a vector made from examples"},
			Fails:   "It needs a model that tells first from last and knows the answers. Pocket takes the wrong word of three in half of the cases unless a line before the examples names the place; without that line the part first-capitalise does as well as the sum. Even with it the plain sum fails there after layer 3, 1 of 30: a list without examples is read from its end anyway, so the difference between last and first is weak, and has to be turned up threefold. The cosine of composed and direct vector is 0.98 or more even where nothing works: all these vectors share most of their length, so look at what is left without the shared part.",
		},
		Models:  []string{"pocket", "gemma3-270m", "smollm2-135m-instruct"},
		Presets: algebraPresets(),
		Params: []Param{
			{Name: "task", Kind: Choice, Default: "capitalise", Choices: wordTasks, Label: "Task", Help: "What becomes of the word: capital of the country, large first letter, opposite, French word, plural, past tense."},
			{Name: "pairs", Kind: Pairs, Default: [][2]string{}, Label: "Your own pairs", Help: "Your own words for the task, each with what becomes of it, in place of the built-in ones.", More: true},
			{Name: "place", Kind: Choice, Default: "last", Choices: []string{"last", "first"}, Label: "Which word", Help: "Which word of the list the new task is about."},
			{Name: "formula", Kind: Text, Default: "", Label: "Formula", Help: "Your own sum, such as last-copy + first-capital - first-copy: names with first- or last-, names of one-word tasks, mine and mine2; left empty, the course's."},
			{Name: "vector", Kind: Dir, Default: nil, Label: "Your vector", Help: "A vector that was kept or brought in; the formula calls it mine.", More: true},
			{Name: "vector2", Kind: Dir, Default: nil, Label: "Second vector", Help: "Another one; the formula calls it mine2.", More: true},
			{Name: "query", Kind: Text, Default: "", Label: "Your list", Help: "Words separated by commas, to see answered; left empty, a list that is tested."},
			{Name: "format", Kind: Choice, Default: qaFormat, Choices: []string{arrowFormat, qaFormat, colonFormat}, Label: "Format", Help: "How examples and queries are written."},
			{Name: "lead", Kind: Text, Default: "", Label: "Line before", Help: "A line that stands before examples on lists and may say what they are of; a * in it becomes first or last.", More: true},
			{Name: "op", Kind: Choice, Default: "replace", Choices: []string{"replace", "add"}, Label: "How to use it", Help: "Put the vector in the place of the last token's state, or add it."},
			Param{Name: "layer", Kind: Int, Default: -1, Label: "Layer", Help: "After which layer the vectors are used; -1 for each in turn."}.ranged(-1, 255),
			Param{Name: "items", Kind: Int, Default: 30, Label: "Lists", Help: "How many lists are tested."}.ranged(2, 200),
			Param{Name: "shots", Kind: Int, Default: 10, Label: "Examples", Help: "How many examples stand before a query."}.ranged(1, 30),
			Param{Name: "words", Kind: Int, Default: 3, Label: "List length", Help: "How many words a list has.", More: true}.ranged(2, 8),
			Param{Name: "strength", Kind: Float, Default: 1, Label: "Strength", Help: "How many times an added vector is added.", More: true}.ranged(-20, 20),
			{Name: "solved", Kind: Bool, Default: true, Label: "Only known words", Help: "Test only lists whose word the model can do by itself, after examples of single words.", More: true},
			Param{Name: "step", Kind: Int, Default: 1, Label: "Layer step", Help: "Try every layer, or every so many.", More: true}.ranged(1, 16),
			Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Which words are shown and which tested.", More: true}.ranged(0, 1<<53-1),
		},
	}, priceAlgebra, runAlgebra)
}

// operandTerm is a part of a formula.
type operandTerm struct {
	name   string
	weight float32
}

// target names the new task.
func (p *AlgebraParams) target() string { return p.Place + "-" + p.Task }

// terms reads the formula: names with + and - between them, spaces around, each perhaps with a
// factor as in 0.5*last-copy.
func (p *AlgebraParams) terms() ([]operandTerm, error) {
	text := strings.TrimSpace(p.Formula)
	if text == "" {
		other := "first"
		if p.Place == "first" {
			other = "last"
		}
		text = p.Place + "-copy + " + other + "-" + p.Task + " - " + other + "-copy"
	}
	var out []operandTerm
	sign, open := float32(1), true
	for _, w := range strings.Fields(strings.ReplaceAll(text, "−", "-")) {
		if w == "+" || w == "-" {
			if open && len(out) > 0 {
				return nil, errs.E("lab.algebra", errs.Invalid, "formula: a name is missing before %q", w)
			}
			if sign = 1; w == "-" {
				sign = -1
			}
			open = true
			continue
		}
		if !open {
			return nil, errs.E("lab.algebra", errs.Invalid, "formula: + or - is missing before %.40q; write spaces around it", w)
		}
		t, err := p.term(w, sign)
		if err != nil {
			return nil, err
		}
		out, open = append(out, t), false
	}
	switch {
	case len(out) == 0 || open:
		return nil, errs.E("lab.algebra", errs.Invalid, "formula: it ends without a name; write for example last-copy + first-capital - first-copy")
	case len(out) > maxTerms:
		return nil, errs.E("lab.algebra", errs.TooLarge, "formula: it has %d names; at most %d are computed", len(out), maxTerms)
	}
	return out, nil
}

// maxTerms bounds a formula.
const maxTerms = 12

func (p *AlgebraParams) term(w string, sign float32) (t operandTerm, err error) {
	factor, name, found := strings.Cut(w, "*")
	t = operandTerm{w, sign}
	if found {
		f, err := strconv.ParseFloat(factor, 32)
		if err != nil || f-f != 0 {
			return t, errs.E("lab.algebra", errs.Invalid, "formula: %.40q is no number times a name", w)
		}
		t = operandTerm{name, sign * float32(f)}
	}
	known := []string{"mine", "mine2"}
	for _, place := range []string{"first-", "last-"} {
		for _, task := range append([]string{"copy"}, wordTasks...) {
			known = append(known, place+task)
		}
	}
	known = append(known, wordTasks...)
	if !slices.Contains(known, t.name) {
		return t, errs.E("lab.algebra", errs.NotFound, "formula: there is no vector %.40q; there are %s", t.name, strings.Join(known, ", "))
	}
	if t.name == "mine" && p.Vector == nil || t.name == "mine2" && p.Vector2 == nil {
		return t, errs.E("lab.algebra", errs.Invalid, "formula: %s is named, but no such vector is given", t.name)
	}
	return t, nil
}

// pairsFor draws a named task's pairs. Lists of one pool of words are the same for all tasks, so that
// only the task differs.
func (p *AlgebraParams) pairsFor(b *Bench, name string) []pair {
	place, task, list := strings.Cut(name, "-")
	if !list {
		return shuffled(p.words(name), source(p.Seed))
	}
	pool := p.words(task)
	if task == "copy" {
		pool = p.words(p.Task)
	}
	n := p.Items + algebraSets*(p.Shots+(p.Items+algebraSets-1)/algebraSets)
	return listed(b, pool, p.Words, n, place == "last", task == "copy", source(p.Seed))
}

// words are a one-word task's pairs: the person's own, where they are of the new task.
func (p *AlgebraParams) words(task string) []pair {
	if task == p.Task && len(p.Pairs) > 0 {
		return given(p.Pairs)
	}
	return wordTask(task)
}

// algebraSets is how many sets of examples each vector is made of.
const algebraSets = 3

// algebraRun is an experiment on its way.
type algebraRun struct {
	b      *Bench
	p      AlgebraParams
	emit   func(Event)
	terms  []operandTerm
	layers []int

	sets    []*prober
	train   map[string][]*probe // by name
	demos   [][]pair            // of the wanted task
	zero    []*probe            // the tested lists without examples,
	few     []*probe            // with,
	alone   []*probe            // and their word alone, after examples of single words
	named   map[string][][]float32
	vectors treatment
	out     *AlgebraResult
}

func newAlgebra(b *Bench, p AlgebraParams, emit func(Event)) (*algebraRun, error) {
	r := &algebraRun{b: b, p: p, emit: emit, train: map[string][]*probe{}, named: map[string][][]float32{}, out: &AlgebraResult{}}
	n := b.Model.Config().Layers
	if p.Layer >= n {
		return nil, errs.E("lab.algebra", errs.Invalid, "layer: there is no layer %d; this model has the layers 0 to %d, and -1 means each in turn", p.Layer, n-1)
	}
	r.layers = every(0, n, p.Step)
	if p.Layer >= 0 {
		r.layers = []int{p.Layer}
	}
	for _, v := range []*Vector{p.Vector, p.Vector2} {
		if v == nil {
			continue
		}
		if err := v.fits(b); err != nil {
			return nil, err
		}
	}
	var err error
	if r.terms, err = p.terms(); err != nil {
		return nil, err
	}
	r.out.Formula = spell(r.terms)
	return r, r.ask()
}

// spell writes a formula in its plain form.
func spell(terms []operandTerm) string {
	s := ""
	for i, t := range terms {
		w := t.weight
		switch {
		case w < 0 && i == 0:
			s, w = "- ", -w
		case w < 0:
			s, w = s+" - ", -w
		case i > 0:
			s += " + "
		}
		if w != 1 {
			s += number(float64(w)) + "*"
		}
		s += t.name
	}
	return s
}

// ask makes the probes of every vector, and those of the tested lists; a plan for each set of
// examples, the wanted task first.
func (r *algebraRun) ask() error {
	names := []string{r.p.target()}
	for _, t := range r.terms {
		if !slices.Contains(names, t.name) && !strings.HasPrefix(t.name, "mine") {
			names = append(names, t.name)
		}
	}
	for range algebraSets {
		r.sets = append(r.sets, newProber(r.b))
	}
	size := sizeIn(r.b)
	for _, name := range names {
		d, err := dealt(r.p.pairsFor(r.b, name), nil, r.p.Items, algebraSets, r.p.Shots, size)
		if err != nil {
			return err
		}
		for s := range d.demos {
			if err := r.askSet(name, &d, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// askSet asks one task's queries after its examples of a set, and of the wanted task the tested lists:
// alone (what is shown first, for it is quick), after the examples, and their words alone.
func (r *algebraRun) askSet(name string, d *deal, s int) error {
	f, q := formatOf(r.p.Format), r.sets[s]
	led := f
	if place, _, onLists := strings.Cut(name, "-"); onLists && r.p.Lead != "" {
		led.lead = strings.ReplaceAll(r.p.Lead, "*", place) + "\n"
	}
	train, err := probesOf(r.b, led, d.demos[s], d.train[s])
	if err != nil {
		return err
	}
	r.train[name] = append(r.train[name], train...)
	if name != r.p.target() {
		q.add(name, train, wants{state: true})
		return nil
	}
	r.demos = d.demos
	test := d.tested(s, algebraSets)
	words := r.wordsOf(test)
	pool := slices.DeleteFunc(shuffled(r.p.words(r.p.Task), source(r.p.Seed+3)), func(p pair) bool { return slices.Contains(words, p) })
	for _, x := range []struct {
		to           *[]*probe
		name         string
		f            shotFormat
		demos, items []pair
	}{{&r.zero, "zero", f, nil, test}, {&r.few, name, led, d.demos[s], test}, {&r.alone, "alone", f, pool[:min(r.p.Shots, len(pool))], words}} {
		ps, err := probesOf(r.b, x.f, x.demos, x.items)
		if err != nil {
			return err
		}
		*x.to = append(*x.to, ps...)
		if x.to == &r.few {
			q.add(name, append(ps, train...), wants{state: true})
		} else {
			q.add(x.name, ps, wants{})
		}
	}
	return nil
}

// wordsOf are the words that lists are about, with their answers.
func (r *algebraRun) wordsOf(lists []pair) (words []pair) {
	for _, it := range lists {
		xs := strings.Split(it.x, ", ")
		x := xs[0]
		if r.p.Place == "last" {
			x = xs[len(xs)-1]
		}
		words = append(words, pair{x, it.y})
	}
	return words
}

// kept are the tested lists whose word the model can do alone, of those asked so far.
func (r *algebraRun) kept(ps []*probe) []*probe {
	var out []*probe
	for i, p := range ps {
		if !r.p.Solved || r.alone[i].asked && r.alone[i].right() {
			out = append(out, p)
		}
	}
	return out
}
