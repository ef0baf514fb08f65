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
	if p.Outcome == nil {
		return nil
	}
	name := "patchbay-" + p.Name
	switch format {
	case "json":
		raw, err := json.MarshalIndent(p.Outcome, "", "  ")
		if err != nil {
			return a.Tell("export.failed", err.Error())
		}
		return []Effect{File{name + ".json", "application/json", append(raw, '\n')}}
	case "csv":
		return []Effect{File{name + ".csv", "text/csv", records(p.Records())}}
	}
	return []Effect{Export{format}}
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

// Records is the result in long form.
func (p *Page) Records() [][]string {
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
