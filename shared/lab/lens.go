package lab

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
