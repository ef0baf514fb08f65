package main

import (
	"fmt"
	"math"
	"sort"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/world"
)

// Every strideth neuron is ablated, on so many facts.
const (
	neuronStride = 5
	neuronFacts  = 12
)

// measureNeurons ablates neurons one by one on facts, and looks for a neuron that tells a concept.
func measureNeurons(b *bench) ([]row, error) {
	r := row{technique: "neuron", wanted: "one neuron's ablation below 1 percent effect for most; one clean concept neuron"}
	small, worst, n, err := b.ablateNeurons()
	if err != nil {
		return nil, err
	}
	c, err := b.conceptNeuron()
	if err != nil {
		return nil, err
	}
	r.measured = fmt.Sprintf("%.2f of %d neurons change the answers' mean probability by less than 1 percent (the largest change: %.0f percent); %s", float64(small)/float64(n), n, 100*worst, c)
	r.control = fmt.Sprintf("AUROC on words not used to choose it; shuffled labels %.2f", c.shuffled)
	r.met = 2*small > n && c.test >= 0.95
	return []row{r}, nil
}

// ablateNeurons counts neurons whose ablation changes the answers' mean probability by less than a hundredth.
func (b *bench) ablateNeurons() (small int, worst float64, n int, err error) {
	whole, err := b.answerProbability(nil)
	if err != nil {
		return 0, 0, 0, err
	}
	for i := 0; i < b.layers*b.env.Model.Config().MLP; i += neuronStride {
		f := b.env.Model.Config().MLP
		e := plan.Edit{Site: hook.MLPPost, Layers: plan.One(i / f), Index: plan.One(i % f), Op: plan.Set, Operand: plan.Scalar(0)}
		p, err := b.answerProbability([]plan.Edit{e})
		if err != nil {
			return 0, 0, 0, err
		}
		change := math.Abs(p-whole) / whole
		n++
		if change < 0.01 {
			small++
		}
		worst = max(worst, change)
	}
	return small, worst, n, nil
}

// answerProbability is the mean probability of the answers of some facts.
func (b *bench) answerProbability(edits []plan.Edit) (float64, error) {
	var items []item
	var answers []plan.TokenRef
	for i := range neuronFacts {
		q := b.sets.Facts[i*len(b.sets.Facts)/neuronFacts]
		items, answers = append(items, item{text: q.Prompt, edits: edits}), append(answers, plan.TokenRef{ID: b.first(q.Answer)})
	}
	sum := 0.0
	reads := []plan.Read{{Name: "p", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogProb, Tokens: answers}}
	err := b.execute(items, reads, func(i int, _ plan.RunResult, array func(string) [][]float32) { sum += prob(array("p")[0][i]) })
	return sum / neuronFacts, err
}

// concept is the neuron that tells a class best.
type concept struct {
	name                 string
	layer, index         int
	find, test, shuffled float64
}

func (c concept) String() string {
	return fmt.Sprintf("L%dN%d tells %s with AUROC %.2f", c.layer, c.index, c.name, c.test)
}

// conceptNeuron chooses on every other word the neuron that best tells a class of things, a
// continent's countries or a kind of words from the others, and tests it on the rest. Concepts of
// few words are left out: among 3,072 neurons one that tells those by chance is always found.
func (b *bench) conceptNeuron() (best concept, err error) {
	var things, classes, countries, continents, words, kinds []string
	for _, n := range b.world.Nouns {
		things, classes = append(things, n.Name), append(classes, n.Class)
	}
	for _, c := range b.world.Countries {
		countries, continents = append(countries, c.Name), append(continents, c.Continent)
	}
	for i := range b.world.Verbs {
		words = append(words, b.world.Nouns[i].Name, b.world.Adjectives[i].Name, b.world.Verbs[i].Name, b.world.Nouns[i].French)
	}
	for i := range words {
		kinds = append(kinds, []string{"noun", "adjective", "verb", "French noun"}[i%4])
	}
	for _, group := range []struct {
		words, labels, concepts []string
		among                   string
	}{
		{things, classes, []string{"animal", "food", "tool"}, "things"},
		{countries, continents, []string{"Europe", "Asia", "Africa", "America"}, "countries"},
		{words, kinds, []string{"noun", "adjective", "verb", "French noun"}, "words"},
	} {
		acts, err := b.neurons(group.words)
		if err != nil {
			return best, err
		}
		for _, name := range group.concepts {
			if c := tell(acts, group.labels, name); c.find > best.find {
				best = c
				best.name = fmt.Sprintf("%q among %s", name, group.among)
			}
		}
	}
	return best, nil
}

// neurons are the activations at the last token of a word: [word][layer][neuron].
func (b *bench) neurons(words []string) ([][][]float32, error) {
	var items []item
	for _, w := range words {
		items = append(items, item{text: world.Formats[1].Before + w})
	}
	out := make([][][]float32, len(items))
	reads := []plan.Read{{Name: "n", Site: hook.MLPPost, Layers: plan.All(), Positions: plan.At(-1)}}
	err := b.execute(items, reads, func(i int, _ plan.RunResult, array func(string) [][]float32) { out[i] = array("n") })
	return out, err
}

// tell finds the neuron that best separates a label on one half of the words, and tests it on the other.
func tell(acts [][][]float32, labels []string, label string) (c concept) {
	for l := range acts[0] {
		for k := range acts[0][l] {
			if a := auroc(acts, labels, label, l, k, 0); a > c.find {
				c.find, c.layer, c.index = a, l, k
			}
		}
	}
	c.test = auroc(acts, labels, label, c.layer, c.index, 1)
	turned := append(append([]string{}, labels[7:]...), labels[:7]...)
	c.shuffled = auroc(acts, turned, label, c.layer, c.index, 1)
	return c
}

// auroc over one half of the words.
func auroc(acts [][][]float32, labels []string, label string, l, k, parity int) float64 {
	type scored struct {
		x  float32
		is bool
	}
	var s []scored
	pos := 0
	for i := range acts {
		if i/4%2 != parity { // by fours, since the kinds of words take turns
			continue
		}
		is := labels[i] == label
		s = append(s, scored{acts[i][l][k], is})
		if is {
			pos++
		}
	}
	sort.Slice(s, func(i, j int) bool { return s[i].x < s[j].x })
	sum := 0
	for i, e := range s {
		if e.is {
			sum += i + 1
		}
	}
	neg := len(s) - pos
	return float64(sum-pos*(pos+1)/2) / float64(max(1, pos*neg))
}
