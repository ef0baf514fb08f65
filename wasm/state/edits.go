package state

import (
	"encoding/json"
	"strconv"
	"strings"
)

// EditDraft is the small form that makes one edit. The full language (docs/plan.md) can be
// typed as JSON below it.
type EditDraft struct {
	Site      string
	Layer     string // "12", "10-14" or "all"
	Positions string // "all", "last" or numbers: "3, 4"
	Op        string // "zero", "scale" or "add"
	Strength  string
}

// EditSites are the sites that the form offers, in the order of the forward pass.
var EditSites = []string{"hook_resid_pre", "hook_attn_out", "hook_mlp_out", "hook_resid_post", "attn.hook_z", "mlp.hook_post"}

// EditOps are what the form offers.
var EditOps = []string{"zero", "scale", "add"}

// NewDraft is the form as it opens.
func NewDraft() EditDraft {
	return EditDraft{Site: "hook_mlp_out", Layer: "0", Positions: "all", Op: "zero", Strength: "1"}
}

// Edit is the draft as a plan's edit, or the name of the box that cannot be read.
func (d EditDraft) Edit() (edit map[string]any, wrong string) {
	edit = map[string]any{"site": d.Site}
	layers, ok := numbers(d.Layer)
	if !ok {
		return nil, "layer"
	}
	edit["layers"] = layers
	switch pos, ok := numbers(d.Positions); {
	case strings.TrimSpace(d.Positions) == "last":
		edit["positions"] = []int{-1}
	case !ok:
		return nil, "positions"
	case pos != "all":
		edit["positions"] = pos
	}
	s, err := strconv.ParseFloat(strings.TrimSpace(d.Strength), 64)
	if d.Op != "zero" && (err != nil || s-s != 0) {
		return nil, "strength"
	}
	switch d.Op {
	case "zero":
		edit["op"], edit["operand"] = "set", 0
	case "scale":
		edit["op"], edit["strength"] = "scale", s
	default:
		edit["op"], edit["operand"] = "add", s
	}
	return edit, ""
}

// numbers reads "all", "3", "3, 4" or "3-5"; a range is at most 1024 long.
func numbers(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "all" || s == "" {
		return "all", true
	}
	var out []int
	for _, part := range strings.Split(s, ",") {
		part = strings.TrimSpace(part)
		lo, hi, isRange := strings.Cut(part, "-")
		if lo == "" { // a negative number, from the end
			lo, isRange = part, false
		}
		a, err := strconv.Atoi(strings.TrimSpace(lo))
		b := a
		if err == nil && isRange {
			b, err = strconv.Atoi(strings.TrimSpace(hi))
		}
		if err != nil || b < a || b-a > 1024 {
			return nil, false
		}
		for ; a <= b; a++ {
			out = append(out, a)
		}
	}
	return out, true
}

// readEdits reads the JSON box: a list of objects. The engine checks what they say.
func readEdits(typed string) (any, bool) {
	if strings.TrimSpace(typed) == "" {
		return []any{}, true
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(typed), &list); err != nil {
		return nil, false
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e
	}
	return out, true
}

// Edits is the page's list of edits.
func (p *Page) Edits() []any { l, _ := p.Params["edits"].([]any); return l }

// AddEdit appends the draft's edit; wrong names the box that cannot be read.
func (a *App) AddEdit(d EditDraft) (effects []Effect, wrong string) {
	e, wrong := d.Edit()
	if wrong != "" {
		return nil, wrong
	}
	p := a.Page()
	a.remember()
	list := append(append([]any{}, p.Edits()...), e)
	return a.Set("edits", list), ""
}

// DropEdit removes the i-th edit; it can be undone.
func (a *App) DropEdit(i int) []Effect {
	list := a.Page().Edits()
	if i < 0 || i >= len(list) {
		return nil
	}
	a.remember()
	out := a.Set("edits", append(append([]any{}, list[:i]...), list[i+1:]...))
	return append(out, a.offerUndo("undo.dropped")...)
}

// EditLine is an edit in a few words: "hook_mlp_out · layer 12 · set 0".
func EditLine(e any) string {
	m, _ := e.(map[string]any)
	var parts []string
	for _, k := range []string{"site", "layers", "positions", "op", "strength", "operand"} {
		v, ok := m[k]
		if !ok {
			continue
		}
		raw, _ := json.Marshal(v)
		s := strings.Trim(string(raw), `"`)
		if k == "layers" || k == "positions" {
			s = k + " " + s
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " · ")
}
