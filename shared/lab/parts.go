package lab

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// What the lessons share: plans are made, priced, run and read here, and what is known so far is emitted.

// planOf is a plan of runs.
func planOf(list ...plan.Run) *plan.Plan { return &plan.Plan{Runs: list} }

// check validates a plan of one run against the bench. Errors name the parameter, not its
// place in the plan that the experiment made of it.
func check(b *Bench, p *plan.Plan) (*plan.Compiled, error) {
	c, err := plan.Check(p, b.Model, b.Tokens)
	if err != nil {
		msg := strings.TrimPrefix(err.Error(), "runs[0].")
		err = errs.E("lab.Check", errs.KindOf(err), "%s", strings.TrimPrefix(msg, "generation."))
	}
	return c, err
}

// execute runs a checked plan; progress is emitted, stages named as the plan's. Without emit the
// lesson tells its own.
func execute(ctx context.Context, b *Bench, c *plan.Compiled, emit func(Event), see plan.Observer) (*plan.Results, error) {
	if see.Progress == nil {
		see.Progress = func(p plan.Progress) {
			if emit != nil {
				emit(Event{Stage: p.Stage, Done: p.Done, Total: p.Total})
			}
		}
	}
	return plan.Execute(ctx, plan.Env{Model: b.Model, Tokens: b.Tokens, Store: b.Store}, c, see)
}

// perform checks and executes a plan.
func perform(ctx context.Context, b *Bench, emit func(Event), p *plan.Plan, see plan.Observer) (*plan.Results, error) {
	c, err := check(b, p)
	if err != nil {
		return nil, err
	}
	return execute(ctx, b, c, emit, see)
}

// pricePlans adds up plans that run one after the other.
func pricePlans(b *Bench, plans ...*plan.Plan) (sum Price, err error) {
	for _, p := range plans {
		c, err := check(b, p)
		if err != nil {
			return Price{}, err
		}
		sum = together(sum, c.Price(b.Model.Device().Info()), 1)
	}
	return sum, nil
}

// together adds a price so many times.
func together(sum, p Price, times float64) Price {
	return Price{FLOPs: sum.FLOPs + times*p.FLOPs, Bytes: max(sum.Bytes, p.Bytes), Seconds: sum.Seconds + times*p.Seconds}
}

// rowsOf are a read's numbers, one row for each of its layers; none if the run has no such read. The
// plan made the arrays, so they are float32.
func rowsOf(res *plan.Results, run, read string) (rows [][]float32) {
	if d := res.Read(run, read); d != nil {
		for _, name := range d.Tensors {
			v, _ := res.Tensors[name].Float32()
			rows = append(rows, v)
		}
	}
	return rows
}

// numberOf is the number of a read that has one.
func numberOf(res *plan.Results, run, read string) float64 {
	return float64(rowsOf(res, run, read)[0][0])
}

// showSoFar emits what there is of a result. What cannot be written is left out; the result will say why.
func showSoFar(emit func(Event), stage string, done, total int, result any) {
	raw, err := json.Marshal(result)
	if err != nil {
		raw = nil
	}
	emit(Event{Stage: stage, Done: done, Total: total, Partial: raw})
}

// lastLogits reads what the model says after the prompt.
func lastLogits(name string, reduce plan.Reduce, tokens ...plan.TokenRef) plan.Read {
	return plan.Read{Name: name, Site: hook.Logits, Positions: plan.At(-1), Reduce: reduce, Tokens: tokens}
}

// topRead is the likeliest token after the prompt.
func topRead() plan.Read {
	r := lastLogits("top", plan.TopK)
	r.K = 1
	return r
}

// stacked is rows one behind the other, as an operand of [rows, 1, width].
func stacked(rows [][]float32) *plan.Operand {
	return plan.Literal([]int{len(rows), 1, len(rows[0])}, slices.Concat(rows...))
}

// place reads a position as a person writes it: nothing for the last token, a number, or words of
// the prompt, whose last token is meant. The last occurrence counts: targets name their place last.
func place(s string) plan.Positions {
	if s == "" {
		return plan.At(-1)
	}
	if n, err := strconv.Atoi(s); err == nil {
		return plan.At(n)
	}
	return plan.Positions{Text: &plan.TextPosition{Text: s, Occurrence: -1}}
}

// asked checks one prompt and a place in it, so that an error names the prompt and not a plan.
func asked(b *Bench, what, text, at string) error {
	if text == "" {
		return errs.E("lab.Params", errs.Invalid, "%s is empty: give a text", what)
	}
	_, err := check(b, planOf(plan.Run{
		Name: "prompt", Prompt: plan.Prompt{Text: text},
		Reads: []plan.Read{{Name: "place", Site: hook.ResidPost, Layers: plan.One(0), Positions: place(at)}},
	}))
	if err != nil {
		return errs.E("lab.Params", errs.KindOf(err), "%s: %s", what, strings.TrimPrefix(err.Error(), "reads[0].positions."))
	}
	return nil
}

// opening is the first token of a text that goes on after a prompt.
func opening(b *Bench, text string) (int32, error) {
	ids, err := b.Tokens.Encode(text, token.Options{})
	if err == nil && len(ids) == 0 {
		err = errs.E("lab.Params", errs.Invalid, "%.60q has no tokens", text)
	}
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// stepOf is a token that was written, as results have it.
func stepOf(b *Bench, t plan.Token) GenerateStep {
	return GenerateStep{tokenText(b, t.ID), t.Chunk, t.P, t.Margin}
}
