package lab

import (
	"math"
	"strconv"
)

func scopeLesson() *Lesson {
	return &Lesson{
		Idea:    "A layer's state is a list of numbers that no one can read. A patchscope takes it out of one prompt and puts it into another, at a place that asks for it: the model itself then says in words what it means. The logit lens asks the same question of the last step alone; a patchscope gives the state all the layers that are left.",
		Predict: "In which layers will the other prompt name the right word: earlier than the logit lens, in about the same ones, or later?",
		Guesses: [3]string{"Earlier than the lens", "In about the same layers", "Later than the lens"},
		Fails:   "In the first layers the state still means the last word that was read, and the identity prompt repeats that. In the last layers an entity can no longer be described: the state has become the next word. The target has a taste of its own; that is why the unpatched target, a random vector and another source's state stand beside the effect. A small model describes Princess Diana as an actress. Into another model much is lost on the way: a map that explains half of the variance or more carries a fifth to a third of the words, from Gemma to SmolLM2 or between two Qwens, and from Pocket only their kind.",
	}
}

func scopePresets() []Preset {
	return []Preset{
		preset("pocket", "What does Pocket know where?", "pocket", `{"set":"pocket","items":30}`, "From layer 5 of 8 the identity prompt names the next word, one layer later than the lens; random vectors never do."),
		preset("pocket-one", "One sentence of Pocket's world", "pocket", `{"source":"The capital of Poland is","count":3,"grid":true}`, "Rows are layers: with the state after layer 4 the prompt writes Warsaw. Later states hold only the first piece, W, and it makes Wells of that."),
		preset("name", "A person's name", "gemma3-270m", `{"source":"Wolfgang Amadeus Mozart","target":"entity","count":8}`, "The early layers describe the composer; in the late ones only the next word is left."),
		preset("identity", "Next words, against the lens", "smollm2-135m-instruct", `{"set":"sentences","items":40,"step":2}`, "The identity prompt reads the next word many layers before the lens does."),
		preset("entities", "Twenty names described", "smollm2-135m-instruct", `{"set":"entities","target":"entity","count":12,"step":4}`, "Half of the names are described rightly from the early layers, almost none from the last ones."),
		preset("currency", "A country's currency", "gemma3-270m", `{"set":"attributes","target":"attribute","count":3,"step":3}`, "Put into a sentence about its currency, a country's state gives the right one for 19 of 20, up to layer 11 of 18."),
		preset("other-pocket", "From Pocket into SmolLM2", "pocket", `{"set":"lists","items":30,"other":"smollm2-135m-instruct"}`, "No word arrives, 0 of 30, but their kind does: for wolves SmolLM2 writes houses, for wrote were, for wet happy."),
		preset("other-gemma", "From Gemma into SmolLM2", "gemma3-270m", `{"set":"lists","items":40,"step":2,"other":"smollm2-135m-instruct"}`, "13 of 40 words arrive from layer 15 in layer 26; through a map of shuffled pairs, or with random vectors, none."),
		preset("other-qwen", "From Qwen 0.5B into Qwen 1.5B", "qwen2.5-coder-0.5b-instruct", `{"set":"sentences","items":20,"step":4,"other":"qwen2.5-coder-1.5b-instruct"}`, "6 of 20 words arrive from layer 19 in layer 22, and 3 from layer 15, where the lens names none; through a map of shuffled pairs, or with random vectors, none."),
	}
}

// result is what is known so far: sources without a patch yet are left out.
func (s *scope) result() *PatchscopeResult {
	r := &PatchscopeResult{Layers: s.layers, Fit: s.fitted}
	if s.bridge != nil {
		r.Into = s.deep
	}
	for i := range s.sources {
		if len(s.sources[i].Patched) > 0 {
			r.Items = append(r.Items, s.sources[i].ScopeItem)
		}
	}
	if s.p.Set == "one" {
		s.single(r)
	} else {
		s.scored(r)
	}
	if s.fitted != nil {
		s.mapped(r)
	}
	return r
}

// axis names the layers; of two models it says which goes into which.
func (s *scope) axis() Axis {
	a := layerAxis(s.layers)
	if s.bridge != nil {
		a.Name = say("source layer → target layer")
		for i, l := range s.deep {
			a.Labels[i] += " → " + strconv.Itoa(l)
		}
	}
	return a
}

