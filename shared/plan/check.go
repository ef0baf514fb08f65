package plan

import (
	"fmt"
	"slices"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/nn"
	"patchbay/shared/token"
)

// Facts are what checking a plan needs of a model.
type Facts interface {
	Config() nn.Config
	MaxTokens() int // the longest sequence it is loaded for
	// Site says whether the model has the point and whether it can be edited.
	Site(hook.Point) (shape []int, editable bool, err error)
}

// Tokens is what checking a plan needs of a tokenizer.
type Tokens interface {
	Encode(text string, o token.Options) ([]int32, error)
	Chat(messages []token.Message, generationPrompt bool) (string, error)
	HasChat() bool
	Bytes(id int32) []byte
	Text(id int32) string
	One(text string) (int32, error)
	Size() int
}

// Compiled is a plan that has been checked against a model: prompts are token ids, positions
// are numbers and every shape fits.
type Compiled struct {
	Plan *Plan
	cfg  nn.Config
	room int // tokens of a sequence
	tok  Tokens
	runs []*run // in the plan's order
	todo []*run // in the order of their dependencies
}

// run is a checked Run.
type run struct {
	at    int // in the plan
	name  string
	ids   []int32
	gen   *Generate
	edits []*edit // the base's first
	reads []*read
	// keep are the prompt positions whose logits other runs compare with (kl).
	keep []int
	all  []int        // positions of the prompt
	kept map[int]bool // the same as a set
	// inherited is how many of the edits are the base's, or the same in all variants of a sweep.
	inherited int
	sweep     *sweep
	base      *run
	refs      []int // runs that must be done before, by their place in the plan
	// answers: the likeliest token after the prompt is wanted.
	answers bool
}

// edit is a checked Edit. Nil slices mean all.
type edit struct {
	where        string
	src          *Edit
	about        hook.About
	layers       []int
	heads, index []int // index holds key positions at square sites
	pos          []int // of the prompt; nil: all
	phase        Phase
	s            float32
	box          box
	v, bias      *operand
	// full is the edit that this one is a part of, in a sweep: its operands are resolved once.
	// from is where the part begins in the operands' layers, positions, heads and elements.
	full *edit
	from [4]int
}

// read is a checked Read.
type read struct {
	where        string
	src          *Read
	about        hook.About
	layers       []int
	heads, index []int
	pos          []int // of the prompt, never nil unless the phase is InGenerated
	phase        Phase
	tokens       []int32
	to           *run
	toPos        []int
	next         []int32 // cross_entropy: the token after each position
	box          box
	v            *operand
	of           *read // gradient_of
}

// box is the shape of what an edit or a read selects.
// A pos or width of 0 is not known before the run: an operand must be broadcast along it.
type box struct {
	layers, pos, heads, width int
	headed                    bool // the site has a heads axis
}

// Check validates a whole plan before anything runs: names, sites, layers, heads, positions,
// operands and their shapes, references and their order, and sizes. The error says what is
// wrong, what the limit is and where in the plan ("runs[2].edits[0].layers").
func Check(p *Plan, m Facts, t Tokens) (*Compiled, error) {
	c := &checker{Compiled: &Compiled{Plan: p, cfg: m.Config(), room: m.MaxTokens(), tok: t}, facts: m, byName: map[string]int{}}
	if err := c.names(); err != nil {
		return nil, err
	}
	order, err := c.order()
	if err != nil {
		return nil, err
	}
	c.runs = make([]*run, len(p.Runs))
	for _, i := range order {
		c.runs[i] = &run{at: i, name: p.Runs[i].Name, gen: p.Runs[i].Generation}
		c.runs[i].refs, _ = c.references(i)
		if err := c.run(c.runs[i], i); err != nil {
			return nil, err
		}
		c.todo = append(c.todo, c.runs[i])
	}
	return c.Compiled, c.sizes()
}

type checker struct {
	*Compiled
	facts       Facts
	byName      map[string]int
	items, rows int   // so far
	all         []int // layers
}

// count refuses plans that are small in JSON and large to check.
func (c *checker) count(where string, items, rows int) error {
	c.items, c.rows = c.items+items, c.rows+rows
	switch {
	case c.items > MaxItems:
		return fail(errs.TooLarge, where, "the plan has more than %d edits and reads, those that runs have from their bases counted", MaxItems)
	case c.rows > MaxRows:
		return fail(errs.TooLarge, where, "the reads so far have more than %d rows (layers times positions)", MaxRows)
	}
	return nil
}

func bad(where, format string, args ...any) error {
	return fail(errs.Invalid, where, format, args...)
}

