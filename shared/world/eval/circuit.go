package main

import (
	"fmt"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/world"
)

// head names an attention head.
type head struct{ layer, head int }

func (h head) String() string { return fmt.Sprintf("L%dH%d", h.layer, h.head) }

// circuitStories bounds the stories of the greedy search.
const circuitStories = 24

// measureCircuit keeps few heads of the indirect-object task and puts all others at their mean over
// stories of three different names, position by position (Wang et al. 2022). MLPs stay whole.
func measureCircuit(b *bench) ([]row, error) {
	r := row{technique: "circuit of indirect objects, held-out pairs of names", wanted: "at least 0.95 right; five or fewer heads keep 0.8 of the logit difference"}
	texts, answers := []string{}, []string{}
	for _, s := range b.sets.Stories {
		texts, answers = append(texts, s.Text), append(answers, " "+s.Object)
	}
	right, err := b.rate(with(texts), answers)
	if err != nil {
		return nil, err
	}
	means, err := b.headMeans()
	if err != nil {
		return nil, err
	}
	stories := b.sets.Stories[:circuitStories]
	full, err := b.difference(stories, nil)
	if err != nil {
		return nil, err
	}
	all := b.heads()
	none, err := b.difference(stories, means.edits(b, stories, nil))
	if err != nil {
		return nil, err
	}
	var kept []head
	var steps []float64
	for len(kept) < 5 {
		top, at := -1e9, head{}
		for _, h := range all {
			if contains(kept, h) {
				continue
			}
			d, err := b.difference(stories, means.edits(b, stories, append(kept[:len(kept):len(kept)], h)))
			if err != nil {
				return nil, err
			}
			if d > top {
				top, at = d, h
			}
		}
		kept, steps = append(kept, at), append(steps, top/full)
		if top >= 0.8*full {
			break
		}
	}
	test, err := b.faithful(b.sets.Stories[circuitStories:], means, kept)
	if err != nil {
		return nil, err
	}
	kind := fmt.Sprintf("%d of %d heads", len(kept), len(all))
	r.measured = fmt.Sprintf("%.2f right; %s %v keep %.2f of the difference (found on %d stories, %.2f on %d others)", right, kind, kept, steps[len(steps)-1], circuitStories, test, len(b.sets.Stories)-circuitStories)
	r.control = fmt.Sprintf("no head: %.2f of the difference", none/full)
	r.met = right >= 0.95 && test >= 0.8
	r.details = []string{"", fmt.Sprintf("Indirect objects: logit difference %.2f; share kept with one to %d heads:%s.", full, len(steps), list(steps))}
	return []row{r}, nil
}

// faithful is the part of the difference on other stories.
func (b *bench) faithful(stories []world.Story, m headMeans, kept []head) (float64, error) {
	full, err := b.difference(stories, nil)
	if err != nil {
		return 0, err
	}
	part, err := b.difference(stories, m.edits(b, stories, kept))
	return part / full, err
}

func contains(hs []head, h head) bool {
	for _, x := range hs {
		if x == h {
			return true
		}
	}
	return false
}

func (b *bench) heads() []head {
	var out []head
	for l := range b.layers {
		for h := range b.env.Model.Config().Heads {
			out = append(out, head{l, h})
		}
	}
	return out
}

// headMeans are the outputs of all heads, [layer][position, head, width], averaged over stories of
// one length: those are of one form, since every name, place and thing is one token.
type headMeans map[int][][]float32

func (b *bench) headMeans() (headMeans, error) {
	sums, counts := headMeans{}, map[int]int{}
	var items []item
	for _, s := range b.sets.Stories {
		items = append(items, item{text: s.Other})
	}
	reads := []plan.Read{{Name: "z", Site: hook.Z, Layers: plan.All(), Positions: plan.Positions{All: true}}}
	err := b.execute(items, reads, func(i int, r plan.RunResult, array func(string) [][]float32) {
		n := len(r.IDs)
		counts[n]++
		for l, z := range array("z") {
			if len(sums[n]) <= l {
				sums[n] = append(sums[n], make([]float32, len(z)))
			}
			sums[n][l] = combine(sums[n][l], 1, z)
		}
	})
	for n, layers := range sums {
		for l := range layers {
			layers[l] = combine(make([]float32, len(layers[l])), 1/float32(counts[n]), layers[l])
		}
	}
	return sums, err
}

// edits put every head that is not kept at its mean, for each story.
func (m headMeans) edits(b *bench, stories []world.Story, kept []head) [][]plan.Edit {
	out := make([][]plan.Edit, len(stories))
	for i, s := range stories {
		out[i] = m.forLength(b, b.length(s.Text), kept)
	}
	return out
}

// forLength makes the edits for stories of one length. Where no other story has it, nothing is edited.
func (m headMeans) forLength(b *bench, n int, kept []head) []plan.Edit {
	var out []plan.Edit
	c := b.env.Model.Config()
	for l, z := range m[n] {
		for h := range c.Heads {
			if contains(kept, head{l, h}) {
				continue
			}
			v := make([]float32, 0, n*c.HeadDim)
			for t := range n {
				at := (t*c.Heads + h) * c.HeadDim
				v = append(v, z[at:at+c.HeadDim]...)
			}
			out = append(out, plan.Edit{Site: hook.Z, Layers: plan.One(l), Heads: plan.One(h), Op: plan.Set, Positions: plan.Positions{All: true}, Operand: plan.Literal([]int{n, 1, c.HeadDim}, v)})
		}
	}
	return out
}

// length of a text in tokens, BOS included.
func (b *bench) length(text string) int {
	n := 0
	_ = b.execute([]item{{text: text}}, nil, func(_ int, r plan.RunResult, _ func(string) [][]float32) { n = len(r.IDs) })
	return n
}

// difference is the mean logit of the object minus that of the giver.
func (b *bench) difference(stories []world.Story, edits [][]plan.Edit) (float64, error) {
	sum := 0.0
	for i, s := range stories {
		it := item{text: s.Text}
		if edits != nil {
			it.edits = edits[i]
		}
		read := plan.Read{Name: "d", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogitDiff, Tokens: []plan.TokenRef{{ID: b.first(" " + s.Object)}, {ID: b.first(" " + s.Giver)}}}
		if err := b.execute([]item{it}, []plan.Read{read}, func(_ int, _ plan.RunResult, array func(string) [][]float32) { sum += float64(array("d")[0][0]) }); err != nil {
			return 0, err
		}
	}
	return sum / float64(len(stories)), nil
}
