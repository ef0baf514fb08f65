package state

import (
	"encoding/json"
	"strings"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// instant is the work, in seconds, below which typing runs the experiment at once (DESIGN, Instant).
const instant = 0.150

// Page is one lesson's page.
type Page struct {
	Name    string
	Params  Params
	base    Params          // the defaults: a link names what differs
	later   Params          // from a link, for when the registry describes them
	Tokens  []lab.TokenText // of the prompt as typed, as the chosen model cuts it
	cut     JobID           // the latest tokenize request
	Job     *Job
	again   bool // the prompt changed while a run was under way
	Outcome *lab.Outcome
	Lens    *lab.LensResult
	Gen     *lab.GenerateResult
	Steps   []lab.GenerateStep // streamed so far
	Asked   string             // the prompt of the latest run
	last    *written           // the text before the latest run
	Stale   bool               // the result belongs to other parameters
	Pin     *Cell
	Hover   *Cell
	Guess   int  // the committed prediction; -1: none
	Late    bool // the guess came after the answer was seen
	Color   string
	Wrong   map[string]string // parameters that could not be read, with what was typed
	Why     map[string]Fact   // and why not, where the registry's help would not say it
	Typed   map[string]string // lists as they were typed, while they say what Params has

	// Of a page that is made from the registry.
	Own      bool // no: it is of our own making
	Report   *lab.Report
	Figure   string // the name of the picture shown; empty: the first
	Mark     string // id of the pinned mark
	Over     string // id of the mark under the pointer
	labels   map[string]string
	labelled text.Lang
	before   *shown
	price    *lab.Price // of a run with the parameters as they stand; nil: not known
	priced   JobID      // the latest request for it
	eager    bool       // an example was opened: run it if that is cheap
	opened   bool       // it was opened before
}

// newPage is a page that shows what the registry says and what a report holds.
func newPage(name string, p Params) *Page {
	return &Page{Name: name, Params: p, base: p.clone(), later: Params{}, Guess: -1, Color: "p",
		Wrong: map[string]string{}, Why: map[string]Fact{}, Typed: map[string]string{}}
}

// ownPage is a page of our own making.
func ownPage(name string, p Params) *Page {
	page := newPage(name, p)
	page.Own = true
	return page
}

// Busy says that a run of this page is under way.
func (p *Page) Busy() bool { return p.Job != nil && p.Job.Phase == Running }

// Prompt is the text of the prompt box.
func (p *Page) Prompt() string { return p.Params.Str("prompt") }

// Type takes in the prompt as typed.
func (a *App) Type(prompt string) []Effect {
	p := a.Page()
	if prompt == p.Prompt() {
		return nil
	}
	p.Params["prompt"] = prompt
	p.changed()
	return append([]Effect{Wait{"tokens", 80 * time.Millisecond}}, p.soon()...)
}

// Set takes in another parameter.
func (a *App) Set(name string, v any) []Effect {
	p := a.Page()
	p.right(name)
	p.Params[name] = v
	p.changed()
	out := p.soon()
	if name == "chat" {
		out = append(out, Wait{"tokens", 0})
	}
	return out
}

// right forgets what was wrong with a parameter, and how it was typed.
func (p *Page) right(name string) {
	delete(p.Wrong, name)
	delete(p.Why, name)
	delete(p.Typed, name)
}

// changed marks the result as another prompt's, and asks for a new guess.
func (p *Page) changed() {
	p.Stale = p.Outcome != nil || p.Report != nil
	p.Guess, p.Late = -1, false
	p.price, p.eager = nil, false
}

// soon is what follows any change of a parameter: its price, perhaps a run, and the address bar.
func (p *Page) soon() []Effect {
	if p.Own {
		return []Effect{Wait{"rerun", 220 * time.Millisecond}, linkSoon()}
	}
	return []Effect{Wait{"price", 150 * time.Millisecond}, linkSoon()}
}

// Waited carries out what was put off.
func (a *App) Waited(name string) []Effect {
	switch name {
	case "tokens":
		return a.tokenize()
	case "price":
		return a.askPrice()
	case "rerun":
		return a.rerun()
	case "link":
		return []Effect{Link{}}
	case "toast":
		a.Notice = nil
	}
	return nil
}

// rerun runs at once what is cheap; what is dear shows its price and waits for a click.
func (a *App) rerun() []Effect {
	p := a.Page()
	cost, known := a.Price()
	if p.Outcome == nil || !p.Stale || !known || cost > instant || p.Guess >= 0 && p.Late {
		return nil
	}
	return a.Run()
}

// CanRun says whether a click on Run would do something, and if not, why not (a message key).
func (a *App) CanRun() (bool, string) {
	e, p := a.End(), a.Page()
	switch {
	case e.Phase == Dead:
		return false, "run.dead"
	case e.Phase != Open:
		return false, "run.opening"
	case e.Loading() != nil:
		return false, "run.loading"
	case !e.Here(a.Model) && !e.IsLoaded(a.Model):
		return false, "run.absent"
	case !a.Here():
		return false, "run.nolesson"
	case p.Prompt() == "" && a.needsPrompt():
		return false, "run.empty"
	case len(p.Wrong) > 0:
		return false, "run.wrong"
	case a.strange(p) != "":
		return false, "run.vector"
	}
	return true, ""
}

// Run starts the page's experiment. A run under way is stopped first and this one follows.
func (a *App) Run() []Effect {
	p := a.Page()
	if ok, _ := a.CanRun(); !ok {
		return nil
	}
	if p.Busy() {
		p.again = true
		return a.cancel(p.Job)
	}
	params, err := json.Marshal(p.Params)
	if err != nil {
		return nil // parameters are plain values: cannot happen
	}
	j, call := a.start(a.Place, wire.MethodRun, wire.RunParams{Model: a.Model, Mode: a.Mode, Experiment: p.Name, Params: params})
	j.Lesson, j.Model = p.Name, a.Model
	if p.price != nil {
		j.units = p.price.Seconds
	}
	if p.Name == "generate" { // the new text takes the old one's place as it comes
		p.last = &written{p.Asked, p.Steps, p.Gen, p.Outcome}
		p.Steps, p.Gen, p.Outcome, p.Stale = nil, nil, nil, false
	}
	p.Job, p.again, p.Asked, p.before, p.eager = j, false, p.Prompt(), nil, false
	return []Effect{call}
}

// written is a text that the page shows.
type written struct {
	asked   string
	steps   []lab.GenerateStep
	gen     *lab.GenerateResult
	outcome *lab.Outcome
}

// back brings the earlier text back when a run ended without having written any.
func (p *Page) back() {
	if l := p.last; l != nil && len(p.Steps) == 0 && len(l.steps) > 0 {
		p.Asked, p.Steps, p.Gen, p.Outcome = l.asked, l.steps, l.gen, l.outcome
		p.Stale = true
	}
	p.last = nil
}

// next starts the run that waited for the end of another one.
func (a *App) next(j *Job) []Effect {
	p := a.Pages[j.Lesson]
	if p == nil || !p.again || a.Page() != p {
		return nil
	}
	p.again = false
	return a.Run()
}

// partial takes in a streamed part of a result; drawn says that it changes a picture.
func (p *Page) partial(raw json.RawMessage) (drawn bool) {
	switch {
	case !p.Own:
		return p.soFar(raw)
	case p.Name == "generate":
		var s lab.GenerateStep
		if json.Unmarshal(raw, &s) == nil {
			p.Steps = append(p.Steps, s)
		}
	}
	return false
}

// outcome decodes a run's answer.
func (a *App) outcome(j *Job, msg json.RawMessage) error {
	p := a.Pages[j.Lesson]
	if p == nil || p.Job != j {
		return nil
	}
	var o lab.Outcome
	if err := json.Unmarshal(msg, &o); err != nil {
		return err
	}
	a.fetched(j.Place, p.Name, o.Params)
	switch p.Name {
	case "lens":
		r := new(lab.LensResult)
		if err := json.Unmarshal(o.Result, r); err != nil {
			return err
		}
		if err := checkLens(r); err != nil {
			return err
		}
		p.Lens = r
	case "generate":
		r := new(lab.GenerateResult)
		if err := json.Unmarshal(o.Result, r); err != nil {
			return err
		}
		p.Gen, p.Steps = r, r.Steps
	default:
		r, err := readReport(o.Result)
		if err != nil {
			return err
		}
		p.Report, p.before, p.labels = r, nil, nil
	}
	p.Outcome = &o
	return nil
}

// checkLens makes sure that everything the page indexes is there: a sidecar may be another version.
func checkLens(r *lab.LensResult) error {
	for _, pos := range r.Positions {
		if pos < 0 || pos >= len(r.Tokens) {
			return errs.E("state.checkLens", errs.Invalid, "position %d of a result with %d tokens", pos, len(r.Tokens))
		}
	}
	for i, row := range r.Layers {
		if len(row) != len(r.Positions) {
			return errs.E("state.checkLens", errs.Invalid, "layer %d has %d cells for %d positions", i, len(row), len(r.Positions))
		}
	}
	return nil
}

// finished follows up on a run's result: learns the price, mends the pin, tells and draws.
func (a *App) finished(j *Job) []Effect {
	p := a.Pages[j.Lesson]
	if p == nil || p.Job != j || p.Outcome == nil {
		return nil
	}
	if p.Own {
		j.units = p.spent()
	}
	a.learn(j, j.units, p.Outcome.Seconds)
	p.Stale, p.Hover, p.Over = p.again, nil, ""
	p.fitPin()
	if a.markLabels(p)[p.Mark] == "" {
		p.Mark = ""
	}
	out := []Effect{Say{Text: a.Spoken(p)}, linkSoon()}
	if p.Name != "generate" {
		out = append(out, Draw{})
	}
	return append(out, a.next(j)...)
}

// tokenize asks how the model cuts the prompt.
func (a *App) tokenize() []Effect {
	p, e := a.Page(), a.End()
	price := a.askPrice()
	if e.Phase != Open || !e.IsLoaded(a.Model) || !a.HasPrompt() || p.Prompt() == "" {
		p.Tokens = nil
		return price
	}
	j, call := a.start(a.Place, wire.MethodTokenize, wire.TokenizeParams{Model: a.Model, Text: p.Prompt(), Chat: p.Params.Bool("chat")})
	j.Lesson, p.cut = p.Name, j.ID
	return append([]Effect{call}, price...)
}

func (a *App) tokenized(j *Job, msg json.RawMessage) error {
	p := a.Pages[j.Lesson]
	if p == nil || p.cut != j.ID {
		return nil // an older prompt's
	}
	var t wire.Tokenized
	if err := json.Unmarshal(msg, &t); err != nil {
		return err
	}
	p.Tokens = t.Tokens
	return nil
}

// SetLesson opens another page.
func (a *App) SetLesson(name string) []Effect {
	if a.Pages[name] == nil || name == a.Lesson {
		return nil
	}
	a.Lesson, a.Popover = name, ""
	out := []Effect{linkSoon(), Look{}, Draw{}, Say{Text: a.Title(name)}, Focus{"title"}}
	return append(out, a.openLesson()...)
}

// openLesson follows up on a lesson's opening: with a model on which it works, or with its tokens.
func (a *App) openLesson() []Effect {
	if fit := a.firstOpen(); fit != nil {
		return fit
	}
	return a.tokenize()
}

// firstOpen brings, the first time that a lesson is opened, a model on which it works.
func (a *App) firstOpen() []Effect {
	p := a.Page()
	if a.End().Welcome == nil || p.opened {
		return nil
	}
	p.opened = true
	return a.fitModel()
}

// Answer commits the student's prediction; it may be changed until the answer is shown.
func (a *App) Answer(choice int) []Effect {
	p := a.Page()
	p.Late = (p.Outcome != nil || p.Report != nil) && !p.Stale
	p.Guess = choice
	return nil
}

// Spoken is a result in one sentence.
func (a *App) Spoken(p *Page) string {
	switch {
	case p.Lens != nil && p.Name == "lens":
		return a.T("said.lens", text.Int(len(p.Lens.Layers)), text.Int(len(p.Lens.Positions)), strings.Join(a.Sentences(p), " "))
	case p.Report != nil:
		return a.spokenReport(p.Report)
	case p.Gen != nil:
		return a.T("said.generate", text.Int(len(p.Gen.Steps)), p.Gen.Text)
	}
	return a.T("said.done")
}

// Dismiss puts a failed run's message away; the last good result is shown again.
func (a *App) Dismiss() []Effect {
	if p := a.Page(); p.Job != nil && p.Job.Phase == Failed {
		p.Job = nil
	}
	return []Effect{Draw{}}
}
