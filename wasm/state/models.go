package state

import (
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// Line takes in a change of an endpoint's line.
func (a *App) Line(place Place, phase Phase, err error, w *wire.Welcome) []Effect {
	e := a.Ends[place]
	was := e.Phase
	e.Phase, e.Err = phase, err
	if phase != Open || w == nil {
		if was == Open && place == a.Place {
			return []Effect{Say{Text: a.T("said.lost"), Urgent: true}}
		}
		return nil
	}
	e.Welcome, e.Models, e.Device = w, w.Models, w.Device
	a.welcome(w)
	if e.Loaded != nil && was == Open {
		return nil
	}
	e.Loaded = nil
	if place == a.Place {
		if fit := a.firstOpen(); fit != nil {
			return fit
		}
	}
	return a.settle(place)
}

// settle loads the chosen model where it is stored already or small; no large download is ever
// begun unasked.
func (a *App) settle(place Place) []Effect {
	e := a.Ends[place]
	if place != a.Place || e.Phase != Open || e.Loading() != nil || e.IsLoaded(a.Model) {
		return nil
	}
	told := a.known(e)
	if !a.ready(a.Model) {
		return told
	}
	return append(told, a.LoadModel(place, a.Model)...)
}

// known falls back to the first model when the endpoint has never heard of the chosen one.
func (a *App) known(e *End) []Effect {
	if e.ModelInfo(a.Model) != nil || len(e.Models) == 0 {
		return nil
	}
	strange := a.Model
	a.Model = e.Models[0].ID
	if e.ModelInfo(FirstModel) != nil {
		a.Model = FirstModel
	}
	return append(a.Tell("models.unknown", strange), linkSoon())
}

// LoadModel downloads (if need be), checks and loads a model.
func (a *App) LoadModel(place Place, id string) []Effect {
	e := a.Ends[place]
	if e.Phase != Open || e.Loading() != nil {
		return nil
	}
	if id != a.Model {
		a.picked = true
		a.otherModel(id)
	}
	j, call := a.start(place, wire.MethodLoad, wire.LoadParams{Model: id, Mode: a.Mode})
	j.Model = id
	e.Load = j
	return []Effect{call, linkSoon()}
}

// loaded follows up on a finished load: tokens of the prompt, and the run a link asked for.
func (a *App) loaded(j *Job) []Effect {
	out := []Effect{Say{Text: a.T("said.loaded", a.Ends[j.Place].Loaded.Model.Name)}}
	if j.Place != a.Place {
		return out
	}
	if j.Model != a.Model { // another was chosen meanwhile
		return append(out, a.settle(j.Place)...)
	}
	out = append(out, a.tokenize()...)
	if p := a.Page(); a.runWhen || p.eager && p.Own {
		a.runWhen, p.eager = false, false
		out = append(out, a.runLinked()...)
	}
	return out
}

// ChooseModel makes a model the page's by the person's wish.
func (a *App) ChooseModel(id string) []Effect {
	a.picked = true
	return a.takeModel(id)
}

// takeModel makes a model the page's; it is loaded if it is stored already or small. A load of
// another one that is under way is stopped first.
func (a *App) takeModel(id string) []Effect {
	stop := []Effect{}
	if j := a.End().Loading(); j != nil && j.Model != id {
		stop = a.cancel(j)
	}
	a.Confirm, a.Popover = "", ""
	a.otherModel(id)
	return append(append(stop, a.settle(a.Place)...), linkSoon())
}

// otherModel makes a model the page's; results stay, marked as another's.
func (a *App) otherModel(id string) {
	a.Model = id
	for _, p := range a.Pages {
		p.Tokens, p.price, p.Stale = nil, nil, p.Outcome != nil || p.Report != nil
	}
}

// AskDelete arms the second click that deletes a stored model.
func (a *App) AskDelete(id string) []Effect {
	a.Confirm = id
	if id == "" {
		return nil
	}
	return []Effect{Say{Text: a.T("models.delete.sure")}}
}

// DeleteModel removes a stored model.
func (a *App) DeleteModel(id string) []Effect {
	a.Confirm = ""
	_, call := a.start(a.Place, wire.MethodDelete, wire.LoadParams{Model: id})
	return []Effect{call}
}

// SetMode chooses the numeric mode; the model is loaded again in it.
func (a *App) SetMode(mode string) []Effect {
	if mode == a.Mode {
		return nil
	}
	a.Mode = mode
	for _, p := range a.Pages {
		p.Stale = p.Outcome != nil
	}
	if e := a.End(); e.Loaded != nil {
		return append(a.LoadModel(a.Place, a.Model), Save{"mode", mode})
	}
	return []Effect{Save{"mode", mode}}
}

// SetPlace chooses where experiments run. The results of both places stay comparable: what
// is shown is marked as stale, not thrown away.
func (a *App) SetPlace(p Place) []Effect {
	if p == a.Place {
		return nil
	}
	if a.Ends[p].Phase == None {
		a.Popover = "place"
		return nil
	}
	stop := a.cancel(a.Page().Job)
	a.Place = p
	for _, page := range a.Pages {
		page.Tokens, page.price, page.Stale = nil, nil, page.Outcome != nil || page.Report != nil
	}
	out := append(stop, Save{"place", string(p)}, linkSoon())
	if a.Ends[p].IsLoaded(a.Model) {
		return append(out, a.tokenize()...)
	}
	return append(out, a.settle(p)...)
}

// ModelLine is the model and its state in a few words, for the top bar.
func (a *App) ModelLine() string {
	e := a.End()
	m := e.ModelInfo(a.Model)
	switch j := e.Loading(); {
	case j != nil && j.Share() >= 0:
		return a.T("bar.loading", text.Int(int(j.Share()*100)))
	case j != nil:
		return a.T("bar.opening")
	case e.IsLoaded(a.Model):
		return text.Bytes(m.Size)
	case e.Phase != Open:
		return a.T("bar.waiting")
	case m != nil && !e.Here(a.Model):
		return a.T("bar.absent")
	}
	return a.T("bar.stored")
}

// ModelName is the chosen model's name.
func (a *App) ModelName() string {
	if m := a.End().ModelInfo(a.Model); m != nil && m.Name != "" {
		return m.Name
	}
	return a.Model
}
