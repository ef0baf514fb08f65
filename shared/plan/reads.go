package plan

import (
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// read checks one read.
func (c *checker) read(r *run, src *Read, where string) (*read, error) {
	pl, err := c.place(place{src.Site, src.Layers, src.Heads, src.Index, src.Positions, src.Keys, src.Phase, false}, r, where)
	if err != nil {
		return nil, err
	}
	d := &read{where: where, src: src, about: pl.about, layers: pl.layers, heads: pl.heads, index: pl.index, pos: pl.pos, box: pl.box, phase: src.Phase}
	if err := c.readPhase(d, r); err != nil {
		return nil, err
	}
	if d.tokens, err = c.tokens(src.Tokens, where+".tokens"); err != nil {
		return nil, err
	}
	return d, c.reduction(d, r)
}

func (c *checker) readPhase(d *read, r *run) error {
	src := d.src
	if err := checkPhase(src.Phase, r, d.where); err != nil {
		return err
	}
	if d.phase == "" {
		d.phase = InPrompt
	}
	switch {
	case d.phase != InPrompt && r.gen == nil:
		return bad(d.where+".phase", "the run generates nothing, so there are no generated positions to read")
	case d.phase == InGenerated && d.pos != nil:
		return bad(d.where+".positions", "positions choose tokens of the prompt; in phase generated leave them out")
	case d.phase != InPrompt && d.about.Shape == hook.Square && d.index == nil:
		return bad(d.where+".keys", "the number of keys grows while tokens are generated; name the keys to read")
	}
	if d.pos == nil && d.phase != InGenerated {
		d.pos = r.all
	}
	d.box.pos = len(d.pos)
	if d.phase != InPrompt {
		d.box.pos += r.gen.Count - 1 // at most: the last token is never read by the model
	}
	return c.count(d.where, 1, len(d.layers)*d.box.pos)
}

// vocabSites can be read as distributions over the vocabulary.
var vocabSites = []hook.Site{hook.Embed, hook.ResidPre, hook.ResidMid, hook.ResidPost, hook.AttnOut, hook.MLPOut, hook.Logits}

// lens reports whether the reduction is of a distribution over the vocabulary.
func (d *read) lens() bool {
	if d.src.GradientOf != "" {
		return false
	}
	switch d.src.Reduce {
	case Logits, LogitDiff, LogProb, Rank, CrossEntropy, KL, Entropy:
		return true
	case TopK:
		return slices.Contains(vocabSites, d.about.Site)
	}
	return false
}

func (c *checker) reduction(d *read, r *run) error {
	src := d.src
	if err := c.needless(d); err != nil {
		return err
	}
	if d.lens() {
		if err := c.lensRead(d, r); err != nil {
			return err
		}
	}
	switch src.Reduce {
	case "", None, Mean, Norm, Entropy:
		return nil
	case TopK:
		if src.K < 1 || src.K > MaxTopK {
			return fail(errs.TooLarge, d.where+".k", "it is %d; it must be 1 to %d", src.K, MaxTopK)
		}
		return nil
	case Logits, LogProb, Rank:
		if len(d.tokens) == 0 {
			return bad(d.where+".tokens", "%s needs the tokens it is about", src.Reduce)
		}
		return nil
	case LogitDiff:
		if len(d.tokens) != 2 {
			return bad(d.where+".tokens", "logit_diff needs two tokens, and has %d", len(d.tokens))
		}
		return nil
	case CrossEntropy:
		return c.crossEntropy(d, r)
	case KL:
		return c.kl(d, r)
	case Projection:
		return c.projection(d)
	case Features:
		return c.features(d)
	}
	return bad(d.where+".reduce", "%.40q is not known; use %s", src.Reduce, list(None, Mean, Norm, TopK, Logits, LogitDiff, LogProb, Rank, CrossEntropy, KL, Projection, Entropy, Features))
}

// needless refuses fields that the reduction would ignore.
func (c *checker) needless(d *read) error {
	src, where := d.src, d.where
	switch {
	case src.K != 0 && src.Reduce != TopK:
		return bad(where+".k", "k belongs to topk")
	case len(src.Tokens) > 0 && !slices.Contains([]Reduce{Logits, LogitDiff, LogProb, Rank}, src.Reduce):
		return bad(where+".tokens", "tokens belong to %s", list(Logits, LogitDiff, LogProb, Rank))
	case src.To != "" && src.Reduce != KL:
		return bad(where+".to", "to belongs to kl")
	case src.Operand != nil && src.Reduce != Projection && src.Reduce != Features:
		return bad(where+".operand", "an operand belongs to %s", list(Projection, Features))
	}
	return nil
}

func (c *checker) lensRead(d *read, r *run) error {
	if !slices.Contains(vocabSites, d.about.Site) {
		return bad(d.where+".site", "%s is no residual stream, so %s cannot be read there; use one of %s", d.about.Site, d.src.Reduce, list(vocabSites...))
	}
	if d.index != nil {
		return bad(d.where+".index", "%s looks at the whole vocabulary; leave index out", d.src.Reduce)
	}
	if d.src.Before && d.about.Site == hook.Logits {
		return bad(d.where+".before", "the logits are summarised after edits only; read them whole to see them before")
	}
	return nil
}

func (c *checker) crossEntropy(d *read, r *run) error {
	if d.phase != InPrompt {
		return bad(d.where+".phase", "cross_entropy is about the prompt's own next tokens; leave the phase out")
	}
	last := len(r.ids) - 1
	d.pos = slices.DeleteFunc(slices.Clone(d.pos), func(p int) bool { return p == last })
	if len(d.pos) == 0 {
		return bad(d.where+".positions", "the last token of the prompt has no next token to compare with; choose earlier positions")
	}
	d.box.pos = len(d.pos)
	for _, p := range d.pos {
		d.next = append(d.next, r.ids[p+1])
	}
	return nil
}

// kl pairs the read's positions with those of the other run.
func (c *checker) kl(d *read, r *run) (err error) {
	src := d.src
	switch {
	case src.To == "":
		return bad(d.where+".to", "kl needs the run to compare with; its own name compares with its own output")
	case d.phase != InPrompt:
		return bad(d.where+".phase", "kl compares positions of prompts; leave the phase out")
	case src.To == r.name:
		d.to, d.toPos = r, d.pos
	default:
		d.to = c.runs[c.byName[src.To]]
		if d.toPos, err = c.positions(src.Positions, d.to.ids, d.where+".positions"); err != nil {
			return err
		}
		if d.toPos == nil {
			d.toPos = d.to.all
		}
	}
	if len(d.toPos) != len(d.pos) {
		return bad(d.where+".positions", "they are %d in this run and %d in %q; kl needs them in pairs", len(d.pos), len(d.toPos), src.To)
	}
	if d.to != r {
		d.to.keepAt(d.toPos)
	}
	return nil
}

// keepAt notes that another run compares with this one's output at the positions.
func (r *run) keepAt(pos []int) {
	if r.kept == nil {
		r.kept = map[int]bool{}
	}
	for _, p := range pos {
		if !r.kept[p] {
			r.kept[p] = true
			r.keep = append(r.keep, p)
		}
	}
}

func (c *checker) projection(d *read) (err error) {
	if d.src.Operand == nil {
		return bad(d.where+".operand", "projection needs the direction: an operand")
	}
	if d.about.Shape == hook.Square && d.index == nil && d.phase != InPrompt {
		return bad(d.where+".keys", "name the keys to project")
	}
	d.v, err = c.vectors(d.src.Operand, d.box, d.where+".operand")
	return err
}

func (c *checker) features(d *read) error {
	if d.src.Operand == nil || d.src.Operand.Dictionary == "" {
		return bad(d.where+".operand", "features needs an operand {\"dictionary\": NAME}")
	}
	return noDictionary(d.where+".operand", d.src.Operand.Dictionary)
}

// shape is the shape of the read's result for one layer when P positions were read; k is
// the number of directions of a projection.
func (d *read) shape(P, k int) []int {
	heads := []int{}
	if hasHeads(d.about.Shape) {
		heads = []int{d.box.heads}
	}
	join := func(first int, rest ...int) []int { return append(append([]int{first}, heads...), rest...) }
	switch d.src.Reduce {
	case Mean:
		return join(1, d.box.width)
	case Norm:
		return join(P)
	case TopK:
		if d.lens() {
			return []int{P, min(d.src.K, d.box.width)}
		}
		return join(P, min(d.src.K, d.box.width))
	case Logits, LogProb, Rank:
		return []int{P, len(d.tokens)}
	case LogitDiff, KL, Entropy:
		return []int{P}
	case CrossEntropy:
		return []int{}
	case Projection:
		return join(P, k)
	}
	return join(P, d.box.width)
}

// static is the shape of the read as an operand: that of one layer, or with the layers as an
// axis in front. It must be known before anything runs.
func (d *read) static(where string) ([]int, error) {
	switch {
	case d.phase != InPrompt && d.src.Reduce != Mean:
		return nil, bad(where, "how many generated tokens a run reads is not known beforehand, so they cannot be an operand; reduce them to their mean")
	case d.src.Reduce == TopK || d.src.Reduce == Rank:
		return nil, bad(where, "a list of the largest is no vector, so it cannot be an operand")
	case d.v != nil && d.v.shape == nil:
		return nil, bad(where, "the projection's direction is a named vector, whose size is not known beforehand, so it cannot be an operand")
	}
	k := 1
	if d.v != nil {
		rows, _ := rowsOf(d.v.shape, d.v.box)
		k = rows[1]
	}
	shape := d.shape(d.box.pos, k)
	if len(d.layers) > 1 {
		shape = append([]int{len(d.layers)}, shape...)
	}
	return shape, nil
}

// numbers is how many numbers the read returns, at most.
func (d *read) numbers() int {
	n := len(d.layers)
	for _, s := range d.shape(d.box.pos, 1) {
		n *= max(s, 1)
		if n > MaxResult {
			return MaxResult + 1
		}
	}
	return n
}
