// Package state is what the page knows, and how that changes. It is plain Go without a
// browser: a method of App takes in what a person did or what an engine said and returns the
// effects that the page's edge (wasm/app) then carries out. So every behaviour of the page
// can be tested natively, and nothing but the edge touches JavaScript.
package state

import (
	"time"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// Place is where an experiment runs.
type Place string

// The places.
const (
	Tab     Place = "tab"
	Sidecar Place = "sidecar"
)

// Phase is where an endpoint's line stands; the words are wasm/link's.
type Phase string

// The phases. None: there is no such endpoint here (no token for a sidecar).
const (
	None    Phase = "none"
	Opening Phase = "opening"
	Open    Phase = "open"
	Lost    Phase = "lost"
	Dead    Phase = "dead"
)

// Theme is how the page is coloured.
type Theme string

// The themes.
const (
	System Theme = "system"
	Light  Theme = "light"
	Dark   Theme = "dark"
)

// FirstModel is what a visitor without a wish gets.
const FirstModel = "pocket"

// smallModel is a download, in bytes, that is begun unasked: less than many a photograph. Every
// larger model waits for a click.
const smallModel = 8_000_000

// End is what is known of one endpoint.
type End struct {
	Place   Place
	Phase   Phase
	Err     error // why it is lost or dead
	Welcome *wire.Welcome
	Device  wire.DeviceInfo
	Models  []wire.ModelInfo
	Loaded  *wire.Loaded
	Load    *Job // downloading or loading a model
}

// Cell is a cell of the lens: a layer and a column (an index into LensResult.Positions).
type Cell struct{ Layer, Column int }

// App is the whole page.
type App struct {
	Lang  text.Lang
	Theme Theme
	// DarkSystem is what the machine prefers, for the theme "system".
	DarkSystem bool

	Lesson string // an experiment's name
	Place  Place
	Model  string // catalogue id
	Mode   string // "exact" or "fast"
	Ends   map[Place]*End
	Pages  map[string]*Page

	Popover string          // the open panel of the top bar: "model", "place", "parity", "menu"
	Open    map[string]bool // folds, by name
	Confirm string          // the model whose deletion waits for a second click
	Notice  *Toast
	Vectors []lab.Vector // kept in this browser
	Embed   Embedding    // a figure for another page, while it is made

	Embedded bool            // this page is such a figure,
	Allowed  map[string]bool // in which these parameters may be changed

	Secure  bool // a secure context: the tab can keep models well
	Origin  string
	Now     func() time.Time
	jobs    map[JobID]*Job
	lastJob JobID
	rates   map[string]float64 // seconds per unit of work, by place, model and experiment
	undo    []undo
	runWhen bool   // the link asked for a run as soon as the model is there
	cut     bool   // a part of the link could not be read
	link    string // a link to a lesson that is unknown until the engine has named its own
	picked  bool   // the model was chosen by hand or by a link
}

// Toast is a short message over the page, with an undo where there is one.
type Toast struct {
	Key  string
	Args []string
	Undo bool
	JSON bool // offers the result as a file
}

// New is the page before anything is known.
func New(lang text.Lang) *App {
	a := &App{Lang: lang, Theme: System, Lesson: "lens", Place: Tab, Model: FirstModel, Mode: "exact",
		Ends:  map[Place]*End{Tab: {Place: Tab, Phase: Opening}, Sidecar: {Place: Sidecar, Phase: None}},
		Pages: map[string]*Page{}, Open: map[string]bool{}, Now: time.Now,
		jobs: map[JobID]*Job{}, rates: map[string]float64{}}
	a.Pages["lens"] = ownPage("lens", Params{"prompt": "The capital of Poland is", "chat": false, "positions": "all", "topk": 5, "follow": ""})
	a.Pages["generate"] = ownPage("generate", Params{"prompt": "When Anna and Tom went to the park, Anna gave a ball to", "chat": false, "count": 40,
		"temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 1, "stop_at_eos": true, "edits": []any{}})
	for _, name := range course {
		if a.Pages[name] == nil {
			a.Pages[name] = newPage(name, Params{})
		}
	}
	return a
}

// End is the chosen place's endpoint.
func (a *App) End() *End { return a.Ends[a.Place] }

// Page is the open lesson's page.
func (a *App) Page() *Page { return a.Pages[a.Lesson] }

// IsDark resolves the theme.
func (a *App) IsDark() bool { return a.Theme == Dark || a.Theme == System && a.DarkSystem }

// T is a message in the page's language.
func (a *App) T(key string, args ...string) string { return text.T(a.Lang, key, args...) }

// About is the registry's description of an experiment, or nil before a welcome.
func (a *App) About(name string) *lab.About {
	if w := a.End().Welcome; w != nil {
		for i := range w.Experiments {
			if w.Experiments[i].Name == name {
				return &w.Experiments[i]
			}
		}
	}
	return nil
}

// ModelInfo is what the endpoint says of the chosen model, or nil.
func (e *End) ModelInfo(id string) *wire.ModelInfo {
	for i := range e.Models {
		if e.Models[i].ID == id {
			return &e.Models[i]
		}
	}
	return nil
}

// Here says that the whole model is stored at the endpoint.
func (e *End) Here(id string) bool {
	m := e.ModelInfo(id)
	return m != nil && m.Size > 0 && m.Here >= m.Size
}

// IsLoaded says that the model is on the endpoint's device.
func (e *End) IsLoaded(id string) bool { return e.Loaded != nil && e.Loaded.Model.ID == id }

// Loading is the running load of this endpoint, or nil.
func (e *End) Loading() *Job {
	if e.Load != nil && e.Load.Phase == Running {
		return e.Load
	}
	return nil
}
