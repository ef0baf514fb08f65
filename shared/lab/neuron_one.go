package lab

import (
	"context"
	"strconv"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// meanPlan reads the chosen neuron over other texts.
func (n *neuronRun) meanPlan() *plan.Plan {
	p := &plan.Plan{}
	for i, ids := range n.plainIDs() {
		p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: ids}, Reads: []plan.Read{
			{Name: "n", Site: hook.MLPPost, Layers: plan.One(n.p.Layer), Index: plan.One(n.p.Neuron), Positions: plan.At(span(1, len(ids)-1)...)}}})
	}
	return p
}

func (n *neuronRun) plainIDs() (out [][]int32) {
	for _, text := range plainTexts(n.b) {
		if ids, err := n.b.Tokens.Encode(text, token.Options{BOS: true}); err == nil && len(ids) > 2 {
			out = append(out, ids)
		}
	}
	return out
}

// neighbours are random neurons of the same layer: the control of the chosen one.
func (n *neuronRun) neighbours() []int {
	r, f := source(n.p.Seed+7), n.b.Model.Config().MLP
	out := make([]int, others)
	for i := range out {
		out[i] = r.IntN(f)
	}
	return out
}

// onePlan changes the chosen neuron on a fact: to zero, to its mean, to twice itself; and sets random
// neurons of its layer to zero.
func (n *neuronRun) onePlan(f *factItem, mean float32) *plan.Plan {
	reads := n.answerReads(f)
	p := planOf(plan.Run{Name: "clean", Prompt: plan.Prompt{IDs: f.ids}, Reads: reads})
	add := func(name string, e plan.Edit) {
		e.Positions = n.positions(f)
		p.Runs = append(p.Runs, plan.Run{Name: name, Base: "clean", Edits: []plan.Edit{e}, Reads: reads})
	}
	own := []int{n.p.Neuron}
	add("zero", n.off(n.p.Layer, own, 0))
	add("mean", n.off(n.p.Layer, own, mean))
	twice := n.off(n.p.Layer, own, 0)
	twice.Op, twice.Operand, twice.Strength = plan.Scale, nil, plan.Strength(2)
	add("twice", twice)
	for i, k := range n.neighbours() {
		add("other "+strconv.Itoa(i), n.off(n.p.Layer, []int{k}, 0))
	}
	return p
}

// plainPlan reads the cross-entropy of other texts, as they are and without the chosen neuron.
func (n *neuronRun) plainPlan(value float32) *plan.Plan {
	p := &plan.Plan{}
	for i, ids := range n.plainIDs() {
		read := []plan.Read{{Name: "ce", Site: hook.Logits, Positions: plan.At(span(0, len(ids)-1)...), Reduce: plan.CrossEntropy}}
		name := strconv.Itoa(i)
		p.Runs = append(p.Runs, plan.Run{Name: name, Prompt: plan.Prompt{IDs: ids}, Reads: read},
			plan.Run{Name: "without " + name, Base: name, Edits: []plan.Edit{n.off(n.p.Layer, []int{n.p.Neuron}, value)}, Reads: read})
	}
	return p
}

// oneNeuron measures the chosen neuron alone.
func (n *neuronRun) oneNeuron(ctx context.Context, f *factItem) (Figure, error) {
	res, err := perform(ctx, n.b, n.emit, n.meanPlan(), plan.Observer{})
	if err != nil {
		return Figure{}, err
	}
	var all []float64
	for _, r := range res.Runs {
		all = append(all, doubles(rowsOf(res, r.Name, "n")[0])...)
	}
	middle, _, _ := mean(all)
	if res, err = perform(ctx, n.b, n.emit, n.onePlan(f, float32(middle)), plan.Observer{}); err != nil {
		return Figure{}, err
	}
	clean := numberOf(res, "clean", "logprob")
	change := func(run string) float64 { return numberOf(res, run, "logprob") - clean }
	name := unitName(n.p.Layer, n.p.Neuron)
	fig := Figure{Name: "one", Kind: Bars, Title: say("{0} alone, and other neurons of its layer", name), Unit: say("change of the answer's log-probability, nats"), Scale: Effect,
		X: Axis{Name: say("edit"), Labels: []string{say("to zero").Text, say("to its mean").Text, say("doubled").Text, say("another to zero").Text}}}
	var other []float64
	for i := range others {
		other = append(other, change("other "+strconv.Itoa(i)))
	}
	m, low, high := mean(other)
	zero, toMean, twice := change("zero"), change("mean"), change("twice")
	fig.Series = []Series{{Name: say("change"), Values: Nums([]float64{zero, toMean, twice, m}), Low: Nums([]float64{zero, toMean, twice, low}), High: Nums([]float64{zero, toMean, twice, high})}}
	n.out.fact(say("{0} alone: to zero {1} nats for {2}, to its mean ({3}) {4}, doubled {5}; other neurons of the layer to zero {6} on average.",
		name, signed(zero), quoted(n.b, f.answer), decimal(middle, 3), signed(toMean), signed(twice), signed(m)))
	return fig, n.entropy(ctx, float32(middle))
}

// entropy measures what other texts lose without the neuron.
func (n *neuronRun) entropy(ctx context.Context, middle float32) error {
	if n.p.To == "zero" {
		middle = 0
	}
	res, err := perform(ctx, n.b, n.emit, n.plainPlan(middle), plan.Observer{})
	if err != nil {
		return err
	}
	var clean, change []float64
	for i := range n.plainIDs() {
		name := strconv.Itoa(i)
		was := numberOf(res, name, "ce")
		clean, change = append(clean, was), append(change, numberOf(res, "without "+name, "ce")-was)
	}
	was, _, _ := mean(clean)
	m, low, high := mean(change)
	n.out.fact(say("On {0} other texts the cross-entropy is {1} nats a token; without the neuron it changes by {2} ({3} to {4}).",
		strconv.Itoa(len(clean)), decimal(was, 3), signed4(m), signed4(low), signed4(high)))
	return nil
}

// signed4 writes a small number with its sign.
func signed4(x float64) string {
	if x < 0 {
		return "−" + decimal(-x, 4)
	}
	return "+" + decimal(x, 4)
}
