package main

import (
	"fmt"
	"math/rand/v2"

	"patchbay/shared/plan"
	"patchbay/shared/world"
)

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

// measureTasks takes, for every one-word task, the mean state at the last token of five-shot
// prompts, and adds it to zero-shot prompts or puts it in place there, layer by layer.
func measureTasks(b *bench) ([]row, error) {
	icl := row{technique: "in-context learning, 5 shots against zero, held-out queries", wanted: "at least 0.9 against at most 0.3 on 6 tasks"}
	vec := row{technique: "layer-average vector, zero-shot, part of the gap recovered", wanted: "added at least 0.9, in place at least 0.5, on 6 tasks; late layers fail"}
	icl.details = []string{"", "| task | n | zero-shot | 5 shots | shuffled answers | added (layer, strength) | in place (layer) | random added | added by layer |", "|---|---|---|---|---|---|---|---|---|"}
	good, added, replaced, tasks, late, lateIn, shuffled := 0, 0, 0, 0, 0.0, 0.0, 0.0
	for _, s := range b.sets.Shots {
		if s.On == "list" {
			continue
		}
		t, err := b.task(s)
		if err != nil {
			return nil, err
		}
		tasks, shuffled = tasks+1, shuffled+t.shuffled
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
	icl.measured, icl.control, icl.met = fmt.Sprintf("on %d tasks of %d", good, tasks), fmt.Sprintf("shuffled answers: mean %.2f", shuffled/float64(tasks)), good >= 6
	vec.measured = fmt.Sprintf("of those %d: added on %d, in place on %d; at the last layer added recovers %.2f, in place %.2f", good, added, replaced, late/float64(max(1, good)), lateIn/float64(max(1, good)))
	vec.control, vec.met = "random vectors of equal norm: see below", added >= 6 && replaced >= 6
	return []row{icl, vec}, nil
}

// task measures one task.
func (b *bench) task(s world.Shots) (t taskResult, err error) {
	t.name, t.n = s.Task+" of "+s.On, len(s.Zero)
	zero, answers := prompts(s.Zero)
	few, _ := prompts(s.Few)
	shuffled, _ := prompts(s.Shuffled)
	for _, x := range []struct {
		to    *float64
		texts []string
	}{{&t.zero, zero}, {&t.few, few}, {&t.shuffled, shuffled}} {
		if *x.to, err = b.rate(with(x.texts), answers); err != nil {
			return t, err
		}
	}
	v, err := b.taskVector(s)
	if err != nil {
		return t, err
	}
	if t.added, t.strength, err = b.strongest(zero, answers, v); err != nil {
		return t, err
	}
	if t.replaced, err = b.sweep(zero, answers, plan.Set, v, 1); err != nil {
		return t, err
	}
	if t.random, err = b.sweep(zero, answers, plan.Add, randomLike(v), t.strength); err != nil {
		return t, err
	}
	t.bestAdded, t.layerAdded = best(t.added)
	t.bestReplaced, t.layerReplaced = best(t.replaced)
	return t, nil
}

// taskVector is the mean state at the last token of five-shot prompts, by layer.
func (b *bench) taskVector(s world.Shots) ([][]float32, error) {
	texts, _ := prompts(s.Make)
	states, err := b.states(with(texts), last)
	if err != nil {
		return nil, err
	}
	return mean(states), nil
}

// strongest sweeps added vectors over strengths and gives the rates by layer at the best one.
func (b *bench) strongest(texts, answers []string, v [][]float32) (rates []float64, strength float64, err error) {
	top := -1.0
	for _, s := range addStrengths {
		r, err := b.sweep(texts, answers, plan.Add, v, s)
		if err != nil {
			return nil, 0, err
		}
		if x, _ := best(r); x > top {
			top, rates, strength = x, r, s
		}
	}
	return rates, strength, nil
}

// sweep changes the last position after each block in turn and measures the rate of answers.
func (b *bench) sweep(texts, answers []string, op plan.Op, v [][]float32, strength float64) ([]float64, error) {
	var out []float64
	for l := range b.layers {
		e := change(op, l, v[l], -1)
		e.Strength = plan.Strength(strength)
		x, err := b.rate(with(texts, e), answers)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// randomLike has random directions of the same norms.
func randomLike(v [][]float32) [][]float32 {
	r := rand.New(rand.NewPCG(5, 5))
	out := make([][]float32, len(v))
	for l := range v {
		x := make([]float32, len(v[l]))
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		out[l] = combine(make([]float32, len(x)), float32(norm(v[l])/norm(x)), x)
	}
	return out
}

// measureAlgebra composes v(last-m) = v(last-copy) + v(first-m) - v(first-copy) (Todd et al. 2024).
func measureAlgebra(b *bench) ([]row, error) {
	r := row{technique: "vector algebra: last-m = last-copy + first-m - first-copy", wanted: "one composed task above 0.6, each part alone below 0.2"}
	r.details = []string{"", "| composed task | 5 shots | composed (layer, strength) | own vector | last-copy alone | first-m alone | random |", "|---|---|---|---|---|---|---|"}
	sets, vectors := map[string]world.Shots{}, map[string][][]float32{}
	for _, s := range b.sets.Shots {
		if s.On == "list" {
			v, err := b.taskVector(s)
			if err != nil {
				return nil, err
			}
			sets[s.Task], vectors[s.Task] = s, v
		}
	}
	bestOf := 0.0
	for _, m := range []string{"capital", "title", "french"} {
		c, err := b.compose(m, sets["last-"+m], vectors)
		if err != nil {
			return nil, err
		}
		r.details = append(r.details, fmt.Sprintf("| last-%s | %.2f | %.2f (%d, %.0f) | %.2f | %.2f | %.2f | %.2f |", m, c.few, c.composed, c.layer, c.strength, c.own, c.copy, c.first, c.random))
		if ok := c.composed > 0.6 && c.copy < 0.2 && c.first < 0.2; c.composed > bestOf && (ok || !r.met) {
			bestOf, r.met = c.composed, ok
			r.measured = fmt.Sprintf("last-%s %.2f at layer %d; parts %.2f and %.2f", m, c.composed, c.layer, c.copy, c.first)
			r.control = fmt.Sprintf("random %.2f; own vector %.2f", c.random, c.own)
		}
	}
	return []row{r}, nil
}

type composition struct {
	few, composed, own, copy, first, random float64
	layer                                   int
	strength                                float64
}

// compose measures one composition at its best layer, and the parts at that layer.
func (b *bench) compose(m string, s world.Shots, v map[string][][]float32) (c composition, err error) {
	zero, answers := prompts(s.Zero)
	few, _ := prompts(s.Few)
	if c.few, err = b.rate(with(few), answers); err != nil {
		return c, err
	}
	made := make([][]float32, b.layers)
	for l := range made {
		made[l] = combine(combine(v["last-copy"][l], 1, v["first-"+m][l]), -1, v["first-copy"][l])
	}
	all, strength, err := b.strongest(zero, answers, made)
	if err != nil {
		return c, err
	}
	c.strength = strength
	c.composed, c.layer = best(all)
	for _, x := range []struct {
		to *float64
		v  [][]float32
	}{{&c.own, v["last-"+m]}, {&c.copy, v["last-copy"]}, {&c.first, v["first-"+m]}, {&c.random, randomLike(made)}} {
		e := change(plan.Add, c.layer, x.v[c.layer], -1)
		e.Strength = plan.Strength(strength)
		if *x.to, err = b.rate(with(zero, e), answers); err != nil {
			return c, err
		}
	}
	return c, nil
}
