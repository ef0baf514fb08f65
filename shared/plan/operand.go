package plan

import (
	"fmt"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// operand is a checked Operand. The shape of a named vector is known only when it is fetched.
type operand struct {
	where  string
	shape  []int // nil: not known yet
	values []float32
	vector string
	terms  []term
	box    box   // what it is broadcast to
	want   []int // or the exact shape it must have
	rows   bool  // rows of vectors: [width], [k, width] or [layers, k, width]
}

type term struct {
	run  *run
	read *read
	w    float32
}

// operand checks an operand by itself.
func (c *checker) operand(o *Operand, where string) (*operand, error) {
	given := 0
	for _, is := range []bool{o.Values != nil, o.Vector != "", o.Dictionary != "", o.Reads != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, bad(where, "an operand is exactly one of values, vector, dictionary and reads; %d are given", given)
	case o.Dictionary != "":
		return nil, bad(where+".dictionary", "a dictionary is an operand of dict edits and feature reads only")
	case o.Values == nil && o.Shape != nil:
		return nil, bad(where+".shape", "the shape belongs to values; other operands have their own")
	case o.Vector != "":
		return &operand{where: where, vector: o.Vector}, nil
	case o.Reads != nil:
		return c.combination(o.Reads, where)
	}
	return literal(o, where)
}

func literal(o *Operand, where string) (*operand, error) {
	if len(o.Values) > MaxValues {
		return nil, fail(errs.TooLarge, where+".values", "there are %d numbers; at most %d may stand in a plan: put the operand in the store and name it", len(o.Values), MaxValues)
	}
	if i := notFinite(o.Values); i >= 0 {
		return nil, bad(fmt.Sprintf("%s.values[%d]", where, i), "it is %g; an edit's numbers must be finite", o.Values[i])
	}
	shape := o.Shape
	if shape == nil && len(o.Values) == 1 {
		shape = []int{}
	} else if shape == nil {
		shape = []int{len(o.Values)}
	}
	if n, err := tensor.Elements(shape); err != nil || n != len(o.Values) || n == 0 {
		return nil, bad(where+".shape", "the shape %v does not hold the %d values given", shape, len(o.Values))
	}
	return &operand{where: where, shape: shape, values: o.Values}, nil
}

func notFinite(v []float32) int {
	return slices.IndexFunc(v, func(x float32) bool { return !finite32(x) })
}

// combination checks a linear combination of reads of runs that come before.
func (c *checker) combination(list []Term, where string) (*operand, error) {
	if len(list) == 0 || len(list) > MaxTerms {
		return nil, fail(errs.TooLarge, where+".reads", "there are %d reads to combine; it must be 1 to %d", len(list), MaxTerms)
	}
	o := &operand{where: where}
	for i, t := range list {
		at := fmt.Sprintf("%s.reads[%d]", where, i)
		d, err := c.find(t, at)
		if err != nil {
			return nil, err
		}
		shape, err := d.static(at)
		if err != nil {
			return nil, err
		}
		if o.shape != nil && !slices.Equal(o.shape, shape) {
			return nil, bad(at, "the read has the shape %v, the first one %v; only equal shapes can be combined", shape, o.shape)
		}
		o.shape = shape
		w := float32(1)
		if t.Weight != nil {
			w = float32(*t.Weight)
		}
		if !finite32(w) {
			return nil, bad(at+".weight", "it is %g; it must be a finite number", *t.Weight)
		}
		o.terms = append(o.terms, term{c.runs[c.byName[t.Run]], d, w})
	}
	return o, nil
}

func (c *checker) find(t Term, where string) (*read, error) {
	r := c.runs[c.byName[t.Run]]
	for _, d := range r.reads {
		if d.src.Name == t.Read {
			return d, nil
		}
	}
	return nil, fail(errs.NotFound, where+".read", "run %q has no read %q", t.Run, t.Read)
}

// fits checks that the operand can be broadcast to [layers, positions, heads, elements].
func (c *checker) fits(o *operand, b box, where string) error {
	o.box = b
	if o.shape == nil {
		return nil
	}
	_, err := strides(o.shape, b)
	return at(where, err)
}

// vectors checks an operand that is k vectors as wide as what is chosen.
func (c *checker) vectors(src *Operand, b box, where string) (*operand, error) {
	o, err := c.operand(src, where)
	if err != nil {
		return nil, err
	}
	o.box, o.rows = b, true
	if o.shape == nil {
		return o, nil
	}
	_, err = rowsOf(o.shape, b)
	return o, at(where, err)
}

// axes are the dimensions an operand is broadcast to. A site without heads has no heads axis.
func (b box) axes() []int { return []int{b.layers, b.pos, b.heads, b.width} }

// strides broadcasts a shape to a box, aligned at the right as numpy does. Sites without heads
// have no heads axis in what a person writes.
func strides(shape []int, b box) (s [4]int, err error) {
	full := shape
	if !b.headed && len(shape) > 1 && len(shape) < 4 {
		full = slices.Insert(slices.Clone(shape), len(shape)-1, 1)
	}
	axes := b.axes()
	if len(full) > len(axes) {
		return s, errs.E("plan.Check", errs.Invalid, "an operand of shape %v has more axes than %s", shape, b)
	}
	step := 1
	for i := len(full) - 1; i >= 0; i-- {
		axis := len(axes) - len(full) + i
		switch {
		case full[i] == 1:
		case full[i] == axes[axis]:
			s[axis] = step
		default:
			return s, errs.E("plan.Check", errs.Invalid, "an operand of shape %v does not fit %s", shape, b)
		}
		step *= full[i]
	}
	return s, nil
}

// String names the axes that a person sees.
func (b box) String() string {
	pos := fmt.Sprintf("%d positions", b.pos)
	if b.pos == 0 {
		pos = "any positions (1)"
	}
	if !b.headed {
		return fmt.Sprintf("[%d layers, %s, %d elements]", b.layers, pos, b.width)
	}
	return fmt.Sprintf("[%d layers, %s, %d heads, %d elements]", b.layers, pos, b.heads, b.width)
}

// rowsOf is the number of layers in the operand and the number of vectors of each.
func rowsOf(shape []int, b box) (rows [2]int, err error) {
	n := len(shape)
	switch {
	case n < 1 || n > 3 || shape[n-1] != b.width || n == 3 && shape[0] != b.layers && shape[0] != 1:
		return rows, errs.E("plan.Check", errs.Invalid, "an operand of shape %v is not made of vectors of %d numbers: it must be [%[2]d], [k, %[2]d] or [%[3]d layers, k, %[2]d]", shape, b.width, b.layers)
	case n == 1:
		return [2]int{1, 1}, nil
	case n == 2:
		return [2]int{1, shape[0]}, nil
	}
	return [2]int{shape[0], shape[1]}, nil
}
