package lab

import "patchbay/shared/plan"

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
	Stop   string         `json:"stop"` // "count", "eos"
}

// GenerateStep is one new token. Text holds only whole characters: it is empty while a
// character is incomplete and the next step brings the rest.
type GenerateStep struct {
	TokenText
	Chunk  string  `json:"chunk"`  // what to append to the visible text
	P      float32 `json:"p"`      // probability before sampling changes
	Margin float32 `json:"margin"` // logit of the first minus the second
}