// mapped shows how well the map into the other model does on words that it was not fitted on.
func (s *scope) mapped(r *PatchscopeResult) {
	f := s.fitted
	r.figure(Figure{
		Name: "fit", Kind: Lines, Scale: Effect, X: s.axis(),
		Title: say("How well the map does on words that were kept out"), Unit: say("explained variance (R²), and cosine"),
		Series: []Series{
			{Name: say("explained variance"), Values: Nums(f.Explained)}, {Name: say("cosine"), Values: Nums(f.Cosine)},
			{Name: say("explained variance, shuffled pairs"), Values: Nums(f.Shuffled), Control: true},
		},
	})
	at := highest(len(f.Explained), func(i int) float64 { return f.Explained[i] })
	r.fact(say("A map into the other model was fitted on {0} words. Of the states at {1} other words it explains {2} of the variance at best, at layer {3}; fitted on shuffled pairs, {4}.",
		strconv.Itoa(f.Fitted), strconv.Itoa(f.Held), decimal(f.Explained[at], 2), strconv.Itoa(s.layers[at]), decimal(f.Shuffled[at], 2)))
	if s.p.Set != "one" {
		r.fact(say("Through the map of shuffled pairs the target is right for {0} at best; given the source itself, for {1}.", s.mixed[peak(s.mixed)].String(), s.reader.String()))
	}
}

// single shows what each layer of one source gives, as text.
func (s *scope) single(r *PatchscopeResult) {
	x := &s.sources[0]
	f := Figure{
		Name: "scope", Kind: Grid, Scale: Share,
		Title: say("What each layer's state becomes in words"),
		Unit:  say("probability of the first token written"),
		X:     Axis{say("how it is read"), []string{say("logit lens").Text, say("patchscope").Text, say("random vector").Text}},
		Y:     s.axis(),
	}
	if s.bridge != nil {
		f.X.Labels = append(f.X.Labels, say("map of shuffled pairs").Text)
	}
	at := -1
	for l := range s.layers {
		cells, texts := []Num{Num(x.lensP[l])}, []string{x.Lens[l]}
		if x.first == nil { // not patched yet
			for range f.X.Labels[1:] {
				cells, texts = append(cells, Num(math.NaN())), append(texts, "")
			}
			f.Cells, f.Texts = append(f.Cells, cells), append(f.Texts, texts)
			continue
		}
		cells, texts = append(cells, Num(exp(x.first[l].Value)), Num(exp(x.noise[l].Value))), append(texts, x.Patched[l], x.Random[l])
		if s.bridge != nil {
			cells, texts = append(cells, Num(exp(x.blur[l].Value))), append(texts, x.Mixed[l])
		}
		f.Cells, f.Texts = append(f.Cells, cells), append(f.Texts, texts)
		if at < 0 && x.first[l].ID == x.goal {
			at = l
		}
	}
	if at >= 0 {
		f.Best = &[2]int{1, at}
	}
	r.Figures = []Figure{f}
	if x.first == nil {
		return
	}
	r.Passages = []Passage{{Name: say("the target as it is"), Prompt: s.text, Steps: []GenerateStep{}, Text: s.blank.text, Control: true}}
	for _, l := range []int{0, len(s.layers) / 3, 2 * len(s.layers) / 3, len(s.layers) - 1} {
		r.Passages = append(r.Passages, Passage{Name: say("layer {0} put in", strconv.Itoa(s.layers[l])), Prompt: s.text, Steps: []GenerateStep{}, Text: x.Patched[l]})
	}
	s.singleFacts(r, at)
}

func (s *scope) singleFacts(r *PatchscopeResult, at int) {
	x := &s.sources[0]
	lens := firstAt(s.lens, 1)
	r.fact(say("After the source the model itself would write {0}.", strconv.Quote(x.Next)))
	if at >= 0 {
		r.fact(say("The target first writes it with the state after layer {0}; the logit lens first names it after layer {1}.", strconv.Itoa(s.layers[at]), strconv.Itoa(s.layers[lens])))
	} else {
		r.fact(say("The target begins with that word at no layer: it was asked for something else, or does not understand the state."))
	}
	r.fact(say("Without a patch the target writes {0}.", strconv.Quote(s.blank.text)))
	if s.random[peak(s.random)].Hits > 0 {
		r.fact(say("A random vector of the same length gives the word too at some layer: look twice."))
	} else {
		r.fact(say("A random vector of the same length gives the word at no layer."))
	}
	if s.p.Target == "identity" && at >= 0 {
		n := float64(len(s.layers))
		r.Answer = compared(float64(at)/n, float64(lens)/n)
	}
}

