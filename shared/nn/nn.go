// Package nn is the one implementation of the transformer: families are configuration, every
// activation site can be tapped and, where it says so, changed.
//
// A pass computes T new positions over a cache of earlier ones. A layer runs as a few fused
// operations when nobody looks inside it, and is split just where someone does (Taps.Wants).
package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// Taps sees, and may change, activations during a pass.
type Taps interface {
	// Wants reports whether At is to be called at the point. It must answer the same all through a pass.
	Wants(hook.Point) bool
	// At is called with the activation when it has been computed. Whatever At writes into
	// v.Buf is what the rest of the pass sees, except at read-only sites. It may use the
	// device but not the model, which is busy. hook_resid_post of a layer and hook_resid_pre
	// of the next are one buffer, shown under both names in that order.
	//
	// Where hook_q_input, k_input or v_input is wanted, each projection has a norm of its own
	// and the ln1 sites are shown once for each of the three, q first.
	At(ctx context.Context, p hook.Point, v Value) error
}

// Value is an activation on the device, valid until At returns.
type Value struct {
	Buf   device.Buffer
	Shape []int // as the site's About says, the batch axis dropped
	Pos   int   // absolute position of the first of the T rows
}

// LogitRows says which rows of a pass need logits.
type LogitRows uint8

// The choices.
const (
	NoLogits LogitRows = iota
	LastLogits
	AllLogits
)

// count is how many of T rows that is, from the end.
func (l LogitRows) count(T int) int {
	switch l {
	case NoLogits:
		return 0
	case LastLogits:
		return 1
	}
	return T
}

// Pass is one forward pass over the positions Cache.Len ... Cache.Len+len(IDs)-1.
type Pass struct {
	IDs    []int32
	Cache  *Cache    // keys and values of earlier positions; the new ones are appended. nil: there are none, and none are kept
	Taps   Taps      // nil: nobody looks
	Logits LogitRows // tapping hook.Logits needs AllLogits to see every row
	// Progress, if set, is called after each layer.
	Progress func(layer, layers int)

	// From starts the pass at a block, from a residual stream in place of tokens.
	From *From
	// Layers ends the pass after that many blocks of the model, 0 for all. A pass that ends
	// early has no logits.
	Layers int
}

// From is a residual stream to start from. The cache must hold the keys and values of earlier
// positions at this layer and above; it is written there only, so that what a copy of a base
// run's cache has below stays right.
type From struct {
	Layer int           // the first block to run; its hook_resid_pre is the first site
	Resid device.Buffer // [T, d]; it is copied
}
