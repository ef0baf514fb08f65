package plan

import (
	"context"
	"fmt"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/tensor"
)

// Store holds vectors by name or digest.
type Store interface {
	// Vector gives a stored array, or errs.NotFound.
	Vector(ctx context.Context, name string) (tensor.Array, error)
}

// value gives an operand's numbers and shape, now that the runs it refers to are done.
func (x *executor) value(ctx context.Context, o *operand) ([]float32, []int, error) {
	switch {
	case o.vector != "":
		return x.named(ctx, o)
	case o.terms == nil:
		return o.values, o.shape, nil
	}
	var sum []float32
	for i, t := range o.terms {
		v := x.done[t.run].flat(t.read)
		if j := notFinite(v); j >= 0 {
			return nil, nil, bad(fmt.Sprintf("%s.reads[%d]", o.where, i), "the read %q of run %q holds %g at index %d; only finite numbers can be put into a run", t.read.src.Name, t.run.name, v[j], j)
		}
		if sum == nil {
			sum = make([]float32, len(v))
		}
		for j := range v {
			sum[j] += t.w * v[j]
		}
	}
	return sum, o.shape, nil
}

func (x *executor) named(ctx context.Context, o *operand) ([]float32, []int, error) {
	if x.env.Store == nil {
		return nil, nil, fail(errs.NotFound, o.where, "there is no vector %q: nothing is stored here", o.vector)
	}
	a, err := x.env.Store.Vector(ctx, o.vector)
	if err != nil {
		return nil, nil, at(o.where, err)
	}
	v, err := a.Float32()
	if err != nil {
		return nil, nil, at(o.where, err)
	}
	if i := notFinite(v); i >= 0 {
		return nil, nil, bad(o.where, "the vector %q holds %g at index %d; an edit's numbers must be finite", o.vector, v[i], i)
	}
	return v, a.Shape, o.allows(a.Shape)
}

// allows checks the shape of a named vector, which Check could not know.
func (o *operand) allows(shape []int) error {
	var err error
	switch {
	case o.want != nil && !slices.Equal(shape, o.want):
		err = errs.E("plan.Execute", errs.Invalid, "the vector %q has the shape %v; %v is needed here", o.vector, shape, o.want)
	case o.want != nil:
	case o.rows:
		_, err = rowsOf(shape, o.box)
	default:
		_, err = strides(shape, o.box)
	}
	return at(o.where, err)
}

func (x *executor) grid(ctx context.Context, o *operand) (*grid, error) {
	v, shape, err := x.value(ctx, o)
	if err != nil {
		return nil, err
	}
	s, err := strides(shape, o.box)
	return &grid{v, s}, at(o.where, err)
}

// vectors gives the operand's k rows for each of its layers (one for all, or one each).
func (x *executor) vectors(ctx context.Context, o *operand) ([][]float32, error) {
	v, shape, err := x.value(ctx, o)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(shape, o.box)
	if err != nil {
		return nil, at(o.where, err)
	}
	n := rows[1] * o.box.width
	out := make([][]float32, rows[0])
	for l := range out {
		out[l] = v[l*n : (l+1)*n]
	}
	return out, nil
}

// kernelOf gives an edit's kernel. Those of one sweep share their operands.
func (x *executor) kernelOf(ctx context.Context, e *edit) (*kernel, error) {
	whole := e
	if e.full != nil {
		whole = e.full
	}
	k := x.made[whole]
	if k == nil {
		var err error
		if k, err = x.kernel(ctx, whole); err != nil {
			return nil, err
		}
		x.made[whole] = k
	}
	if k.s != e.s {
		own := *k
		own.s = e.s
		return &own, nil
	}
	return k, nil
}

// kernel makes an edit ready to apply.
func (x *executor) kernel(ctx context.Context, e *edit) (k *kernel, err error) {
	k = &kernel{op: e.src.Op, s: e.s}
	if e.about.Site == hook.AttnScores {
		k.maskWith = negInf
	}
	switch k.op {
	case Set, Add, NormAdd:
		k.v, err = x.grid(ctx, e.v)
	case Project:
		k.basis, err = x.vectors(ctx, e.v)
		for l := range k.basis {
			k.basis[l] = orthonormal(k.basis[l], e.box.width)
		}
	case Affine:
		if k.w, _, err = x.value(ctx, e.v); err == nil && e.bias != nil {
			k.v, err = x.grid(ctx, e.bias)
		}
	}
	return k, err
}
