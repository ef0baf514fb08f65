// Package wire is the language between the page and an engine: a worker in the same tab
// (MessagePort) or a sidecar (websocket). docs/wire.md describes it for other languages.
package wire

import (
	"encoding/json"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
)

// Version of the frame format and the messages.
const Version = 1

// Kind is a message's type; it stands in the frame header. Append, never reorder.
type Kind uint8

// The kinds of messages. C: client to engine, E: engine to client.
const (
	KindHello     Kind = 1 // C, first on a websocket, within 2 s: Hello
	KindWelcome   Kind = 2 // E: Welcome
	KindRequest   Kind = 3 // C: Request
	KindEvent     Kind = 4 // E: lab.Event, any number per request
	KindResult    Kind = 5 // E: the method's result; ends the request
	KindError     Kind = 6 // E: Error; ends the request
	KindCancel    Kind = 7 // C: no body; header's request id
	KindCancelled Kind = 8 // E: acknowledges a cancel; ends the request
	KindGap       Kind = 9 // E: after a resume, Gap says what is lost

	lastKind = KindGap
)

// Hello opens a websocket. Over a MessagePort the token is empty.
type Hello struct {
	Token   string `json:"token"`
	Session string `json:"session,omitempty"` // resume this session
	After   uint32 `json:"after,omitempty"`   // sequence number of the last frame seen
	// Codecs are the frame codecs that the client can undo: "raw", which is always understood,
	// and "zstd". The page sends ["raw"], because zstd would cost it 0.3 MB; raw frames have no
	// byte planes either.
	Codecs []string `json:"codecs,omitempty"`
}

// Zstd says whether the client can undo codec 1.
func (h Hello) Zstd() bool { return slices.Contains(h.Codecs, "zstd") }

// Welcome answers Hello.
type Welcome struct {
	Session     string      `json:"session"`
	Place       string      `json:"place"` // "tab" or "sidecar"
	Version     string      `json:"version"`
	Device      DeviceInfo  `json:"device"`
	Experiments []lab.About `json:"experiments"`
	Models      []ModelInfo `json:"models"`
}

// DeviceInfo is what a person sees of the device.
type DeviceInfo struct {
	Name     string  `json:"name"`
	Detail   string  `json:"detail"`
	Threads  int     `json:"threads"`
	Used     int64   `json:"used"`           // bytes in weights and buffers
	SelfTest float64 `json:"selftest"`       // largest row error against ref
	Note     string  `json:"note,omitempty"` // what a person should know: why a faster device was not taken
	Speed    float64 `json:"speed"`          // tokens per second of decoding, measured when a model was loaded; 0: not yet
}

// ModelInfo is a model of the catalogue or of this endpoint's store.
type ModelInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Family  string `json:"family"`
	Licence string `json:"licence"`
	Digest  string `json:"digest"`
	Size    int64  `json:"size"` // bytes of the whole file
	Here    int64  `json:"here"` // bytes already stored at this endpoint
	Chat    bool   `json:"chat"`
	Loaded  bool   `json:"loaded"`
}

// Request names a method; Params is the method's own type below.
type Request struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"`
}

// The methods.
const (
	MethodModels   = "models"   // -> Models
	MethodLoad     = "load"     // LoadParams -> Loaded; events: stages "fetch" (bytes), "verify", "load", "selftest"
	MethodDelete   = "delete"   // LoadParams -> Models: remove the stored file
	MethodTokenize = "tokenize" // TokenizeParams -> Tokenized
	MethodRun      = "run"      // RunParams -> lab.Outcome; events as the experiment's
	MethodPrice    = "price"    // RunParams -> lab.Price: of a run on a model that is loaded
	MethodPlan     = "plan"     // PlanParams -> PlanResult, tensors in the frame
	MethodDevice   = "device"   // -> DeviceInfo
)

// Models lists what an endpoint has or can get.
type Models struct {
	Models []ModelInfo `json:"models"`
}

// LoadParams names a catalogue id. Clients never send paths or addresses.
type LoadParams struct {
	Model string `json:"model"`
	Mode  string `json:"mode,omitempty"` // "exact" (default) or "fast"
}

// Loaded says what is now on the device.
type Loaded struct {
	Model  ModelInfo  `json:"model"`
	Parity lab.Parity `json:"parity"`
	Device DeviceInfo `json:"device"`
	Layers int        `json:"layers"`
	Width  int        `json:"width"`
	Vocab  int        `json:"vocab"`
}

// TokenizeParams asks for the tokens of a text.
type TokenizeParams struct {
	Model string `json:"model"`
	Text  string `json:"text"`
	Chat  bool   `json:"chat"`
}

// Tokenized is the answer.
type Tokenized struct {
	Tokens []lab.TokenText `json:"tokens"`
}

// RunParams runs an experiment of the registry on a model; it is loaded first if need be.
type RunParams struct {
	Model      string          `json:"model"`
	Mode       string          `json:"mode,omitempty"` // "exact" (default) or "fast"
	Experiment string          `json:"experiment"`
	Params     json.RawMessage `json:"params"`
}

// PlanParams runs a bare plan.
type PlanParams struct {
	Model string          `json:"model"`
	Mode  string          `json:"mode,omitempty"` // "exact" (default) or "fast"
	Plan  json.RawMessage `json:"plan"`
}

// PlanResult names the tensors that travel with it: "RUN/READ" or "RUN/READ/LAYER".
type PlanResult struct {
	Parity  lab.Parity      `json:"parity"`
	Seconds float64         `json:"seconds"`
	Runs    json.RawMessage `json:"runs"` // per run: token ids, generated text, tensor names and shapes
}

// Error is errs.Error on the wire.
type Error struct {
	Kind errs.Kind `json:"kind"`
	Op   errs.Op   `json:"op"`
	Msg  string    `json:"msg"`
}

// Gap says that the frames From to To, both included, are lost. They were events: a result is
// kept for its client, or replaced by an Error that says it is gone.
type Gap struct {
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
}
