package state

import "time"

// undo is a page's parameters before something replaced them.
type undo struct {
	lesson string
	params Params
}

const undoDepth = 50

// remember keeps the page's parameters, to be brought back by Undo.
func (a *App) remember() {
	p := a.Page()
	a.undo = append(a.undo, undo{p.Name, p.Params.clone()})
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
	p.changed()
	return append(p.soon(), Wait{"tokens", 0}, Say{Text: a.T("undo.done")})
}

// offerUndo shows what happened, for a while, with a way back.
func (a *App) offerUndo(key string) []Effect {
	a.Notice = &Toast{Key: key, Undo: true}
	return []Effect{Wait{"toast", 8 * time.Second}, Say{Text: a.T(key)}}
}

// Tell shows a short message for a while.
func (a *App) Tell(key string, args ...string) []Effect {
	a.Notice = &Toast{Key: key, Args: args}
	return []Effect{Wait{"toast", 8 * time.Second}, Say{Text: a.T(key, args...)}}
}

// Preset is a prompt of ours that shows something, with its name as a message key.
type Preset struct {
	Key    string
	Params Params
}

// Presets are the open page's, one click each.
func (a *App) Presets() []Preset {
	if a.Lesson == "generate" {
		return generatePresets
	}
	return lensPresets
}

var lensPresets = []Preset{
	{"try.capital", Params{"prompt": "The capital of Poland is", "chat": false, "follow": " Warsaw"}},
	{"try.tower", Params{"prompt": "The Eiffel Tower is located in the city of", "chat": false, "follow": ""}},
	{"try.count", Params{"prompt": "one two three four five six", "chat": false, "follow": ""}},
	{"try.names", Params{"prompt": "Mei and Tom went for a walk. Tom got tired, so he was carried home by", "chat": false, "follow": " Mei"}},
	{"try.echo", Params{"prompt": "blue kettle, seven plums, blue kettle, seven", "chat": false, "follow": ""}},
}

var generatePresets = []Preset{
	{"try.story", Params{"prompt": "Once upon a time, a small robot", "chat": false, "temperature": 0.8, "top_p": 0.95, "edits": []any{}}},
	{"try.chat", Params{"prompt": "Explain in two sentences why the sky is blue.", "chat": true, "temperature": 0.0, "edits": []any{}}},
	{"try.silent", Params{"prompt": "The capital of Poland is", "chat": false, "temperature": 0.0, "edits": []any{
		map[string]any{"site": "hook_mlp_out", "layers": []int{0}, "op": "set", "operand": 0}}}},
}

// UsePreset fills the page in and runs it where that is possible; what was there can be had back.
func (a *App) UsePreset(ps Preset) []Effect {
	a.remember()
	p := a.Page()
	for k, v := range ps.Params {
		p.Params[k] = v
	}
	clear(p.Wrong)
	p.changed()
	out := []Effect{Wait{"tokens", 0}, linkSoon()}
	if ok, _ := a.CanRun(); ok {
		return append(out, a.Run()...)
	}
	return append(out, a.offerUndo("undo.replaced")...)
}
