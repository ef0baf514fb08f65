package lab

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

func languageLesson() *Lesson {
	return &Lesson{
		Idea:    "Ask a model for the Chinese of a French word. Neither word is English; does the model pass through English all the same? At every layer the logit lens gives a probability to the English word and to the Chinese one: the two lines show which comes first.",
		Predict: "On the way from French to Chinese, what will the middle layers hold?",
		Guesses: [3]string{"The English word first, then the Chinese one", "The Chinese word from the start", "Neither can be seen"},
		Fails:   "A model that knows one language only has nothing to pass through: SmolLM2 is English, and its lines show that. Pocket learned French as its own language: P(English) stays at 0.000 in all layers. The effect is small in small models, and the lens sees only what the last step can read. A beginning can belong to the source word too: that is why its line stands there. Words whose languages share a beginning cannot be told apart and are dropped.",
	}
}

func languagePresets() []Preset {
	return []Preset{
		preset("word", "A word in translation", "gemma3-270m", `{"word":"neige"}`, "From French neige to Chinese 雪: after layer 15 of 18 the first guess is the English snow."),
		preset("chinese", "French to Chinese, the mean", "gemma3-270m", `{"items":60}`, "English is ahead around layer 12 of 18, small but clear; Chinese takes over in the last layers."),
		preset("french", "German to French", "gemma3-270m", `{"pair":"German to French","items":60}`, "Many words are dropped, since their beginnings are the same."),
		preset("big", "The same on a larger model", "qwen2.5-coder-1.5b-instruct", `{"items":30}`, "Meant for the sidecar."),
		preset("english", "A model of one language", "smollm2-135m-instruct", `{"pair":"German to French","items":30}`, "It can do neither: the failure is the lesson."),
		preset("pocket", "Pocket's French opposites", "pocket", `{"pair":"Pocket opposites","items":60}`, "Pocket does not pass through English."),
	}
}

// names are what the series are called.
func (t *thought) names() [4]Words {
	if t.english {
		return [4]Words{say("the source language"), say("English, the target"), say("another word of the source language")}
	}
	return [4]Words{say("English"), say("the target language"), say("another English word"), say("the source word")}
}

// result is what is known of the words so far.
func (t *thought) result(words []*latentWord) *LanguageResult {
	r := &LanguageResult{Prompt: t.words[0].prompt}
	for i := range t.words {
		if t.one && i > 0 {
			break
		}
		w := t.words[i].LanguageWord
		w.Tokens, w.EnToks = w.Tokens[:min(len(w.Tokens), 16)], w.EnToks[:min(len(w.EnToks), 16)]
		r.Words = append(r.Words, w)
	}
	r.Kept, r.Of = len(t.kept()), len(r.Words)
	r.Figures = []Figure{t.paths(words)}
	if t.one {
		r.Figures = append([]Figure{t.rungs(words[0])}, r.Figures...)
	}
	r.figure(t.entropies(words))
	t.facts(r, words)
	return r
}

// paths is the mean probability of each set by layer.
func (t *thought) paths(words []*latentWord) Figure {
	f := Figure{
		Name: "paths", Kind: Lines, Scale: Share,
		Title: say("English and the target language, layer by layer"), Unit: say("probability of the word's beginnings, mean over words"),
		X: layerAxis(span(0, t.layers)),
	}
	for k, name := range t.names() {
		if name.Text == "" || k == 3 && strings.HasPrefix(t.p.Pair, "English") { // it is one of the others
			continue
		}
		f.Series = append(f.Series, t.line3(name, words, k))
	}
	at, _ := t.crest(words)
	f.Best = &[2]int{at, 0}
	return f
}

// line3 is the series of a set.
func (t *thought) line3(name Words, words []*latentWord, k int) Series {
	s := Series{Name: name, Control: k >= 2}
	for l := range t.layers {
		m, low, high := mean(column3(words, k, l))
		s.put(m, max(0, low), min(1, high))
	}
	return s
}

// column3 is the probability of a set at a layer, one number a word.
func column3(words []*latentWord, k, l int) []float64 {
	var out []float64
	for _, w := range words {
		if p := w.p[k][l]; !math.IsNaN(p) {
			out = append(out, p)
		}
	}
	return out
}

