// Package link is the page's end of the protocol: one interface over the engine in this tab
// (a worker's MessagePort) and over a sidecar (websocket). The page does not know which one
// answers.
//
//	link.Worker("worker.js")          // the engine in this tab
//	link.Sidecar("ws://host/ws", tok) // a sidecar; tok comes from the page's fragment
//
// Both are Clients, which multiplex requests over any Port and are plain Go, tested natively.
package link

import (
	"context"
	"encoding/json"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// Endpoint is an engine somewhere. Its methods may be called from any goroutine.
type Endpoint interface {
	// Do sends a request (wire.MethodLoad with wire.LoadParams, ...) and waits for its result.
	// onEvent, which may be nil, is called for each event in order, never two at a time and
	// never after Do has returned. When ctx is cancelled the engine is told, and Do returns
	// errs.Cancelled as soon as that is acknowledged. The engine's errors come back as
	// *errs.Error with their kind; a line that is lost for good gives errs.Gone.
	Do(ctx context.Context, method string, params any, onEvent func(lab.Event)) (*Result, error)
	// Welcome is what the engine said of itself when it opened; false until then.
	Welcome() (wire.Welcome, bool)
	// State is the line's state now.
	State() State
	// Watch calls f with the state now and after changes, in order, from a goroutine of its own
	// (changes in quick succession may show as one), until stop is called.
	Watch(f func(State)) (stop func())
	// Retry tries at once to open a line that is Lost or Dead.
	Retry()
	// Close ends the line for good; running requests give errs.Gone.
	Close() error
}

// Result is a method's answer.
type Result struct {
	Msg     json.RawMessage // the method's own type: wire.Loaded, lab.Outcome, ...
	Tensors []wire.Tensor   // arrays that travel beside it; nil when there are none
}

// Into decodes the message.
func (r *Result) Into(v any) error { return json.Unmarshal(r.Msg, v) }

// Phase is where a line stands.
type Phase uint8

// The phases.
const (
	Opening Phase = iota // not yet welcomed for the first time
	Open                 // requests are answered
	Lost                 // was open; being opened again, requests wait
	Dead                 // given up: Err says why; Retry tries again
	Closed               // by Close
)

// String is the phase's name, used as a key in the page.
func (p Phase) String() string { return [...]string{"opening", "open", "lost", "dead", "closed"}[p] }

// State is a line's state.
type State struct {
	Phase Phase
	Err   error // why it is Lost or Dead; nil otherwise
	Tries int   // attempts to open since it was lost
}
