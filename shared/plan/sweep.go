package plan

import (
	"fmt"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// Sweep makes a run many: one variant for each combination of what its axes list, in the order of
// the fields, the last one counting fastest. An axis that is left out is not swept. In each
// variant the swept edits are at one of the axis's places; an operand is broadcast to all places
// of the sweep together, as to one edit that names them all, and a variant takes its own part.
type Sweep struct {
	Edits     []int       `json:"edits,omitempty" max:"4096"` // which of the run's edits; left out: all
	Sites     []hook.Site `json:"sites,omitempty" max:"64"`
	Layers    Select      `json:"layers,omitzero"`
	Positions Positions   `json:"positions,omitzero"`
	Heads     Select      `json:"heads,omitzero"`
	Index     Select      `json:"index,omitzero"`
	Operands  []Operand   `json:"operands,omitempty" max:"4096"`
	Strengths []float64   `json:"strengths,omitempty" max:"65536"`
}

// Axis is one of a sweep's dimensions.
type Axis struct {
	Name   string   `json:"name"` // "site", "layer", "position", "head", "index", "operand" or "strength"
	Values []any    `json:"values"`
	Labels []string `json:"labels,omitempty"` // of positions: their tokens
}

// The axes of a sweep, by their place.
const (
	siteAxis = iota
	layerAxis
	positionAxis
	headAxis
	indexAxis
	operandAxis
	strengthAxis
	axes
)

var axisNames = [axes]string{"site", "layer", "position", "head", "index", "operand", "strength"}

// sweep is a checked Sweep.
type sweep struct {
	src   *Sweep
	size  [axes]int // of each axis; 1 where it is not swept
	swept [axes]bool
	n     int    // variants
	slots []slot // the run's own edits from the first swept one on
	axes  []Axis // those swept
}

// slot is one of the run's own edits: the same in all variants, or swept.
type slot struct {
	fixed *edit
	full  [][]*edit // [site][operand], each at all places of the sweep
}

// coords splits a variant's number into its place on each axis.
func (s *sweep) coords(v int) (at [axes]int) {
	for i := axes - 1; i >= 0; i-- {
		at[i] = v % s.size[i]
		v /= s.size[i]
	}
	return at
}

// shape is the lengths of the axes that are swept.
func (s *sweep) shape() []int {
	out := []int{}
	for i, n := range s.size {
		if s.swept[i] {
			out = append(out, n)
		}
	}
	return out
}

// variants is how many runs the run stands for.
func (r *run) variants() int {
	if r.sweep == nil {
		return 1
	}
	return r.sweep.n
}

// variant is one of them. Its reads are the run's.
func (r *run) variant(v int) *run {
	s := r.sweep
	if s == nil {
		return r
	}
	one, at := *r, s.coords(v)
	one.edits = slices.Clone(r.edits)
	for _, slot := range s.slots {
		e := slot.fixed
		if e == nil {
			e = s.restrict(slot.full[at[siteAxis]][at[operandAxis]], at)
		}
		one.edits = append(one.edits, e)
	}
	return &one
}

// restrict is an edit at one place of the sweep.
func (s *sweep) restrict(full *edit, at [axes]int) *edit {
	e := *full
	e.full = full
	if s.swept[layerAxis] {
		i := at[layerAxis]
		e.layers, e.from[0] = full.layers[i:i+1], i
	}
	for axis, list := range map[int]*[]int{positionAxis: &e.pos, headAxis: &e.heads, indexAxis: &e.index} {
		if i := at[axis]; s.swept[axis] {
			*list, e.from[axis-1] = (*list)[i:i+1], i
		}
	}
	if s.swept[strengthAxis] {
		e.s = float32(s.src.Strengths[at[strengthAxis]])
	}
	return &e
}

// sweep checks the sweep of a run whose inherited edits have been checked.
func (c *checker) sweep(r *run, src *Run, where string) error {
	at := where + ".sweep"
	if err := c.sweepFits(src, at); err != nil {
		return err
	}
	s := &sweep{src: src.Sweep}
	r.sweep = s
	wide, err := c.wide(r, src, s, at)
	if err != nil {
		return err
	}
	for k := range src.Edits {
		where := fmt.Sprintf("%s.edits[%d]", where, k)
		if src.Sweep.Edits != nil && !slices.Contains(src.Sweep.Edits, k) {
			e, err := c.edit(r, &src.Edits[k], where)
			if err != nil {
				return err
			}
			if len(s.slots) == 0 { // the same in all variants, and before what differs
				r.edits = append(r.edits, e)
			} else {
				s.slots = append(s.slots, slot{fixed: e})
			}
			continue
		}
		full, err := c.slot(r, &src.Edits[k], wide, where)
		if err != nil {
			return err
		}
		s.slots = append(s.slots, slot{full: full})
	}
	r.inherited = len(r.edits)
	return nil
}

func (c *checker) sweepFits(src *Run, where string) error {
	s := src.Sweep
	switch {
	case len(src.Edits) == 0:
		return bad(where, "the run has no edits of its own to sweep")
	case len(s.Sites)+len(s.Operands)+len(s.Strengths) == 0 && s.Layers.IsZero() && s.Positions.IsZero() && s.Heads.IsZero() && s.Index.IsZero():
		return bad(where, "nothing is swept; give sites, layers, positions, heads, index, operands or strengths")
	}
	for i, k := range s.Edits {
		if k < 0 || k >= len(src.Edits) || slices.Contains(s.Edits[:i], k) {
			return bad(fmt.Sprintf("%s.edits[%d]", where, i), "the run has no edit %d, or it is named twice; its own are 0 to %d", k, len(src.Edits)-1)
		}
	}
	for i, x := range s.Strengths {
		if !finite32(float32(x)) {
			return bad(fmt.Sprintf("%s.strengths[%d]", where, i), "it is %g; it must be a finite number", x)
		}
	}
	for k := range src.Reads {
		d, at := &src.Reads[k], fmt.Sprintf("%s.reads[%d]", where[:len(where)-len(".sweep")], k)
		if d.GradientOf != "" {
			return fail(errs.Unsupported, at+".gradient_of", "gradients are not swept; take them in runs of their own")
		}
		if slices.ContainsFunc(d.Tokens, func(t TokenRef) bool { return t.Answer == src.Name }) {
			return bad(at+".tokens", "each variant of a sweep has an answer of its own; name a run that is no sweep")
		}
		if d.Phase != "" && d.Phase != InPrompt && d.Reduce != Mean {
			return fail(errs.Unsupported, at+".phase", "the variants of a sweep may generate different numbers of tokens, so what is read of them cannot stand side by side; reduce it to its mean")
		}
	}
	return nil
}

// wide sizes the axes and gives the sweep with its places as explicit lists.
func (c *checker) wide(r *run, src *Run, s *sweep, where string) (*Sweep, error) {
	w := *s.src
	layers, err := choose(w.Layers, c.cfg.Layers, where+".layers", "layer", "layers")
	if err != nil {
		return nil, err
	}
	pos, err := c.positions(w.Positions, r.ids, where+".positions")
	if err != nil {
		return nil, err
	}
	heads, width := c.places(src, s)
	w.Layers = spread(w.Layers, layers, c.cfg.Layers)
	w.Heads, w.Index = spread(w.Heads, w.Heads.List, heads), spread(w.Index, w.Index.List, width)
	if !w.Positions.IsZero() {
		if pos == nil {
			pos = every(len(r.ids))
		}
		w.Positions = Positions{List: pos}
	}
	s.size = [axes]int{len(w.Sites), len(w.Layers.List), len(w.Positions.List), len(w.Heads.List), len(w.Index.List), len(w.Operands), len(w.Strengths)}
	n, total := 1, 1.0
	for i := range s.size {
		s.swept[i] = s.size[i] > 0
		s.size[i] = max(s.size[i], 1)
		if total *= float64(s.size[i]); total <= MaxVariants {
			n *= s.size[i]
		}
	}
	if total > MaxVariants {
		return nil, fail(errs.TooLarge, where, "the sweep has %.0f variants; at most %d are allowed: sweep fewer layers, positions or strengths", total, MaxVariants)
	}
	s.n = n
	c.axes(r, s, &w)
	return &w, nil
}

// places is how many heads and elements there are where the first swept edit is.
func (c *checker) places(src *Run, s *sweep) (heads, width int) {
	k := 0
	if len(s.src.Edits) > 0 {
		k = s.src.Edits[0]
	}
	site := src.Edits[k].Site
	if len(s.src.Sites) > 0 {
		site = s.src.Sites[0]
	}
	about, err := hook.Lookup(site)
	if err != nil {
		return 1, 1 // refused where the edit is checked
	}
	heads, width = c.row(about.Shape)
	return heads, max(width, 1)
}

// spread writes "all" out.
func spread(s Select, list []int, n int) Select {
	switch {
	case s.IsZero():
		return s
	case s.All:
		return Select{List: every(n)}
	}
	return Select{List: list}
}

func (c *checker) axes(r *run, s *sweep, w *Sweep) {
	values := [axes][]any{boxed(w.Sites), boxed(w.Layers.List), boxed(w.Positions.List), boxed(w.Heads.List), boxed(w.Index.List), nil, boxed(w.Strengths)}
	values[operandAxis] = boxed(every(len(w.Operands)))
	for i, v := range values {
		if !s.swept[i] {
			continue
		}
		a := Axis{Name: axisNames[i], Values: v}
		if i == positionAxis {
			for _, p := range w.Positions.List {
				a.Labels = append(a.Labels, c.tok.Text(r.ids[p]))
			}
		}
		s.axes = append(s.axes, a)
	}
}

func boxed[T any](list []T) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = x
	}
	return out
}

