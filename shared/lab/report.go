package lab

import (
	"encoding/json"
	"math"
	"strconv"
)

// Report is the part of a lesson's result that every surface can show without knowing the
// lesson: pictures, sentences with the numbers just computed, texts side by side. A result type
// embeds it, so its fields stand in the result's JSON.
//
// Words in it are English and made by say; the page translates them by that very text, so
// that a lesson adds no code to the page.
type Report struct {
	Figures  []Figure  `json:"figures"`            // the first is the lesson's main picture
	Facts    []Words   `json:"facts"`              // what the numbers say, the most important first
	Passages []Passage `json:"passages,omitempty"` // texts written under different edits, the unedited first
	Vectors  []Vector  `json:"vectors,omitempty"`  // what was made and can be kept
	Answer   *int      `json:"answer,omitempty"`   // which of the lesson's three predictions came true, 0 to 2
	Kept     int       `json:"kept"`               // items that the model can do and that were measured,
	Of       int       `json:"of"`                 // of so many that were tried; both 0 where nothing is filtered
}

// Words are a text with {0}, {1} ... for what was computed.
type Words struct {
	Text string   `json:"text"`
	Args []string `json:"args,omitempty"`
}

// say makes words. The text is a literal of at most ten placeholders: a test looks every
// literal up in the page's catalogue.
func say(text string, args ...string) Words { return Words{text, args} }

// String is the English sentence.
func (w Words) String() string {
	out := make([]byte, 0, len(w.Text)+32)
	for i := 0; i < len(w.Text); i++ {
		if w.Text[i] == '{' && i+2 < len(w.Text) && w.Text[i+2] == '}' {
			if n := int(w.Text[i+1] - '0'); n >= 0 && n < len(w.Args) {
				out = append(out, w.Args[n]...)
				i += 2
				continue
			}
		}
		out = append(out, w.Text[i])
	}
	return string(out)
}

// FigureKind is a picture's geometry.
type FigureKind string

// The kinds of pictures.
const (
	Grid   FigureKind = "grid"   // Cells over X and Y: layers upward, positions (or strengths, or target layers) to the right
	Lines  FigureKind = "lines"  // Series over X
	Bars   FigureKind = "bars"   // one value for each of X, from Series (several: side by side)
	Points FigureKind = "points" // Dots in a plane: the geometry of vectors
	Stream FigureKind = "stream" // the residual stream: Series "attention" and "mlp" (what each layer of X adds), "stream" (what is there after it)
	Sum    FigureKind = "sum"    // one neuron: Series "terms" (the largest products of the weighted sum, X names them) and Curve
)

// Scale is what a figure's numbers are, and so how they are coloured.
type Scale string

// The scales.
const (
	Share  Scale = "share"  // 0 to 1: probabilities, accuracies
	Amount Scale = "amount" // 0 to the largest
	Effect Scale = "effect" // signed, diverging around 0
)

// Figure is one picture as data. Pictures, tables, CSV and SVG are made of it alone.
type Figure struct {
	Name  string     `json:"name"` // short, stable: "sweep"; part of links and file names
	Kind  FigureKind `json:"kind"`
	Title Words      `json:"title"`
	Unit  Words      `json:"unit"` // what the numbers are: a picture says its unit
	Scale Scale      `json:"scale"`
	X     Axis       `json:"x"`
	Y     Axis       `json:"y"`               // of a grid
	Cells [][]Num    `json:"cells,omitempty"` // [y][x], the first row at the bottom
	Texts [][]string `json:"texts,omitempty"` // what stands in a cell, if not its number
	// Best marks a cell (x, y) or, with y 0, an x of lines: what the facts speak of.
	Best   *[2]int  `json:"best,omitempty"`
	Series []Series `json:"series,omitempty"`
	Dots   []Dot    `json:"dots,omitempty"`
	Curve  *Curve   `json:"curve,omitempty"`
}

