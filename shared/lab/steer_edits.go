package lab

import (
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// steerWay is one way to treat a prompt: with the vector or with a control in its place.
type steerWay struct {
	name    Words
	vector  func(l int) []float32 // its direction at a layer; nil: nothing is done
	sign    float32
	control bool
}

// conditions are the unsteered model, the vector, and its controls.
func (s *steering) conditions() []steerWay {
	sign := float32(1)
	does := say("vector added")
	switch s.p.Operation {
	case opSubtract:
		sign, does = -1, say("vector subtracted")
	case opProject:
		does = say("vector projected out")
	}
	own := func(l int) []float32 { return s.v[l] }
	list := []steerWay{
		{name: say("unsteered")},
		{name: does, vector: own, sign: sign},
		{name: say("random vector"), vector: s.random, sign: sign, control: true},
	}
	if s.p.Operation != opProject {
		list = append(list, steerWay{say("sign turned"), own, -sign, true})
	}
	if s.p.Vector == nil {
		list = append(list, steerWay{say("shuffled labels"), func(l int) []float32 { return s.shuffled[l] }, sign, true})
	}
	if s.v == nil { // only the price is asked for: any direction costs the same
		ones := make([]float32, s.b.Model.Config().Width)
		for i := range ones {
			ones[i] = 1
		}
		for i := range list[1:] {
			list[i+1].vector = func(int) []float32 { return ones }
		}
	}
	return list
}

// sizedAt is what a condition puts in at a layer: [width].
func (s *steering) sizedAt(c steerWay, l int, strength float64) []float32 {
	v := c.vector(l)
	if s.v == nil {
		return v
	}
	return scaled(ofLength(v, s.length(l, strength)), c.sign)
}

// unitAt is a condition's vector at a layer, as long as the mean residual stream there.
func (s *steering) unitAt(c steerWay, l int) []float32 {
	if s.v == nil {
		return c.vector(l)
	}
	return scaled(ofLength(c.vector(l), s.norms[l]), c.sign)
}

// edits puts a vector in: added after the layer at every token, read or written, or at the
// prompt's last one (Rimsky et al. 2023), or projected out of what every block reads, and of what attention and MLP write, at
// every layer (Arditi et al. 2024).
func (s *steering) edits(l int, operand *plan.Operand) []plan.Edit {
	if s.p.Operation != opProject {
		e := plan.Edit{Site: hook.ResidPost, Layers: plan.One(l), Op: plan.Add, Operand: operand}
		if s.p.Apply == "last" {
			e.Positions = plan.At(-1)
		}
		return []plan.Edit{e}
	}
	var out []plan.Edit
	for _, site := range []hook.Site{hook.ResidPre, hook.AttnOut, hook.MLPOut} {
		out = append(out, plan.Edit{Site: site, Layers: plan.All(), Op: plan.Project, Operand: operand})
	}
	return out
}

// edited is the edits of a condition; none for the unsteered model.
func (s *steering) edited(c steerWay) []plan.Edit {
	if c.vector == nil {
		return nil
	}
	return s.edits(s.layer, plan.Literal(nil, s.sizedAt(c, s.layer, s.p.Strength)))
}

// together is a sweep over conditions at the layer: one variant for each but the unsteered one.
func (s *steering) together(prompt plan.Prompt, list []steerWay, gen *plan.Generate) plan.Run {
	var operands []plan.Operand
	for _, c := range list[1:] {
		operands = append(operands, *plan.Literal(nil, s.sizedAt(c, s.layer, s.p.Strength)))
	}
	return plan.Run{
		Name: "steered", Prompt: prompt, Generation: gen, Reads: s.words.reads(),
		Edits: s.edits(s.layer, &operands[0]), Sweep: &plan.Sweep{Operands: operands},
	}
}

// price sums what reading the texts and steering cost.
func (s *steering) price() (Price, error) {
	var plans []*plan.Plan
	pairs, held, neutral := s.readings()
	for _, t := range append(append(pairs, held...), neutral...) {
		plans = append(plans, s.statePlan(s.wrap(t)))
	}
	list, tests := s.conditions(), s.tests()
	if s.p.Show == "write" {
		tests = nil
		for _, c := range list {
			plans = append(plans, s.writePlan(c))
		}
	}
	for _, test := range tests {
		for _, p := range test {
			if s.p.Show == "check" {
				plans = append(plans, s.checkPlan(p.prompt, list))
			} else {
				plans = append(plans, s.gridPlan(p.prompt), s.linesPlan(p.prompt, s.layer))
			}
		}
	}
	return pricePlans(s.b, plans...)
}
