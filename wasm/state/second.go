package state

import (
	"encoding/json"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// A lesson may name a further model (lab.Second), which a run opens beside the first.

// Missing is a further model that the page's parameters name and that a run would have to fetch first;
// nil for none.
func (a *App) Missing() *wire.ModelInfo {
	about := a.Lab()
	if about == nil {
		return nil
	}
	for _, d := range about.Params {
		id := a.Page().Params.Str(d.Name)
		if d.Kind != lab.Second || id == "" || id == a.Model || a.End().Here(id) {
			continue
		}
		if m := a.End().ModelInfo(id); m != nil {
			return m
		}
	}
	return nil
}

// fetched notes that a run's further models are stored here now.
func (a *App) fetched(place Place, experiment string, raw json.RawMessage) {
	about, given := a.About(experiment), Params{}
	if about == nil || json.Unmarshal(raw, &given) != nil {
		return
	}
	for _, d := range about.Params {
		if m := a.Ends[place].ModelInfo(given.Str(d.Name)); d.Kind == lab.Second && m != nil {
			m.Here = m.Size
		}
	}
}

// runLinked runs what a link or an example asks for, unless that would download a model unasked.
func (a *App) runLinked() []Effect {
	if a.Missing() != nil {
		return nil
	}
	return a.Run()
}
