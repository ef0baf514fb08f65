package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"patchbay/shared/plan"
	"patchbay/shared/token"
	"patchbay/shared/world"
)

// failures are held-out two-hop questions whose hops the model knows and which it gets wrong.
type failures struct {
	hops []world.Hop
	both int // questions whose hops are known
}

// limitHops bounds the failing questions that are patched: all pairs of layers are tried on each.
const limitHops = 40

// measureHops finds the failing compositions and back-patches them (Biran et al. 2024): a later
// block's state, at the last token of the subject or of the prompt, in the place of an earlier one's.
func measureHops(b *bench) ([]row, error) {
	r := row{technique: "two-hop, back-patched", wanted: "composing fails on at least a third of the held-out items that have both hops; any pair of layers rescues at least 0.6 of these, with the wrong query at most 0.2"}
	var all failures
	for _, via := range []string{"country", "spouse"} {
		f, err := b.failing(via)
		if err != nil {
			return nil, err
		}
		r.details = append(r.details, "", fmt.Sprintf("Two hops by the %s: both hops known in %d held-out questions, composing fails in %d.", via, f.both, len(f.hops)))
		all.hops, all.both = append(all.hops, f.hops...), all.both+f.both
	}
	share := float64(len(all.hops)) / float64(max(1, all.both))
	rand.New(rand.NewPCG(4, 4)).Shuffle(len(all.hops), func(i, j int) { all.hops[i], all.hops[j] = all.hops[j], all.hops[i] })
	hops := all.hops[:min(limitHops, len(all.hops))]
	right, err := b.backPatch(hops, hops)
	if err != nil {
		return nil, err
	}
	wrong, err := b.backPatch(hops, b.others(hops))
	if err != nil {
		return nil, err
	}
	any, pair, single := right.any(), right.bestPair(), 0.0
	if len(hops) > 0 {
		single = right.rate(pair)
	}
	r.measured = fmt.Sprintf("fails on %.2f (%d of %d); any pair rescues %.2f of %d, the best single pair %.2f (%s)", share, len(all.hops), all.both, any, len(hops), single, pair)
	r.control = fmt.Sprintf("wrong query: any pair %.2f, that pair %.2f", wrong.any(), wrong.rate(pair))
	r.met = share >= 1.0/3 && any >= 0.6 && wrong.any() <= 0.2
	return []row{r}, nil
}

// manyAnswers are the questions whose answers are many and different: a wrong query that happens on
// "euro" or "Spanish" would otherwise count as a rescue.
var manyAnswers = map[string]bool{"capital": true, "home": true}

// failing finds the failures among the held-out questions of a family.
func (b *bench) failing(via string) (f failures, err error) {
	var hops []world.Hop
	var texts [3][]string
	var answers [3][]string
	for _, h := range b.sets.Hops {
		if h.Via != via || !manyAnswers[h.Ask] {
			continue
		}
		hops = append(hops, h)
		for i, q := range [][2]string{{h.First(), h.Bridge}, {h.Second(), h.Answer}, {h.Text(), h.Answer}} {
			texts[i], answers[i] = append(texts[i], q[0]), append(answers[i], " "+q[1])
		}
	}
	var got [3][]int32
	for i := range got {
		if got[i], err = b.top(with(texts[i])); err != nil {
			return f, err
		}
	}
	for i, h := range hops {
		if got[0][i] != b.first(answers[0][i]) || got[1][i] != b.first(answers[1][i]) {
			continue
		}
		f.both++
		if got[2][i] != b.first(answers[2][i]) {
			f.hops = append(f.hops, h)
		}
	}
	return f, nil
}

// others finds for every question one that asks the same of another bridge, with another answer.
func (b *bench) others(hops []world.Hop) []world.Hop {
	r := rand.New(rand.NewPCG(6, 6))
	out := make([]world.Hop, len(hops))
	for i, h := range hops {
		for {
			o := b.sets.Hops[r.IntN(len(b.sets.Hops))]
			if o.Ask == h.Ask && o.Via == h.Via && b.first(" "+o.Answer) != b.first(" "+h.Answer) && o.Bridge != h.Bridge {
				out[i] = o
				break
			}
		}
	}
	return out
}

// pair is where a state comes from and goes to.
type pair struct {
	place    string // subject or last
	from, to int    // blocks
}

func (p pair) String() string { return fmt.Sprintf("%s token, block %d to %d", p.place, p.from, p.to) }

// patched says for each pair which questions come out right.
type patched struct {
	pairs []pair
	right [][]bool // [pair][question]
}

// backPatch runs every question with states of its source, over all pairs of layers and both places.
func (b *bench) backPatch(hops, sources []world.Hop) (p patched, err error) {
	for _, place := range []string{"subject", "last"} {
		from, to := b.places(sources, place), b.places(hops, place)
		states := make([][][]float32, len(hops))
		var items []item
		for _, s := range sources {
			items = append(items, item{text: s.Text()})
		}
		if states, err = b.states(items, func(i int) int { return from[i] }); err != nil {
			return p, err
		}
		for late := 1; late < b.layers; late++ {
			for early := range late {
				var items []item
				for i, h := range hops {
					items = append(items, item{text: h.Text(), edits: []plan.Edit{change(plan.Set, early, states[i][late], to[i])}})
				}
				got, err := b.top(items)
				if err != nil {
					return p, err
				}
				ok := make([]bool, len(hops))
				for i, h := range hops {
					ok[i] = got[i] == b.first(" "+h.Answer)
				}
				p.pairs, p.right = append(p.pairs, pair{place, late, early}), append(p.right, ok)
			}
		}
	}
	return p, nil
}

// places are the positions of the subject's last token, or of the prompt's.
func (b *bench) places(hops []world.Hop, place string) []int {
	out := make([]int, len(hops))
	for i, h := range hops {
		text := h.Text()
		if place == "subject" {
			text = text[:strings.Index(text, h.Subject)+len(h.Subject)]
		}
		ids, err := b.env.Tokens.Encode(text, token.Options{BOS: true})
		if err != nil {
			panic(err) // the world's own words
		}
		out[i] = len(ids) - 1
	}
	return out
}

// any is the part of questions that some pair gets right.
func (p patched) any() float64 {
	if len(p.right) == 0 || len(p.right[0]) == 0 {
		return 0
	}
	n := 0
	for q := range p.right[0] {
		for _, ok := range p.right {
			if ok[q] {
				n++
				break
			}
		}
	}
	return float64(n) / float64(len(p.right[0]))
}

// rate is the part of questions that a pair gets right.
func (p patched) rate(of pair) float64 {
	for i, q := range p.pairs {
		if q == of {
			n := 0
			for _, ok := range p.right[i] {
				if ok {
					n++
				}
			}
			return float64(n) / float64(max(1, len(p.right[i])))
		}
	}
	return 0
}

func (p patched) bestPair() pair {
	var top pair
	for _, q := range p.pairs {
		if p.rate(q) > p.rate(top) || top.place == "" {
			top = q
		}
	}
	return top
}
