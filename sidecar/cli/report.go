package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"patchbay/shared/lab"
)

// The most of a figure that a terminal shows; --json has all of it.
const (
	maxColumns = 12
	maxRows    = 64
)

// showReport prints any lesson's result: what the numbers say, each figure as a table, the texts.
func showReport(w io.Writer, about lab.About, raw json.RawMessage) error {
	var r lab.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	for _, f := range r.Facts {
		fmt.Fprintf(w, "%s\n", visible(f.String()))
	}
	if r.Of > 0 {
		fmt.Fprintf(w, "Measured on %d of %d items: those that the model can do.\n", r.Kept, r.Of)
	}
	if l := about.Lesson; l != nil && r.Answer != nil && *r.Answer >= 0 && *r.Answer < len(l.Guesses) {
		fmt.Fprintf(w, "%s Here: %s.\n", l.Predict, l.Guesses[*r.Answer])
	}
	for _, p := range r.Passages {
		showPassage(w, p)
	}
	for _, f := range r.Figures {
		if err := showFigure(w, f); err != nil {
			return err
		}
	}
	for _, v := range r.Vectors {
		fmt.Fprintf(w, "\nA vector was made: %s, %d numbers, %s of layer %d (--save-vector FILE keeps it).\n", visible(v.Name), len(v.Values), visible(v.Site), v.Layer)
	}
	return nil
}

func showPassage(w io.Writer, p lab.Passage) {
	fmt.Fprintf(w, "\n%s", sentenceCase(visible(p.Name.String())))
	if p.Control {
		fmt.Fprint(w, " (a control)")
	}
	if p.Note != nil {
		fmt.Fprintf(w, ": %s", visible(p.Note.String()))
	}
	if p.Hidden {
		fmt.Fprint(w, "; only its opening is shown")
	}
	text := strings.TrimSpace(visible(p.Text))
	fmt.Fprintf(w, "\n  %s\n", strings.ReplaceAll(text, "\n", "\n  "))
}

func sentenceCase(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(string(r)) + s[n:]
}

// showFigure prints a figure's title, unit and numbers.
func showFigure(w io.Writer, f lab.Figure) error {
	fmt.Fprintf(w, "\n%s", visible(f.Title.String()))
	if unit := visible(f.Unit.String()); unit != "" {
		fmt.Fprintf(w, " (%s)", unit)
	}
	fmt.Fprintln(w)
	if len(f.Cells)+len(f.Texts) > 0 {
		if err := table(w, gridRows(w, f)); err != nil {
			return err
		}
	}
	if len(f.Series) > 0 {
		if err := table(w, seriesRows(w, f)); err != nil {
			return err
		}
	}
	if len(f.Dots) > 0 {
		rows := [][]string{{"", "x", "y"}}
		for _, d := range f.Dots[:min(len(f.Dots), maxRows)] {
			rows = append(rows, []string{clip(d.Name.String()), value(f.Scale, d.X), value(f.Scale, d.Y)})
		}
		if err := table(w, rows); err != nil {
			return err
		}
		more(w, len(f.Dots), maxRows, "points")
	}
	if c := f.Curve; c != nil {
		fmt.Fprintf(w, "%s: %s at %s\n", visible(c.Name.String()), value(f.Scale, c.Out), value(f.Scale, c.At))
	}
	return nil
}

func more(w io.Writer, n, shown int, what string) {
	if n > shown {
		fmt.Fprintf(w, "(%d of %d %s; --json has all)\n", shown, n, what)
	}
}

// gridRows are a grid's cells, the first row at the bottom as in the picture. Of many columns the
// last ones are shown, of many rows every second or third; the best cell has a star.
func gridRows(w io.Writer, f lab.Figure) [][]string {
	height, width := max(len(f.Cells), len(f.Texts)), 0
	for _, row := range f.Cells {
		width = max(width, len(row))
	}
	for _, row := range f.Texts {
		width = max(width, len(row))
	}
	from := max(0, width-maxColumns)
	if from > 0 {
		fmt.Fprintf(w, "(columns %d to %d; --json has all)\n", from+1, width)
	}
	head := []string{visible(f.Y.Name.String()) + `\` + visible(f.X.Name.String())}
	for x := from; x < width; x++ {
		head = append(head, name(f.X.Labels, x))
	}
	rows := [][]string{head}
	step := (height + maxRows - 1) / maxRows
	for y := height - 1; y >= 0; y -= step {
		row := []string{name(f.Y.Labels, y)}
		for x := from; x < width; x++ {
			row = append(row, cell(f, x, y))
		}
		rows = append(rows, row)
	}
	return rows
}

func cell(f lab.Figure, x, y int) string {
	s := ""
	switch {
	case y < len(f.Texts) && x < len(f.Texts[y]) && f.Texts[y][x] != "":
		s = token(f.Texts[y][x])
	case y < len(f.Cells) && x < len(f.Cells[y]):
		s = value(f.Scale, f.Cells[y][x])
	}
	if f.Best != nil && *f.Best == [2]int{x, y} {
		s += "*"
	}
	return s
}

// seriesRows have a row for each place of X and a column for each series, with its interval;
// what is the same everywhere stands below.
func seriesRows(w io.Writer, f lab.Figure) [][]string {
	head, n := []string{visible(f.X.Name.String())}, 0
	for _, s := range f.Series {
		if !s.Level {
			head = append(head, clip(s.Name.String()))
			n = max(n, len(s.Values))
		}
	}
	rows := [][]string{head}
	for x := range min(n, maxRows) {
		row := []string{name(f.X.Labels, x)}
		if f.Best != nil && f.Best[0] == x {
			row[0] += "*"
		}
		for _, s := range f.Series {
			if !s.Level {
				row = append(row, within(f.Scale, s, x))
			}
		}
		rows = append(rows, row)
	}
	for _, s := range f.Series {
		if s.Level {
			rows = append(rows, []string{clip(s.Name.String()), within(f.Scale, s, 0)})
		}
	}
	more(w, n, maxRows, "places")
	return rows
}

// within is a value with its interval: "0.93 (0.82 to 0.98)".
func within(scale lab.Scale, s lab.Series, x int) string {
	if x >= len(s.Values) || !s.Values[x].Known() {
		return ""
	}
	out := value(scale, s.Values[x])
	if x < len(s.Low) && x < len(s.High) && s.Low[x].Known() && s.High[x].Known() {
		out += " (" + value(scale, s.Low[x]) + " to " + value(scale, s.High[x]) + ")"
	}
	return out
}

// value is a number as short as its scale allows; nothing, if it is not known.
func value(scale lab.Scale, x lab.Num) string {
	switch {
	case !x.Known():
		return ""
	case scale == lab.Share:
		return strconv.FormatFloat(float64(x), 'f', 2, 32)
	case x >= 100 || x <= -100:
		return strconv.FormatFloat(float64(x), 'f', 0, 32)
	}
	return strconv.FormatFloat(float64(x), 'f', 2, 32)
}

// name is the label of a place.
func name(labels []string, i int) string {
	if i < len(labels) {
		return clip(labels[i])
	}
	return strconv.Itoa(i)
}

// clip is a text of one line and at most 24 characters; a space in front is shown.
func clip(s string) string {
	s = strings.NewReplacer("\n", "↵", "\t", "⇥").Replace(visible(s))
	if strings.HasPrefix(s, " ") {
		s = "·" + s[1:]
	}
	if utf8.RuneCountInString(s) > 24 {
		s = string([]rune(s)[:23]) + "…"
	}
	return s
}
