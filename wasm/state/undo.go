package state

import "time"

// undo is a page's parameters before something replaced them.
type undo struct {
	lesson string
	model  string
	params Params
}

const undoDepth = 50

// toastTime is how long a short message stands over the page.
const toastTime = 8 * time.Second

// remember keeps the page's parameters, to be brought back by Undo.
func (a *App) remember() {
	p := a.Page()
	a.undo = append(a.undo, undo{p.Name, a.Model, p.Params.clone()})
	if len(a.undo) > undoDepth {
		a.undo = a.undo[1:]
	}
}

// CanUndo says whether the open page has something to bring back.
func (a *App) CanUndo() bool {
	return len(a.undo) > 0 && a.undo[len(a.undo)-1].lesson == a.Lesson
}

// Undo brings the parameters back as they were before the last preset or edit.
func (a *App) Undo() []Effect {
	if !a.CanUndo() {
		return nil
	}
	u := a.undo[len(a.undo)-1]
	a.undo = a.undo[:len(a.undo)-1]
	p := a.Page()
	p.Params, a.Notice = u.params, nil
	p.clean()
	p.changed()
	var out []Effect
	if u.model != a.Model {
		out = a.takeModel(u.model)
	}
	return append(append(out, p.soon()...), Wait{"tokens", 0}, Say{Text: a.T("undo.done")})
}

// clean forgets all that was typed and could not be read, and how lists were typed.
func (p *Page) clean() {
	clear(p.Wrong)
	clear(p.Why)
	clear(p.Typed)
}

// offerUndo shows what happened, for a while, with a way back.
func (a *App) offerUndo(key string) []Effect {
	a.Notice = &Toast{Key: key, Undo: true}
	return []Effect{Wait{"toast", toastTime}, Say{Text: a.T(key)}}
}

// Tell shows a short message for a while.
func (a *App) Tell(key string, args ...string) []Effect {
	a.Notice = &Toast{Key: key, Args: args}
	return []Effect{Wait{"toast", toastTime}, Say{Text: a.T(key, args...)}}
}