// Axis names the places along one direction.
type Axis struct {
	Name   Words    `json:"name"`
	Labels []string `json:"labels,omitempty"` // one for each place: data (tokens, numbers), or English words made by say(...).Text
}

// Series is a row of values over a figure's X, with the interval of each if it is a rate.
type Series struct {
	Name    Words `json:"name"`
	Values  []Num `json:"values"`
	Low     []Num `json:"low,omitempty"` // 95 % intervals
	High    []Num `json:"high,omitempty"`
	Control bool  `json:"control,omitempty"` // a control: drawn pale and dashed
	Level   bool  `json:"level,omitempty"`   // the same everywhere (zero-shot, few-shot): a level line; Values has one number
}

// Dot is a point of the plane.
type Dot struct {
	X     Num   `json:"x"`
	Y     Num   `json:"y"`
	Name  Words `json:"name"`
	From  bool  `json:"from,omitempty"` // an arrow from the origin ends here
	Group int   `json:"group"`          // which dots belong together
	Edit  bool  `json:"edit,omitempty"` // made by the person's own arithmetic
}

// Curve is an activation function with the place that was computed.
type Curve struct {
	Name Words `json:"name"` // "silu(g) · u"
	X    []Num `json:"x"`
	Y    []Num `json:"y"`
	At   Num   `json:"at"` // the weighted sum
	Out  Num   `json:"out"`
}

// Passage is a text that the model wrote under some edit.
type Passage struct {
	Name    Words          `json:"name"` // "unsteered", "added, strength 8", "random vector"
	Prompt  string         `json:"prompt"`
	Steps   []GenerateStep `json:"steps"`
	Text    string         `json:"text"`
	Control bool           `json:"control,omitempty"`
	Hidden  bool           `json:"hidden,omitempty"` // only the score is shown: the text could do harm
	Note    *Words         `json:"note,omitempty"`   // its score or verdict
}

// Num is a number of a picture; one that is not finite is null in JSON and blank on the page.
type Num float32

// MarshalJSON writes null for what is not finite.
func (n Num) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, x, 'g', 6, 32), nil
}

// UnmarshalJSON reads null as NaN.
func (n *Num) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*n = Num(math.NaN())
		return nil
	}
	var x float32
	err := json.Unmarshal(raw, &x)
	*n = Num(x)
	return err
}

// Known says that there is a number.
func (n Num) Known() bool { return n-n == 0 }

// Nums converts a row.
func Nums[F float32 | float64](xs []F) []Num {
	out := make([]Num, len(xs))
	for i, x := range xs {
		out[i] = Num(x)
	}
	return out
}

// numbers are axis labels 0 ... n-1.
func numbers(n int) []string { return labelsOf(span(0, n)) }

// labelsOf are numbers as an axis names them.
func labelsOf(xs []int) []string {
	out := make([]string, len(xs))
	for i, x := range xs {
		out[i] = strconv.Itoa(x)
	}
	return out
}

// layerAxis names layers.
func layerAxis(layers []int) Axis { return Axis{say("layer"), labelsOf(layers)} }

// put appends a value with its interval.
func (s *Series) put(x, low, high float64) {
	s.Values, s.Low, s.High = append(s.Values, Num(x)), append(s.Low, Num(low)), append(s.High, Num(high))
}

// fact adds a sentence.
func (r *Report) fact(w Words) { r.Facts = append(r.Facts, w) }

// figure adds a picture.
func (r *Report) figure(f Figure) { r.Figures = append(r.Figures, f) }

// percent writes a share as people read it: "93 %".
func percent(x float64) string { return strconv.Itoa(int(math.Round(100*x))) + " %" }

// decimal writes a number with so many places.
func decimal(x float64, places int) string { return strconv.FormatFloat(x, 'f', places, 64) }

// preset makes a preset; its parameters are JSON.
func preset(name, title, model, params, told string) Preset {
	return Preset{Name: name, Title: title, Model: model, Params: json.RawMessage(params), Said: told}
}
