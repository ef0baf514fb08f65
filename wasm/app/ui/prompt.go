package ui

import (
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Prompt is the prompt box with its tokens, its button and the price of a run.
type Prompt struct{ L *Lab }

const maxChips = 200 // more would make every keystroke slow

// Chips are the prompt's tokens, as many as are shown.
func (c *Prompt) Chips() []lab.TokenText {
	t := c.L.Page().Tokens
	return t[:min(len(t), maxChips)]
}

// Count is the number of tokens.
func (c *Prompt) Count() string { return text.Int(len(c.L.Page().Tokens)) }

// More says how many tokens there are, or why there are none yet.
func (c *Prompt) More() string {
	n := len(c.L.Page().Tokens)
	switch {
	case n == 0 && c.L.Page().Prompt() == "" && c.L.End().IsLoaded(c.L.Model):
		return ""
	case n == 0:
		return c.L.T("prompt.untokenized")
	case n == 1:
		return c.L.T("prompt.one")
	}
	return c.L.T("prompt.count", text.Int(n))
}

// Placeholder says what the empty box is for: of a lesson, what is taken if it stays empty.
func (c *Prompt) Placeholder() string {
	if about := c.L.Lab(); about != nil {
		for _, d := range about.Params {
			if d.Name == "prompt" && d.Help != "" {
				return c.L.Said(d.Help)
			}
		}
	}
	return c.L.T("prompt.placeholder")
}

// Title is a token with its number.
func (c *Prompt) Title(t lab.TokenText) string {
	return text.Token(t.Text) + " · " + c.L.T("prompt.id", text.Int(int(t.ID)))
}

// Off says that a click would do nothing.
func (c *Prompt) Off() bool {
	if p := c.L.Page(); p.Busy() {
		return p.Job.Stopped
	}
	ok, _ := c.L.CanRun()
	return !ok
}

// Press runs or stops.
func (c *Prompt) Press() {
	if c.L.Page().Busy() {
		c.L.Do(c.L.Stop())
		return
	}
	c.L.Do(c.L.Run())
}

// Word is the button's.
func (c *Prompt) Word() string {
	if c.L.Page().Busy() {
		return c.L.T("run.stop")
	}
	return c.L.T("run.run")
}

// Hint is the button's shortcut.
func (c *Prompt) Hint() string {
	if c.L.Page().Busy() {
		return "Esc"
	}
	return "Ctrl+Enter"
}

// job is what the progress bar is about: the run, or a load that no card tells of because an
// earlier result is shown.
func (c *Prompt) job() *state.Job {
	if p := c.L.Page(); p.Busy() {
		return p.Job
	} else if p.Outcome != nil {
		return c.L.End().Loading()
	}
	return nil
}

// Moving says that something is under way.
func (c *Prompt) Moving() bool { return c.job() != nil }

// Share is the progress element's value; nil makes it the moving kind.
func (c *Prompt) Share() any {
	if j := c.job(); j != nil && j.Share() >= 0 {
		return text.Number(j.Share(), 3)
	}
	return nil
}

// Get is the word of a small button that brings or stops the model, while an earlier result
// stands where the card with that button would be; empty: there is none.
func (c *Prompt) Get() string {
	e := c.L.End()
	switch _, why := c.L.CanRun(); {
	case c.L.Page().Outcome == nil:
		return ""
	case e.Loading() != nil:
		return c.L.T("models.cancel")
	case why == "run.absent":
		if m := e.ModelInfo(c.L.Model); m != nil {
			return c.L.T("models.download", text.Bytes(m.Size-m.Here))
		}
	case why == "run.dead":
		return c.L.T("blank.again")
	}
	return ""
}

// DoGet is that button.
func (c *Prompt) DoGet() {
	l := c.L
	switch {
	case l.End().Loading() != nil:
		l.Do(l.StopLoad(l.Place))
	case l.End().Phase == state.Dead:
		l.Do([]state.Effect{state.Retry{Place: l.Place}})
	default:
		l.Do(l.LoadModel(l.Place, l.Model))
	}
}

// Lines is how tall the box is where the browser does not fit it to its text by itself.
func (c *Prompt) Lines() int {
	p := c.L.Page().Prompt()
	return min(6, 1+strings.Count(p, "\n")+len(p)/80)
}
