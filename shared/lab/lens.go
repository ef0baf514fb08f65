package lab

import (
	"context"
	"math"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// LensParams are the parameters of the logit lens (nostalgebraist 2020): the final norm and
// the unembedding applied to the residual stream after every layer.
type LensParams struct {
	Prompt    string `json:"prompt"`
	Chat      bool   `json:"chat"`      // wrap the prompt in the model's chat template
	Positions string `json:"positions"` // "all" or "last"
	TopK      int    `json:"topk"`      // 1 to 20
	Follow    string `json:"follow"`    // a token to follow through the layers; empty: the model's own final answer
}

// TokenText is a token as a person sees it.
type TokenText struct {
	ID   int32  `json:"id"`
	Text string `json:"text"` // may be half a character: then \xNN escapes stand for its bytes
}

// LensResult has a row of cells for each layer, bottom first.
type LensResult struct {
	Tokens    []TokenText  `json:"tokens"`    // the whole prompt
	Positions []int        `json:"positions"` // which of them have cells
	Follow    TokenText    `json:"follow"`
	Layers    [][]LensCell `json:"layers"` // [layer][position index], after block 0, 1, ...; the last one is the model's own output
}

// LensCell is one layer's guess at one position.
type LensCell struct {
	Top        []Guess `json:"top"`
	FollowP    float32 `json:"follow_p"`    // probability of the followed token
	FollowRank int32   `json:"follow_rank"` // 0 is the largest
	Entropy    float32 `json:"entropy"`     // nats
	KL         float32 `json:"kl"`          // KL(final layer || this layer), nats
}

// Guess is a token with its probability.
type Guess struct {
	TokenText
	P float32 `json:"p"`
}

func lens() *Experiment {
	return register(About{
		Name:   "lens",
		Title:  "Logit lens",
		Help:   "What would the model say if it stopped after each layer? The final norm and the unembedding applied to every layer's residual stream.",
		Source: "nostalgebraist, interpreting GPT: the logit lens (2020)",
		Params: []Param{
			{Name: "prompt", Kind: Text, Default: "The capital of Poland is", Help: "The text that the model reads."},
			{Name: "chat", Kind: Bool, Default: false, Help: "Wrap the prompt in the model's chat template."},
			{Name: "positions", Kind: Choice, Default: "all", Choices: []string{"all", "last"}, Help: "A column for every token, or for the last one only."},
			Param{Name: "topk", Kind: Int, Default: 5, Help: "How many guesses each cell lists."}.ranged(1, MaxTop),
			{Name: "follow", Kind: Token, Default: "", Help: "A token to follow through the layers; left empty, the model's own answer."},
		},
	}, func(b *Bench, p LensParams) (Price, error) {
		c, err := lensPlan(b, p)
		if err != nil {
			return Price{}, err
		}
		return c.Price(b.Model.Device().Info()), nil
	}, runLens)
}

// lensPlan reads, at the residual stream after every layer, what the vocabulary makes of it.
func lensPlan(b *Bench, p LensParams) (*plan.Compiled, error) {
	follow := plan.TokenRef{Answer: "lens"}
	if p.Follow != "" {
		follow = plan.TokenRef{Text: p.Follow}
	}
	read := func(name string, reduce plan.Reduce) plan.Read {
		d := plan.Read{Name: name, Site: hook.ResidPost, Layers: plan.All(), Reduce: reduce}
		if p.Positions == "last" {
			d.Positions = plan.At(-1)
		}
		return d
	}
	top, lp, rank, kl := read("top", plan.TopK), read("follow", plan.LogProb), read("rank", plan.Rank), read("kl", plan.KL)
	top.K, lp.Tokens, rank.Tokens, kl.To = p.TopK, []plan.TokenRef{follow}, []plan.TokenRef{follow}, "lens"
	c, err := check(b, &plan.Plan{Runs: []plan.Run{{
		Name:   "lens",
		Prompt: plan.Prompt{Text: p.Prompt, Chat: p.Chat},
		Reads:  []plan.Read{top, lp, rank, read("entropy", plan.Entropy), kl},
	}}})
	if err == nil && p.Positions == "all" && c.Tokens("lens") > MaxLensCells {
		err = errs.E("lab.lens", errs.TooLarge, "the prompt has %d tokens; a lens over all positions takes at most %d: shorten it, or choose positions last", c.Tokens("lens"), MaxLensCells)
	}
	return c, err
}

func runLens(ctx context.Context, b *Bench, p LensParams, emit func(Event)) (*LensResult, error) {
	c, err := lensPlan(b, p)
	if err != nil {
		return nil, err
	}
	res, err := execute(ctx, b, c, emit, plan.Observer{})
	if err != nil {
		return nil, err
	}
	return lensResult(b, res), nil
}

// lensResult turns the plan's reads into cells.
func lensResult(b *Bench, res *plan.Results) *LensResult {
	run, top := res.Run("lens"), res.Read("lens", "top")
	id := res.Read("lens", "follow").Tokens[0]
	out := &LensResult{Positions: top.Positions, Follow: tokenText(b, id), Tokens: tokenTexts(b, run.IDs)}
	columns := map[string][][]float32{}
	for _, name := range []string{"follow", "rank", "entropy", "kl"} {
		columns[name] = rowsOf(res, "lens", name)
	}
	for l := range top.Layers {
		cells := make([]LensCell, len(top.Positions))
		for i := range cells {
			cells[i] = LensCell{
				FollowP: exp(columns["follow"][l][i]), FollowRank: int32(columns["rank"][l][i]),
				Entropy: columns["entropy"][l][i], KL: columns["kl"][l][i],
			}
			for _, t := range top.Top[l][i] {
				cells[i].Top = append(cells[i].Top, Guess{TokenText{t.ID, t.Text}, exp(t.Value)})
			}
		}
		out.Layers = append(out.Layers, cells)
	}
	return out
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func tokenText(b *Bench, id int32) TokenText { return TokenText{id, b.Tokens.Text(id)} }

func tokenTexts(b *Bench, ids []int32) []TokenText {
	out := make([]TokenText, len(ids))
	for i, id := range ids {
		out[i] = tokenText(b, id)
	}
	return out
}
