package main

import (
	"fmt"

	"patchbay/shared/lab"
	"patchbay/shared/world"
)

// Demonstrations in a prompt, and queries that are tested at most; a fifth as many for each of five
// sets of demonstrations make the vector.
const demonstrations, queries = 5, 60

// taskResult is what one task shows.
type taskResult struct {
	name                         string
	zero, few, shuffled          float64
	added, replaced, random      []float64 // by layer, added at the best strength
	bestAdded, bestReplaced      float64
	layerAdded, layerReplaced, n int
	strength                     float64
}

// addStrengths are tried for added vectors. At 1 the prompt's own state, which says to repeat the
// word, is as long as the vector; the residual stream is normed, so that longer ones outvote it.
var addStrengths = []float64{1, 2, 4}

// recovered is the part of the gap between zero-shot and few-shot that x makes up for.
func (t taskResult) recovered(x float64) float64 { return (x - t.zero) / (t.few - t.zero) }

// measureTasks runs the lesson on in-context vectors with every one-word task of the world: held
// pairs are the queries, all others are shown and made vectors of.
func measureTasks(b *bench) ([]row, error) {
	icl := row{technique: "in-context learning, 5 shots against zero, held-out queries", wanted: "at least 0.9 against at most 0.3 on 6 tasks"}
	vec := row{technique: "layer-average vector, zero-shot, part of the gap recovered", wanted: "added at least 0.9, in place at least 0.5, on 6 tasks; late layers fail"}
	icl.details = []string{"", "| task | n | zero-shot | 5 shots | shuffled answers | added (layer, strength) | in place (layer) | random added | added by layer |", "|---|---|---|---|---|---|---|---|---|"}
	good, added, replaced, late, lateIn, shuffled := 0, 0, 0, 0.0, 0.0, 0.0
	for _, s := range b.world.Tasks {
		t, err := b.task(s)
		if err != nil {
			return nil, err
		}
		shuffled += t.shuffled
		if t.few >= 0.9 && t.zero <= 0.3 {
			good++
			late += t.recovered(t.added[b.layers-1])
			lateIn += t.recovered(t.replaced[b.layers-1])
			if t.recovered(t.bestAdded) >= 0.9 {
				added++
			}
			if t.recovered(t.bestReplaced) >= 0.5 {
				replaced++
			}
		}
		r, _ := best(t.random)
		icl.details = append(icl.details, fmt.Sprintf("| %s | %d | %.2f | %.2f | %.2f | %.2f (%d, %.0f) | %.2f (%d) | %.2f |%s |", t.name, t.n, t.zero, t.few, t.shuffled, t.bestAdded, t.layerAdded, t.strength, t.bestReplaced, t.layerReplaced, r, list(t.added)))
	}
	tasks := len(b.world.Tasks)
	icl.measured, icl.control, icl.met = fmt.Sprintf("on %d tasks of %d", good, tasks), fmt.Sprintf("shuffled answers: mean %.2f", shuffled/float64(tasks)), good >= 6
	vec.measured = fmt.Sprintf("of those %d: added on %d, in place on %d; at the last layer added recovers %.2f, in place %.2f", good, added, replaced, late/float64(max(1, good)), lateIn/float64(max(1, good)))
	vec.control, vec.met = "random vectors of equal norm: see below", added >= 6 && replaced >= 6
	return []row{icl, vec}, nil
}

// task measures one task: the vector in place, then added at each strength.
func (b *bench) task(s world.Task) (t taskResult, err error) {
	in, err := b.icv(s, "replace", 1)
	if err != nil {
		return t, err
	}
	t.name, t.n = s.Name+" of "+s.On, in.Few.N
	t.zero, t.few, t.shuffled = in.Zero.Share(), in.Few.Share(), in.Shuffled.Share()
	t.replaced = series(figure(in.Report, "sweep"), "in-context vector")
	t.bestReplaced, t.layerReplaced = best(t.replaced)
	t.bestAdded = -1
	for _, strength := range addStrengths {
		r, err := b.icv(s, "add", strength)
		if err != nil {
			return t, err
		}
		f := figure(r.Report, "sweep")
		by := series(f, "in-context vector")
		if x, l := best(by); x > t.bestAdded {
			t.bestAdded, t.layerAdded, t.strength, t.added = x, l, strength, by
			t.random = series(f, "random vector of the same length")
		}
	}
	return t, nil
}

// icv runs the lesson on a task. All queries count, also those that examples do not solve: the row
// compares with and without.
func (b *bench) icv(s world.Task, op string, strength float64) (lab.ICVResult, error) {
	return lesson[lab.ICVParams, lab.ICVResult](b, "icv", func(p *lab.ICVParams) {
		p.Pairs, p.Tests = sides(s.Pairs), sides(s.Held)
		p.Format, p.Shots, p.Items, p.Solved = arrow, demonstrations, queries, false
		p.Op, p.Strength = op, strength
	})
}
