package ui

import (
	"patchbay/shared/lab"
	"patchbay/wasm/scene"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Table is the picture's twin: the same numbers for a screen reader, and for everyone where
// no picture can be drawn.
type Table struct {
	L  *Lab
	On bool
}

// Row is a line of the table.
type Row struct {
	Name  string
	Cells []TableCell
}

// TableCell is one entry; Class is its shade.
type TableCell struct{ ID, Text, Small, Class string }

// maxColumns bounds the tree that every event renders again; the CSV has everything.
const maxColumns = 24

// window is the range of columns shown: all, or those about the pinned one.
func (c *Table) window(r *lab.LensResult) (from, to int) {
	n := len(r.Positions)
	if n <= maxColumns {
		return 0, n
	}
	from = max(0, min(c.L.Pages["lens"].Column()-maxColumns/2, n-maxColumns))
	return from, from + maxColumns
}

// figure is the report's picture, or nil.
func (c *Table) figure() *lab.Figure { return c.L.Page().FigureOf() }

func (c *Table) lens() *lab.LensResult {
	if c.L.Lesson != "lens" {
		return nil
	}
	return c.L.Pages["lens"].Lens
}

// Note says which columns are shown when not all are.
func (c *Table) Note() string {
	if f := c.figure(); f != nil {
		return c.reportNote(f)
	}
	r := c.lens()
	if r == nil || len(r.Positions) <= maxColumns {
		return ""
	}
	from, to := c.window(r)
	return c.L.T("table.window", text.Int(from+1), text.Int(to), text.Int(len(r.Positions)))
}

// Caption says what the entries are.
func (c *Table) Caption() string {
	if f := c.figure(); f != nil {
		return c.L.T("table.report", c.L.Say(f.Title)) + " " + c.L.Say(f.Unit)
	}
	if c.lens() != nil {
		return c.L.T("table.lens")
	}
	return c.L.T("table.generate")
}

// Head is the header row.
func (c *Table) Head() []string {
	if f := c.figure(); f != nil {
		head, _ := c.reportTable(f)
		return head
	}
	r := c.lens()
	if r == nil {
		return []string{c.L.T("table.step"), c.L.T("table.token"), c.L.T("table.p"), c.L.T("table.margin")}
	}
	from, to := c.window(r)
	head := []string{c.L.T("axis.layer")}
	for _, pos := range r.Positions[from:to] {
		head = append(head, text.Token(r.Tokens[pos].Text))
	}
	return head
}

// Rows is the body: layers from the last one down, or the generated tokens in order.
func (c *Table) Rows() []Row {
	if f := c.figure(); f != nil {
		return c.reportRows(f)
	}
	if r := c.lens(); r != nil {
		return c.lensRows(r)
	}
	var rows []Row
	for i, s := range c.L.Page().Steps {
		rows = append(rows, Row{text.Int(i + 1), []TableCell{{Text: text.Token(s.Text), Class: Tenths(s.P)},
			{Text: text.Prob(s.P)}, {Text: text.Number(float64(s.Margin), 2)}}})
	}
	return rows
}

func (c *Table) lensRows(r *lab.LensResult) []Row {
	from, to := c.window(r)
	pin := c.L.Pages["lens"].Pin
	var rows []Row
	for layer := len(r.Layers) - 1; layer >= 0; layer-- {
		row := Row{Name: text.Int(layer)}
		for col := from; col < to; col++ {
			t := lab.Guess{}
			if top := r.Layers[layer][col].Top; len(top) > 0 {
				t = top[0]
			}
			pinned := pin != nil && *pin == (state.Cell{Layer: layer, Column: col})
			row.Cells = append(row.Cells, TableCell{scene.CellID(layer, col), text.Token(t.Text), text.Prob(t.P), Cls(Tenths(t.P), pinned, "pin")})
		}
		rows = append(rows, row)
	}
	return rows
}
