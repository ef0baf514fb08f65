package ui

import (
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Bar is the top bar: what computes, where, and how the page looks.
type Bar struct{ L *Lab }

// Toggle opens or closes a panel.
func (c *Bar) Toggle(name string) { c.L.Do(c.L.App.Toggle(name)) }

// Known is what is known of the chosen place, in one line.
func (c *Bar) Known() string {
	e := c.L.End()
	switch e.Phase {
	case state.Open:
	case state.None:
		return c.L.T("line.none")
	case state.Lost:
		return c.L.T("line.lost")
	case state.Dead:
		return c.L.T("line.dead")
	default:
		return c.L.T("line.opening")
	}
	d := e.Device
	parts := []string{d.Name}
	if d.Threads > 0 {
		parts = append(parts, c.L.T("device.threads", text.Int(d.Threads)))
	}
	if d.Speed > 0 {
		parts = append(parts, c.L.T("device.speed", text.Number(d.Speed, 0)))
	}
	return strings.Join(parts, " · ")
}

// Light is the colour of the line's lamp.
func (c *Bar) Light() string {
	switch c.L.End().Phase {
	case state.Open:
		return "good"
	case state.Dead, state.None:
		return "bad"
	}
	return "wait"
}

// Parity is the proof of the shown result, else of the loaded model.
func (c *Bar) Parity() *lab.Parity {
	if p := c.L.Page(); p.Outcome != nil {
		return &p.Outcome.Parity
	}
	if l := c.L.End().Loaded; l != nil {
		return &l.Parity
	}
	return nil
}

// Badge is the parity in two words: "exact · 3e-5".
func (c *Bar) Badge() string {
	p := c.Parity()
	if p == nil {
		return ""
	}
	return p.Mode + " · " + text.Sci(p.SelfTest)
}

// Proof is the parity in full.
func (c *Bar) Proof() [][2]string {
	p := c.Parity()
	if p == nil {
		return nil
	}
	return [][2]string{{c.L.T("parity.model"), p.Model}, {c.L.T("parity.digest"), p.Digest}, {c.L.T("parity.device"), p.Device + " · " + p.Detail},
		{c.L.T("parity.mode"), p.Mode}, {c.L.T("parity.error"), text.Sci(p.SelfTest)}}
}

// ThemeName says the theme and that a click changes it.
func (c *Bar) ThemeName() string {
	return c.L.T(map[state.Theme]string{state.System: "theme.system", state.Light: "theme.light", state.Dark: "theme.dark"}[c.L.Theme])
}

// ThemeSign is the button's sign.
func (c *Bar) ThemeSign() string {
	return map[state.Theme]string{state.System: "◐", state.Light: "☀", state.Dark: "☾"}[c.L.Theme]
}
