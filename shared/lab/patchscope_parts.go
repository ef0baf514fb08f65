package lab

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// What the lessons share that read a prompt's states and put them elsewhere: patchscope,
// back-patching and the language of thought.

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
	_, err := check(b, &plan.Plan{Runs: []plan.Run{{
		Name: "prompt", Prompt: plan.Prompt{Text: text},
		Reads: []plan.Read{{Name: "place", Site: hook.ResidPost, Layers: plan.One(0), Positions: place(at)}},
	}}})
	if err != nil {
		return errs.E("lab.Params", errs.KindOf(err), "%s: %s", what, strings.TrimPrefix(err.Error(), "reads[0].positions."))
	}
	return nil
}

// everyLayer lists every step-th layer, the last one always among them.
func everyLayer(n, step int) []int {
	var out []int
	for l := n - 1; l >= 0; l -= step {
		out = append([]int{l}, out...)
	}
	return out
}

// layerLabels are the layers as a figure's axis names them.
func layerLabels(layers []int) []string {
	out := make([]string, len(layers))
	for i, l := range layers {
		out[i] = strconv.Itoa(l)
	}
	return out
}

// laid checks and runs a plan; its variants and finished runs are told as progress.
func laid(ctx context.Context, b *Bench, p *plan.Plan, see plan.Observer) (*plan.Results, error) {
	c, err := check(b, p)
	if err != nil {
		return nil, err
	}
	if see.Progress == nil {
		see.Progress = func(plan.Progress) {} // the lesson tells its own
	}
	return execute(ctx, b, c, nil, see)
}

// costOf is the price of plans that run one after the other.
func costOf(b *Bench, plans ...*plan.Plan) (Price, error) {
	var sum Price
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

// rowsOf are a read's numbers, one row for each of its layers.
func rowsOf(res *plan.Results, run, read string) ([][]float32, error) {
	var out [][]float32
	for _, name := range res.Read(run, read).Tensors {
		v, err := res.Tensors[name].Float32()
		if err != nil {
			return nil, errs.E("lab.read", errs.Other, "%s: %w", name, err)
		}
		out = append(out, v)
	}
	return out, nil
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

// stacked is rows one behind the other, as an operand of [rows, 1, width].
func stacked(rows [][]float32) plan.Operand {
	var all []float32
	for _, r := range rows {
		all = append(all, r...)
	}
	return *plan.Literal([]int{len(rows), 1, len(rows[0])}, all)
}

// tell emits what is known so far.
func tell(emit func(Event), stage string, done, total int, part any) {
	raw, err := json.Marshal(part)
	if err != nil {
		raw = nil // a partial that cannot be written is left out; the result will say why
	}
	emit(Event{Stage: stage, Done: done, Total: total, Partial: raw})
}

// said reports whether a text holds one of the wanted words, whatever their case.
func said(text string, want []string) bool {
	text = strings.ToLower(text)
	for _, w := range want {
		if w != "" && strings.Contains(text, strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// lines splits data of one entry a line.
func splitLines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }

// first is the smallest index whose rate reaches share, or the length.
func firstAt(rs []Rate, share float64) int {
	for i, r := range rs {
		if r.N > 0 && r.Share() >= share {
			return i
		}
	}
	return len(rs)
}

// peak is the index of the highest rate, the earliest of equals.
func peak(rs []Rate) int {
	at := 0
	for i, r := range rs {
		if r.Share() > rs[at].Share() {
			at = i
		}
	}
	return at
}
