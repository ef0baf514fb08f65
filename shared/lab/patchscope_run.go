package lab

import (
	"context"
	"strconv"

	"patchbay/shared/plan"
)

func runScope(ctx context.Context, b *Bench, p PatchscopeParams, emit func(Event)) (*PatchscopeResult, error) {
	s, err := newScope(ctx, b, p)
	if err != nil {
		return nil, err
	}
	s.emit = emit
	if s.bridge != nil {
		if err := s.fit(); err != nil {
			return nil, err
		}
	}
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
	if p.Grid {
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
	if from == 0 {
		res, err := perform(s.ctx, s.to, nil, planOf(s.targetRun("target")), plan.Observer{})
		if err != nil {
			return err
		}
		s.blank = replyOf(res, "target")
	}
	res, err := perform(s.ctx, s.b, nil, s.sourcePlan(from, to), plan.Observer{})
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		x, name := &s.sources[i], "s"+strconv.Itoa(i)
		x.states = rowsOf(res, name, "state")
		for l, t := range res.Read(name, "lens").Top {
			g := t[0][0]
			x.Lens, x.lensP = append(x.Lens, g.Text), append(x.lensP, exp(g.Value))
			if l == len(s.layers)-1 { // the last layer's lens is the output
				x.Next, x.id, x.goal = g.Text, g.ID, g.ID
			}
		}
		if s.bridge != nil {
			if err := s.translate(x, res.Run(name).Text); err != nil {
				return err
			}
		}
		for l, t := range res.Read(name, "lens").Top {
			s.lens[l].add(s.guessed(x, t[0][0]))
		}
		s.unpatched.add(s.right(x, s.blank.top, s.blank.text))
		s.prepare(i)
	}
	if s.p.Set == "one" {
		showSoFar(s.emit, "variants", 0, s.kinds()*len(s.layers), s.result()) // the lens is there already
	}
	return nil
}

// The kinds of vectors that are put into the target.
const (
	putState  = iota // the source's state, through the map if the target is another model's
	putRandom        // a random vector of that length
	putMixed         // the state through a map fitted on shuffled pairs
)

// kinds is how many of these there are.
func (s *scope) kinds() int {
	if s.bridge != nil {
		return 3
	}
	return 2
}

// prepare makes what is put in of a source's states.
func (s *scope) prepare(i int) {
	x := &s.sources[i]
	for l, v := range x.states {
		moved, mixed := s.move(l, l, v)
		noise := randomLike(moved, s.p.Seed+int64(i*len(s.layers)+l)+1)
		for kind, v := range [][]float32{moved, noise, mixed} {
			x.put[kind] = append(x.put[kind], v)
		}
	}
}

// patch puts all kinds of vectors of some sources into the target.
func (s *scope) patch(from, to int) error {
	var operands []plan.Operand
	for kind := range s.kinds() {
		for i := from; i < to; i++ {
			operands = append(operands, *stacked(s.sources[i].put[kind]))
		}
	}
	total := s.kinds() * len(s.sources) * len(s.layers)
	done := s.kinds() * from * len(s.layers)
	res, err := perform(s.ctx, s.to, nil, s.patchPlan(operands), plan.Observer{Variant: func(plan.Variant) {
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
	m := to - from
	n := s.kinds() * m
	sweep, top := res.Run("scope").Sweep, res.Read("scope", "top").Top[0]
	for l := range s.layers {
		for k := range n {
			v := l*n + k
			x, first := &s.sources[from+k%m], top[v][0]
			text := first.Text
			if sweep.Texts != nil {
				text = sweep.Texts[v]
			}
			hit := s.right(x, first, text)
			switch k / m {
			case putState:
				x.Patched, x.first = append(x.Patched, text), append(x.first, first)
				s.patched[l].add(hit)
			case putRandom:
				x.Random, x.noise = append(x.Random, text), append(x.noise, first)
				s.random[l].add(hit)
			case putMixed:
				x.Mixed, x.blur = append(x.Mixed, text), append(x.blur, first)
				s.mixed[l].add(hit)
			}
		}
	}
}

// gridPlan puts every source layer, an operand each, into every target layer and asks for a token.
func (s *scope) gridPlan(operands []plan.Operand, want int32) *plan.Plan {
	p := s.patchPlan(operands)
	r := &p.Runs[0]
	r.Generation = nil
	r.Reads = append(r.Reads, lastLogits("next", plan.LogProb, plan.TokenRef{ID: want}))
	return p
}

// everywhere is a source's state of each layer as every layer of the target takes it.
func (s *scope) everywhere(x *scopedSource) (out []plan.Operand) {
	for l, v := range x.states {
		var rows [][]float32
		for t := range s.deep {
			moved, _ := s.move(l, t, v)
			rows = append(rows, moved)
		}
		out = append(out, *stacked(rows))
	}
	return out
}

// pairs is the grid of source and target layers: of one source the word's probability, of a list the
// share of sources for which it comes first.
func (s *scope) pairs() (Figure, error) {
	n := len(s.layers)
	f := s.gridFigure()
	for range n {
		f.Cells = append(f.Cells, make([]Num, n))
	}
	for i := range s.sources {
		done := i * n * n
		res, err := perform(s.ctx, s.to, nil, s.gridPlan(s.everywhere(&s.sources[i]), s.sources[i].goal), plan.Observer{Variant: func(plan.Variant) {
			done++
			s.emit(Event{Stage: "variants", Done: done, Total: len(s.sources) * n * n})
		}})
		if err != nil {
			return f, err
		}
		s.fill(&f, &s.sources[i], rowsOf(res, "scope", "next")[0], res.Read("scope", "top").Top[0])
	}
	return f, nil
}

// fill adds a source to the grid. The target's layer is the outer axis of a sweep, the operand the inner.
func (s *scope) fill(f *Figure, x *scopedSource, next []float32, top [][]plan.Item) {
	n := len(s.layers)
	for l, row := range f.Cells {
		var texts []string
		for t := range row {
			v := t*n + l
			texts = append(texts, top[v][0].Text)
			if s.p.Set == "one" {
				row[t] = Num(exp(next[v]))
			} else if s.named(x, top[v][0]) {
				row[t] += 1 / Num(len(s.sources))
			}
		}
		if s.p.Set == "one" {
			f.Texts = append(f.Texts, texts)
		}
	}
}
