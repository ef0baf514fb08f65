package state

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"patchbay/wasm/scene"
)

// SaveAs exports the page's result: "json" is the outcome as every surface has it, "csv" a
// record per cell or per token; "png" and "svg" are the picture.
func (a *App) SaveAs(format string) []Effect {
	p := a.Page()
	name := a.FileName()
	switch {
	case p.Outcome == nil && (p.Report == nil || format == "json"):
		return nil
	case format == "json":
		raw, err := json.MarshalIndent(p.Outcome, "", "  ")
		if err != nil {
			return a.Tell("export.failed", err.Error())
		}
		return []Effect{File{name + ".json", "application/json", append(raw, '\n')}}
	case format == "csv":
		return []Effect{File{name + ".csv", "text/csv", records(p.Records())}}
	}
	return []Effect{Export{format}}
}

// reportRecords are all pictures of a report, or its texts token by token if it has none.
func (p *Page) reportRecords() [][]string {
	var out [][]string
	for i := range p.Report.Figures {
		rows := scene.FigureRecords(&p.Report.Figures[i])
		if i > 0 {
			rows = rows[1:]
		}
		out = append(out, rows...)
	}
	if len(out) > 0 {
		return out
	}
	out = [][]string{{"text", "step", "id", "token", "p"}}
	for _, t := range p.Report.Passages {
		for i, s := range t.Steps {
			if !t.Hidden {
				out = append(out, []string{t.Name.String(), strconv.Itoa(i), strconv.Itoa(int(s.ID)), s.Text, strconv.FormatFloat(float64(s.P), 'g', 6, 32)})
			}
		}
	}
	return out
}

// records writes CSV (RFC 4180) with a byte-order mark: without one, spreadsheets take
// Chinese for Latin-1.
func records(rows [][]string) []byte {
	b := bytes.NewBufferString("\ufeff")
	for _, row := range rows {
		for i, field := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(field, ",\"\r\n") || strings.HasPrefix(field, " ") {
				field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
			}
			b.WriteString(field)
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// FileName is how files of the page's result are called: by the lesson and, of several pictures,
// the one shown.
func (a *App) FileName() string {
	p := a.Page()
	if f := p.FigureOf(); f != nil && f.Name != "" {
		return "patchbay-" + p.Name + "-" + fileName(f.Name)
	}
	return "patchbay-" + p.Name
}

// Records is the result in long form.
func (p *Page) Records() [][]string {
	if p.Report != nil {
		return p.reportRecords()
	}
	if p.Name == "lens" && p.Lens != nil {
		return scene.LensRecords(p.Lens)
	}
	out := [][]string{{"step", "id", "token", "chunk", "p", "margin"}}
	for i, s := range p.Steps {
		out = append(out, []string{strconv.Itoa(i), strconv.Itoa(int(s.ID)), s.Text, s.Chunk,
			strconv.FormatFloat(float64(s.P), 'g', 6, 32), strconv.FormatFloat(float64(s.Margin), 'g', 6, 32)})
	}
	return out
}
