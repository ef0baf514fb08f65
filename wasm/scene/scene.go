// Package scene turns results into pictures: rectangles, lines and texts that know their
// dependencies. It is pure Go, tested natively; the stage only paints a Scene and reports
// hits, the table twin and the SVG export are made from the same Scene.
package scene

// Color is 0xRRGGBBAA, not premultiplied.
type Color uint32

// Scene is a picture in CSS pixels, origin at the top left.
type Scene struct {
	W     float32 `json:"w"`
	H     float32 `json:"h"`
	Title string  `json:"title"` // for screen readers and exports
	Unit  string  `json:"unit"`  // what the numbers are: a picture says its unit
	Back  Color   `json:"back"`
	Items []Item  `json:"items"` // painted in order
}

// Item is one mark. Exactly the fields that its kind needs are set.
type Item struct {
	ID     string     `json:"id,omitempty"` // "cell/LAYER/POS": what a hit reports; empty: not hit
	Kind   Kind       `json:"kind"`
	Box    [4]float32 `json:"box"` // X, Y, W, H
	Radius float32    `json:"radius,omitempty"`
	Fill   Color      `json:"fill,omitempty"`
	Stroke Color      `json:"stroke,omitempty"`
	Line   float32    `json:"line,omitempty"` // stroke width
	Text   string     `json:"text,omitempty"`
	Size   float32    `json:"size,omitempty"` // font size
	Mono   bool       `json:"mono,omitempty"`
	Align  Align      `json:"align,omitempty"`
	Points []float32  `json:"points,omitempty"` // x, y, x, y ... of a polyline
	Label  string     `json:"label,omitempty"`  // the mark in words, with its numbers
	Deps   []string   `json:"deps,omitempty"`   // ids of the marks this one was computed from
}

// Kind is a mark's geometry.
type Kind string

// The kinds.
const (
	Rect Kind = "rect"
	Line Kind = "line"
	Text Kind = "text"
)

// Align places a text in its box, which clips it.
type Align string

// The alignments.
const (
	Left   Align = ""
	Center Align = "center"
	Right  Align = "right"
)
