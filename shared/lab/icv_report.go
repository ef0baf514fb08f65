package lab

import (
	"context"
	"strconv"

	"patchbay/shared/plan"
)

func icvPresets() []Preset {
	return []Preset{
		preset("pocket-capital", "Capitals on Pocket", "pocket", `{"task":"capital","shots":5,"query":"Poland"}`,
			"After layer 2 all 27 queries, without one example; after the last layer 1 of 27. Shuffled examples do as well: every answer in them is still a city."),
		preset("simple", "The opposite of simple:", "gemma3-270m", `{"task":"antonym","format":"x: y","query":"simple","items":20}`,
			"With examples Gemma says hard, with the vector alone complex; after layer 9 the vector answered 12 of the 13 queries that examples solve, a random one none."),
		preset("gemma-past", "Past tense on Gemma", "gemma3-270m", `{"task":"past","format":"Q: x A: y","items":20}`,
			"After layer 11 about nine queries in ten, after layer 12 none: the vector works in a window of three layers."),
		preset("gemma-first", "The first of three on Gemma", "gemma3-270m", `{"task":"first","format":"Q: x A: y","items":20}`,
			"After layers 9 to 11 about 95 %, with shuffled examples half of that."),
		preset("smollm2-plural", "Plurals on SmolLM2", "smollm2-135m-instruct", `{"task":"plural","format":"Q: x A: y","items":20}`,
			"After layer 20 the vector answered 19 of 20; shuffled examples gave 6, a random vector none."),
		preset("pocket-heads", "A vector of ten heads", "pocket", `{"task":"french","shots":5,"method":"heads","strength":2}`,
			"The ten heads of 32 with the largest effect, added twice, gave all 30 French words after any layer; ten other heads gave none."),
		preset("pocket-icv", "The difference at every MLP", "pocket", `{"task":"french","shots":5,"method":"icv"}`,
			"At strength 0.8, 28 of 30 words were right, at 0.1, the paper's, 13: this small model needs a stronger push. Random vectors gave at most 3."),
	}
}

// report makes figures and sentences of what is known so far.
func (r *icvRun) report() {
	main := r.mainFigure()
	if len(r.out.Figures) == 0 {
		r.out.Figures = []Figure{main}
	}
	r.out.Figures[0] = main
	r.facts()
}

func (r *icvRun) mainFigure() Figure {
	t := &r.vectors
	if t.places() == 0 { // before any vector: the levels over empty places
		t = &treatment{layers: r.layers}
		if r.p.Method == icvMethod {
			t = &treatment{strengths: icvStrengths}
		}
	}
	f := Figure{
		Name: "sweep", Kind: Lines, Scale: Share, X: t.axis(),
		Title: say("Right answers without any examples, the vector used after each layer"),
		Unit:  say("share of right first tokens"),
	}
	if t.layers == nil {
		f.Title = say("Right answers without any examples, the vector added at every MLP")
	}
	f.Series = append(t.series(),
		level(say("with examples"), r.out.Few, false),
		level(say("with shuffled examples"), r.out.Shuffled, true),
		level(say("without examples"), r.out.Zero, true))
	if len(t.hits) > 0 && t.done > 0 {
		f.Best = &[2]int{peak(t.hits[0]), 0}
	}
	return f
}

// effectFigure is the grid of what each head does.
func (r *icvRun) effectFigure(effects []float64, top []int) {
	g := r.b.Model.Config()
	f := Figure{
		Name: "heads", Kind: Grid, Scale: Effect,
		Title: say("What each head's mean output adds to the right answer in prompts that do not tell the task"),
		Unit:  say("change of the right answer's probability"),
		X:     Axis{say("head"), numbers(g.Heads)}, Y: layerAxis(span(0, g.Layers)),
		Best: &[2]int{top[0] % g.Heads, top[0] / g.Heads},
	}
	for l := range g.Layers {
		f.Cells = append(f.Cells, Nums(effects[l*g.Heads:(l+1)*g.Heads]))
	}
	r.out.Figures = []Figure{r.mainFigure(), f}
}

