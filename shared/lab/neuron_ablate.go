package lab

import (
	"context"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

const (
	singles = 12 // neurons that are switched off one at a time
	draws   = 3  // sets of random neurons of each size
	others  = 8  // random neurons of the same layer, beside the one looked at
)

// groupSizes are how many neurons are switched off together.
var groupSizes = []int{1, 2, 5, 10, 20, 50, 100, 200}

// factItem is a prompt with its answer, and what was measured on it.
type factItem struct {
	ids     []int32
	answer  int32
	known   bool // the model's likeliest token is the answer
	logprob float64
	attr    []float64 // [layer*F + neuron]
	order   []int     // the neurons, those that speak most for the answer first
	single  []float64 // change of log-probability without each of the first singles
	kept    []bool    // the answer stayed the likeliest
	top     []float64 // without the first k
	random  [][]float64
}

// facts are the prompts to be taken, the person's own or the one prompt.
func (n *neuronRun) facts() ([]*factItem, error) {
	pairs := n.p.Facts
	if len(pairs) == 0 {
		pairs = [][2]string{{n.p.Prompt, n.p.Answer}}
	}
	var out []*factItem
	for i, p := range pairs {
		name := "prompt"
		if len(n.p.Facts) > 0 {
			name = "facts, entry " + strconv.Itoa(i+1)
		}
		ids, err := n.ids(name, p[0])
		if err != nil {
			return nil, err
		}
		f := &factItem{ids: ids, answer: -1}
		if p[1] != "" {
			a, err := n.b.Tokens.Encode(p[1], token.Options{})
			if err != nil || len(a) == 0 {
				return nil, errs.E("lab.neuron", errs.Invalid, "%s: the answer %.40q has no tokens", name, p[1])
			}
			f.answer = a[0]
		}
		out = append(out, f)
	}
	return out, nil
}

func (n *neuronRun) priceAblate() (Price, error) {
	if err := n.where(); err != nil {
		return Price{}, err
	}
	items, err := n.facts()
	if err != nil {
		return Price{}, err
	}
	var plans []*plan.Plan
	for _, f := range items {
		f.answer = max(f.answer, 0)
		f.order = span(0, groupSizes[len(groupSizes)-1])
		plans = append(append(plans, n.cleanPlan(f)), n.slopePlans(f)...)
		plans = append(plans, n.groupPlan(f))
	}
	return pricePlans(n.b, append(plans, n.meanPlan(), n.onePlan(items[0], 0), n.plainPlan(0))...)
}

// ablate switches off the chosen neuron, then those that attribution names, then random ones.
func (n *neuronRun) ablate(ctx context.Context) error {
	if err := n.where(); err != nil {
		return err
	}
	items, err := n.facts()
	if err != nil {
		return err
	}
	for _, f := range items {
		if err := n.clean(ctx, f); err != nil {
			return err
		}
	}
	var known []*factItem
	for _, f := range items {
		if f.known {
			known = append(known, f)
		}
	}
	if n.out.Of = len(items); len(n.p.Facts) == 0 {
		known = items[:1]
	}
	if n.out.Kept = len(known); n.out.Kept == 0 {
		return errs.E("lab.neuron", errs.Invalid, "facts: the model knows none of the %d answers, so there is nothing to lose", len(items))
	}
	one, err := n.oneNeuron(ctx, known[0])
	if err != nil {
		return err
	}
	own := n.out.Facts
	n.out.figure(one)
	n.show("one")
	for i, f := range known {
		if err := n.attribute(ctx, f); err != nil {
			return err
		}
		if err := n.groups(ctx, f); err != nil {
			return err
		}
		n.out.Figures, n.out.Facts = nil, nil
		n.groupReport(known[:i+1])
		n.out.Figures, n.out.Facts = append(n.out.Figures, one), append(n.out.Facts, own...)
		n.show("groups")
	}
	return nil
}

// positions are the tokens at which neurons are switched off.
func (n *neuronRun) positions(f *factItem) plan.Positions {
	if n.p.First || len(f.ids) < 2 {
		return plan.Positions{}
	}
	return plan.At(span(1, len(f.ids)-1)...)
}

func (n *neuronRun) answerReads(f *factItem) []plan.Read {
	tokens := []plan.TokenRef{{ID: max(f.answer, 0)}}
	return []plan.Read{
		lastLogits("logprob", plan.LogProb, tokens...),
		lastLogits("rank", plan.Rank, tokens...),
	}
}

func (n *neuronRun) cleanPlan(f *factItem) *plan.Plan {
	return planOf(plan.Run{Name: "clean", Prompt: plan.Prompt{IDs: f.ids}, Reads: []plan.Read{
		topRead()}})
}

// clean asks for the model's own answer.
func (n *neuronRun) clean(ctx context.Context, f *factItem) error {
	res, err := perform(ctx, n.b, n.emit, n.cleanPlan(f), plan.Observer{})
	if err != nil {
		return err
	}
	top := res.Read("clean", "top").Top[0][0][0].ID
	if f.answer < 0 {
		f.answer = top
	}
	f.known = f.answer == top
	return nil
}

// slopePlans read the neurons and the gradient of the answer's log-probability to them. Together: with all
// MLPs turned up to k/m at once, so that the path begins at the model without MLPs. Layers: one layer at
// a time (Dai et al.). Gradient: at the full activation alone.
func (n *neuronRun) slopePlans(f *factItem) (plans []*plan.Plan) {
	steps, layers := n.p.Steps, []plan.Select{plan.All()}
	switch n.p.Method {
	case "gradient":
		steps = 1
	case "layers":
		layers = nil
		for l := range n.b.Model.Config().Layers {
			layers = append(layers, plan.One(l))
		}
	}
	for _, at := range layers {
		for k := 1; k <= steps; k++ {
			r := plan.Run{Name: "slope", Prompt: plan.Prompt{IDs: f.ids}, Reads: []plan.Read{
				n.answerReads(f)[0],
				{Name: "w", Site: hook.MLPPost, Layers: at},
				{Name: "slope", Site: hook.MLPPost, Layers: at, GradientOf: "logprob"},
			}}
			if k < steps {
				r.Edits = []plan.Edit{{Site: hook.MLPPost, Layers: at, Op: plan.Scale, Strength: plan.Strength(float64(k) / float64(steps))}}
			}
			plans = append(plans, planOf(r))
		}
	}
	return plans
}

// attribute adds up, over the steps, gradient times full activation: w_k m/k is what the neuron would give
// at full strength. Summed over the tokens at which neurons can be switched off.
func (n *neuronRun) attribute(ctx context.Context, f *factItem) error {
	c := n.b.Model.Config()
	f.attr = make([]float64, c.Layers*c.MLP)
	plans := n.slopePlans(f)
	steps := n.p.Steps
	if n.p.Method == "gradient" {
		steps = 1
	}
	from := 0
	if !n.p.First && len(f.ids) > 1 {
		from = 1
	}
	for i, p := range plans {
		res, err := perform(ctx, n.b, nil, p, plan.Observer{})
		if err != nil {
			return err
		}
		n.emit(Event{Stage: "gradient", Done: i + 1, Total: len(plans)})
		k := i%steps + 1
		w, g := rowsOf(res, "slope", "w"), rowsOf(res, "slope", "slope")
		for at := range w {
			l := at
			if n.p.Method == "layers" {
				l = i / steps
			}
			row := f.attr[l*c.MLP : (l+1)*c.MLP]
			for j := from * c.MLP; j < len(w[at]); j++ {
				row[j%c.MLP] += float64(w[at][j]) * float64(g[at][j]) / float64(k)
			}
		}
		if k == steps {
			f.logprob = numberOf(res, "slope", "logprob")
		}
	}
	f.order = descending(len(f.attr), func(i int) float64 { return f.attr[i] })[:min(len(f.attr), groupSizes[len(groupSizes)-1])]
	return nil
}

// set switches off neurons named layer*F + neuron, an edit for each layer.
func (n *neuronRun) set(f *factItem, neurons []int) (edits []plan.Edit) {
	c := n.b.Model.Config()
	by := make([][]int, c.Layers)
	for _, k := range neurons {
		by[k/c.MLP] = append(by[k/c.MLP], k%c.MLP)
	}
	for l, index := range by {
		if len(index) > 0 {
			e := n.off(l, index, 0)
			e.Positions = n.positions(f)
			edits = append(edits, e)
		}
	}
	return edits
}

// groupPlan switches off the first neurons one at a time, the first k together, and k random ones.
func (n *neuronRun) groupPlan(f *factItem) *plan.Plan {
	reads := n.answerReads(f)
	p := planOf(plan.Run{Name: "clean", Prompt: plan.Prompt{IDs: f.ids}, Reads: reads})
	add := func(name string, neurons []int) {
		p.Runs = append(p.Runs, plan.Run{Name: name, Base: "clean", Edits: n.set(f, neurons), Reads: reads})
	}
	for i, k := range f.order[:min(singles, len(f.order))] {
		add("single "+strconv.Itoa(i), []int{k})
	}
	r, c := source(n.p.Seed), n.b.Model.Config()
	all := c.Layers * c.MLP
	for g, k := range groupSizes {
		add("top "+strconv.Itoa(g), f.order[:min(k, len(f.order))])
		for d := range draws {
			seen, list := map[int]bool{}, []int{}
			for len(list) < min(k, all/2) {
				if x := r.IntN(all); !seen[x] {
					seen[x], list = true, append(list, x)
				}
			}
			add("random "+strconv.Itoa(g)+" "+strconv.Itoa(d), list)
		}
	}
	return p
}

func (n *neuronRun) groups(ctx context.Context, f *factItem) error {
	res, err := perform(ctx, n.b, n.emit, n.groupPlan(f), plan.Observer{})
	if err != nil {
		return err
	}
	clean := numberOf(res, "clean", "logprob")
	lost := func(run string) float64 { return numberOf(res, run, "logprob") - clean }
	for i := range min(singles, len(f.order)) {
		name := "single " + strconv.Itoa(i)
		f.single = append(f.single, lost(name))
		f.kept = append(f.kept, rowsOf(res, name, "rank")[0][0] == 0)
	}
	for g := range groupSizes {
		f.top = append(f.top, lost("top "+strconv.Itoa(g)))
		var rs []float64
		for d := range draws {
			rs = append(rs, lost("random "+strconv.Itoa(g)+" "+strconv.Itoa(d)))
		}
		f.random = append(f.random, rs)
	}
	return nil
}

// groupReport shows one neuron against many, over the facts so far.
func (n *neuronRun) groupReport(items []*factItem) {
	f := Figure{Name: "groups", Kind: Lines, Title: say("One neuron, and many: what the answer loses"), Unit: say("change of the answer's log-probability, nats"), Scale: Effect,
		X: Axis{Name: say("neurons switched off")}}
	top, random := Series{Name: say("those with the largest attribution")}, Series{Name: say("random ones"), Control: true}
	for g, k := range groupSizes {
		f.X.Labels = append(f.X.Labels, strconv.Itoa(k))
		var a, b []float64
		for _, it := range items {
			a, b = append(a, it.top[g]), append(b, it.random[g]...)
		}
		for i, xs := range [][]float64{a, b} {
			s := []*Series{&top, &random}[i]
			s.put(mean(xs))
		}
	}
	f.Series = []Series{top, random}
	n.out.figure(f)
	n.singleReport(items)
	var best []float64
	var stays Rate
	for _, it := range items {
		at := highest(len(it.single), func(i int) float64 { return -it.single[i] })
		best = append(best, it.single[at])
		stays.add(it.kept[at])
	}
	n.out.fact(say("The one neuron whose loss costs most, among the {0} with the largest attribution, changes the answer by {1} nats (median of {2}); {3} of the answers stay the likeliest.",
		strconv.Itoa(singles), signed(median(best)), strconv.Itoa(len(items)), stays.String()))
	at := func(k int) (a, b float64) {
		var xs, ys []float64
		for _, it := range items {
			xs, ys = append(xs, it.top[k]), append(ys, it.random[k]...)
		}
		return median(xs), median(ys)
	}
	ten, tenRandom := at(3)
	fifty, fiftyRandom := at(5)
	n.out.fact(say("Ten neurons by attribution: {0} nats, ten random ones {1}. Fifty: {2} nats, fifty random ones {3}.", signed(ten), signed(tenRandom), signed(fifty), signed(fiftyRandom)))
	n.judge(median(best), 2*stays.Hits > stays.N)
}

// singleReport puts attribution beside what is lost, neuron by neuron, of the last fact.
func (n *neuronRun) singleReport(items []*factItem) {
	it, c := items[len(items)-1], n.b.Model.Config()
	f := Figure{Name: "singles", Kind: Bars, Title: say("One at a time: attribution and loss for {0}", quoted(n.b, it.answer)), Unit: say("nats"), Scale: Effect, X: Axis{Name: say("neuron")},
		Series: []Series{{Name: say("attribution")}, {Name: say("lost when switched off")}}}
	for i, x := range it.single {
		k := it.order[i]
		f.X.Labels = append(f.X.Labels, unitName(k/c.MLP, k%c.MLP))
		f.Series[0].Values, f.Series[1].Values = append(f.Series[0].Values, Num(it.attr[k])), append(f.Series[1].Values, Num(-x))
	}
	n.out.figure(f)
}
