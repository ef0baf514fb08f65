package ui

import (
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Generate is the page of text generation: the text as it comes, shaded by probability.
type Generate struct{ L *Lab }

func (c *Generate) page() *state.Page { return c.L.Pages["generate"] }

// Steps are the tokens so far.
func (c *Generate) Steps() []lab.GenerateStep { return c.page().Steps }

// Stale says that the text belongs to another prompt.
func (c *Generate) Stale() bool { return c.page().Stale && !c.page().Busy() }

// Given is the prompt before the text, unless it is a chat's turn.
func (c *Generate) Given() string {
	if p := c.page(); !p.Params.Bool("chat") {
		return p.Asked
	}
	return ""
}

// Shown is what a token adds to the text, its line ends made visible.
func (c *Generate) Shown(s lab.GenerateStep) string {
	return strings.ReplaceAll(s.Chunk, "\n", "⏎\n")
}

// Title is a token's numbers.
func (c *Generate) Title(s lab.GenerateStep) string {
	return c.L.T("generate.step", text.Token(s.Text), text.Prob(s.P), text.Number(float64(s.Margin), 2))
}

// Stop says why the text ended.
func (c *Generate) Stop() string {
	p := c.page()
	switch {
	case p.Busy() || len(p.Steps) == 0:
		return ""
	case p.Job != nil && p.Job.Phase == state.Cancelled && !p.Stale:
		return c.L.T("generate.stopped", text.Int(len(p.Steps)))
	case p.Gen != nil && p.Gen.Stop == "eos":
		return c.L.T("generate.eos", text.Int(len(p.Steps)))
	}
	return c.L.T("generate.count", text.Int(len(p.Steps)))
}

// Blank says why there is no text, as a word for Blank; empty: there is one.
func (c *Generate) Blank() string {
	if c.L.Lesson != "generate" {
		return ""
	}
	return c.L.Why(len(c.page().Steps) > 0, false)
}
