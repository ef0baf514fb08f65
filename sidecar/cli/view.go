package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"patchbay/shared/lab"
)

// view shows an experiment to a person.
type view struct {
	e       *env
	partial func(raw json.RawMessage) // nil: parts are not shown as they come
	result  func(*lab.Outcome) error
}

// viewOf gives the view of an experiment: lessons are shown as reports, one without a view as JSON.
func viewOf(a lab.About, e *env) view {
	if a.Lesson != nil {
		return view{e: e, result: func(o *lab.Outcome) error { return showReport(e.Out, a, o.Result) }}
	}
	switch a.Name {
	case "lens":
		return view{e: e, result: func(o *lab.Outcome) error { return showLens(e.Out, o.Result) }}
	case "generate":
		return view{e: e, partial: func(raw json.RawMessage) { showStep(e, raw) }, result: func(o *lab.Outcome) error { return endText(e, o.Result) }}
	}
	return view{e: e, result: func(o *lab.Outcome) error {
		enc := json.NewEncoder(e.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(o.Result)
	}}
}

// events shows parts as they come, and other progress only until the first of them.
func (v view) events(progress func(lab.Event)) func(lab.Event) {
	begun := false
	return func(ev lab.Event) {
		if ev.Partial != nil {
			if !begun {
				v.e.endLine()
			}
			begun = true
			v.partial(ev.Partial)
		} else if !begun {
			progress(ev)
		}
	}
}

func showStep(e *env, raw json.RawMessage) {
	var s lab.GenerateStep
	if json.Unmarshal(raw, &s) == nil {
		io.WriteString(e.Out, visible(s.Chunk))
	}
}

func endText(e *env, raw json.RawMessage) error {
	var r lab.GenerateResult
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	fmt.Fprintln(e.Out)
	why := map[string]string{"count": "the number of tokens asked for was reached", "eos": "the model ended its answer", "context": "the model's context is full"}[r.Stop]
	e.say("%d tokens; %s", len(r.Steps), why)
	return nil
}

// columns is how many positions a lens table shows: the last ones.
const columns = 8

// showLens prints the layers upward, the model's own output on top: each position's first
// guess, and for the last position its probability and what became of the followed token.
func showLens(w io.Writer, raw json.RawMessage) error {
	var r lab.LensResult
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	from := max(0, len(r.Positions)-columns)
	var rows [][]string
	head := []string{"layer"}
	for _, p := range r.Positions[from:] {
		head = append(head, token(r.Tokens[p].Text))
	}
	rows = append(rows, append(head, "p", "follow "+token(r.Follow.Text), "rank", "entropy", "KL"))
	for l := len(r.Layers) - 1; l >= 0; l-- {
		row := []string{fmt.Sprint(l)}
		for _, c := range r.Layers[l][from:] {
			row = append(row, first(c))
		}
		c := r.Layers[l][len(r.Layers[l])-1]
		row = append(row, "", fmt.Sprintf("%.4f", c.FollowP), fmt.Sprint(c.FollowRank+1), fmt.Sprintf("%.2f", c.Entropy), fmt.Sprintf("%.2f", c.KL))
		if len(c.Top) > 0 {
			row[len(row)-5] = fmt.Sprintf("%.3f", c.Top[0].P)
		}
		rows = append(rows, row)
	}
	return table(w, rows)
}

func first(c lab.LensCell) string {
	if len(c.Top) == 0 {
		return ""
	}
	return token(c.Top[0].Text)
}

// token is a token with its spaces visible and at most 12 characters.
func token(s string) string {
	s = strings.NewReplacer(" ", "·", "\n", "↵", "\t", "⇥").Replace(visible(s))
	if utf8.RuneCountInString(s) > 12 {
		s = string([]rune(s)[:11]) + "…"
	}
	return s
}

// visible takes the control characters out of model output: a model must not be able to steer
// the terminal (T15).
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '�'
		}
		return r
	}, s)
}

// table prints rows in columns by the characters' display width.
func table(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(c))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, c := range row {
			b.WriteString(c)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-width(c)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// width is how many cells of a terminal a text takes; East Asian wide characters take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && (r <= 0x115f || (r >= 0x2e80 && r <= 0xa4cf) || (r >= 0xac00 && r <= 0xd7a3) || (r >= 0xf900 && r <= 0xfaff) ||
			(r >= 0xfe30 && r <= 0xfe6f) || (r >= 0xff00 && r <= 0xff60) || (r >= 0xffe0 && r <= 0xffe6) || r >= 0x1f300) {
			n++
		}
	}
	return n
}
