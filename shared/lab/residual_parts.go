package lab

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"patchbay/shared/plan"
)

// pricePlans adds up plans that run one after the other.
func pricePlans(b *Bench, plans ...*plan.Plan) (sum Price, err error) {
	for _, p := range plans {
		c, err := check(b, p)
		if err != nil {
			return sum, err
		}
		one := c.Price(b.Model.Device().Info())
		sum.FLOPs, sum.Seconds, sum.Bytes = sum.FLOPs+one.FLOPs, sum.Seconds+one.Seconds, max(sum.Bytes, one.Bytes)
	}
	return sum, nil
}

// perform checks and runs a plan.
func perform(ctx context.Context, b *Bench, emit func(Event), p *plan.Plan, see plan.Observer) (*plan.Results, error) {
	c, err := check(b, p)
	if err != nil {
		return nil, err
	}
	return execute(ctx, b, c, emit, see)
}

// layersRead is a read's arrays, one for each of its layers. The plan made them, so they are float32.
func layersRead(res *plan.Results, run, read string) [][]float32 {
	var out [][]float32
	for _, name := range res.Read(run, read).Tensors {
		v, _ := res.Tensors[name].Float32()
		out = append(out, v)
	}
	return out
}

// showSoFar emits what there is of a result.
func showSoFar(emit func(Event), stage string, done, total int, result any) {
	if raw, err := json.Marshal(result); err == nil {
		emit(Event{Stage: stage, Done: done, Total: total, Partial: raw})
	}
}

// topPlace is the place of the largest number.
func topPlace(xs []float32) int {
	at := 0
	for i, x := range xs {
		if x > xs[at] {
			at = i
		}
	}
	return at
}

// logSoftmax is the log-probability of the i-th of logits.
func logSoftmax(logits []float32, i int) float64 {
	top, sum := float64(logits[topPlace(logits)]), 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	return float64(logits[i]) - top - math.Log(sum)
}

// descending are the places 0 to n-1, those of the largest keys first; equal ones keep their order.
func descending(n int, key func(int) float64) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int {
		switch x, y := key(a), key(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return out
}
