package state

import (
	"strings"
	"unicode/utf8"

	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// MaxFile is the largest list or vector file, in bytes, that is read from the person's disk.
const MaxFile = 4 << 20

// lineEnd stands for a line end inside an entry, as everywhere on the page.
const lineEnd = "⏎"

// pairLines are pairs as they stand in their box, a line for each: "left | right", or with a tab
// between where a side has the bar itself.
func pairLines(pairs [][]string) string {
	var b strings.Builder
	for _, p := range pairs {
		between := " | "
		if strings.Contains(p[0]+p[1], "|") {
			between = "\t"
		}
		b.WriteString(oneLine(p[0]) + between + oneLine(p[1]) + "\n")
	}
	return b.String()
}

func textLines(texts []string) string {
	var b strings.Builder
	for _, s := range texts {
		b.WriteString(oneLine(s) + "\n")
	}
	return b.String()
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", lineEnd) }

// lines are the lines that say something, with their numbers from 1.
func lines(typed string) (out []string, at []int) {
	for i, line := range strings.Split(typed, "\n") {
		if line = strings.TrimSuffix(line, "\r"); strings.TrimSpace(line) != "" {
			out, at = append(out, strings.ReplaceAll(line, lineEnd, "\n")), append(at, i+1)
		}
	}
	return out, at
}

// readPairs reads a box of pairs; why says what is wrong.
func readPairs(typed string) (pairs [][]string, why *Fact) {
	list, at := lines(typed)
	pairs = [][]string{}
	for i, line := range list {
		left, right, cut := strings.Cut(line, "\t")
		if !cut {
			left, right, _ = strings.Cut(line, "|")
			left, right = strings.TrimSuffix(left, " "), strings.TrimPrefix(right, " ")
		}
		if strings.TrimSpace(left) == "" || strings.TrimSpace(right) == "" {
			return nil, &Fact{"lists.oneside", []string{text.Int(at[i])}}
		}
		pairs = append(pairs, []string{left, right})
	}
	return pairs, tooMany(len(pairs))
}

func tooMany(n int) *Fact {
	if n > lab.MaxItems {
		return &Fact{"lists.many", []string{text.Int(n), text.Int(lab.MaxItems)}}
	}
	return nil
}

// readList reads the box of a list.
func readList(d lab.Param, typed string) (v any, why *Fact) {
	if d.Kind == lab.Pairs {
		return readPairs(typed)
	}
	list, _ := lines(typed)
	if list == nil {
		list = []string{}
	}
	return list, tooMany(len(list))
}

// setList takes in a list as it is typed. What cannot be read stays in its box, and the last
// good list stays in force.
func (a *App) setList(d lab.Param, typed string) []Effect {
	p := a.Page()
	v, why := readList(d, typed)
	if why != nil {
		p.Wrong[d.Name], p.Why[d.Name] = typed, *why
		return nil
	}
	out := a.Set(d.Name, v)
	p.Typed[d.Name] = typed
	return out
}

// Count is the number of a list's entries.
func (p *Page) Count(name string) int {
	switch v := p.Params[name].(type) {
	case [][]string:
		return len(v)
	case []string:
		return len(v)
	}
	return 0
}

// OwnList brings the lesson's own list back; it can be undone.
func (a *App) OwnList(name string) []Effect {
	p := a.Page()
	a.remember()
	return append(a.Set(name, p.base[name]), a.offerUndo("undo.replaced")...)
}

// ClearList empties a list; it can be undone.
func (a *App) ClearList(d lab.Param) []Effect {
	a.remember()
	empty, _ := take(d, []any{})
	return append(a.Set(d.Name, empty), a.offerUndo("lists.cleared")...)
}

// BigFile refuses a file that was not even read.
func (a *App) BigFile(name string, size int64) []Effect {
	return a.Tell("file.big", name, text.Bytes(size), text.Bytes(MaxFile))
}

// UploadList takes in a list from a file: CSV with two columns for pairs, CSV or lines for
// texts. A file of another shape is answered in words, and the list stays as it was.
func (a *App) UploadList(d lab.Param, name string, data []byte) []Effect {
	if len(data) > MaxFile {
		return a.BigFile(name, int64(len(data)))
	}
	v, n, why := fileList(d, name, data)
	if why != nil {
		return a.Tell(why.Key, why.Args...)
	}
	a.remember()
	out := a.Set(d.Name, v)
	a.Notice = &Toast{Key: "lists.read", Args: []string{text.Int(n), name}, Undo: true}
	return append(out, Wait{"toast", toastTime}, Say{Text: a.T("lists.read", text.Int(n), name)})
}

// fileList reads a file's list.
func fileList(d lab.Param, name string, data []byte) (v any, n int, why *Fact) {
	s := strings.TrimPrefix(string(data), "\ufeff")
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil, 0, &Fact{"file.text", []string{name}}
	}
	rows, bad := csvRows(s)
	switch {
	case bad > 0:
		return nil, 0, &Fact{"file.quote", []string{name, text.Int(bad)}}
	case len(rows) == 0:
		return nil, 0, &Fact{"file.empty", []string{name}}
	case len(rows) > lab.MaxItems+1:
		return nil, 0, &Fact{"file.rows", []string{name, text.Int(len(rows)), text.Int(lab.MaxItems)}}
	}
	if d.Kind == lab.Texts {
		texts := []string{}
		for _, r := range rows {
			texts = append(texts, r[0])
		}
		return texts, len(texts), nil
	}
	return rowPairs(name, rows)
}

// rowPairs makes pairs of rows; a first row that only names the columns is left out.
func rowPairs(name string, rows [][]string) (v any, n int, why *Fact) {
	if len(rows) > 1 && len(rows[0]) == 2 && headings[strings.ToLower(strings.TrimSpace(rows[0][0])+","+strings.TrimSpace(rows[0][1]))] {
		rows = rows[1:]
	}
	for i, r := range rows {
		if len(r) != 2 {
			return nil, 0, &Fact{"file.shape", []string{name, text.Int(i + 1), text.Int(len(r))}}
		}
		if strings.TrimSpace(r[0]) == "" || strings.TrimSpace(r[1]) == "" {
			return nil, 0, &Fact{"file.oneside", []string{name, text.Int(i + 1)}}
		}
	}
	return rows, len(rows), nil
}

var headings = map[string]bool{"left,right": true, "positive,negative": true, "question,answer": true, "input,output": true}

// csvRows reads CSV (RFC 4180) with commas, or with tabs if the first line has one; empty lines
// are left out. bad is the row, from 1, whose quotation mark is not closed.
func csvRows(s string) (rows [][]string, bad int) {
	comma := byte(',')
	if first, _, _ := strings.Cut(s, "\n"); strings.Contains(first, "\t") {
		comma = '\t'
	}
	for s != "" {
		var row []string
		for more := true; more; {
			var field string
			var ok bool
			if field, s, more, ok = csvField(s, comma); !ok {
				return nil, len(rows) + 1
			}
			row = append(row, field)
		}
		if len(row) > 1 || strings.TrimSpace(row[0]) != "" {
			rows = append(rows, row)
		}
	}
	return rows, 0
}

// csvField takes a field off the front; more says that another one follows in its row.
func csvField(s string, comma byte) (field, rest string, more, ok bool) {
	if strings.HasPrefix(s, `"`) {
		for from := 1; ; {
			i := strings.IndexByte(s[from:], '"')
			if i < 0 {
				return "", "", false, false
			}
			from += i + 1
			if !strings.HasPrefix(s[from:], `"`) {
				field, s = strings.ReplaceAll(s[1:from-1], `""`, `"`), s[from:]
				break
			}
			from++
		}
	}
	end := strings.IndexAny(s, string([]byte{comma, '\n'}))
	if end < 0 {
		return field + strings.TrimSuffix(s, "\r"), "", false, true
	}
	return field + strings.TrimSuffix(s[:end], "\r"), s[end+1:], s[end] == comma, true
}
