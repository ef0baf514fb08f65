package main

import (
	"fmt"
	"strings"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

const (
	linearExamples = 8    // that the Jacobian is averaged over
	linearStep     = 0.02 // of a finite difference, as a part of the state's length
)

var betas = []float64{1, 2.25, 5, 8, 12, 20}

// measureLinear is the linear relational embedding of capitals (Hernandez et al. 2024): the mean
// Jacobian from the subject's last token after a block to the last state, by finite differences.
// Faithfulness counts countries that were not among the examples and that the model knows.
func measureLinear(b *bench) ([]row, error) {
	r := row{technique: "linear relation: capitals", wanted: "faithfulness at least 0.7 at some layer"}
	var texts []string
	var at []int
	for _, c := range b.world.Countries {
		text := "The capital of " + c.Name + " is"
		ids, err := b.env.Tokens.Encode(strings.TrimSuffix(text, " is"), token.Options{BOS: true})
		if err != nil {
			return nil, err
		}
		texts, at = append(texts, text), append(at, len(ids)-1)
	}
	own, err := b.top(with(texts))
	if err != nil {
		return nil, err
	}
	s, err := b.states(with(texts), func(i int) int { return at[i] })
	if err != nil {
		return nil, err
	}
	o, err := b.states(with(texts), last)
	if err != nil {
		return nil, err
	}
	var test []int
	for i, c := range b.world.Countries {
		if i%(len(texts)/linearExamples) != 0 && own[i] == b.first(" "+c.Capital) {
			test = append(test, i)
		}
	}
	var by []float64
	var shown string
	for l := range b.layers - 1 {
		w, bias, err := b.linear(texts, at, s, o, l)
		if err != nil {
			return nil, err
		}
		top, beta := 0.0, 0.0
		for _, x := range betas {
			f, err := b.faithfulness(w, bias, x, s, own, test, l)
			if err != nil {
				return nil, err
			}
			if f > top || beta == 0 {
				top, beta = f, x
			}
		}
		by = append(by, top)
		if _, i := best(by); i == l {
			shown = fmt.Sprintf("%.2f of %d countries at layer %d, beta %.2f", top, len(test), l, beta)
			constant, err := b.faithfulness(w, bias, 0, s, own, test, l)
			if err != nil {
				return nil, err
			}
			r.control = fmt.Sprintf("the bias alone %.2f", constant)
		}
	}
	r.measured = shown + "; by layer:" + list(by)
	top, _ := best(by)
	r.met = top >= 0.7
	return []row{r}, nil
}

// linear averages J, and o - J s, over examples.
func (b *bench) linear(texts []string, at []int, s, o [][][]float32, l int) (w [][]float32, bias []float32, err error) {
	w, bias = make([][]float32, b.width), make([]float32, b.width) // w by column
	for d := range w {
		w[d] = make([]float32, b.width)
	}
	for i := 0; i/(len(texts)/linearExamples) < linearExamples && i < len(texts); i += len(texts) / linearExamples {
		j, err := b.jacobian(texts[i], at[i], l, linearStep*norm(s[i][l]))
		if err != nil {
			return nil, nil, err
		}
		rest := o[i][b.layers-1]
		for d := range j {
			w[d] = combine(w[d], 1.0/linearExamples, j[d])
			rest = combine(rest, -s[i][l][d], j[d])
		}
		bias = combine(bias, 1.0/linearExamples, rest)
	}
	return w, bias, nil
}

// jacobian gives, for every dimension of the state at a position after block l, how the last state
// moves with it.
func (b *bench) jacobian(text string, at, l int, step float64) ([][]float32, error) {
	var items []item
	for d := range b.width {
		for _, sign := range []float64{1, -1} {
			v := make([]float32, b.width)
			v[d] = float32(sign * step)
			items = append(items, item{text: text, edits: []plan.Edit{change(plan.Add, l, v, at)}})
		}
	}
	out := make([][]float32, b.width)
	reads := []plan.Read{{Name: "o", Site: hook.ResidPost, Layers: plan.One(b.layers - 1), Positions: plan.At(-1)}}
	err := b.execute(items, reads, func(i int, _ plan.RunResult, array func(string) [][]float32) {
		o := array("o")[0]
		if i%2 == 0 {
			out[i/2] = o
			return
		}
		d := combine(out[i/2], -1, o)
		out[i/2] = combine(make([]float32, len(d)), float32(1/(2*step)), d)
	})
	return out, err
}

// faithfulness puts beta W s + bias in the place of the last state and compares the likeliest token.
func (b *bench) faithfulness(w [][]float32, bias []float32, beta float64, s [][][]float32, own []int32, test []int, l int) (float64, error) {
	var items []item
	var want []int32
	for _, i := range test {
		o := bias
		for d := range w {
			o = combine(o, float32(beta)*s[i][l][d], w[d])
		}
		items = append(items, item{text: "The", edits: []plan.Edit{change(plan.Set, b.layers-1, o, -1)}})
		want = append(want, own[i])
	}
	got, err := b.top(items)
	if err != nil || len(got) == 0 {
		return 0, err
	}
	return agreement(got, want), nil
}
