package state

import (
	"encoding/json"

	"patchbay/shared/lab"
)

// Preset is a prompt of ours that shows something, with its name as a message key.
type Preset struct {
	Key    string
	Model  string // on which it shows that; empty: on any
	Params Params
}

// smol is the model that most of our own presets for real models were tried on.
const (
	smol  = "smollm2-135m-instruct"
	gemma = "gemma3-270m"
)

// Presets are those of the open page of our own making, one click each: what fits the chosen
// model first.
func (a *App) Presets() []Preset {
	if a.Lesson == "generate" {
		return generatePresets
	}
	return lensPresets
}

var lensPresets = []Preset{
	{"try.capital", "pocket", Params{"prompt": "The capital of Poland is", "chat": false, "follow": ""}},
	{"try.names.pocket", "pocket", Params{"prompt": "When Anna and Tom went to the park, Anna gave a ball to", "chat": false, "follow": " Tom"}},
	{"try.french", "pocket", Params{"prompt": "cat -> chat, dog -> chien, house ->", "chat": false, "follow": ""}},
	{"try.capital.gemma", gemma, Params{"prompt": "The capital of Poland is", "chat": false, "follow": " Warsaw"}},
	{"try.capital.smol", smol, Params{"prompt": "The capital of Poland is", "chat": false, "follow": " Warsaw"}},
	{"try.tower", smol, Params{"prompt": "The Eiffel Tower is located in the city of", "chat": false, "follow": ""}},
	{"try.count", smol, Params{"prompt": "one two three four five six", "chat": false, "follow": ""}},
	{"try.names", smol, Params{"prompt": "Mei and Tom went for a walk. Tom got tired, so he was carried home by", "chat": false, "follow": " Mei"}},
	{"try.echo", smol, Params{"prompt": "blue kettle, seven plums, blue kettle, seven", "chat": false, "follow": ""}},
}

var generatePresets = []Preset{
	{"try.world", "pocket", Params{"prompt": "When Anna and Tom went to the park, Anna gave a ball to", "chat": false, "temperature": 0.0, "edits": []any{}}},
	{"try.facts", "pocket", Params{"prompt": "The capital of Poland is", "chat": false, "temperature": 0.0, "edits": []any{}}},
	{"try.silent", "pocket", Params{"prompt": "The capital of Poland is", "chat": false, "temperature": 0.0, "edits": []any{
		map[string]any{"site": "hook_mlp_out", "layers": []int{0}, "op": "set", "operand": 0}}}},
	{"try.story", smol, Params{"prompt": "Once upon a time, a small robot", "chat": false, "temperature": 0.8, "top_p": 0.95, "edits": []any{}}},
	{"try.chat", smol, Params{"prompt": "Explain in two sentences why the sky is blue.", "chat": true, "temperature": 0.0, "edits": []any{}}},
}

// UsePreset fills the page in, brings the model that it is for, and runs it where that is
// possible; what was there can be had back.
func (a *App) UsePreset(ps Preset) []Effect {
	a.remember()
	p := a.Page()
	for k, v := range ps.Params {
		p.Params[k] = v
	}
	p.clean()
	p.changed()
	out := []Effect{Wait{"tokens", 0}, linkSoon()}
	if a.other(ps.Model) {
		p.eager = true
		return append(append(out, a.ChooseModel(ps.Model)...), a.offerUndo("undo.replaced")...)
	}
	if ok, _ := a.CanRun(); ok {
		return append(out, a.Run()...)
	}
	return append(out, a.offerUndo("undo.replaced")...)
}

// other says that a preset's model is not the chosen one and can be had here.
func (a *App) other(model string) bool {
	return model != "" && model != a.Model && a.End().ModelInfo(model) != nil
}

// Examples are the open lesson's presets.
func (a *App) Examples() []lab.Preset {
	if about := a.Lab(); about != nil {
		return about.Presets
	}
	return nil
}

// exampleParams are an example's parameters over the defaults, as the page keeps them. What the
// page cannot hold stays at its default: the engine of another version may know more.
func (a *App) exampleParams(ps *lab.Preset) Params {
	given := map[string]any{}
	if json.Unmarshal(ps.Params, &given) != nil {
		return a.Page().base.clone()
	}
	out := a.Page().base.clone()
	for name, x := range given {
		if d, ok := a.param(a.Lesson, name); ok {
			if v, fits := take(d, x); fits {
				out[name] = v
			}
		}
	}
	return out
}

// Example is the preset that stands on the page, parameters and model; nil if none does.
func (a *App) Example() *lab.Preset {
	p := a.Page()
	for i, ps := range a.Examples() {
		if ps.Model == "" || ps.Model == a.Model {
			if want := a.exampleParams(&ps); same(want, p.Params) {
				return &a.Examples()[i]
			}
		}
	}
	return nil
}

// UseExample opens one of the lesson's presets: its parameters, its model (offered if it is not
// here), and what happened there. It runs at once unless that takes long. A guess that was made
// for a run to come counts for this one.
func (a *App) UseExample(name string) []Effect {
	for _, ps := range a.Examples() {
		if ps.Name == name {
			return a.useExample(&ps)
		}
	}
	return nil
}

func (a *App) useExample(ps *lab.Preset) []Effect {
	p := a.Page()
	guess, seen := p.Guess, p.Report != nil && !p.Stale
	a.remember()
	stop := a.cancel(p.Job)
	p.again, p.Params = false, a.exampleParams(ps)
	p.clean()
	p.changed()
	if !seen {
		p.Guess = guess
	}
	p.eager = true
	out := append(stop, linkSoon(), Say{Text: a.Said(ps.Title) + ". " + a.Said(ps.Said)})
	switch {
	case a.other(ps.Model):
		out = append(out, a.ChooseModel(ps.Model)...)
	case ps.Model == "" || ps.Model == a.Model:
	case a.Ends[Sidecar].ModelInfo(ps.Model) != nil:
		out = append(append(out, a.SetPlace(Sidecar)...), a.ChooseModel(ps.Model)...)
	default: // on another model it would show something else
		p.eager = false
		out = append(out, a.Tell("preset.far", ps.Model)...)
	}
	return append(out, Wait{"tokens", 0})
}
