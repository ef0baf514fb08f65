package host

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/plan"
	"patchbay/shared/wire"
)

// PlanToken is the partial of a plan's event: a token that a run has generated.
type PlanToken struct {
	Run   string  `json:"run"`
	ID    int32   `json:"id"`
	Chunk string  `json:"chunk"`
	P     float32 `json:"p"`
}

// Plan checks and runs a plan; the one way in for all surfaces. Seconds are left to the caller.
func Plan(ctx context.Context, b *lab.Bench, raw json.RawMessage, emit func(lab.Event)) (*wire.PlanResult, []wire.Tensor, error) {
	p, err := plan.Parse(raw)
	if err != nil {
		return nil, nil, err
	}
	c, err := plan.Check(p, b.Model, b.Tokens)
	if err != nil {
		return nil, nil, err
	}
	res, err := plan.Execute(ctx, plan.Env{Model: b.Model, Tokens: b.Tokens, Store: b.Store}, c, observer(emit))
	if err != nil {
		return nil, nil, err
	}
	runs, err := json.Marshal(res.Runs)
	if err != nil {
		return nil, nil, errs.E("host.Plan", errs.Other, "%w", err)
	}
	var tensors []wire.Tensor
	for _, name := range slices.Sorted(maps.Keys(res.Tensors)) {
		a := res.Tensors[name]
		tensors = append(tensors, wire.Tensor{Name: name, DType: a.DType, Shape: a.Shape, Data: a.Data})
	}
	return &wire.PlanResult{Parity: b.Parity, Runs: runs}, tensors, nil
}

func observer(emit func(lab.Event)) plan.Observer {
	made := map[string]int{}
	return plan.Observer{
		Progress: func(p plan.Progress) { emit(lab.Event{Stage: p.Stage, Done: p.Done, Total: p.Total}) },
		Token: func(run string, t plan.Token) {
			made[run]++
			raw, err := json.Marshal(PlanToken{run, t.ID, t.Chunk, t.P})
			if err == nil {
				emit(lab.Event{Stage: "tokens", Done: made[run], Partial: raw})
			}
		},
		Variant: func(v plan.Variant) {
			if raw, err := json.Marshal(v); err == nil {
				emit(lab.Event{Stage: "variants", Partial: raw})
			}
		},
	}
}