// crest is the layer where English is furthest ahead of the target, and by how much.
func (t *thought) crest(words []*latentWord) (at int, ahead float64) {
	ahead = math.Inf(-1)
	for l := range t.layers {
		en, _, _ := mean(column3(words, 0, l))
		to, _, _ := mean(column3(words, 1, l))
		if en-to > ahead {
			at, ahead = l, en-to
		}
	}
	return at, ahead
}

// rungs is one word's way: what each layer would say, and how likely the two words are.
func (t *thought) rungs(w *latentWord) Figure {
	n := t.names()
	f := Figure{
		Name: "word", Kind: Grid, Scale: Share, Title: say("One word on its way: {0}", w.Source), Unit: say("probability"),
		X: Axis{say("what is asked of the lens"), []string{say("first guess").Text, n[0].Text, n[1].Text}},
		Y: layerAxis(span(0, t.layers)),
	}
	for l := range t.layers {
		f.Cells = append(f.Cells, []Num{Num(exp(w.top[l].Value)), Num(w.p[0][l]), Num(w.p[1][l])})
		f.Texts = append(f.Texts, []string{w.top[l].Text, decimal(w.p[0][l], 3), decimal(w.p[1][l], 3)})
	}
	return f
}

// entropies says how sure each layer's guess is.
func (t *thought) entropies(words []*latentWord) Figure {
	s := Series{Name: say("entropy")}
	for l := range t.layers {
		var xs []float64
		for _, w := range words {
			xs = append(xs, w.entropy[l])
		}
		s.put(mean(xs))
	}
	return Figure{
		Name: "entropy", Kind: Lines, Scale: Amount, Title: say("How undecided each layer is"), Unit: say("entropy of the guess, bits"),
		X: layerAxis(span(0, t.layers)), Series: []Series{s},
	}
}

// facts says what the lines show.
func (t *thought) facts(r *LanguageResult, words []*latentWord) {
	at, _ := t.crest(words)
	en, _, _ := mean(column3(words, 0, at))
	to, _, _ := mean(column3(words, 1, at))
	other, _, _ := mean(column3(words, 2, at))
	final, _, _ := mean(column3(words, 0, t.layers-1))
	end, _, _ := mean(column3(words, 1, t.layers-1))
	var right Rate
	r.At = at
	for _, w := range words {
		r.Ahead.add(w.p[0][at] > w.p[1][at])
		right.add(w.Right)
	}
	n := t.names()
	if en > to+0.001 {
		r.Facts = append(r.Facts,
			say("{0} is furthest ahead after layer {1}: {2}, against {3} for {4}.", n[0].Text, strconv.Itoa(at), decimal(en, 3), decimal(to, 3), n[1].Text),
			say("It is ahead there in {0} of the words; another word's beginnings have {1}.", r.Ahead.String(), decimal(other, 3)))
	} else {
		r.fact(say("{0} is at no layer ahead of {1}.", n[0].Text, n[1].Text))
	}
	r.Facts = append(r.Facts,
		say("At the end the target has {0}; the model begins the right word for {1}.", decimal(end, 3), right.String()),
		say("Counted for {0}: {1}. Counted for {2}: {3}.", words[0].Target, marked(words[0].Tokens), words[0].English, marked(words[0].EnToks)))
	if r.Of > r.Kept {
		r.fact(say("{0} of {1} words are dropped: their two sets of tokens meet.", strconv.Itoa(r.Of-r.Kept), strconv.Itoa(r.Of)))
	}
	if t.english {
		return
	}
	answer := 2
	switch {
	case en > to && en > 0.005 && en > 10*other && end > final:
		answer = 0
	case end > 0.1:
		answer = 1
	}
	r.Answer = &answer
}

// marked lists tokens, each in marks so that its space is seen.
func marked(tokens []string) string {
	tokens = slices.Clone(tokens[:min(len(tokens), 8)])
	for i, s := range tokens {
		tokens[i] = "[" + s + "]"
	}
	return strings.Join(tokens, " ")
}