func fail(kind errs.Kind, where, format string, args ...any) error {
	return errs.E("plan.Check", kind, "%s: %w", where, errs.E("plan.Check", kind, format, args...))
}

// at adds the place to an error from below.
func at(where string, err error) error {
	if err == nil {
		return nil
	}
	return errs.E("plan.Check", errs.Other, "%s: %w", where, err)
}

func (c *checker) names() error {
	if len(c.Plan.Runs) == 0 {
		return bad("runs", "the plan has no runs; it needs at least one")
	}
	if len(c.Plan.Runs) > MaxRuns {
		return fail(errs.TooLarge, "runs", "there are %d runs; at most %d are allowed", len(c.Plan.Runs), MaxRuns)
	}
	for i := range c.Plan.Runs {
		r, where := &c.Plan.Runs[i], fmt.Sprintf("runs[%d]", i)
		if err := checkName(r.Name, where+".name"); err != nil {
			return err
		}
		if j, ok := c.byName[r.Name]; ok {
			return bad(where+".name", "%q is the name of runs[%d] already", r.Name, j)
		}
		c.byName[r.Name] = i
		if len(r.Edits) > MaxEdits || len(r.Reads) > MaxReads {
			return fail(errs.TooLarge, where, "there are %d edits and %d reads; at most %d and %d are allowed", len(r.Edits), len(r.Reads), MaxEdits, MaxReads)
		}
		seen := map[string]bool{}
		for j := range r.Reads {
			name, at := r.Reads[j].Name, fmt.Sprintf("%s.reads[%d].name", where, j)
			if err := checkName(name, at); err != nil {
				return err
			}
			if seen[name] {
				return bad(at, "another read of the run is named %q already", name)
			}
			seen[name] = true
		}
	}
	return nil
}

func checkName(name, where string) error {
	switch {
	case name == "":
		return bad(where, "the name is missing; results are found by it")
	case len(name) > MaxName:
		return fail(errs.TooLarge, where, "the name has %d bytes; at most %d are allowed", len(name), MaxName)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r < ' ' || r == 0x7f || r == 0xfffd }):
		return bad(where, "the name %q holds a slash or a control character; results are named RUN/READ", name)
	}
	return nil
}

