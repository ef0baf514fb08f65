package main

import (
	"fmt"
	"slices"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// measureLens asks after which block the logit lens first names a fact's answer.
func measureLens(b *bench) ([]row, error) {
	r := row{technique: "logit lens on facts: first layer of the answer", wanted: "median between a third and two thirds of the depth"}
	texts, answers := prompts(b.sets.Facts)
	by, err := b.lens(with(texts))
	if err != nil {
		return nil, err
	}
	var firsts []int
	at, n := make([]float64, b.layers), 0
	for i, layers := range by {
		want := b.first(answers[i])
		if layers[b.layers-1] != want {
			continue
		}
		n++
		firsts = append(firsts, slices.Index(layers, want)+1)
		for l, id := range layers {
			if id == want {
				at[l]++
			}
		}
	}
	if n == 0 {
		r.measured = "no fact is known"
		return []row{r}, nil
	}
	slices.Sort(firsts)
	for l := range at {
		at[l] /= float64(n)
	}
	median := firsts[n/2]
	r.measured = fmt.Sprintf("after block %d of %d (%.2f of the depth)", median, b.layers, float64(median)/float64(b.layers))
	r.control = fmt.Sprintf("%d of %d facts are known; named by layer:%s", n, len(by), list(at))
	r.met = 3*median >= b.layers && 3*median <= 2*b.layers
	return []row{r}, nil
}

// measureLatent asks for French opposites: P(English word) and P(French word) by layer.
func measureLatent(b *bench) ([]row, error) {
	r := row{technique: "French prompts through English (Wendler et al. 2024)", wanted: "the English word comes first, or the number that it does not"}
	right, en, fr, leads := 0, make([]float64, b.layers), make([]float64, b.layers), 0
	for _, q := range b.sets.Latent {
		e, f := b.first(q.English), b.first(q.Answer)
		read := plan.Read{Name: "p", Site: hook.ResidPost, Layers: plan.All(), Positions: plan.At(-1), Reduce: plan.LogProb, Tokens: []plan.TokenRef{{ID: e}, {ID: f}}}
		top := plan.Read{Name: "top", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.TopK, K: 1}
		err := b.execute([]item{{text: q.Prompt}}, []plan.Read{top, read}, func(_ int, res plan.RunResult, array func(string) [][]float32) {
			if res.Reads[0].Top[0][0][0].ID != f {
				return
			}
			right++
			led := false
			for l, v := range array("p") {
				pe, pf := prob(v[0]), prob(v[1])
				en[l], fr[l] = en[l]+pe, fr[l]+pf
				led = led || pe > pf && pe > 0.1
			}
			if led {
				leads++
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for l := range en {
		en[l], fr[l] = en[l]/float64(max(1, right)), fr[l]/float64(max(1, right))
	}
	pe, l := best(en)
	r.measured = fmt.Sprintf("English at its most %.3f after block %d, French there %.3f; English leads somewhere with more than 0.1 in %d of %d", pe, l+1, fr[l], leads, right)
	r.control = fmt.Sprintf("%d of %d are answered right; P(French) by layer:%s", right, len(b.sets.Latent), list(fr))
	r.met = pe > fr[l]
	return []row{r}, nil
}

// identityPrompt is the target that repeats what stands in the place of the question mark.
const identityPrompt = "cat -> cat\n1135 -> 1135\nhello -> hello\n?"

// measureIdentity puts the last state of a fact's prompt in the place of the identity prompt's
// question mark, at the same layer: does the model then say what it would have said?
func measureIdentity(b *bench) ([]row, error) {
	r := row{technique: "patchscope, identity prompt: precision at 1 against the model's own next word", wanted: "at least 0.8 at some layer, falling off elsewhere"}
	texts, _ := prompts(b.sets.Identity)
	items := with(texts)
	own, err := b.top(items)
	if err != nil {
		return nil, err
	}
	states, err := b.states(items, last)
	if err != nil {
		return nil, err
	}
	by, err := b.lens(items)
	if err != nil {
		return nil, err
	}
	var patched, lens, random []float64
	for l := range b.layers {
		var a, c []item
		n := 0
		for i := range texts {
			v := states[i][l]
			a = append(a, item{text: identityPrompt, edits: []plan.Edit{change(plan.Set, l, v, -1)}})
			c = append(c, item{text: identityPrompt, edits: []plan.Edit{change(plan.Set, l, randomLike([][]float32{v})[0], -1)}})
			if by[i][l] == own[i] {
				n++
			}
		}
		lens = append(lens, float64(n)/float64(len(texts)))
		for _, x := range []struct {
			items []item
			to    *[]float64
		}{{a, &patched}, {c, &random}} {
			got, err := b.top(x.items)
			if err != nil {
				return nil, err
			}
			*x.to = append(*x.to, agreement(got, own))
		}
	}
	p, l := best(patched)
	r.measured = fmt.Sprintf("%.2f at layer %d; by layer:%s", p, l, list(patched))
	r.control = fmt.Sprintf("logit lens:%s; random vectors:%s", list(lens), list(random))
	r.met = p >= 0.8 && slices.Min(patched) < p/2
	return []row{r}, nil
}

// agreement is the part of places where both say the same.
func agreement(a, b []int32) float64 {
	n := 0
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}
