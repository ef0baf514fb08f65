package lab

import (
	"math"
	"strconv"
)

// matters is the loss in nats from which a knock-out counts as felt.
const matters = 0.1

// facts say what the numbers show, the most important first.
func (d *dissection) facts(r *ResidualResult) []Words {
	out := []Words{d.sumFact(r)}
	if d.complete() {
		out = append(out, d.worstFact()...)
		out = append(out, d.repairFact())
	}
	return append(out, d.shareFact(), d.headFact(), d.sourceFact(r))
}

// complete says that every attention and MLP has been knocked out.
func (d *dissection) complete() bool {
	for l := range d.direct.attn {
		if l >= len(d.lost.attn) || d.lost.attn[l].logprob != d.lost.attn[l].logprob || d.lost.mlp[l].logprob != d.lost.mlp[l].logprob {
			return false
		}
	}
	return true
}

func (d *dissection) sumFact(r *ResidualResult) Words {
	err := strconv.FormatFloat(math.Abs(r.Sum-r.Score), 'g', 2, 64)
	if r.Against == nil {
		return say("All that was added to the stream sums up to {0} logits for {1} above the mean of the vocabulary. The model's output says {2}: the parts explain it to {3}.", decimal(r.Sum, 3), strconv.Quote(r.Token.Text), decimal(r.Score, 3), err)
	}
	return say("All that was added to the stream sums up to {0} logits for {1} against {2}. The model's output says {3}: the parts explain it to {4}.", decimal(r.Sum, 3), strconv.Quote(r.Token.Text), strconv.Quote(r.Against.Text), decimal(r.Score, 3), err)
}

// worst is the part whose loss costs the answer most, and in what place it stands by direct share.
func (d *dissection) worst() (p streamPart, place int, nats float64) {
	nats = math.Inf(1)
	name := ""
	for l := range d.lost.attn {
		n := strconv.Itoa(l)
		if x := d.lost.attn[l].logprob; x < nats {
			nats, name = x, "A"+n
		}
		if x := d.lost.mlp[l].logprob; x < nats {
			nats, name = x, "M"+n
		}
	}
	for i, q := range d.parts() {
		if q.name == name {
			return q, i + 1, nats
		}
	}
	return p, 0, 0
}

func (d *dissection) worstFact() []Words {
	p, place, nats := d.worst()
	changed, small := 0, 0
	for _, row := range [][]lost{d.lost.attn, d.lost.mlp} {
		for _, of := range row {
			if !of.first {
				changed++
			}
			if math.Abs(of.logprob) < matters {
				small++
			}
		}
	}
	n := strconv.Itoa(2 * len(d.lost.attn))
	return []Words{
		say("The loss of {0} costs most: {1} nats. By what it adds directly it is in place {2}.", p.name, decimal(-nats, 2), strconv.Itoa(place)),
		say("Of {0} parts knocked out one at a time, {1} change the likeliest token and {2} move the answer by less than 0.1 nats.", n, strconv.Itoa(changed), strconv.Itoa(small)),
	}
}

// repairFact compares direct attribution with knock-out over the parts that add most. Less lost than was
// added: other parts make good for it. More: others build on it.
func (d *dissection) repairFact() Words {
	n, direct, gone := 0, 0.0, 0.0
	for _, p := range d.parts()[:min(sides, 2*len(d.direct.attn))] {
		if p.direct > 0 {
			n, direct, gone = n+1, direct+p.direct, gone-p.lost
		}
	}
	args := []string{strconv.Itoa(n), decimal(direct, 2), decimal(gone, 2), percent(gone / direct)}
	if gone < direct {
		return say("The {0} parts that add most directly add {1} logits; knocked out one at a time they cost {2} in all, {3} of it. The rest is made good by later layers: self-repair.", args...)
	}
	return say("The {0} parts that add most directly add {1} logits; knocked out one at a time they cost {2} in all, {3} of it. More is lost than they add, since later layers build on them.", args...)
}

func (d *dissection) shareFact() Words {
	attn, mlp := 0.0, 0.0
	for l := range d.direct.attn {
		attn, mlp = attn+d.direct.attn[l], mlp+d.direct.mlp[l]
	}
	return say("Attentions add {0} logits, MLPs {1}, the token's own embedding {2}.", signed(attn), signed(mlp), signed(d.direct.embed))
}

func (d *dissection) headFact() Words {
	at := farthest(d.direct.heads)
	if at == nil {
		return say("No head adds anything.")
	}
	x := d.direct.heads[at[1]][at[0]]
	name := "L" + strconv.Itoa(at[1]) + "H" + strconv.Itoa(at[0])
	if d.lost.heads != nil {
		if of := d.lost.heads[at[1]][at[0]]; of.logprob == of.logprob {
			return say("The head that adds most is {0}: {1} logits. Without it the answer changes by {2} nats.", name, signed(x), signed(of.logprob))
		}
	}
	return say("The head that adds most is {0}: {1} logits.", name, signed(x))
}

func (d *dissection) sourceFact(r *ResidualResult) Words {
	at := farthest(d.direct.sources)
	if at == nil {
		return say("No attention fetches anything for the answer.")
	}
	return say("The most that one layer's attention fetched from one token is {0} logits: layer {1}, from {2} at position {3}.",
		signed(d.direct.sources[at[1]][at[0]]), strconv.Itoa(at[1]), strconv.Quote(r.Tokens[at[0]].Text), strconv.Itoa(at[0]))
}

// signed writes a number with its sign.
func signed(x float64) string {
	if s := decimal(x, 2); x < 0 {
		return "−" + decimal(-x, 2)
	} else {
		return "+" + s
	}
}

// verdict says which prediction came true, -1 before it is known.
func (d *dissection) verdict() int {
	if !d.complete() {
		return -1
	}
	_, place, nats := d.worst()
	switch {
	case -nats < matters:
		return 2
	case place == 1:
		return 0
	}
	return 1
}
