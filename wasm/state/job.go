package state

import (
	"encoding/json"
	"strconv"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// JobID names a request of the page.
type JobID uint64

// JobPhase is where a request stands.
type JobPhase uint8

// The phases of a request.
const (
	Running JobPhase = iota
	Done
	Failed
	Cancelled
)

// Job is one request's life.
type Job struct {
	ID      JobID
	Place   Place
	Method  string
	Model   string
	Lesson  string
	Phase   JobPhase
	Stopped bool // a cancel was sent and is not yet acknowledged
	Stage   string
	Done    int
	Total   int
	Err     error
	Started time.Time
	rate0   time.Time // start of the stage, for the rate
	units   float64   // the work of the run, for the price of the next
}

// Share is the progress from 0 to 1, or -1 when the total is not known.
func (j *Job) Share() float64 {
	if j.Total <= 0 {
		return -1
	}
	return min(float64(j.Done)/float64(j.Total), 1)
}

// Rate is units per second of the running stage, 0 while there is too little to say.
func (j *Job) Rate(now time.Time) float64 {
	s := now.Sub(j.rate0).Seconds()
	if j.rate0.IsZero() || s < 0.3 {
		return 0
	}
	return float64(j.Done) / s
}

// start makes a job and the call for it.
func (a *App) start(place Place, method string, params any) (*Job, Effect) {
	a.lastJob++
	j := &Job{ID: a.lastJob, Place: place, Method: method, Started: a.Now()}
	a.jobs[j.ID] = j
	return j, Call{j.ID, place, method, params}
}

// Event takes in the progress of a running request.
func (a *App) Event(id JobID, ev lab.Event) []Effect {
	j := a.jobs[id]
	if j == nil || j.Phase != Running {
		return nil
	}
	before := j.Stage
	if j.Stage != ev.Stage {
		j.Stage, j.rate0 = ev.Stage, a.Now()
	}
	if len(ev.Partial) == 0 || ev.Total > 0 {
		j.Done, j.Total = ev.Done, ev.Total
	}
	var out []Effect
	if p := a.Pages[j.Lesson]; p != nil && p.Job == j && len(ev.Partial) > 0 && p.partial(ev.Partial) {
		out = append(out, Draw{})
	}
	if before != ev.Stage {
		out = append(out, Say{Text: a.StageName(ev.Stage)})
	}
	return out
}

// Result takes in the answer of a request.
func (a *App) Result(id JobID, msg json.RawMessage) []Effect {
	j := a.jobs[id]
	if j == nil || j.Phase != Running {
		return nil
	}
	delete(a.jobs, id)
	j.Phase = Done
	if err := a.accept(j, msg); err != nil {
		return a.fail(j, errs.E("state.Result", errs.Invalid, "the engine's answer to %s could not be read: %w", j.Method, err))
	}
	switch j.Method {
	case wire.MethodLoad:
		return a.loaded(j)
	case wire.MethodRun:
		return a.finished(j)
	case wire.MethodPrice:
		return a.eagerly(j)
	}
	return nil
}

// accept decodes an answer into the state.
func (a *App) accept(j *Job, msg json.RawMessage) error {
	end := a.Ends[j.Place]
	switch j.Method {
	case wire.MethodModels, wire.MethodDelete:
		var m wire.Models
		if err := json.Unmarshal(msg, &m); err != nil {
			return err
		}
		end.Models = m.Models
		if end.Loaded != nil && !end.Here(end.Loaded.Model.ID) {
			end.Loaded = nil
		}
	case wire.MethodDevice:
		return json.Unmarshal(msg, &end.Device)
	case wire.MethodLoad:
		var l wire.Loaded
		if err := json.Unmarshal(msg, &l); err != nil {
			return err
		}
		end.Loaded, end.Device = &l, l.Device
		end.keep(l.Model)
	case wire.MethodTokenize:
		return a.tokenized(j, msg)
	case wire.MethodPrice:
		return a.pricedAs(j, msg)
	case wire.MethodRun:
		return a.outcome(j, msg)
	}
	return nil
}

// keep replaces the list's entry of a model; only one is loaded at a time.
func (e *End) keep(m wire.ModelInfo) {
	found := false
	for i := range e.Models {
		e.Models[i].Loaded = false
		if e.Models[i].ID == m.ID {
			m.Loaded, m.Here = true, m.Size
			e.Models[i], found = m, true
		}
	}
	if !found {
		e.Models = append(e.Models, m)
	}
}

// Failed takes in a request's error; a cancel that was asked for is not one.
func (a *App) Failed(id JobID, err error) []Effect {
	j := a.jobs[id]
	if j == nil {
		return nil
	}
	delete(a.jobs, id)
	return a.fail(j, err)
}

func (a *App) fail(j *Job, err error) []Effect {
	if p := a.Pages[j.Lesson]; p != nil && p.Job == j {
		p.back()
		p.restore(errs.KindOf(err) != errs.Cancelled)
	}
	if errs.KindOf(err) == errs.Cancelled {
		j.Phase = Cancelled
		if j.Method == wire.MethodLoad && j.Model != a.Model { // it made way for another
			return a.settle(j.Place)
		}
		if j.Method == wire.MethodRun || j.Method == wire.MethodLoad {
			return append(a.next(j), Say{Text: a.T("said.stopped")})
		}
		return nil
	}
	j.Phase, j.Err = Failed, err
	if p := a.Pages[j.Lesson]; j.Method == wire.MethodPrice && p != nil && p.eager && p.priced == j.ID && p == a.Page() {
		p.eager = false
		return a.Run() // and have it say what is wrong
	}
	if j.Method == wire.MethodTokenize || j.Method == wire.MethodPrice {
		return nil // the run itself will say what is wrong with the prompt
	}
	if j.Method == wire.MethodDelete {
		a.Notice = &Toast{Key: "models.delete.failed", Args: []string{err.Error()}}
	}
	return []Effect{Say{Text: a.T("said.failed", err.Error()), Urgent: true}}
}

// Stop cancels what the person is waiting for on this page.
func (a *App) Stop() []Effect {
	p := a.Page()
	p.again = false
	return a.cancel(p.Job)
}

// StopLoad cancels the running download or load of the place.
func (a *App) StopLoad(place Place) []Effect { return a.cancel(a.Ends[place].Load) }

func (a *App) cancel(j *Job) []Effect {
	if j == nil || j.Phase != Running || j.Stopped {
		return nil
	}
	j.Stopped = true
	return []Effect{Cancel{j.ID}}
}

// StageName is a progress stage in words.
func (a *App) StageName(stage string) string {
	names := map[string]string{"fetch": "stage.fetch", "verify": "stage.verify", "load": "stage.load", "selftest": "stage.selftest", "measure": "stage.measure",
		"prefill": "stage.prefill", "layers": "stage.layers", "tokens": "stage.tokens", "queue": "stage.queue", "fit": "stage.fit"}
	if k, ok := names[stage]; ok {
		return a.T(k)
	}
	if s := a.Said(stage); s != stage {
		return s
	}
	return a.T("stage.other")
}

// Progress is a running job in one line: what, how far, how fast.
func (a *App) Progress(j *Job) string {
	if j == nil {
		return ""
	}
	if j.Stopped {
		return a.T("stage.stopping")
	}
	s := a.StageName(j.Stage)
	switch {
	case j.Total <= 0:
		return s + " …"
	case j.Stage == "fetch":
		s += " " + text.Bytes(int64(j.Done)) + " / " + text.Bytes(int64(j.Total))
		if r := j.Rate(a.Now()); r > 0 {
			s += " · " + text.Bytes(int64(r)) + "/s"
		}
		return s
	}
	return s + " " + strconv.Itoa(int(j.Share()*100)) + " %"
}
