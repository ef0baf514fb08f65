package lab

import (
	"context"
	"encoding/json"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// GenerateParams are the parameters of text generation, with or without edits.
type GenerateParams struct {
	Prompt      string      `json:"prompt"`
	Chat        bool        `json:"chat"`
	Count       int         `json:"count"`       // new tokens at most
	Temperature float64     `json:"temperature"` // 0: greedy
	TopK        int         `json:"top_k"`       // 0: no limit
	TopP        float64     `json:"top_p"`       // 1: no limit
	Seed        int64       `json:"seed"`
	StopAtEOS   bool        `json:"stop_at_eos"`
	Edits       []plan.Edit `json:"edits"`
}

// GenerateResult is the text, token by token. Event partials are GenerateStep values.
type GenerateResult struct {
	Prompt []TokenText    `json:"prompt"`
	Steps  []GenerateStep `json:"steps"`
	Text   string         `json:"text"`
	Stop   string         `json:"stop"` // "count", "eos", "context" (no room left)
}

// GenerateStep is one new token. Text holds only whole characters: it is empty while a
// character is incomplete and the next step brings the rest.
type GenerateStep struct {
	TokenText
	Chunk  string  `json:"chunk"`  // what to append to the visible text
	P      float32 `json:"p"`      // probability before sampling changes
	Margin float32 `json:"margin"` // logit of the first minus the second
}

func generate() *Experiment {
	return register(About{
		Name:   "generate",
		Title:  "Generate",
		Help:   "Let the model continue a text, token by token, with or without edits to its activations.",
		Source: "",
		Params: []Param{
			{Name: "prompt", Kind: Text, Default: "The capital of Poland is", Help: "The text to continue."},
			{Name: "chat", Kind: Bool, Default: false, Help: "Wrap the prompt in the model's chat template, as a user's turn."},
			Param{Name: "count", Kind: Int, Default: 32, Help: "New tokens at most."}.ranged(1, MaxCount),
			Param{Name: "temperature", Kind: Float, Default: 0, Help: "0 always takes the likeliest token; 1 samples as the model's probabilities say."}.ranged(0, 10),
			Param{Name: "top_k", Kind: Int, Default: 0, Help: "Sample among that many of the likeliest tokens only; 0 for no limit."}.ranged(0, 1<<20),
			Param{Name: "top_p", Kind: Float, Default: 1, Help: "Sample among the likeliest tokens that together have this probability; 1 for no limit."}.ranged(0, 1),
			Param{Name: "seed", Kind: Int, Default: 0, Help: "The same seed gives the same sample."}.ranged(0, 1<<53-1),
			{Name: "stop_at_eos", Kind: Bool, Default: true, Help: "Stop where the model ends its answer."},
			{Name: "edits", Kind: Edits, Default: []plan.Edit{}, Help: "Changes to activations, as docs/plan.md describes them."},
		},
	}, func(b *Bench, p GenerateParams) (Price, error) {
		c, err := generatePlan(b, p)
		if err != nil {
			return Price{}, err
		}
		return c.Price(b.Model.Device().Info()), nil
	}, runGenerate)
}

func generatePlan(b *Bench, p GenerateParams) (*plan.Compiled, error) {
	return check(b, &plan.Plan{Runs: []plan.Run{{
		Name:   "text",
		Prompt: plan.Prompt{Text: p.Prompt, Chat: p.Chat},
		Generation: &plan.Generate{
			Count: p.Count, Temperature: p.Temperature, TopK: p.TopK, TopP: p.TopP, Seed: p.Seed, StopAtEOS: p.StopAtEOS,
		},
		Edits: p.Edits,
	}}})
}

func runGenerate(ctx context.Context, b *Bench, p GenerateParams, emit func(Event)) (*GenerateResult, error) {
	c, err := generatePlan(b, p)
	if err != nil {
		return nil, err
	}
	out := &GenerateResult{Steps: []GenerateStep{}}
	var broken error
	see := plan.Observer{
		Progress: func(at plan.Progress) {
			if at.Stage != "tokens" { // those come with their token
				emit(Event{Stage: at.Stage, Done: at.Done, Total: at.Total})
			}
		},
		Token: func(_ string, t plan.Token) {
			s := stepOf(b, t)
			out.Steps = append(out.Steps, s)
			raw, err := json.Marshal(s)
			if err != nil {
				broken = errs.E("lab.generate", errs.Other, "a token: %w", err)
			}
			emit(Event{Stage: "tokens", Done: len(out.Steps), Total: p.Count, Partial: raw})
		},
	}
	res, err := execute(ctx, b, c, emit, see)
	if err == nil {
		err = broken
	}
	if err != nil {
		return nil, err
	}
	run := res.Run("text")
	out.Prompt, out.Text, out.Stop = tokenTexts(b, run.IDs), run.Text, run.Stop
	out.flush()
	return out, nil
}

// flush gives what was still an incomplete character at the end to the last step, so that the
// chunks together are the text.
func (r *GenerateResult) flush() {
	if len(r.Steps) == 0 {
		return
	}
	var sum strings.Builder
	for _, s := range r.Steps {
		sum.WriteString(s.Chunk)
	}
	if rest, ok := strings.CutPrefix(r.Text, sum.String()); ok {
		r.Steps[len(r.Steps)-1].Chunk += rest
	}
}
