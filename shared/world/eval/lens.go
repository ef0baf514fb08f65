package main

import (
	"fmt"
	"slices"

	"patchbay/shared/lab"
)

// measureLens asks after which block the logit lens first names a fact's answer, one run of the lens
// for each fact.
func measureLens(b *bench) ([]row, error) {
	r := row{technique: "logit lens on facts: first layer of the answer", wanted: "median between a third and two thirds of the depth"}
	var firsts []int
	at := make([]float64, b.layers)
	for _, q := range b.sets.Facts {
		got, err := lesson[lab.LensParams, lab.LensResult](b, "lens", func(p *lab.LensParams) { p.Prompt, p.Positions, p.TopK = q.Prompt, "last", 1 })
		if err != nil {
			return nil, err
		}
		if got.Follow.ID != b.first(q.Answer) { // the lens follows the model's own answer
			continue
		}
		first := b.layers
		for l, cells := range got.Layers {
			if cells[0].FollowRank == 0 {
				at[l]++
				first = min(first, l+1)
			}
		}
		firsts = append(firsts, first)
	}
	n := len(firsts)
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
	r.control = fmt.Sprintf("%d of %d facts are known; named by layer:%s", n, len(b.sets.Facts), list(at))
	r.met = 3*median >= b.layers && 3*median <= 2*b.layers
	return []row{r}, nil
}

// measureLatent asks for French opposites by the lesson on the language of thought. Its first four
// words are the demonstrations: they are from the end of the set, where no pair is held out.
func measureLatent(b *bench) ([]row, error) {
	r := row{technique: "French prompts through English (Wendler et al. 2024)", wanted: "the English word comes first, or the number that it does not"}
	const shown = 4
	got, err := lesson[lab.LanguageParams, lab.LanguageResult](b, "language", func(p *lab.LanguageParams) {
		p.Pair, p.Items = "own words", len(b.sets.Latent)
		n := len(b.sets.Latent) - shown
		for _, q := range slices.Concat(b.sets.Latent[n:], b.sets.Latent[:n]) {
			p.Texts = append(p.Texts, fmt.Sprintf("%s,%s,%s", q.X, q.Answer, q.English))
		}
	})
	if err != nil {
		return nil, err
	}
	right := 0
	for _, w := range got.Words {
		if w.Right {
			right++
		}
	}
	f := figure(got.Report, "paths")
	en, fr := series(f, "English"), series(f, "the target language")
	pe, l := best(en)
	other := series(f, "another English word")
	at := got.At
	r.measured = fmt.Sprintf("English at its most %.3f after block %d, French there %.3f; furthest ahead, or least behind, after block %d: %.3f against %.3f, ahead in %s", pe, l+1, fr[l], at+1, en[at], fr[at], got.Ahead)
	r.control = fmt.Sprintf("another English word %.3f; %d of %d are answered right; P(French) by layer:%s", other[l], right, got.Kept, list(fr))
	r.met = pe > fr[l]
	return []row{r}, nil
}

// measureIdentity puts the last state of a fact's prompt in the place of the identity prompt's
// question mark, at the same layer: does the model then say what it would have said?
func measureIdentity(b *bench) ([]row, error) {
	r := row{technique: "patchscope, identity prompt: precision at 1 against the model's own next word", wanted: "at least 0.8 at some layer, falling off elsewhere"}
	got, err := lesson[lab.PatchscopeParams, lab.PatchscopeResult](b, "patchscope", func(p *lab.PatchscopeParams) {
		p.Set, p.Items = "own", len(b.sets.Identity)
		p.Texts, _ = prompts(b.sets.Identity)
	})
	if err != nil {
		return nil, err
	}
	f := figure(got.Report, "precision")
	patched := series(f, "patchscope")
	p, l := best(patched)
	r.measured = fmt.Sprintf("%.2f at layer %d; by layer:%s", p, l, list(patched))
	r.control = fmt.Sprintf("logit lens:%s; random vectors:%s; another source's state:%s", list(series(f, "logit lens")), list(series(f, "random vector")), list(series(f, "another source's state")))
	r.met = p >= 0.8 && slices.Min(patched) < p/2
	return []row{r}, nil
}
