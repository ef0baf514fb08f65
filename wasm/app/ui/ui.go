// Package ui is the page's tree: a Vugu component per part, over wasm/state. It touches no
// JavaScript, so its HTML is tested natively. The x_gen.go files are made from the x.vugu files
// by `make gen` and are never edited by hand.
//
// Two rules of Vugu's renderer shape the templates. It rewrites an element's attributes and
// text on every render, so what must survive (a live region, a text being typed, the stage,
// which setting its address again would reload) is kept by the edge outside the tree; and it matches children by their index, so what comes and goes
// stands in a wrapper of its own or is hidden, lest its neighbours lose focus.
package ui

import (
	"patchbay/wasm/state"
)

// Lab is what every component works on: the state, and a way to have effects carried out.
type Lab struct {
	*state.App
	Do    func([]state.Effect)
	Draft state.EditDraft // the small form of an edit
	Wrong string          // the box of that form that cannot be read
	Stage string          // the picture: "", "loading", "ready" or "failed": then drawn plainly
}

// Cls joins class names: Cls("tab", on, "on").
func Cls(base string, on bool, extra string) string {
	if on {
		return base + " " + extra
	}
	return base
}

// Flag is "true" or "false", for aria attributes, which are never absent.
func Flag(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// Tenths is the class of a probability's shade, "q0" to "q10".
func Tenths(p float32) string {
	return [...]string{"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10"}[max(0, min(10, int(p*10+0.5)))]
}
