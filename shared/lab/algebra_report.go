package lab

import (
	"slices"
	"strconv"
)

func algebraPresets() []Preset {
	return []Preset{
		preset("pocket-capitalise", "Large letter of the last word, Pocket", "pocket", `{"task":"capitalise","shots":5,"format":"x -> y","lead":"Take the * of each.","formula":"3*last-copy + first-capitalise - 3*first-copy","query":"cat, dog, cup"}`,
			"From cat, dog, cup the sum makes Cup; first-capitalise alone makes Cat. After layer 3 the sum answered 21 of 30 lists, each part alone none, a vector made from examples of the task 1."),
		preset("pocket-capital", "Capital of the last country, Pocket", "pocket", `{"task":"capital","shots":5,"format":"x -> y","lead":"Take the * of each.","formula":"3*last-copy + first-capital - 3*first-copy","query":"France, Japan, Poland"}`,
			"Of France, Japan, Poland the sum gives Warsaw, first-capital alone Paris. After layer 3 the sum answered 22 of 30 lists, each part alone none, a random vector 3."),
		preset("gemma-capitalise", "Large letter of the last word, Gemma", "gemma3-270m", `{"task":"capitalise","items":20}`,
			"After layer 10 the sum answered 18 of 30 lists (60 %), each part alone none, a vector made from examples of the task 13."),
		preset("smollm2-capitalise", "Large letter of the last word, SmolLM2", "smollm2-135m-instruct", `{"task":"capitalise","items":20}`,
			"After layer 20 the sum answered 22 of 29 lists (76 %), its better part 5, examples of the task 20."),
		preset("gemma-capital", "Capital of the last country, Gemma", "gemma3-270m", `{"task":"capital","items":20,"query":"France, Japan, Poland"}`,
			"After layer 11 the sum answered 16 of 18 lists, but first-capital alone 14: with countries Gemma turns to the last one by itself. Look at large letters for a clear case."),
		preset("pocket-french", "A one-word task on lists, Pocket", "pocket", `{"task":"french","place":"first","shots":5,"format":"x -> y","formula":"french"}`,
			"The vector of single words, used on lists, gave the French of the first word in all 30; examples of that very task only 17, for nothing there names the place."),
	}
}

// report makes figures and sentences of what is known so far.
func (r *algebraRun) report() {
	t, o := &r.vectors, r.out
	at := len(r.layers) / 2
	if t.done > 0 {
		at = peak(t.hits[0])
		o.Composed, o.Direct, o.Random = t.hits[0][at], t.hits[1][at], t.hits[2][at]
		o.Parts = nil
		for _, hits := range t.hits[3:] {
			o.Parts = append(o.Parts, hits[at])
		}
	}
	o.Layer = r.layers[at]
	o.Zero, o.Few = countRight(r.kept(r.zero)), countRight(r.kept(r.few))
	o.Figures = []Figure{r.plane(o.Layer), r.bars()}
	if len(r.layers) > 1 {
		o.Figures = append(o.Figures, r.lines(at))
	}
	r.facts()
}

// lines are the vectors' rates by layer.
func (r *algebraRun) lines(best int) Figure {
	f := Figure{
		Name: "sweep", Kind: Lines, Scale: Share,
		Title: say("Right answers without any examples, each vector used after each layer"),
		Unit:  say("share of right first tokens"),
	}
	t := &r.vectors
	if t.places() == 0 { // before any vector
		t = &treatment{layers: r.layers}
	}
	f.X = t.axis()
	f.Series = append(t.series(),
		level(say("with examples"), r.out.Few, false),
		level(say("without examples"), r.out.Zero, true))
	if r.vectors.done > 0 {
		f.Best = &[2]int{best, 0}
	}
	return f
}

// bars compares the vectors at the best layer.
func (r *algebraRun) bars() Figure {
	o := r.out
	f := Figure{
		Name: "scores", Kind: Bars, Scale: Share,
		Title: say("The new task after layer {0}", strconv.Itoa(o.Layer)),
		Unit:  say("share of right first tokens"),
		X:     Axis{say("what is used"), []string{say("composed vector").Text, say("vector made from examples of it").Text}},
	}
	rs := []Rate{o.Composed, o.Direct}
	for i, name := range r.parts() {
		f.X.Labels = append(f.X.Labels, name)
		if rs = append(rs, Rate{}); i < len(o.Parts) {
			rs[len(rs)-1] = o.Parts[i]
		}
	}
	f.X.Labels = append(f.X.Labels, say("random vector of the same length").Text, say("with examples").Text, say("without examples").Text)
	f.Series = []Series{rates(say("right answers"), append(rs, o.Random, o.Few, o.Zero), false)}
	return f
}

