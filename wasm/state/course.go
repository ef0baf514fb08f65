package state

import (
	"slices"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// course is the rail until an engine has named its registry: the lessons in their order, so
// that nothing moves then, and links lead somewhere from the first moment. The registry itself
// is not linked into the page: its experiments would bring the engine with them.
var course = []string{"neuron", "steer", "icv", "algebra", "lens", "language", "residual", "patchscope", "backpatch", "generate"}

// Experiments are the lessons that can be opened, in the order of the chosen place's registry.
func (a *App) Experiments() []string {
	w := a.End().Welcome
	if w == nil {
		return course
	}
	var names []string
	for _, e := range w.Experiments {
		if a.Pages[e.Name] != nil {
			names = append(names, e.Name)
		}
	}
	return names
}

// welcome makes pages for the registry's lessons and brings their parameters.
func (a *App) welcome(w *wire.Welcome) {
	for i := range w.Experiments {
		about := &w.Experiments[i]
		p := a.Pages[about.Name]
		if p == nil && about.Lesson != nil {
			p = newPage(about.Name, Params{})
			a.Pages[about.Name] = p
		}
		if p != nil {
			p.defaults(about.Params)
		}
	}
	if frag := a.link; frag != "" {
		a.link = ""
		a.Restore(frag)
	}
}

// Here says that the chosen place's engine, if it has spoken, knows the open lesson.
func (a *App) Here() bool {
	return a.End().Welcome == nil || a.About(a.Lesson) != nil
}

// Lab is the open page's description if it is shown from the registry alone; nil on the pages
// of our own making, and before a welcome.
func (a *App) Lab() *lab.About {
	if a.Page().Own {
		return nil
	}
	return a.About(a.Lesson)
}

// Title is a lesson's name in the reader's language.
func (a *App) Title(name string) string {
	if about := a.About(name); about != nil && about.Title != "" && !text.Has("lesson."+name) {
		return a.Said(about.Title)
	}
	return a.T("lesson." + name)
}

// Idea is the lesson in three sentences.
func (a *App) Idea() string {
	if a.Page().Own {
		return a.T("idea." + a.Lesson)
	}
	if about := a.Lab(); about != nil && about.Lesson != nil {
		return a.Said(about.Lesson.Idea)
	}
	return ""
}

// Said is a registry's text in the page's language.
func (a *App) Said(english string) string { return text.Said(a.Lang, english) }

// Say is a report's sentence in the page's language.
func (a *App) Say(w lab.Words) string { return text.Say(a.Lang, w) }

// param describes a parameter of a page, if the chosen place's registry does.
func (a *App) param(page, name string) (lab.Param, bool) {
	if about := a.About(page); about != nil {
		for _, d := range about.Params {
			if d.Name == name {
				return d, true
			}
		}
	}
	return lab.Param{}, false
}

// ShowsPrompt says that the prompt box is there to be typed in.
func (a *App) ShowsPrompt() bool { return a.HasPrompt() && a.May("prompt") }

// HasPrompt says that the page has a prompt box.
func (a *App) HasPrompt() bool {
	if a.Page().Own {
		return true
	}
	d, ok := a.param(a.Lesson, "prompt")
	return ok && d.Kind == lab.Text
}

// needsPrompt says that nothing can be run without a prompt. A lesson whose prompt is empty at
// first has one of its own then.
func (a *App) needsPrompt() bool {
	return a.HasPrompt() && (a.Page().Own || a.Page().base.Str("prompt") != "")
}

// Works are the models on which the open lesson is known to work, the best first.
func (a *App) Works() []string {
	if about := a.Lab(); about != nil {
		return about.Models
	}
	return nil
}

// fitModel opens a lesson on a model where it works: the first of those that are stored or small,
// unless the person's own choice is among them. The rest is offered, never fetched.
func (a *App) fitModel() []Effect {
	works := a.Works()
	if len(works) == 0 || a.End().Loading() != nil || a.picked && slices.Contains(works, a.Model) {
		return nil
	}
	for _, id := range works {
		if id == a.Model {
			return nil
		}
		if a.ready(id) {
			return a.takeModel(id)
		}
	}
	return nil
}

// ready says that a model can be used without a download worth asking about.
func (a *App) ready(id string) bool {
	e := a.End()
	m := e.ModelInfo(id)
	return m != nil && (e.IsLoaded(id) || e.Here(id) || m.Size > 0 && m.Size <= smallModel)
}