// order sorts the runs so that each comes after those it refers to.
func (c *checker) order() ([]int, error) {
	const visiting, done = 1, 2
	state := make([]int, len(c.Plan.Runs))
	var order, path []int
	var visit func(i int) error
	visit = func(i int) error {
		switch state[i] {
		case done:
			return nil
		case visiting:
			return bad(fmt.Sprintf("runs[%d]", i), "the runs refer to each other in a circle: %s", c.circle(path, i))
		}
		state[i] = visiting
		path = append(path, i)
		refs, err := c.references(i)
		if err != nil {
			return err
		}
		for _, j := range refs {
			if err := visit(j); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		state[i] = done
		order = append(order, i)
		return nil
	}
	for i := range c.Plan.Runs {
		if err := visit(i); err != nil {
			return nil, err
		}
	}
	return order, nil
}

func (c *checker) circle(path []int, i int) string {
	var names []string
	for _, j := range append(path[slices.Index(path, i):], i) {
		names = append(names, c.Plan.Runs[j].Name)
	}
	return strings.Join(names, " -> ")
}

// references lists the runs that run i needs to have run before it.
func (c *checker) references(i int) (refs []int, err error) {
	r, where := &c.Plan.Runs[i], fmt.Sprintf("runs[%d]", i)
	need := func(where, name string) {
		j, ok := c.byName[name]
		if !ok && err == nil {
			err = fail(errs.NotFound, where, "there is no run %q in the plan", name)
		}
		if ok && err == nil && c.Plan.Runs[j].Sweep != nil && j != i {
			err = fail(errs.Unsupported, where, "%q is a sweep: it stands for many runs, so nothing can refer to it", name)
		}
		refs = append(refs, j)
	}
	operand := func(where string, o *Operand) {
		if o == nil {
			return
		}
		for k, t := range o.Reads {
			need(fmt.Sprintf("%s.reads[%d].run", where, k), t.Run)
		}
	}
	if r.Base != "" {
		need(where+".base", r.Base)
	}
	for k := range r.Edits {
		operand(fmt.Sprintf("%s.edits[%d].operand", where, k), r.Edits[k].Operand)
		operand(fmt.Sprintf("%s.edits[%d].bias", where, k), r.Edits[k].Bias)
	}
	if r.Sweep != nil {
		for k := range r.Sweep.Operands {
			operand(fmt.Sprintf("%s.sweep.operands[%d]", where, k), &r.Sweep.Operands[k])
		}
	}
	for k := range r.Reads {
		operand(fmt.Sprintf("%s.reads[%d].operand", where, k), r.Reads[k].Operand)
		if to := r.Reads[k].To; to != "" && to != r.Name {
			need(fmt.Sprintf("%s.reads[%d].to", where, k), to)
		}
		for n, t := range r.Reads[k].Tokens {
			if t.Answer != "" && t.Answer != r.Name {
				need(fmt.Sprintf("%s.reads[%d].tokens[%d].answer", where, k, n), t.Answer)
			}
		}
	}
	return refs, err
}

// run checks one run; those it refers to have been checked before.
func (c *checker) run(r *run, i int) error {
	src, where := &c.Plan.Runs[i], fmt.Sprintf("runs[%d]", i)
	if err := c.prompt(r, src, where); err != nil {
		return err
	}
	if err := c.generation(r, where+".generation"); err != nil {
		return err
	}
	if err := c.edits(r, i); err != nil {
		return err
	}
	for k := range src.Reads {
		d, err := c.read(r, &src.Reads[k], fmt.Sprintf("%s.reads[%d]", where, k))
		if err != nil {
			return err
		}
		r.reads = append(r.reads, d)
	}
	return c.gradients(r, where)
}

// edits checks the edits of run i for r, which is run i itself or one that has it as its base.
// The base's edits are checked again for r, since r may generate where the base does not.
func (c *checker) edits(r *run, i int) error {
	src := &c.Plan.Runs[i]
	if src.Base != "" {
		if err := c.edits(r, c.byName[src.Base]); err != nil {
			return err
		}
	}
	if r.at == i {
		if r.inherited = len(r.edits); src.Base != "" {
			r.base = c.runs[c.byName[src.Base]]
		}
		if src.Sweep != nil {
			return c.sweep(r, src, fmt.Sprintf("runs[%d]", i))
		}
	}
	for k := range src.Edits {
		e, err := c.edit(r, &src.Edits[k], fmt.Sprintf("runs[%d].edits[%d]", i, k))
		if err != nil {
			return err
		}
		if r.edits = append(r.edits, e); len(r.edits) > MaxEdits {
			return fail(errs.TooLarge, fmt.Sprintf("runs[%d]", r.at), "with those of its bases the run has more than %d edits", MaxEdits)
		}
		if err := c.count(e.where, 1, 0); err != nil {
			return err
		}
	}
	return nil
}

// sizes refuses plans whose results would not fit.
func (c *checker) sizes() error {
	total := 0
	for _, r := range c.runs {
		if err := c.logits(r); err != nil {
			return err
		}
		for _, d := range r.reads {
			total += min(d.numbers(), MaxResult) * r.variants()
			if total > MaxResult {
				return fail(errs.TooLarge, d.where, "with this read the plan would return more than %d numbers; read fewer layers, positions or elements, or reduce them", MaxResult)
			}
		}
		total += len(r.keep) * c.cfg.Vocab
	}
	if total > MaxResult {
		return fail(errs.TooLarge, "runs", "the runs that kl compares with would have to keep %d numbers; at most %d fit: compare fewer positions", total, MaxResult)
	}
	return nil
}

// logits refuses runs that would need more rows of logits than there are or than fit.
func (c *checker) logits(r *run) error {
	rows, last := 0, len(r.ids)-1
	for _, d := range r.reads {
		raw := d.of == nil && d.about.Site == hook.Logits && (!d.lens() || r.direct())
		if !raw && !(r.direct() && (d.to == r || len(r.keep) > 0)) {
			continue
		}
		rows = len(r.ids)
		if r.gen != nil && slices.ContainsFunc(d.pos, func(p int) bool { return p != last }) {
			return fail(errs.Unsupported, d.where+".positions", "a run that generates computes logits of the prompt's last position only: choose -1, or read them in a run without generation")
		}
	}
	if rows*c.cfg.Vocab > MaxResult && r.gen == nil {
		return fail(errs.TooLarge, fmt.Sprintf("runs[%d]", r.at), "whole logits of %d positions are %d numbers; at most %d fit: use a shorter prompt, or reduce them in a run that does not edit the logits", rows, rows*c.cfg.Vocab, MaxResult)
	}
	return nil
}

// Tokens is the length of a run's prompt in tokens, 0 for a run that does not exist.
func (c *Compiled) Tokens(run string) int {
	for _, r := range c.runs {
		if r.name == run {
			return len(r.ids)
		}
	}
	return 0
}
