package lab

import (
	"context"
	"math"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

const (
	sumTerms   = 11 // products that are shown one by one
	curveSteps = 81
	writtenTop = 8 // tokens that a neuron's output pushes up
)

// look shows one neuron: its sum at one token, what it writes, what the answer is without it, what
// excites it, and how well it tells the concepts.
func (n *neuronRun) look(ctx context.Context) error {
	if err := n.where(); err != nil {
		return err
	}
	sum, err := n.sumPlan()
	if err != nil {
		return err
	}
	if err := n.sum(ctx, sum); err != nil {
		return err
	}
	n.show("sum")
	if err := n.writes(ctx); err != nil {
		return err
	}
	if err := n.without(ctx); err != nil {
		return err
	}
	n.show("without")
	set, err := n.textSet("")
	if err != nil {
		return err
	}
	if err := n.excites(ctx, set, n.p.Layer, n.p.Neuron); err != nil {
		return err
	}
	return nil
}

func (n *neuronRun) priceLook() (Price, error) {
	if err := n.where(); err != nil {
		return Price{}, err
	}
	sum, err := n.sumPlan()
	if err != nil {
		return Price{}, err
	}
	set, err := n.textSet("")
	if err != nil {
		return Price{}, err
	}
	plans := []*plan.Plan{sum, n.writePlan(), n.withoutPlan(0, 0)}
	return pricePlans(n.b, append(plans, n.textPlans(set, plan.One(n.p.Layer), plan.One(n.p.Neuron))...)...)
}

// sumPlan reads the neuron's input and what becomes of it, and the weights: the gradient of a sum to
// what is summed is its row of weights, exactly.
func (n *neuronRun) sumPlan() (*plan.Plan, error) {
	ids, err := n.ids("prompt", n.p.Prompt)
	if err != nil {
		return nil, err
	}
	at := n.p.Position
	if at < 0 {
		at += len(ids)
	}
	if at < 0 || at >= len(ids) {
		return nil, errs.E("lab.neuron", errs.Invalid, "position: the prompt has %d tokens, so it must be %d to %d, not %d", len(ids), -len(ids), len(ids)-1, n.p.Position)
	}
	one := func(name string, site hook.Site) plan.Read {
		return plan.Read{Name: name, Site: site, Layers: plan.One(n.p.Layer), Index: plan.One(n.p.Neuron), Positions: plan.At(-1)}
	}
	whole := func(name, of string) plan.Read {
		return plan.Read{Name: name, Site: hook.LN2Out, Layers: plan.One(n.p.Layer), Positions: plan.At(-1), GradientOf: of}
	}
	reads := []plan.Read{whole("input", ""), one("gate", hook.MLPPre), one("out", hook.MLPPost), whole("gate weights", "gate")}
	if n.b.Model.Config().Gated {
		reads = append(reads, one("up", hook.MLPPreLinear), whole("up weights", "up"))
	}
	return planOf(plan.Run{Name: "sum", Prompt: plan.Prompt{IDs: ids[:at+1]}, Reads: reads}), nil
}

// sum draws the weighted sum and the activation function with the numbers of this token.
func (n *neuronRun) sum(ctx context.Context, p *plan.Plan) error {
	res, err := perform(ctx, n.b, n.emit, p, plan.Observer{})
	if err != nil {
		return err
	}
	get := func(read string) []float32 { return rowsOf(res, "sum", read)[0] }
	ids := p.Runs[0].Prompt.IDs
	x, w, g, out := get("input"), get("gate weights"), get("gate")[0], get("out")[0]
	name, tok := unitName(n.p.Layer, n.p.Neuron), quoted(n.b, ids[len(ids)-1])
	f := Figure{Name: "sum", Kind: Sum, Title: say("Neuron {0} at {1}", name, tok), Unit: say("weight times input"), Scale: Effect,
		X: Axis{Name: say("input")}, Series: []Series{{Name: say("terms")}}}
	f.X.Labels, f.Series[0].Values = terms(x, w, float64(g))
	u := float32(1)
	gated := n.b.Model.Config().Gated
	if gated {
		u = get("up")[0]
	}
	if f.Curve, err = n.curve(g, u, out, gated); err != nil {
		return err
	}
	n.out.figure(f)
	if !gated {
		n.out.fact(say("At {0} the weighted sum of {1} inputs is {2}; the activation function makes {3} of it.", tok, strconv.Itoa(len(x)), decimal(float64(g), 3), decimal(float64(out), 3)))
		return nil
	}
	act := out / u
	if u == 0 {
		act = 0
	}
	n.out.fact(say("At {0} the gate's sum of {1} inputs is g = {2}, and the activation function makes {3} of it. A second sum, up, is u = {4}. Their product {5} is what the neuron gives.",
		tok, strconv.Itoa(len(x)), decimal(float64(g), 3), decimal(float64(act), 3), decimal(float64(u), 3), decimal(float64(out), 3)))
	up := Figure{Name: "up", Kind: Bars, Title: say("The second sum: up"), Unit: say("weight times input"), Scale: Effect, X: Axis{Name: say("input")}, Series: []Series{{Name: say("terms")}}}
	up.X.Labels, up.Series[0].Values = terms(x, get("up weights"), float64(u))
	n.out.figure(up)
	return nil
}

// terms are the largest products of a weighted sum, then the others together, then the bias if there is one.
func terms(x, w []float32, total float64) (labels []string, values []Num) {
	order := descending(len(x), func(i int) float64 { return math.Abs(float64(x[i]) * float64(w[i])) })
	rest := 0.0
	for place, i := range order {
		v := float64(x[i]) * float64(w[i])
		if place >= sumTerms {
			rest += v
			total -= v
			continue
		}
		total -= v
		labels, values = append(labels, "#"+strconv.Itoa(i)), append(values, Num(v))
	}
	if len(order) > sumTerms {
		labels, values = append(labels, say("all others").Text), append(values, Num(rest))
	}
	if math.Abs(total) > 1e-3*(1+norm(x)*norm(w)/float64(len(x))) { // what no product explains
		labels, values = append(labels, say("bias").Text), append(values, Num(total))
	}
	return labels, values
}

// curve is the activation function around the place computed, by the model's own device.
func (n *neuronRun) curve(g, u, out float32, gated bool) (*Curve, error) {
	span := max(4, 1.3*float32(math.Abs(float64(g))))
	xs := make([]float32, curveSteps)
	for i := range xs {
		xs[i] = span * (2*float32(i)/(curveSteps-1) - 1)
	}
	dev, ys := n.b.Model.Device(), make([]float32, len(xs))
	buf, err := dev.Alloc(len(xs))
	if err != nil {
		return nil, err
	}
	defer dev.Free(buf)
	dev.Upload(buf, xs)
	dev.Act(buf, buf, n.b.Model.Config().Act)
	if err := dev.Download(ys, buf); err != nil {
		return nil, err
	}
	c := &Curve{Name: say("activation function"), X: Nums(xs), At: Num(g), Out: Num(out)}
	if gated {
		c.Name = say("activation function of g, times u")
	}
	c.Y = Nums(scaled(ys, u))
	return c, nil
}

// writePlan lets the layer's MLP give only this neuron, once as 1 and once as -1, and reads what the
// vocabulary makes of it.
func (n *neuronRun) writePlan() *plan.Plan {
	run := func(name string, value float32) plan.Run {
		off := plan.Edit{Site: hook.MLPPost, Layers: plan.One(n.p.Layer), Op: plan.Set, Operand: plan.Scalar(0)}
		on := off
		on.Index, on.Operand = plan.One(n.p.Neuron), plan.Scalar(value)
		return plan.Run{Name: name, Prompt: plan.Prompt{Text: n.p.Prompt}, Edits: []plan.Edit{off, on}, Reads: []plan.Read{
			{Name: "top", Site: hook.MLPOut, Layers: plan.One(n.p.Layer), Positions: plan.At(-1), Reduce: plan.TopK, K: writtenTop}}}
	}
	return planOf(run("up", 1), run("down", -1))
}

func (n *neuronRun) writes(ctx context.Context) error {
	res, err := perform(ctx, n.b, n.emit, n.writePlan(), plan.Observer{})
	if err != nil {
		return err
	}
	list := func(run string) string {
		s := ""
		for i, t := range res.Read(run, "top").Top[0][0] {
			if i > 0 {
				s += ", "
			}
			s += strconv.Quote(t.Text)
		}
		return s
	}
	n.out.fact(say("What it writes to the stream speaks for {0} where it is positive, and for {1} where it is negative.", list("up"), list("down")))
	return nil
}

// off is the edit that switches a neuron off.
func (n *neuronRun) off(layer int, index []int, value float32) plan.Edit {
	return plan.Edit{Site: hook.MLPPost, Layers: plan.One(layer), Index: plan.Select{List: index}, Op: plan.Set, Operand: plan.Scalar(value)}
}

// withoutPlan computes the prompt as it is, and without the neuron.
func (n *neuronRun) withoutPlan(layer, index int) *plan.Plan {
	answer := plan.TokenRef{Answer: "clean"}
	if n.p.Answer != "" {
		answer = plan.TokenRef{Text: n.p.Answer}
	}
	reads := []plan.Read{
		lastLogits("logprob", plan.LogProb, answer),
		lastLogits("rank", plan.Rank, answer),
	}
	return planOf(plan.Run{Name: "clean", Prompt: plan.Prompt{Text: n.p.Prompt}, Reads: reads},
		plan.Run{Name: "without", Base: "clean", Edits: []plan.Edit{n.off(layer, []int{index}, 0)}, Reads: reads})
}

// without says what becomes of the answer, and so which prediction came true.
func (n *neuronRun) without(ctx context.Context) error {
	res, err := perform(ctx, n.b, n.emit, n.withoutPlan(n.out.Layer, n.out.Neuron), plan.Observer{})
	if err != nil {
		return err
	}
	number := func(run, read string) float64 { return numberOf(res, run, read) }
	before, after := number("clean", "logprob"), number("without", "logprob")
	n.judge(after-before, number("without", "rank") == number("clean", "rank"))
	n.out.fact(say("Set to zero at every token, it changes the log-probability of {0} from {1} to {2}: {3} nats.",
		quoted(n.b, res.Read("clean", "logprob").Tokens[0]), decimal(before, 3), decimal(after, 3), signed(after-before)))
	return nil
}

// judge sets which prediction came true.
func (n *neuronRun) judge(change float64, same bool) {
	a := 1
	switch {
	case math.Abs(change) < matters:
		a = 0
	case !same:
		a = 2
	}
	n.out.Answer = &a
}
