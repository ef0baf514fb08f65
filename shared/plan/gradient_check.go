package plan

import (
	"fmt"
	"slices"

	"patchbay/shared/errs"
)

// gradients pairs each read that has gradient_of with the scalar read it names.
func (c *checker) gradients(r *run, where string) error {
	for k, d := range r.reads {
		if d.src.GradientOf == "" {
			continue
		}
		at := fmt.Sprintf("%s.reads[%d]", where, k)
		i := slices.IndexFunc(r.reads, func(f *read) bool { return f.src.Name == d.src.GradientOf && f.src.GradientOf == "" })
		if i < 0 {
			return fail(errs.NotFound, at+".gradient_of", "the run has no scalar read %q to take the gradient of", d.src.GradientOf)
		}
		d.of = r.reads[i]
		if err := d.of.scalar(at + ".gradient_of"); err != nil {
			return err
		}
		switch d.src.Reduce {
		case "", None, Mean, Norm, Projection, TopK:
		default:
			return bad(at+".reduce", "a gradient is no distribution over the vocabulary, so %s cannot be read of it; use %s", d.src.Reduce, list(None, Mean, Norm, Projection, TopK))
		}
		if d.phase != InPrompt {
			return bad(at+".phase", "gradients are of the pass over the prompt; leave the phase out")
		}
	}
	return nil
}

// scalar says why the read is not one number that a gradient can be taken of.
func (d *read) scalar(where string) error {
	name := d.src.Name
	switch d.src.Reduce {
	case TopK, Rank, Features:
		return bad(where, "%q is a %s, which has no gradient", name, d.src.Reduce)
	}
	switch {
	case d.about.ReadOnly:
		return fail(errs.Unsupported, where, "%q reads %s, which is only shown; a gradient begins at what the model goes on with", name, d.about.Site)
	case d.phase != InPrompt:
		return bad(where, "%q reads generated positions; gradients are of the pass over the prompt", name)
	}
	k := 1
	if d.v != nil && d.v.shape != nil {
		rows, _ := rowsOf(d.v.shape, d.v.box)
		k = rows[1]
	}
	n := len(d.layers)
	shape := d.shape(d.box.pos, k)
	for _, s := range shape {
		n *= s
	}
	if n != 1 {
		return bad(where, "%q gives %v numbers for each of %d layers; a gradient is of one number: choose one layer, position and token, head or element, or reduce them to one", name, shape, len(d.layers))
	}
	return nil
}

// slopes are the scalar reads that gradients are taken of, each once.
func (r *run) slopes() (list []*read) {
	for _, d := range r.reads {
		if d.of != nil && !slices.Contains(list, d.of) {
			list = append(list, d.of)
		}
	}
	return list
}
