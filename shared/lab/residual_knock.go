package lab

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// lost is what became of the answer without a part. NaN: not computed yet.
type lost struct {
	logprob float64 // change of the answer's log-probability, nats
	score   float64 // change of the score that direct attribution takes apart
	first   bool    // the answer was still the likeliest
}

// lostParts are knock-outs: of layer's attention and MLP, and of heads.
type lostParts struct {
	attn, mlp []lost   // [layer]
	heads     [][]lost // [layer][head]; nil: not asked for
}

// eachPartial is how often a long sweep shows what it has.
const eachPartial = 400 * time.Millisecond

// knockPlans are the sweeps over layers of attention, of MLPs, and over layers and heads. means, if
// not nil, has what stands in the place of a part.
func (d *dissection) knockPlans(means map[hook.Site][][]float32) []*plan.Plan {
	c := d.b.Model.Config()
	var plans []*plan.Plan
	for _, k := range []struct {
		name  string
		site  hook.Site
		shape []int
		sweep plan.Sweep
	}{
		{"attention", hook.AttnOut, []int{c.Layers, 1, c.Width}, plan.Sweep{Layers: plan.All()}},
		{"mlp", hook.MLPOut, []int{c.Layers, 1, c.Width}, plan.Sweep{Layers: plan.All()}},
		{"heads", hook.Z, []int{c.Layers, 1, c.Heads, c.HeadDim}, plan.Sweep{Layers: plan.All(), Heads: plan.All()}},
	} {
		if k.name == "heads" && !d.p.Heads {
			continue
		}
		e := plan.Edit{Site: k.site, Op: plan.Set, Operand: plan.Scalar(0)}
		if d.p.Where == "here" {
			e.Positions = plan.At(-1)
		}
		if m := means[k.site]; m != nil {
			e.Operand = plan.Literal(k.shape, slices.Concat(m...))
		}
		plans = append(plans, d.one(k.name, []plan.Edit{e}, &k.sweep, d.knockReads()...))
	}
	return plans
}

// knockReads are what a knock-out is judged by.
func (d *dissection) knockReads() []plan.Read {
	answer := []plan.TokenRef{{ID: max(d.answer, 0)}}
	at := func(name string, reduce plan.Reduce, tokens []plan.TokenRef) plan.Read {
		return plan.Read{Name: name, Site: hook.Logits, Positions: plan.At(-1), Reduce: reduce, Tokens: tokens}
	}
	score := at("score", plan.LogitDiff, append(answer, plan.TokenRef{ID: max(d.against, 0)}))
	if d.against < 0 {
		score = at("score", plan.Projection, nil)
		score.Operand = plan.Literal(nil, d.flatRow())
	}
	return []plan.Read{at("logprob", plan.LogProb, answer), at("rank", plan.Rank, answer), score}
}

// flatRow is the answer's logit less the mean of all, as a row over the vocabulary.
func (d *dissection) flatRow() []float32 {
	row := make([]float32, d.b.Model.Config().Vocab)
	for i := range row {
		row[i] = -1 / float32(len(row))
	}
	row[max(d.answer, 0)]++
	return row
}

// knock runs the sweeps.
func (d *dissection) knock(ctx context.Context, emit func(Event)) error {
	c := d.b.Model.Config()
	d.lost = lostParts{attn: notYet(c.Layers), mlp: notYet(c.Layers)}
	if d.p.Heads {
		for range c.Layers {
			d.lost.heads = append(d.lost.heads, notYet(c.Heads))
		}
	}
	var means map[hook.Site][][]float32
	if d.p.Ablate == "mean" {
		var err error
		if means, err = meansOf(ctx, d.b, emit); err != nil {
			return err
		}
	}
	shown := time.Now()
	for _, p := range d.knockPlans(means) {
		see := plan.Observer{Variant: func(v plan.Variant) {
			d.record(v)
			if time.Since(shown) > eachPartial {
				shown = time.Now()
				showSoFar(emit, v.Run, 0, 0, d.result())
			}
		}}
		if _, err := perform(ctx, d.b, emit, p, see); err != nil {
			return err
		}
	}
	return nil
}

func notYet(n int) []lost {
	out := make([]lost, n)
	for i := range out {
		out[i] = lost{math.NaN(), math.NaN(), true}
	}
	return out
}

// record keeps what one variant gave.
func (d *dissection) record(v plan.Variant) {
	clean := d.scoreNow()
	of := lost{onlyNumber(v.Reads[0].Values) - d.logprob, onlyNumber(v.Reads[2].Values) - clean, onlyNumber(v.Reads[1].Values) == 0}
	if d.against < 0 { // a projection is along a row of length one
		of.score = onlyNumber(v.Reads[2].Values)*norm(d.flatRow()) - clean
	}
	switch v.Run {
	case "attention":
		d.lost.attn[v.At[0]] = of
	case "mlp":
		d.lost.mlp[v.At[0]] = of
	default:
		d.lost.heads[v.At[0]][v.At[1]] = of
	}
}

// scoreNow is the score of the logits as they are, capped where the model caps them.
func (d *dissection) scoreNow() float64 {
	if d.against >= 0 {
		return float64(d.logits[d.answer]) - float64(d.logits[d.against])
	}
	s := 0.0
	for _, x := range d.logits {
		s += float64(x) / float64(len(d.logits))
	}
	return float64(d.logits[d.answer]) - s
}

// single is the one number of a read's values, NaN if it is none.
func onlyNumber(raw json.RawMessage) float64 {
	x, err := strconv.ParseFloat(strings.Trim(string(raw), "[]"), 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// meanSites are the sites that knock-outs to the mean need.
var meanSites = []hook.Site{hook.AttnOut, hook.MLPOut, hook.Z}

// meanPlan reads what attention, MLPs and heads give on average over other texts. Position 0 is
// left out: in many models it is a resting place of attention with a very large norm.
func meanPlan(b *Bench) *plan.Plan {
	p := &plan.Plan{}
	for i, text := range plainTexts(b) {
		ids, err := b.Tokens.Encode(text, token.Options{BOS: true})
		if err != nil || len(ids) < 2 {
			continue
		}
		r := plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: ids}}
		for _, s := range meanSites {
			r.Reads = append(r.Reads, plan.Read{Name: string(s), Site: s, Layers: plan.All(), Positions: plan.At(span(1, len(ids)-1)...), Reduce: plan.Mean})
		}
		p.Runs = append(p.Runs, r)
	}
	return p
}

// meansOf averages over the texts, by site and layer.
func meansOf(ctx context.Context, b *Bench, emit func(Event)) (map[hook.Site][][]float32, error) {
	res, err := perform(ctx, b, emit, meanPlan(b), plan.Observer{})
	if err != nil {
		return nil, err
	}
	out := map[hook.Site][][]float32{}
	for _, s := range meanSites {
		lists := make([][][]float32, b.Model.Config().Layers)
		for _, r := range res.Runs {
			for l, v := range rowsOf(res, r.Name, string(s)) {
				lists[l] = append(lists[l], v)
			}
		}
		out[s] = averages(lists)
	}
	return out, nil
}
