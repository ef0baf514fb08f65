package plan

import (
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// place is what edits and reads have in common: where in the model and in the prompt.
type place struct {
	site                 hook.Site
	layers, heads, index Select
	positions, keys      Positions
	phase                Phase
	edit                 bool
}

type placed struct {
	about        hook.About
	layers       []int
	heads, index []int
	pos          []int
	box          box // pos is 0 when it is left out
}

// place checks the parts of a place in the order in which a person would.
func (c *checker) place(p place, r *run, where string) (out placed, err error) {
	if out.about, err = hook.Lookup(p.site); err != nil {
		return out, at(where+".site", err)
	}
	if out.layers, err = c.layers(p, out.about, where); err != nil {
		return out, err
	}
	for _, l := range out.layers {
		_, editable, err := c.facts.Site(hook.Point{Layer: l, Site: p.site})
		if err != nil {
			return out, at(where+".site", err)
		}
		if p.edit && (!editable || out.about.ReadOnly) {
			return out, fail(errs.Unsupported, where+".site", "%s can be read but not edited", p.site)
		}
	}
	heads, width := c.row(out.about.Shape)
	if out.heads, err = choose(p.heads, heads, where+".heads", "head", "heads"); err != nil {
		return out, err
	}
	if !p.heads.IsZero() && !hasHeads(out.about.Shape) {
		return out, bad(where+".heads", "%s has no heads; leave them out", p.site)
	}
	if out.pos, err = c.positions(p.positions, r.ids, where+".positions"); err != nil {
		return out, err
	}
	if out.about.Shape == hook.Square {
		out.index, err = c.keys(p, r, where)
		width = len(r.ids)
	} else {
		out.index, err = c.elements(p, width, where)
	}
	out.box = box{len(out.layers), len(out.pos), orAll(out.heads, heads), orAll(out.index, width), hasHeads(out.about.Shape)}
	return out, err
}

func orAll(chosen []int, all int) int {
	if chosen == nil {
		return all
	}
	return len(chosen)
}

// layers resolves the layers; sites outside the blocks have the one layer 0.
func (c *checker) layers(p place, about hook.About, where string) ([]int, error) {
	switch {
	case !about.InBlock && !p.layers.IsZero():
		return nil, bad(where+".layers", "%s belongs to no layer; leave layers out", p.site)
	case !about.InBlock:
		return []int{0}, nil
	case p.layers.IsZero():
		return nil, bad(where+".layers", "the layers are missing; this model has %d: give a number, a list or \"all\"", c.cfg.Layers)
	}
	chosen, err := choose(p.layers, c.cfg.Layers, where+".layers", "layer", "layers")
	if chosen == nil {
		if c.all == nil {
			c.all = every(c.cfg.Layers)
		}
		chosen = c.all
	}
	return chosen, err
}

// row is the number of heads and elements that a position has at a kind of site.
func (c *checker) row(s hook.Shape) (heads, width int) {
	switch s {
	case hook.Scalar:
		return 1, 1
	case hook.Heads:
		return c.cfg.Heads, c.cfg.HeadDim
	case hook.KVHeads:
		return c.cfg.KVHeads, c.cfg.HeadDim
	case hook.HeadsD:
		return c.cfg.Heads, c.cfg.Width
	case hook.Square:
		return c.cfg.Heads, 0
	case hook.Neurons:
		return 1, c.cfg.MLP
	case hook.Vocab:
		return 1, c.cfg.Vocab
	}
	return 1, c.cfg.Width
}

func hasHeads(s hook.Shape) bool {
	return s == hook.Heads || s == hook.KVHeads || s == hook.HeadsD || s == hook.Square
}

func (c *checker) elements(p place, width int, where string) ([]int, error) {
	if !p.keys.IsZero() {
		return nil, bad(where+".keys", "only attention scores and patterns have keys; %s has elements: use index", p.site)
	}
	return choose(p.index, width, where+".index", "element", "elements")
}

func (c *checker) keys(p place, r *run, where string) ([]int, error) {
	if !p.index.IsZero() {
		return nil, bad(where+".index", "the last axis of %s holds key positions: use keys", p.site)
	}
	return c.positions(p.keys, r.ids, where+".keys")
}

func checkPhase(p Phase, r *run, where string) error {
	switch p {
	case "", InPrompt:
		return nil
	case InGenerated, Always:
		return nil
	}
	return bad(where+".phase", "%.40q is not known; use %s", p, list(InPrompt, InGenerated, Always))
}

// edit checks one edit.
func (c *checker) edit(r *run, src *Edit, where string) (*edit, error) {
	pl, err := c.place(place{src.Site, src.Layers, src.Heads, src.Index, src.Positions, src.Keys, src.Phase, true}, r, where)
	if err != nil {
		return nil, err
	}
	e := &edit{where: where, src: src, about: pl.about, layers: pl.layers, heads: pl.heads, index: pl.index, pos: pl.pos, box: pl.box, s: 1}
	if e.phase, err = c.editPhase(src, r, where); err != nil {
		return nil, err
	}
	c.reach(e, r)
	if s := src.Strength; s != nil {
		e.s = float32(*s)
		if !finite32(e.s) {
			return nil, bad(where+".strength", "it is %g; it must be a finite number", *s)
		}
	}
	return e, c.op(e)
}

// reach settles how many positions and keys the edit has, where that can be known.
func (c *checker) reach(e *edit, r *run) {
	open := e.phase != InPrompt && r.gen != nil
	if e.pos == nil {
		e.box.pos = len(r.ids)
	}
	if open {
		e.box.pos = 0
		if e.about.Shape == hook.Square && e.index == nil {
			e.box.width = 0
		}
	}
}

func (c *checker) editPhase(src *Edit, r *run, where string) (Phase, error) {
	if err := checkPhase(src.Phase, r, where); err != nil {
		return "", err
	}
	everywhere := src.Positions.All || src.Positions.IsZero()
	switch {
	case src.Phase == InGenerated && r.gen == nil:
		return "", bad(where+".phase", "the run generates nothing, so an edit of generated positions never happens")
	case src.Phase == InGenerated && !everywhere:
		return "", bad(where+".positions", "positions choose tokens of the prompt; in phase generated leave them out")
	case src.Phase != "":
		return src.Phase, nil
	case everywhere:
		return Always, nil
	}
	return InPrompt, nil
}

// op checks what the op needs.
func (c *checker) op(e *edit) error {
	src := e.src
	if src.Op != Affine && src.Bias != nil {
		return bad(e.where+".bias", "only affine has a bias")
	}
	if src.Op != Dict && (!src.Features.IsZero() || src.Do != "" || src.KeepError) {
		return bad(e.where, "features, do and keep_error belong to the op dict")
	}
	if src.Op != Mask && src.Op != Scale && src.Operand == nil {
		if slices.Contains([]Op{Set, Add, Project, Affine, Dict, NormAdd}, src.Op) {
			return bad(e.where+".operand", "%s needs an operand: a number, a list, a vector's name or reads", src.Op)
		}
	}
	var err error
	switch src.Op {
	case Set, Add, NormAdd:
		e.v, err = c.operand(src.Operand, e.where+".operand")
		if err == nil {
			err = c.fits(e.v, e.box, e.where+".operand")
		}
	case Project:
		e.v, err = c.vectors(src.Operand, e.box, e.where+".operand")
	case Affine:
		err = c.affine(e)
	case Scale:
		if src.Operand != nil {
			err = bad(e.where+".operand", "scale multiplies by its strength and takes no operand")
		}
	case Mask:
		err = checkMask(e)
	case Dict:
		err = c.dict(e)
	default:
		err = bad(e.where+".op", "%.40q is not known; use %s", src.Op, list(Set, Add, Scale, Project, Affine, Dict, NormAdd, Mask))
	}
	return err
}

func checkMask(e *edit) error {
	switch {
	case e.about.Shape != hook.Square:
		return bad(e.where+".site", "mask works on %s and %s, not on %s", hook.AttnScores, hook.Pattern, e.about.Site)
	case e.src.Operand != nil || e.src.Strength != nil:
		return bad(e.where, "mask takes neither an operand nor a strength")
	}
	return nil
}

func (c *checker) affine(e *edit) (err error) {
	if e.v, err = c.operand(e.src.Operand, e.where+".operand"); err != nil {
		return err
	}
	n := e.box.width
	if n == 0 || n > MaxMatrix {
		return fail(errs.TooLarge, e.where+".operand", "affine needs a matrix of at most %d by %[1]d; choose fewer elements with index", MaxMatrix)
	}
	if e.v.shape != nil && !slices.Equal(e.v.shape, []int{n, n}) {
		return bad(e.where+".operand", "the matrix has the shape %v; affine needs [%d %d] here", e.v.shape, n, n)
	}
	e.v.want = []int{n, n}
	if e.src.Bias == nil {
		return nil
	}
	if e.bias, err = c.operand(e.src.Bias, e.where+".bias"); err != nil {
		return err
	}
	return c.fits(e.bias, e.box, e.where+".bias")
}

func (c *checker) dict(e *edit) error {
	o := e.src.Operand
	switch {
	case o.Dictionary == "":
		return bad(e.where+".operand", "dict needs an operand {\"dictionary\": NAME}")
	case e.src.Do != Set && e.src.Do != Add && e.src.Do != Scale:
		return bad(e.where+".do", "%.40q is not known; use %s", e.src.Do, list(Set, Add, Scale))
	case len(e.src.Features.List) == 0 && !e.src.Features.All:
		return bad(e.where+".features", "the features are missing")
	}
	return noDictionary(e.where+".operand", o.Dictionary)
}

func noDictionary(where, name string) error {
	return fail(errs.Unsupported, where, "no dictionary is loaded, so features of %.80q cannot be found", name)
}
