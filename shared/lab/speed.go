package lab

import (
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// SpeedPlan is an experiment that other systems have been timed with, on the same prompts.
type SpeedPlan struct {
	Name string // "grid", "scope", "lens" or "many"
	Help string
	Plan *plan.Plan
}

// The prompts that the others were timed with.
const (
	storeClean   = "When Mary and John went to the store, John gave a bottle of milk to"
	storeCorrupt = "When Mary and John went to the store, Mary gave a bottle of milk to"
	scopeSource  = "The Eiffel Tower is a well known landmark in the city of Paris"
	scopeTarget  = "cat -> cat\n1135 -> 1135\nhello -> hello\n?"
	scopeTokens  = 8
)

// SpeedPlans are the activation-patching grid, the patchscope sweep, the logit lens, and a sweep that is
// large, to see that memory does not grow with it.
func SpeedPlans() []SpeedPlan {
	return []SpeedPlan{
		{"grid", "the residual stream of one prompt put into another at every layer and position: what becomes of the answer", gridPlan()},
		{"scope", "the last token's representation at every layer put into a prompt that repeats what it sees, and 8 tokens written", scopePlan()},
		{"lens", "what every layer would say at every position", speedLens()},
		{"many", "ten thousand variants: the last position scaled at every layer by a few hundred strengths", manyPlan()},
	}
}

func gridPlan() *plan.Plan {
	return &plan.Plan{Runs: []plan.Run{
		{Name: "clean", Prompt: plan.Prompt{Text: storeClean}, Reads: []plan.Read{{Name: "stream", Site: hook.ResidPre, Layers: plan.All()}}},
		{
			Name: "grid", Prompt: plan.Prompt{Text: storeCorrupt},
			Edits: []plan.Edit{{Site: hook.ResidPre, Op: plan.Set, Operand: plan.Of("clean", "stream")}},
			Sweep: &plan.Sweep{Layers: plan.All(), Positions: plan.Positions{All: true}},
			Reads: []plan.Read{answerRead()},
		},
	}}
}

func manyPlan() *plan.Plan {
	p := GrowthPlan(0, -1, 334)
	p.Runs[0].Sweep.Layers = plan.All()
	return p
}

func answerRead() plan.Read {
	return plan.Read{Name: "answer", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogitDiff, Tokens: []plan.TokenRef{{Text: " Mary"}, {Text: " John"}}}
}

// GrowthPlan is n variants of the same kind that begin at one layer and position, to see how cost
// grows with each.
func GrowthPlan(layer, position, n int) *plan.Plan {
	strengths := make([]float64, n)
	for i := range strengths {
		strengths[i] = 1 + float64(i)/float64(n)
	}
	return &plan.Plan{Runs: []plan.Run{{
		Name: "growth", Prompt: plan.Prompt{Text: storeCorrupt},
		Edits: []plan.Edit{{Site: hook.ResidPre, Layers: plan.One(layer), Positions: plan.At(position), Op: plan.Scale}},
		Sweep: &plan.Sweep{Strengths: strengths},
		Reads: []plan.Read{answerRead()},
	}}}
}

func scopePlan() *plan.Plan {
	return &plan.Plan{Runs: []plan.Run{
		{Name: "source", Prompt: plan.Prompt{Text: scopeSource}, Reads: []plan.Read{{Name: "meaning", Site: hook.ResidPre, Layers: plan.All(), Positions: plan.At(-1)}}},
		{
			Name: "scope", Prompt: plan.Prompt{Text: scopeTarget}, Generation: &plan.Generate{Count: scopeTokens},
			Edits: []plan.Edit{{Site: hook.ResidPre, Positions: plan.At(-1), Op: plan.Set, Operand: plan.Of("source", "meaning")}},
			Sweep: &plan.Sweep{Layers: plan.All()},
		},
	}}
}

// speedLens reads the logits of a token, and the likeliest ones, before the first layer and after each.
func speedLens() *plan.Plan {
	at := func(name string, site hook.Site, layers plan.Select) []plan.Read {
		return []plan.Read{
			{Name: name + " answer", Site: site, Layers: layers, Reduce: plan.Logits, Tokens: []plan.TokenRef{{Text: " Mary"}}},
			{Name: name + " top", Site: site, Layers: layers, Reduce: plan.TopK, K: 5},
		}
	}
	return &plan.Plan{Runs: []plan.Run{{
		Name: "lens", Prompt: plan.Prompt{Text: storeClean},
		Reads: append(at("embedding", hook.Embed, plan.Select{}), at("layers", hook.ResidPost, plan.All())...),
	}}}
}