// slot checks a swept edit at all places of the sweep at once, for each site and operand.
func (c *checker) slot(r *run, src *Edit, w *Sweep, where string) ([][]*edit, error) {
	sites := w.Sites
	if sites == nil {
		sites = []hook.Site{src.Site}
	}
	out := make([][]*edit, len(sites))
	for i, site := range sites {
		for j := range max(len(w.Operands), 1) {
			one := *src
			one.Site = site
			w.place(&one, j)
			if err := c.count(where, 1, 0); err != nil {
				return nil, err
			}
			e, err := c.edit(r, &one, where)
			if err != nil {
				return nil, err
			}
			if (one.Op == Project || one.Op == Affine) && !w.Index.IsZero() {
				return nil, bad(where, "%s needs its whole row, so index cannot be swept", one.Op)
			}
			out[i] = append(out[i], e)
		}
	}
	return out, nil
}

// place puts all places of the sweep into an edit.
func (w *Sweep) place(e *Edit, operand int) {
	if !w.Layers.IsZero() {
		e.Layers = w.Layers
	}
	if !w.Positions.IsZero() {
		e.Positions = w.Positions
	}
	if !w.Heads.IsZero() {
		e.Heads = w.Heads
	}
	if about, err := hook.Lookup(e.Site); !w.Index.IsZero() && err == nil {
		if e.Index = w.Index; about.Shape == hook.Square {
			e.Index, e.Keys = Select{}, Positions{List: w.Index.List}
		}
	}
	if w.Operands != nil {
		e.Operand = &w.Operands[operand]
	}
	if w.Strengths != nil {
		e.Strength = &w.Strengths[0]
	}
}
