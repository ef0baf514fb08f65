package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/scene"
	"patchbay/wasm/text"
)

// maxRows bounds the twin of a report's picture as maxColumns does.
const maxRows = 60

// reportTable is the picture's table, as much of it as is shown.
func (c *Table) reportTable(f *lab.Figure) (head []string, rows [][]string) {
	head, rows = scene.FigureTable(f, c.L.Say)
	head, rows = head[:min(len(head), maxColumns+1)], rows[:min(len(rows), maxRows)]
	for i := range rows {
		rows[i] = rows[i][:min(len(rows[i]), len(head))]
	}
	return head, rows
}

// reportNote says how much is shown when not all is.
func (c *Table) reportNote(f *lab.Figure) string {
	head, rows := scene.FigureTable(f, c.L.Say)
	if len(head) <= maxColumns+1 && len(rows) <= maxRows {
		return ""
	}
	return c.L.T("table.rows", text.Int(min(len(rows), maxRows)), text.Int(len(rows)), text.Int(min(len(head)-1, maxColumns)), text.Int(len(head)-1))
}

// reportRows is the body; an entry of a grid, and of series over places, is pinned by a click.
func (c *Table) reportRows(f *lab.Figure) []Row {
	_, rows := c.reportTable(f)
	pin := c.L.Page().Mark
	var out []Row
	for i, row := range rows {
		if len(row) == 0 {
			continue
		}
		r := Row{Name: row[0]}
		for k, s := range row[1:] {
			id := entryID(f, i, k, len(f.Cells))
			r.Cells = append(r.Cells, TableCell{ID: id, Text: s, Class: Cls(shade(f, i, k), id != "" && id == pin, "pin")})
		}
		out = append(out, r)
	}
	return out
}

// entryID is the mark of the table's entry in row i and column k; grids have their last row on top.
func entryID(f *lab.Figure, i, k, rows int) string {
	switch f.Kind {
	case lab.Grid:
		return scene.MarkID(k, rows-1-i)
	case lab.Points:
		return ""
	}
	return scene.MarkID(i, k)
}

// shade is the entry's colour class: of shares only, as on the picture.
func shade(f *lab.Figure, i, k int) string {
	if f.Kind != lab.Grid || f.Scale != lab.Share {
		return ""
	}
	y := len(f.Cells) - 1 - i
	if y < 0 || k >= len(f.Cells[y]) || !f.Cells[y][k].Known() {
		return ""
	}
	return Tenths(float32(f.Cells[y][k]))
}
