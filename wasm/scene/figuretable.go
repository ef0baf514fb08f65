package scene

import (
	"strconv"

	"patchbay/shared/lab"
)

// FigureTable is a figure as a table, a row for each place as the picture has them.
func FigureTable(f *lab.Figure, translate func(lab.Words) string) (header []string, rows [][]string) {
	if translate == nil {
		translate = lab.Words.String
	}
	g := &figure{f: f, o: FigureOptions{Translate: translate}}
	switch {
	case f.Kind == lab.Grid:
		return g.gridTable()
	case f.Kind == lab.Points:
		header = []string{"", "x", "y"}
		for _, d := range f.Dots {
			rows = append(rows, []string{g.words(d.Name), Number(d.X, f.Scale), Number(d.Y, f.Scale)})
		}
		return header, rows
	}
	header = []string{g.words(f.X.Name)}
	n := len(f.X.Labels)
	for i := range f.Series {
		header = append(header, g.words(f.Series[i].Name))
		n = max(n, len(f.Series[i].Values))
	}
	for x := range n {
		row := []string{shown(g.label(&f.X, x))}
		for i := range f.Series {
			row = append(row, g.entry(&f.Series[i], x))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// entry is a number with its interval.
func (g *figure) entry(s *lab.Series, x int) string {
	if s.Level {
		x = 0
	}
	if x >= len(s.Values) {
		return ""
	}
	out := g.number(s.Values[x])
	if x < len(s.Low) && x < len(s.High) && s.Low[x].Known() {
		out += " (" + g.number(s.Low[x]) + "–" + g.number(s.High[x]) + ")"
	}
	return out
}

func (g *figure) gridTable() (header []string, rows [][]string) {
	header = []string{g.words(g.f.Y.Name) + " \\ " + g.words(g.f.X.Name)}
	cols := 0
	for _, row := range g.f.Cells {
		cols = max(cols, len(row))
	}
	for x := range cols {
		header = append(header, shown(g.label(&g.f.X, x)))
	}
	for y := len(g.f.Cells) - 1; y >= 0; y-- {
		row := []string{shown(g.label(&g.f.Y, y))}
		for x, n := range g.f.Cells[y] {
			text := g.number(n)
			if y < len(g.f.Texts) && x < len(g.f.Texts[y]) && g.f.Texts[y][x] != "" {
				text = shown(g.f.Texts[y][x]) + " " + text
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return header, rows
}

// FigureRecords is a figure in long form, for CSV: a record for each number, in English, unrounded.
func FigureRecords(f *lab.Figure) [][]string {
	g := &figure{f: f, o: FigureOptions{Translate: lab.Words.String}}
	num := func(n lab.Num) string {
		if !n.Known() {
			return ""
		}
		return strconv.FormatFloat(float64(n), 'g', 6, 32)
	}
	out := [][]string{{"figure", "series", "x", "y", "value", "low", "high", "text"}}
	for y, row := range f.Cells {
		for x, n := range row {
			text := ""
			if y < len(f.Texts) && x < len(f.Texts[y]) {
				text = f.Texts[y][x]
			}
			out = append(out, []string{f.Name, "", g.label(&f.X, x), g.label(&f.Y, y), num(n), "", "", text})
		}
	}
	for i := range f.Series {
		s := &f.Series[i]
		for x, n := range s.Values {
			at, low, high := g.label(&f.X, x), "", ""
			if s.Level {
				at = "all"
			}
			if x < len(s.Low) && x < len(s.High) {
				low, high = num(s.Low[x]), num(s.High[x])
			}
			out = append(out, []string{f.Name, s.Name.String(), at, "", num(n), low, high, ""})
		}
	}
	for _, d := range f.Dots {
		out = append(out, []string{f.Name, d.Name.String(), num(d.X), num(d.Y), "", "", "", ""})
	}
	return out
}
