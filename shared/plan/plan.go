// Package plan holds interventions as data: runs over prompts, reads and edits. No code ever
// crosses a wire; a plan is checked against the model before anything runs (Check), then
// executed (Execute). docs/plan.md specifies the JSON with examples that a test runs.
//
// The zero value of every optional field means what the field says when it is left out, so
// that a plan written in Go and one read from JSON are the same.
package plan

import (
	"patchbay/shared/hook"
	"patchbay/shared/token"
)

// Plan is a list of runs. Runs may refer to each other in any order, but not in a circle.
type Plan struct {
	Runs []Run `json:"runs" max:"1024"`
}

// Run is one prompt through the model, with what is changed and what is read on the way.
type Run struct {
	Name string `json:"name"`
	// Base names a run whose prompt and edits this one starts from; its own edits come after
	// them. The states that no edit of its own can change are shared with the base.
	Base       string    `json:"base,omitempty"`
	Prompt     Prompt    `json:"prompt,omitzero"`
	Generation *Generate `json:"generation,omitempty"`
	Edits      []Edit    `json:"edits,omitempty" max:"4096"`
	Reads      []Read    `json:"reads,omitempty" max:"4096"`
	// Sweep makes the run many, in each of which its edits are somewhere else.
	Sweep *Sweep `json:"sweep,omitempty"`
}

// Prompt is what the model reads: a text, token ids, or a chat. A text gets the model's BOS
// if the model has one; ids are taken as they are. In JSON a plain text may stand alone.
type Prompt struct {
	Text     string          `json:"text,omitempty"`
	Chat     bool            `json:"chat,omitempty"` // wrap the text in the model's chat template as a user's turn
	Messages []token.Message `json:"messages,omitempty" max:"256"`
	IDs      []int32         `json:"ids,omitempty"`
}

// Generate continues the prompt, greedily at temperature 0.
type Generate struct {
	Count       int     `json:"count"` // new tokens at most
	Temperature float64 `json:"temperature,omitempty"`
	TopK        int     `json:"top_k,omitempty"` // 0: no limit
	TopP        float64 `json:"top_p,omitempty"` // 0 or 1: no limit
	Seed        int64   `json:"seed,omitempty"`
	StopAtEOS   bool    `json:"stop_at_eos,omitempty"`
}

// Select chooses layers, heads or elements: an integer, a list, "all", or nothing.
type Select struct {
	All  bool
	List []int
}

// Positions chooses tokens of the prompt, once its final ids are known, BOS included: an
// integer (negative from the end), a list, "all", or every token of a text.
type Positions struct {
	All  bool
	List []int
	Text *TextPosition
}

// TextPosition finds a text in the prompt. The tokens that hold any character of the chosen
// occurrence (0 is the first, negative from the end) are meant: the first, the last or all.
type TextPosition struct {
	Text       string `json:"text"`
	Occurrence int    `json:"occurrence,omitempty"`
	Which      Which  `json:"which,omitempty"` // left out: last
}

// Which tokens of a text are meant.
type Which string

// The choices.
const (
	First Which = "first"
	Last  Which = "last"
	Every Which = "all"
)

// Phase says whether the prompt's tokens are meant, the generated ones, or both.
type Phase string

// The phases. An edit that leaves it out means Always at all positions and InPrompt at chosen
// ones (so that a patch is not applied again at cached steps); a read means InPrompt.
const (
	InPrompt    Phase = "prompt"
	InGenerated Phase = "generated"
	Always      Phase = "all"
)

// Op is what an edit does to the activation x; v is the operand and s the strength.
type Op string

// The ops.
const (
	Set     Op = "set"      // x + s(v-x): v itself at strength 1
	Add     Op = "add"      // x + s v
	Scale   Op = "scale"    // s x
	Project Op = "project"  // x minus the share s of its part in the span of v's rows
	Affine  Op = "affine"   // x + s(Wx + b - x), W the operand, b the bias
	Dict    Op = "dict"     // change features of a dictionary
	NormAdd Op = "norm_add" // x + s v, scaled back to the length of x
	Mask    Op = "mask"     // attention: the queries at positions do not see the keys
)

// Edit changes an activation. Edits apply in the order of their sites, then of the list.
type Edit struct {
	Site      hook.Site `json:"site"`
	Layers    Select    `json:"layers,omitzero"`    // needed at sites that have a layer
	Heads     Select    `json:"heads,omitzero"`     // left out: all; key/value heads for k and v
	Index     Select    `json:"index,omitzero"`     // neurons, dimensions, vocabulary; left out: all
	Positions Positions `json:"positions,omitzero"` // left out: all
	Keys      Positions `json:"keys,omitzero"`      // attention scores and patterns: key positions; left out: all
	Phase     Phase     `json:"phase,omitempty"`
	Op        Op        `json:"op"`
	Strength  *float64  `json:"strength,omitempty"` // left out: 1
	Operand   *Operand  `json:"operand,omitempty"`
	Bias      *Operand  `json:"bias,omitempty"` // affine's b; left out: 0
	// Dict edits: which features, and what becomes of them.
	Features  Select `json:"features,omitzero"`
	Do        Op     `json:"do,omitempty"`         // set, add or scale
	KeepError bool   `json:"keep_error,omitempty"` // add back what the dictionary does not explain
}

