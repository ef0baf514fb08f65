package lab

import (
	"context"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// ResidualParams are the parameters of the residual stream's lesson.
type ResidualParams struct {
	Prompt   string `json:"prompt"`
	Position int    `json:"position"` // negative from the end; what comes later cannot matter and is cut off
	Answer   string `json:"answer"`   // a token; empty: the likeliest
	Against  string `json:"against"`  // a token; empty: the mean over the vocabulary
	Ablate   string `json:"ablate"`   // "zero" or "mean"
	Where    string `json:"where"`    // "here" or "everywhere"
	Heads    bool   `json:"heads"`    // knock out heads one by one too
}

// ResidualResult is the stream at one position, taken apart.
type ResidualResult struct {
	Report
	Tokens  []TokenText `json:"tokens"`            // up to the position
	Token   TokenText   `json:"token"`             // the answer
	Against *TokenText  `json:"against,omitempty"` // nil: the mean over the vocabulary
	Score   float64     `json:"score"`             // logit of the answer less that of the other
	Sum     float64     `json:"sum"`               // of all direct contributions; equal to Score but for rounding
}

// MaxResidualTokens bounds the prompt: the picture has a column for each.
const MaxResidualTokens = 256

func residual() *Experiment {
	about := residualLesson()
	about.Name, about.Title = "residual", "Residual stream"
	about.Help = "What does each attention and each MLP add to the stream, how much of the answer comes from it, and what is lost without it?"
	about.Source = "Elhage et al. (2021), a mathematical framework for transformer circuits; Wang et al. 2211.00593, section 3; McGrath et al. 2307.15771"
	about.Params = []Param{
		{Name: "prompt", Kind: Text, Default: "The capital of Poland is", Label: "Prompt", Help: "The text that the model reads."},
		Param{Name: "position", Kind: Int, Default: -1, Label: "Position", Help: "The token after which the model is asked; negative numbers count from the end.", More: true}.ranged(-MaxResidualTokens, MaxResidualTokens-1),
		{Name: "answer", Kind: Token, Default: "", Label: "Answer", Help: "The token whose logit is taken apart; left empty, the likeliest."},
		{Name: "against", Kind: Token, Default: "", Label: "Against", Help: "The token that it is compared with; left empty, the mean over the whole vocabulary."},
		{Name: "ablate", Kind: Choice, Default: "zero", Choices: []string{"zero", "mean"}, Label: "Knock out to", Help: "Put zero in place of what a part adds, or what it adds on average over other texts."},
		{Name: "where", Kind: Choice, Default: "here", Choices: []string{"here", "everywhere"}, Label: "Knock out at", Help: "At the position only, as direct attribution is counted, or at every token.", More: true},
		{Name: "heads", Kind: Bool, Default: true, Label: "Each head", Help: "Knock out every attention head by itself as well.", More: true},
	}
	return register(about, priceResidual, runResidual)
}

// dissection is the work on one position of one prompt.
type dissection struct {
	b       *Bench
	p       ResidualParams
	ids     []int32 // up to the position, which is the last
	answer  int32
	against int32 // -1: the mean over the vocabulary
	logits  []float32
	logprob float64
	stream  streamParts
	direct  directParts
	lost    lostParts
}

// residualIDs are the prompt's tokens up to the position.
func residualIDs(b *Bench, p ResidualParams) ([]int32, error) {
	const op = "lab.residual"
	ids, err := b.Tokens.Encode(p.Prompt, token.Options{BOS: true})
	switch {
	case err != nil:
		return nil, errs.E(op, errs.KindOf(err), "prompt: %w", err)
	case p.Prompt == "" || len(ids) == 0:
		return nil, errs.E(op, errs.Invalid, "prompt: it has no tokens; give the model something to read")
	case len(ids) > MaxResidualTokens:
		return nil, errs.E(op, errs.TooLarge, "prompt: it has %d tokens; this lesson takes at most %d, since its pictures have a column for each", len(ids), MaxResidualTokens)
	}
	at := p.Position
	if at < 0 {
		at += len(ids)
	}
	if at < 0 || at >= len(ids) {
		return nil, errs.E(op, errs.Invalid, "position: the prompt has %d tokens, so it must be %d to %d, not %d", len(ids), -len(ids), len(ids)-1, p.Position)
	}
	return ids[:at+1], nil
}

func priceResidual(b *Bench, p ResidualParams) (Price, error) {
	ids, err := residualIDs(b, p)
	if err != nil {
		return Price{}, err
	}
	d := &dissection{b: b, p: p, ids: ids, against: -1}
	plans := []*plan.Plan{d.readPlan(), d.slopePlan(make([]float32, b.Model.Config().Vocab))}
	if p.Ablate == "mean" {
		plans = append(plans, meanPlan(b))
	}
	return pricePlans(b, append(plans, d.knockPlans(nil)...)...)
}

func runResidual(ctx context.Context, b *Bench, p ResidualParams, emit func(Event)) (*ResidualResult, error) {
	ids, err := residualIDs(b, p)
	if err != nil {
		return nil, err
	}
	d := &dissection{b: b, p: p, ids: ids, against: -1, answer: -1}
	for _, one := range []struct {
		name, text string
		id         *int32
	}{{"answer", p.Answer, &d.answer}, {"against", p.Against, &d.against}} {
		if one.text == "" {
			continue
		}
		if *one.id, err = b.Tokens.One(one.text); err != nil {
			return nil, errs.E("lab.residual", errs.KindOf(err), "%s: %w", one.name, err)
		}
	}
	return d.run(ctx, emit)
}

// run takes the stream apart, then knocks the parts out one by one, showing what there is so far.
func (d *dissection) run(ctx context.Context, emit func(Event)) (*ResidualResult, error) {
	if err := d.take(ctx, emit); err != nil {
		return nil, err
	}
	showSoFar(emit, "direct", 0, 0, d.result())
	if err := d.knock(ctx, emit); err != nil {
		return nil, err
	}
	return d.result(), nil
}
