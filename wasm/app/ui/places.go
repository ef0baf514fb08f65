package ui

import (
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Places sets the two places side by side with what is known of each.
type Places struct{ L *Lab }

// Both are the places in their fixed order.
func (c *Places) Both() []state.Place { return []state.Place{state.Tab, state.Sidecar} }

// Name is a place in words.
func (c *Places) Name(p state.Place) string {
	if p == state.Sidecar {
		return c.L.T("place.sidecar")
	}
	return c.L.T("place.tab")
}

// Broken says that trying again may help.
func (c *Places) Broken(p state.Place) bool {
	ph := c.L.Ends[p].Phase
	return ph == state.Dead || ph == state.Lost
}

// Rows is what is known of a place.
func (c *Places) Rows(p state.Place) [][2]string {
	e := c.L.Ends[p]
	rows := [][2]string{{c.L.T("places.line"), c.line(e)}}
	if e.Phase == state.None || e.Welcome == nil {
		return rows
	}
	d := e.Device
	rows = append(rows, [2]string{c.L.T("places.device"), d.Name + " · " + d.Detail})
	if d.Threads > 0 {
		rows = append(rows, [2]string{c.L.T("places.threads"), text.Int(d.Threads)})
	}
	rows = append(rows, [2]string{c.L.T("places.model"), c.model(e)}, [2]string{c.L.T("places.memory"), text.Bytes(d.Used)})
	speed := c.L.T("places.unmeasured")
	if d.Speed > 0 {
		speed = c.L.T("device.speed", text.Number(d.Speed, 1))
	}
	return append(rows, [2]string{c.L.T("places.speed"), speed})
}

func (c *Places) model(e *state.End) string {
	if e.Loaded == nil {
		return c.L.T("places.nomodel")
	}
	return e.Loaded.Model.Name
}

func (c *Places) line(e *state.End) string {
	key := map[state.Phase]string{state.None: "line.none", state.Opening: "line.opening", state.Open: "line.open", state.Lost: "line.lost", state.Dead: "line.dead"}[e.Phase]
	s := c.L.T(key)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}
