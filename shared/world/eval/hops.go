package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"patchbay/shared/lab"
	"patchbay/shared/world"
)

// Failing questions that are patched at most: all pairs of layers are tried on each. The other
// families stand below the table, so fewer do.
const limitHops, limitOthers = 40, 12

// The positions at which the lesson copies states.
var hopPositions = []struct{ at, name string }{{"phrase", "end of the bridge's words"}, {"last", "last token"}}

// manyAnswers are the questions whose answers are many and different: a wrong query that happens on
// "euro" or "Spanish" would otherwise count as a rescue.
var manyAnswers = []string{"capital", "home"}

// measureHops runs the lesson on back-patching (Biran et al. 2024) with the held-out questions by the
// country. The row is met if at one of the lesson's two positions it is.
func measureHops(b *bench) ([]row, error) {
	r := row{technique: "two-hop, back-patched", wanted: "composing fails on at least a third of the held-out items that have both hops; any pair of layers rescues at least 0.6 of these, with the wrong query at most 0.2"}
	own, tally, err := b.rescues("country", limitHops)
	if err != nil {
		return nil, err
	}
	r.measured, r.control = "fails on "+tally.of(true, true), "wrong query"
	for _, x := range own {
		r.measured += "; " + x.String()
		r.control += fmt.Sprintf("; %s: any pair %.2f, that pair %.2f", x.at, x.wrong, x.wrongPair)
		r.met = r.met || x.any >= 0.6 && x.wrong <= 0.2
	}
	r.met = r.met && 3*tally.failing(true, true) >= tally.both(true, true)
	r.details = tally.lines("country")
	for _, via := range []string{"home", "spouse"} {
		others, tally, err := b.rescues(via, limitOthers)
		if err != nil {
			return nil, err
		}
		r.details = append(append(r.details, tally.lines(via)...), "")
		for _, x := range others {
			r.details = append(r.details, fmt.Sprintf("- back-patched, %s; with the wrong query any pair %.2f, that pair %.2f", x, x.wrong, x.wrongPair))
		}
	}
	return []row{r}, nil
}

// rescue is what back-patching at one position does to failing questions.
type rescue struct {
	at               string
	n                int     // questions patched
	any, pair        float64 // rescued by any pair of layers, by the best single one
	wrong, wrongPair float64 // the same with another question's states
	from, to         string  // the best single pair
}

func (x rescue) String() string {
	if x.n == 0 {
		return x.at + ": nothing to patch"
	}
	return fmt.Sprintf("%s: any pair rescues %.2f of %d, the best single pair %.2f (block %s to %s)", x.at, x.any, x.n, x.pair, x.from, x.to)
}

// rescues runs the lesson at both positions, and counts the questions.
func (b *bench) rescues(via string, most int) (out []rescue, t hopTally, err error) {
	for _, place := range hopPositions {
		got, err := b.backPatch(via, place.at, most)
		if err != nil {
			return nil, t, err
		}
		if t.items == nil {
			t = b.count(got.Items)
		}
		x := rescue{at: place.name, n: min(most, got.Kept)}
		if x.n > 0 {
			f, pairs := figure(got.Report, "rescued"), figure(got.Report, "pairs")
			mine, wrong := series(f, "its own state"), series(f, "another question's state")
			x.any, x.pair, x.wrong, x.wrongPair = mine[0], mine[1], wrong[0], wrong[1]
			x.to, x.from = pairs.X.Labels[pairs.Best[0]], pairs.Y.Labels[pairs.Best[1]]
		}
		out = append(out, x)
	}
	return out, t, nil
}

// backPatch runs the lesson with the held-out questions of a family, in an order drawn once, so that
// those patched are a sample.
func (b *bench) backPatch(via, at string, most int) (lab.BackpatchResult, error) {
	return lesson[lab.BackpatchParams, lab.BackpatchResult](b, "backpatch", func(p *lab.BackpatchParams) {
		p.Set, p.At, p.Most, p.Step, p.Items = "own", at, most, 1, 400
		for _, h := range b.sets.Hops {
			if h.Via == via && slices.Contains(manyAnswers, h.Ask) {
				the := map[string]string{"country": "the "}[via]
				p.Texts = append(p.Texts, fmt.Sprintf("the %s of %s*|%s|%s|The %s of *|%s", via, the, h.Subject, h.Bridge, h.Ask, h.Answer))
			}
		}
		rand.New(rand.NewPCG(4, 4)).Shuffle(len(p.Texts), func(i, j int) { p.Texts[i], p.Texts[j] = p.Texts[j], p.Texts[i] })
	})
}

// hopTally are asked questions; far says of each whether no text composes any question by its bridge.
type hopTally struct {
	items []lab.HopItem
	far   []bool
}

func (b *bench) count(items []lab.HopItem) hopTally {
	t := hopTally{items, make([]bool, len(items))}
	for i, it := range items {
		at := slices.IndexFunc(b.sets.Hops, func(h world.Hop) bool { return h.Text() == it.Question })
		t.far[i] = b.sets.Hops[at].Far
	}
	return t
}

// number counts questions with both hops right, far ones, near ones or both kinds, that pass.
func (t hopTally) number(far, near bool, pass func(lab.HopItem) bool) (n int) {
	for i, it := range t.items {
		if it.First && it.Second && (t.far[i] && far || !t.far[i] && near) && pass(it) {
			n++
		}
	}
	return n
}

func (t hopTally) both(far, near bool) int {
	return t.number(far, near, func(lab.HopItem) bool { return true })
}

func (t hopTally) failing(far, near bool) int {
	return t.number(far, near, func(it lab.HopItem) bool { return !it.Right })
}

// of writes a rate of failing.
func (t hopTally) of(far, near bool) string {
	n, of := t.failing(far, near), t.both(far, near)
	return fmt.Sprintf("%.2f (%d of %d)", float64(n)/float64(max(1, of)), n, of)
}

func (t hopTally) lines(via string) []string {
	short := t.number(true, true, func(it lab.HopItem) bool { return it.Shortcut })
	return []string{"", fmt.Sprintf("Two hops by the %s: of %d held-out questions both hops are known in %d, and composing fails in %d, of which %d are far (no text composes any question by their bridge); %d whose answer comes without the bridge are not patched. Fails: far %s, near %s.",
		via, len(t.items), t.both(true, true), t.failing(true, true), t.failing(true, false), short, t.of(true, false), t.of(false, true))}
}