func (r *icvRun) facts() {
	o := r.out
	o.Facts, o.Answer = nil, nil
	if t := &r.vectors; t.done > 0 {
		at := peak(t.hits[0])
		best := t.hits[0][at]
		x := t.axis().Labels[at]
		switch {
		case best.Hits == 0:
			o.fact(say("The vector answers none of the queries, wherever it is used."))
		case t.layers != nil:
			o.fact(say("The vector works best after layer {0}: without a single example {1} of the queries are answered.", x, best.String()))
			third := min(2, 3*t.layers[at]/t.depth)
			if best.Hits > t.hits[2][at].Hits {
				o.Answer = &third
			}
			o.fact(say("After the last layer swept, layer {0}, it is {1}.", strconv.Itoa(t.layers[len(t.layers)-1]), t.hits[0][len(t.layers)-1].String()))
		default:
			o.fact(say("The vector works best at strength {0}: without a single example {1} of the queries are answered.", x, best.String()))
		}
		o.fact(say("At the same place the vector of shuffled examples gives {0}, a random one of the same length {1}.", t.hits[1][at].String(), t.hits[2][at].String()))
		if o.Recover.Known() && o.Best.N > 0 {
			o.fact(say("That is {0} of what the examples themselves do beyond no examples: (vector − without) / (with − without).", percent(float64(o.Recover))))
		}
	}
	o.fact(say("Without examples the model answers {0}, with {1} examples {2}, with shuffled examples {3}.", o.Zero.String(), strconv.Itoa(len(r.deal.demos[0])), o.Few.String(), o.Shuffled.String()))
	if r.plain() && o.Few.Hits > 0 && r.vectors.done > 0 {
		o.fact(say("Shuffled examples do nearly as well: they still show what kind of answer is wanted."))
	}
	if r.p.Solved && o.Kept > 0 {
		o.fact(say("Only the {0} of {1} queries that it answers with examples are tested.", strconv.Itoa(o.Kept), strconv.Itoa(o.Of)))
	}
	if r.vectors.places() > 0 && o.Kept == 0 {
		o.fact(say("This model answers none of the queries with examples, so there is nothing that a vector could bring over. Try another task or a larger model."))
	}
	r.headFacts()
}

func (r *icvRun) headFacts() {
	if len(r.out.Figures) < 2 {
		return
	}
	f := r.out.Figures[1]
	h, l := f.Best[0], f.Best[1]
	r.out.fact(say("Layer {0}, head {1} matters most: its mean output alone raises the right answer's probability by {2}.", strconv.Itoa(l), strconv.Itoa(h), decimal(float64(f.Cells[l][h]), 3)))
	if r.plain() {
		r.out.fact(say("Heads were tried on queries without examples, because shuffled examples still tell this model the task."))
	} else {
		r.out.fact(say("Heads were tried on prompts with shuffled answers."))
	}
	if t := &r.vectors; t.done > 0 {
		at := peak(t.hits[0])
		r.out.fact(say("As many of the other heads, chosen at random, give {0} there.", t.hits[3][at].String()))
	}
}

// passages shows one query answered in four ways.
func (r *icvRun) passages(ctx context.Context) error {
	f := formatOf(r.p.Format)
	at, t := r.out.At, &r.vectors
	item := r.kept(r.zero)[t.example[at]].item
	if q := trim(r.p.Query); q != "" {
		item = pair{q, q}
	}
	zero, err := newProbe(r.b, f, nil, item)
	if err != nil {
		return err
	}
	few, err := newProbe(r.b, f, r.deal.demos[0], item)
	if err != nil {
		return err
	}
	r.out.Passages, err = write(ctx, r.b, f.prompt(nil, item.x), []written{
		{say("without examples"), zero.ids, nil, false},
		{say("without examples, with the vector"), zero.ids, []plan.Edit{t.at(0, at)}, false},
		{say("with examples"), few.ids, nil, false},
		{say("with a random vector"), zero.ids, []plan.Edit{t.at(2, at)}, true},
	})
	return err
}