// depth is the mean layer at which things are right, in shares of all layers: what is wrong in all
// layers counts as the end.
func depth(rs []Rate) float64 {
	sum := 0.0
	for _, r := range rs {
		sum += 1 - r.Share()
	}
	return sum / float64(len(rs))
}

// compared says which of two depths comes first by more than a twentieth: 0 the first, 1 neither, 2
// the second.
func compared(a, b float64) *int {
	n := 1
	switch {
	case a < b-0.05:
		n = 0
	case a > b+0.05:
		n = 2
	}
	return &n
}

// scored shows rates by layer with their controls.
func (s *scope) scored(r *PatchscopeResult) {
	open := len(s.sources[0].Want) == 0
	title, unit := say("How often the right word is written"), say("share of sources with a right word in the text")
	if open {
		title, unit = say("How often the model's own next word is named"), say("precision at 1")
	}
	f := Figure{Name: "precision", Kind: Lines, Scale: Share, Title: title, Unit: unit, X: s.axis()}
	f.Series = []Series{
		rates(say("patchscope"), s.patched, false), rates(say("logit lens"), s.lens, true),
		rates(say("random vector"), s.random, true), level(say("target as it is"), s.unpatched, true),
	}
	if s.bridge != nil {
		f.Series = append(f.Series, rates(say("map of shuffled pairs"), s.mixed, true), level(say("the target model reads the source"), s.reader, true))
	}
	if s.wrong[0].N > 0 {
		f.Series = append(f.Series, rates(say("another source's state"), s.wrong, true))
	}
	at := s.gap()
	f.Best = &[2]int{at, 0}
	r.Figures = []Figure{f, s.samples()}
	r.Facts = append(r.Facts,
		say("With the state after layer {0} the target is right for {1}; the logit lens there for {2}.", strconv.Itoa(s.layers[at]), s.patched[at].String(), s.lens[at].String()),
		say("Controls at that layer: a random vector of the same length {0}, the target as it is {1}, another source's state {2}.", s.random[at].String(), s.unpatched.String(), s.wrong[at].String()))
	best := peak(s.patched)
	r.fact(say("The most the target gets right is {0}, at layer {1}.", s.patched[best].String(), strconv.Itoa(s.layers[best])))
	if open {
		r.Answer = compared(depth(s.patched), depth(s.lens))
	}
	if half, lens := firstAt(s.patched, 0.5), firstAt(s.lens, 0.5); open && half < len(s.layers) && lens < len(s.layers) {
		r.fact(say("Half of the words are named from layer {0} on by the target, and from layer {1} on by the lens.", strconv.Itoa(s.layers[half]), strconv.Itoa(s.layers[lens])))
	}
	r.Kept, r.Of = s.patched[0].N, len(s.sources)
}

// gap is the layer where the target is furthest ahead of the lens.
func (s *scope) gap() int {
	at := 0
	for l := range s.layers {
		if s.patched[l].Hits-s.lens[l].Hits*s.patched[l].N/max(1, s.lens[l].N) > s.patched[at].Hits-s.lens[at].Hits*s.patched[at].N/max(1, s.lens[at].N) {
			at = l
		}
	}
	return at
}

// samples shows what was written for the first few sources.
func (s *scope) samples() Figure {
	f := Figure{
		Name: "written", Kind: Grid, Scale: Share,
		Title: say("What is written, for the first sources"), Unit: say("probability of the first token written"),
		X: Axis{Name: say("source")}, Y: s.axis(),
	}
	for l := range s.layers {
		var cells []Num
		var texts []string
		for i := range s.sources[:min(6, len(s.sources))] {
			x := &s.sources[i]
			if x.Patched == nil {
				continue
			}
			if l == 0 {
				f.X.Labels = append(f.X.Labels, x.Source)
			}
			cells, texts = append(cells, Num(exp(x.first[l].Value))), append(texts, x.Patched[l])
		}
		f.Cells, f.Texts = append(f.Cells, cells), append(f.Texts, texts)
	}
	return f
}

// gridFigure is the frame of the picture of all pairs of layers.
func (s *scope) gridFigure() Figure {
	unit := say("probability of the source's own next word")
	if s.p.Set != "one" {
		unit = say("precision at 1")
	}
	return Figure{
		Name: "pairs", Kind: Grid, Scale: Share,
		Title: say("Any source layer into any target layer"), Unit: unit,
		X: Axis{say("target layer"), labelsOf(s.deep)}, Y: Axis{say("source layer"), labelsOf(s.layers)},
	}
}