// Operand is the v of an edit or the direction of a projection: exactly one of a literal, a
// name in the store, or a linear combination of reads. In JSON a literal may be a bare number
// or list of numbers. It is broadcast, as numpy does, to [layers, positions, heads, elements].
type Operand struct {
	Shape      []int     `json:"shape,omitempty"` // of Values; left out: one number is a scalar, more are a vector
	Values     []float32 `json:"values,omitempty"`
	Vector     string    `json:"vector,omitempty"`     // a name or digest in the store
	Dictionary string    `json:"dictionary,omitempty"` // likewise, for dict
	Reads      []Term    `json:"reads,omitempty" max:"1024"`
}

// Term is a weighted read of another run.
type Term struct {
	Run    string   `json:"run"`
	Read   string   `json:"read"`
	Weight *float64 `json:"weight,omitempty"` // left out: 1
}

// Reduce says what of the activation a read returns. P positions, row: heads and elements.
type Reduce string

// The reductions. Those over the vocabulary pass a residual stream through the final norm and the
// unembedding first (the logit lens).
const (
	None         Reduce = "none"          // [P, row]
	Mean         Reduce = "mean"          // over positions: [row]
	Norm         Reduce = "norm"          // Euclidean, over the last axis: [P] or [P, heads]
	TopK         Reduce = "topk"          // the K likeliest tokens; elsewhere the K largest elements
	Logits       Reduce = "logits"        // of Tokens: [P, tokens]
	LogitDiff    Reduce = "logit_diff"    // of the first of two Tokens minus the second: [P]
	LogProb      Reduce = "logprob"       // of Tokens: [P, tokens]
	Rank         Reduce = "rank"          // of Tokens, 0 is the likeliest: [P, tokens]
	CrossEntropy Reduce = "cross_entropy" // mean over positions of -log p(next token): []
	KL           Reduce = "kl"            // KL(To's own output || this), nats: [P]
	Projection   Reduce = "projection"    // onto the operand's unit rows: [P, k] or [P, heads, k]
	Entropy      Reduce = "entropy"       // nats: [P]
	Features     Reduce = "features"      // of a dictionary
)

// Read returns an activation, or a summary of it, after edits.
type Read struct {
	Name       string     `json:"name"`
	Site       hook.Site  `json:"site"`
	Layers     Select     `json:"layers,omitzero"`
	Heads      Select     `json:"heads,omitzero"`
	Index      Select     `json:"index,omitzero"`
	Keys       Positions  `json:"keys,omitzero"` // attention scores and patterns
	Positions  Positions  `json:"positions,omitzero"`
	Phase      Phase      `json:"phase,omitempty"`
	Before     bool       `json:"before,omitempty"` // the value before this run's edits at this site
	Reduce     Reduce     `json:"reduce,omitempty"` // left out: none
	K          int        `json:"k,omitempty"`      // topk
	Tokens     []TokenRef `json:"tokens,omitempty" max:"4096"`
	To         string     `json:"to,omitempty"`      // kl: a run; this one's own name makes it the lens's KL
	Operand    *Operand   `json:"operand,omitempty"` // projection, features
	GradientOf string     `json:"gradient_of,omitempty"`
}

// TokenRef is a token by id (a JSON number), by a text that must be one token, or as the answer
// of a run: the likeliest token after its prompt. The first of the three that is set counts.
type TokenRef struct {
	Answer string `json:"answer"` // a run, possibly this one
	Text   string `json:"-"`
	ID     int32  `json:"-"`
}

// One selects a single layer, head or element.
func One(i int) Select { return Select{List: []int{i}} }

// All selects every one.
func All() Select { return Select{All: true} }

// At selects positions by number.
func At(pos ...int) Positions { return Positions{List: pos} }

// Scalar is a literal number, broadcast everywhere.
func Scalar(x float32) *Operand { return &Operand{Values: []float32{x}} }

// Literal is a literal array.
func Literal(shape []int, values []float32) *Operand { return &Operand{Shape: shape, Values: values} }

// Of is a read of a run as an operand.
func Of(run, read string) *Operand { return &Operand{Reads: []Term{{Run: run, Read: read}}} }

// Strength is a pointer to s, as Edit.Strength wants it.
func Strength(s float64) *float64 { return &s }