// statesDrawn is how many single prompts of a task are drawn.
const statesDrawn = 6

// plane draws the vectors after a layer in the plane in which they differ most, around what they share.
func (r *algebraRun) plane(l int) Figure {
	f := Figure{
		Name: "plane", Kind: Points, Scale: Amount,
		Title: say("The vectors after layer {0}, without what they share", strconv.Itoa(l)),
		Unit:  say("length in the residual stream"),
		X:     Axis{Name: say("first direction in which they differ")}, Y: Axis{Name: say("second direction")},
	}
	if len(r.named) == 0 { // none is made yet
		return f
	}
	var names []string
	for name := range r.named {
		names = append(names, name)
	}
	slices.Sort(names)
	var rows [][]float32
	for _, name := range names {
		rows = append(rows, r.named[name][l])
	}
	centre := average(rows)
	axes := principal(rows, centre, 2)
	dotAt := func(v []float32) Dot {
		v = plus(v, centre, -1)
		return Dot{X: Num(dot(v, axes[0])), Y: Num(dot(v, axes[1]))}
	}
	for g, name := range names {
		ps := slices.DeleteFunc(slices.Clone(r.train[name]), func(p *probe) bool { return p.state == nil })
		for i := range min(statesDrawn, len(ps)) { // from all sets of examples
			d := dotAt(ps[i*len(ps)/min(statesDrawn, len(ps))].state[l])
			d.Group = g
			f.Dots = append(f.Dots, d)
		}
	}
	for g, name := range names {
		d := dotAt(rows[g])
		d.Name, d.From, d.Group = say("{0}", name), true, g
		f.Dots = append(f.Dots, d)
	}
	composed := r.vectors.vectors[0].by[l]
	d := dotAt(composed)
	d.Name, d.From, d.Edit, d.Group = say("composed"), true, true, len(names)
	f.Dots = append(f.Dots, d)
	direct := r.named[r.p.target()][l]
	r.out.Cosine = cosine(composed, direct)
	r.out.Centred = cosine(plus(composed, centre, -1), plus(direct, centre, -1))
	return f
}

func (r *algebraRun) facts() {
	o, t := r.out, &r.vectors
	o.Facts, o.Answer = nil, nil
	if t.done > 0 {
		o.fact(say("{0}, put to use after layer {1}, does the new task on {2} of the lists without a single example of it.", o.Formula, strconv.Itoa(o.Layer), o.Composed.String()))
		o.fact(say("The vector made from examples of the new task gives {0} there, a random one of the same length {1}.", o.Direct.String(), o.Random.String()))
		part := 0.0
		for i, name := range r.parts() {
			o.fact(say("Of its parts, {0} alone gives {1}.", name, o.Parts[i].String()))
			part = max(part, o.Parts[i].Share())
		}
		answer := 1
		switch low, high := o.Composed.Interval(); {
		case low <= part: // not told apart by so few lists
			answer = 0
		case o.Direct.Share() <= high:
			answer = 2
		}
		if o.Composed.Hits > o.Random.Hits {
			o.Answer = &answer
		}
	}
	o.fact(say("Without examples the model answers {0}, with {1} examples of the new task {2}.", o.Zero.String(), strconv.Itoa(len(r.demos[0])), o.Few.String()))
	if len(r.named) > 2 { // of two, what they do not share points apart
		o.fact(say("Composed and direct vector have the cosine {0}; without what all the vectors here share, {1}.", decimal(o.Cosine, 3), decimal(o.Centred, 2)))
	}
	switch {
	case o.Kept == 0 && o.Of > 0:
		o.fact(say("The model knows none of the words by themselves, so there is nothing to compose. Try another task or a larger model."))
	case r.p.Solved:
		o.fact(say("Only the {0} of {1} lists whose word it can do by itself are tested.", strconv.Itoa(o.Kept), strconv.Itoa(o.Of)))
	}
}
