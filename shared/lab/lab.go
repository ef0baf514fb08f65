// Package lab is the library of experiments. A technique is one file here: typed parameters
// in, events and a typed result out, all plain data. The page, the sidecar, the command line
// and permalinks run these same values; nothing about a technique lives anywhere else.
package lab

import (
	"context"
	"encoding/json"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/nn"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// Bench is where an experiment runs: one loaded model and what is known of it.
type Bench struct {
	Model  *nn.Model
	Tokens *token.Tokenizer
	Parity Parity
	Store  plan.Store // named vectors; nil: none
	// Other gives a further model of the same place by its id, loaded beside this one on the same
	// device; nil where there is none. It is whoever made it that closes it.
	Other func(ctx context.Context, model string) (*Bench, error)
}

// Parity is the proof that a result carries: what computed it and how far that is from the oracle.
type Parity struct {
	Model    string  `json:"model"`    // catalogue id or file name
	Digest   string  `json:"digest"`   // SHA-256 of the model file
	Device   string  `json:"device"`   // "simd"
	Detail   string  `json:"detail"`   // "wasm relaxed, 1 thread"
	Mode     string  `json:"mode"`     // "exact" or "fast"
	SelfTest float64 `json:"selftest"` // largest row error of the device's start-up self-test against ref
}

// Event is what a running experiment reports. Progress may be dropped on a slow line
// (the latest counts); an event with a Partial never is.
type Event struct {
	Stage   string          `json:"stage"` // "prefill", "layers", "tokens"
	Done    int             `json:"done"`
	Total   int             `json:"total"`             // 0: not known
	Partial json.RawMessage `json:"partial,omitempty"` // a part of the result, by the experiment's own type
}

// Kind is the type of a parameter, from which a control, a flag and a check are made.
type Kind string

// The kinds of parameters.
const (
	Text   Kind = "text"
	Int    Kind = "int"
	Float  Kind = "float"
	Bool   Kind = "bool"
	Choice Kind = "choice"
	Token  Kind = "token"  // a text that must be one token, or empty
	Edits  Kind = "edits"  // []plan.Edit
	Dir    Kind = "vector" // a Vector, or null for none
	Pairs  Kind = "pairs"  // [][2]string: the two sides of a contrast, or a question and its answer
	Texts  Kind = "texts"  // []string, one for each line
	Second Kind = "model"  // the id of a further model, or empty for none
)

// Param describes one parameter. Texts are message keys of the page's catalogue with the
// English words as the fallback.
type Param struct {
	Name    string   `json:"name"` // the JSON key and the flag
	Kind    Kind     `json:"kind"`
	Default any      `json:"default"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Label   string   `json:"label,omitempty"` // English, two or three words; the page shows it in its language
	Help    string   `json:"help"`            // English, one sentence
	More    bool     `json:"more,omitempty"`  // folded away at first
}

// About describes an experiment.
type About struct {
	Name   string  `json:"name"`
	Title  string  `json:"title"`
	Help   string  `json:"help"`
	Source string  `json:"source"` // paper and section
	Params []Param `json:"params"`

	// A lesson's page, in English; the page shows it in its language.
	Lesson  *Lesson  `json:"lesson,omitempty"` // nil: the experiment has a page of its own making
	Models  []string `json:"models,omitempty"` // catalogue ids on which it works, the best first
	Presets []Preset `json:"presets,omitempty"`
}

// Lesson is the course's text around an experiment.
type Lesson struct {
	Idea    string    `json:"idea"`    // three sentences
	Predict string    `json:"predict"` // what the student commits to before running
	Guesses [3]string `json:"guesses"` // the answers; Report.Answer says which came true
	Fails   string    `json:"fails"`   // where it does not work, with the numbers measured
}

// Preset is an example that opens with one click.
type Preset struct {
	Name   string          `json:"name"` // short, stable: part of links and of the command line
	Title  string          `json:"title"`
	Model  string          `json:"model"` // where it works best
	Params json.RawMessage `json:"params"`
	Said   string          `json:"said"` // what happened there when it was measured
}

// Outcome is what a run returns on every surface: the same JSON on the wire, in the page's
// export and from the command line.
type Outcome struct {
	Experiment string          `json:"experiment"`
	Params     json.RawMessage `json:"params"` // complete, defaults filled in
	Parity     Parity          `json:"parity"`
	Seconds    float64         `json:"seconds"`
	Result     json.RawMessage `json:"result"`
}

// Experiment is a registered technique.
type Experiment struct {
	About About
	price func(b *Bench, params json.RawMessage) (Price, error)
	run   func(ctx context.Context, b *Bench, params json.RawMessage, emit func(Event)) (full json.RawMessage, result any, err error)
}

// Run checks the parameters, runs the experiment and wraps its result.
func (e *Experiment) Run(ctx context.Context, b *Bench, params json.RawMessage, emit func(Event)) (*Outcome, error) {
	start := time.Now()
	full, result, err := e.run(ctx, b, params, emit)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return nil, errs.E("lab.Run", errs.Other, "result of %s: %w", e.About.Name, err)
	}
	return &Outcome{e.About.Name, full, b.Parity, time.Since(start).Seconds(), raw}, nil
}
