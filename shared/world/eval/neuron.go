package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"patchbay/shared/hook"
	"patchbay/shared/lab"
	"patchbay/shared/plan"
	"patchbay/shared/world"
)

// Every strideth neuron is ablated, on so many facts.
const (
	neuronStride = 5
	neuronFacts  = 12
)

// measureNeurons ablates neurons one by one on facts, and looks for a neuron that tells a concept. The
// first is a census with plans of its own: the lesson switches off one chosen neuron, those that
// attribution names and a few random ones, never every fifth of all. What it says of the same facts
// stands below the table; the second is the lesson's.
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
	if r.details, err = b.neuronsTogether(); err != nil {
		return nil, err
	}
	r.measured = fmt.Sprintf("%.2f of %d neurons change the answers' mean probability by less than 1 percent (the largest change: %.0f percent); %s", float64(small)/float64(n), n, 100*worst, c)
	r.control = fmt.Sprintf("AUROC on words not used to choose it; shuffled labels %.2f", c.Chance)
	r.met = 2*small > n && c.Tested >= 0.95
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

// neuronFacts are facts of every kind.
func (b *bench) neuronFacts() (out []world.Question) {
	for i := range neuronFacts {
		out = append(out, b.sets.Facts[i*len(b.sets.Facts)/neuronFacts])
	}
	return out
}

// answerProbability is the mean probability of the answers of some facts.
func (b *bench) answerProbability(edits []plan.Edit) (float64, error) {
	var items []item
	var answers []plan.TokenRef
	for _, q := range b.neuronFacts() {
		items, answers = append(items, item{text: q.Prompt, edits: edits}), append(answers, plan.TokenRef{ID: b.first(q.Answer)})
	}
	sum := 0.0
	reads := []plan.Read{{Name: "p", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogProb, Tokens: answers}}
	err := b.execute(items, reads, func(i int, _ plan.RunResult, array func(string) [][]float32) { sum += prob(array("p")[0][i]) })
	return sum / neuronFacts, err
}

// neuronsTogether is what the lesson's part on switching off says of the same facts.
func (b *bench) neuronsTogether() ([]string, error) {
	got, err := lesson[lab.NeuronParams, lab.NeuronResult](b, "neuron", func(p *lab.NeuronParams) {
		p.Part = "ablate"
		for _, q := range b.neuronFacts() {
			p.Facts = append(p.Facts, [2]string{q.Prompt, q.Answer})
		}
	})
	if err != nil {
		return nil, err
	}
	f := figure(got.Report, "groups")
	return []string{"", fmt.Sprintf("Neurons switched off together (%s), mean change of the answer's log-probability on %d facts: those with the largest attribution%s; random ones%s.",
		strings.Join(f.X.Labels, " "), got.Kept, list(series(f, "those with the largest attribution")), list(series(f, "random ones")))}, nil
}

// concept is the neuron that tells a class best.
type concept struct {
	lab.NeuronResult
	name string
}

func (c concept) String() string {
	return fmt.Sprintf("L%dN%d tells %s with AUROC %.2f", c.Layer, c.Neuron, c.name, c.Tested)
}

// conceptNeuron lets the lesson find the neuron that best tells a class of things, a continent's
// countries or a kind of words from the others and from the lesson's own texts, chosen on every other
// word and tested on the rest. Concepts of few words are left out: among thousands of neurons one that tells
// those by chance is always found.
func (b *bench) conceptNeuron() (best concept, err error) {
	var things, countries, words [][2]string // text and label
	add := func(to *[][2]string, word, label string) {
		*to = append(*to, [2]string{world.Formats[1].Before + word, label})
	}
	for _, n := range b.world.Nouns {
		add(&things, n.Name, n.Class)
	}
	for _, c := range b.world.Countries {
		add(&countries, c.Name, c.Continent)
	}
	for i := range b.world.Verbs {
		add(&words, b.world.Nouns[i].Name, "noun")
		add(&words, b.world.Adjectives[i].Name, "adjective")
		add(&words, b.world.Verbs[i].Name, "verb")
		add(&words, b.world.Nouns[i].French, "French noun")
	}
	for _, group := range []struct {
		texts    [][2]string
		concepts []string
		among    string
	}{
		{things, []string{"animal", "food", "tool"}, "things"},
		{countries, []string{"Europe", "Asia", "Africa", "America"}, "countries"},
		{words, []string{"noun", "adjective", "verb", "French noun"}, "words"},
	} {
		for _, name := range group.concepts {
			got, err := lesson[lab.NeuronParams, lab.NeuronResult](b, "neuron", func(p *lab.NeuronParams) {
				p.Part, p.Concept, p.Marked = "find", "own", leading(group.texts, name)
			})
			if err != nil {
				return best, err
			}
			if got.Chosen > best.Chosen {
				best = concept{got, fmt.Sprintf("%q among %s", name, group.among)}
			}
		}
	}
	return best, nil
}

// leading puts the texts of a label in front: the first label is the lesson's concept.
func leading(texts [][2]string, label string) [][2]string {
	out := slices.Clone(texts)
	slices.SortStableFunc(out, func(x, y [2]string) int {
		switch {
		case (x[1] == label) == (y[1] == label):
			return 0
		case x[1] == label:
			return -1
		}
		return 1
	})
	return out
}
