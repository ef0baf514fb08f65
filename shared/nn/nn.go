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
	// v.Buf is what the rest of the pass sees, except at read-only sites.
	At(ctx context.Context, p hook.Point, v Value) error
}

// Value is an activation on the device.
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

// Pass is one forward pass over the positions Cache.Len ... Cache.Len+len(IDs)-1.
type Pass struct {
	IDs    []int32
	Cache  *Cache    // keys and values of earlier positions; the new ones are appended
	Taps   Taps      // nil: nobody looks
	Logits LogitRows // tapping hook.Logits needs AllLogits to see every row
	// Progress, if set, is called after each layer.
	Progress func(layer, layers int)
}

// Cache holds the keys (after rope) and values of every layer, [Len, K, e] each.
type Cache struct {
	K, V []device.Buffer // by layer, room for Cap positions
	Len  int
	Cap  int
	dev  device.Device
}

// Model is a loaded transformer.
type Model struct{}
