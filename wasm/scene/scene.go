// Package scene turns results into pictures: rectangles, lines and texts that know their
// dependencies. It is pure Go, tested natively; the stage only paints a Scene and reports
// hits, and the SVG export is made from the same Scene.
//
// One grammar for all pictures: positions run to the right, layers upward. Attention has one
// hue, MLP another, the residual stream is neutral, an edit is the accent colour and nothing
// else is. One sequential scale stands for probability, one diverging scale for effects.
package scene

// Color is 0xRRGGBBAA, not premultiplied. 0 is nothing.
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

// Item is one mark. A rectangle may carry a text, which it clips.
type Item struct {
	ID     string     `json:"id,omitempty"` // "cell/LAYER/COLUMN": what a hit reports; empty: never hit
	Kind   Kind       `json:"kind"`
	Box    [4]float32 `json:"box"` // x, y, width, height
	Radius float32    `json:"radius,omitempty"`
	Fill   Color      `json:"fill,omitempty"`
	Stroke Color      `json:"stroke,omitempty"`
	Line   float32    `json:"line,omitempty"` // stroke width
	Text   string     `json:"text,omitempty"`
	Ink    Color      `json:"ink,omitempty"`  // the text's colour
	Size   float32    `json:"size,omitempty"` // the text's font size
	Mono   bool       `json:"mono,omitempty"`
	Bold   bool       `json:"bold,omitempty"`
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

// Align places a text in its box, vertically always in the middle.
type Align string

// The alignments.
const (
	Left   Align = ""
	Center Align = "center"
	Right  Align = "right"
)

// Hit is the id of the topmost mark at (x, y), or "".
func Hit(s *Scene, x, y float32) string {
	for i := len(s.Items) - 1; i >= 0; i-- {
		it := &s.Items[i]
		if b := it.Box; it.ID != "" && x >= b[0] && x < b[0]+b[2] && y >= b[1] && y < b[1]+b[3] {
			return it.ID
		}
	}
	return ""
}

// Find is the mark with an id, or nil.
func (s *Scene) Find(id string) *Item {
	for i := range s.Items {
		if s.Items[i].ID == id {
			return &s.Items[i]
		}
	}
	return nil
}

func (s *Scene) add(it Item) { s.Items = append(s.Items, it) }

// text adds a text without a box of its own colour.
func (s *Scene) text(box [4]float32, text string, size float32, ink Color, align Align) {
	s.add(Item{Kind: Text, Box: box, Text: text, Size: size, Ink: ink, Align: align})
}
