package ui

import "patchbay/wasm/state"

// Why says why the open page has nothing to show, as a word for Blank; empty: there is a result
// (have), and it is not being drawn yet (drawing).
func (l *Lab) Why(have, drawing bool) string {
	p, e := l.Page(), l.End()
	switch {
	case p.Job != nil && p.Job.Phase == state.Failed:
		return "failed"
	case drawing:
		return "drawing"
	case have:
		return ""
	case e.Phase == state.None, e.Phase == state.Dead, e.Phase == state.Lost:
		return "line"
	case e.Phase == state.Opening:
		return "opening"
	case !l.Here():
		return "nolesson"
	case e.Load != nil && e.Load.Phase == state.Failed:
		return "loadfailed"
	case e.Loading() != nil:
		return "loading"
	case p.Busy():
		return "running"
	case !e.Here(l.Model) && !e.IsLoaded(l.Model):
		return "absent"
	}
	return "ready"
}
