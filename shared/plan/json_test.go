package plan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"patchbay/shared/errs"
)

// complete uses every field of the format once.
const complete = `{
  "runs": [
    {"name": "clean", "prompt": "The capital of Poland is",
     "generation": {"count": 8, "temperature": 0.5, "top_k": 40, "top_p": 0.9, "seed": 7, "stop_at_eos": true},
     "reads": [
       {"name": "h", "site": "hook_resid_post", "layers": 12, "positions": -1},
       {"name": "top", "site": "hook_resid_post", "layers": "all", "positions": "all", "reduce": "topk", "k": 5},
       {"name": "p", "site": "logits", "positions": {"text": "Poland", "occurrence": -1, "which": "first"}, "reduce": "logprob", "tokens": [28918, " Warsaw", {"answer": "clean"}]}
     ]},
    {"name": "patched", "base": "clean",
     "edits": [
       {"site": "attn.hook_z", "layers": [3, 4], "heads": [0, 5], "index": "all", "op": "set", "operand": 0},
       {"site": "hook_resid_post", "layers": 5, "positions": [0, 3], "phase": "all", "op": "add", "strength": 0.5, "operand": {"reads": [{"run": "clean", "read": "h", "weight": -1}]}},
       {"site": "hook_resid_pre", "layers": 2, "op": "project", "operand": {"vector": "refusal"}},
       {"site": "hook_mlp_out", "layers": 2, "op": "affine", "operand": {"shape": [2, 2], "values": [1, 0, 0, 1]}, "bias": [1, 2]},
       {"site": "attn.hook_attn_scores", "layers": 2, "positions": -1, "keys": {"text": "Poland"}, "op": "mask"},
       {"site": "hook_resid_post", "layers": 2, "op": "dict", "operand": {"dictionary": "sae"}, "features": 3, "do": "add", "keep_error": true}
     ],
     "reads": [
       {"name": "kl", "site": "logits", "reduce": "kl", "to": "clean"},
       {"name": "dir", "site": "hook_resid_post", "layers": 2, "before": true, "phase": "generated", "reduce": "projection", "operand": [1, 0, 0]},
       {"name": "g", "site": "attn.hook_pattern", "layers": 2, "keys": 0, "gradient_of": "kl"}
     ]},
    {"name": "chat", "prompt": {"messages": [{"role": "user", "content": "Hi"}]}},
    {"name": "turn", "prompt": {"text": "Hi", "chat": true}},
    {"name": "ids", "prompt": {"ids": [1, 2, 3]}}
  ]
}`

// TestRoundTrip checks that JSON and Go say the same both ways.
func TestRoundTrip(t *testing.T) {
	p := must(Parse([]byte(complete)))(t)
	out := must(json.Marshal(p))(t)
	again := must(Parse(out))(t)
	if !reflect.DeepEqual(p, again) {
		t.Errorf("a plan changed on its way through JSON:\n%s", out)
	}
	var a, b any
	if json.Unmarshal([]byte(complete), &a) != nil || json.Unmarshal(out, &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("the JSON written differs from the JSON read:\n%s", out)
	}
	e := p.Runs[1].Edits
	if !reflect.DeepEqual(e[0].Heads, Select{List: []int{0, 5}}) || !e[0].Index.All || e[0].Operand.Values[0] != 0 || *e[1].Strength != 0.5 {
		t.Errorf("fields were misread: %+v", e[:2])
	}
	if r := p.Runs[0].Reads[2]; *r.Positions.Text != (TextPosition{"Poland", -1, First}) || r.Tokens[0].ID != 28918 || r.Tokens[1].Text != " Warsaw" || r.Tokens[2].Answer != "clean" {
		t.Errorf("fields were misread: %+v", r)
	}
}

// TestParseRefuses lists malformed plans with the words that a person gets.
func TestParseRefuses(t *testing.T) {
	edit := func(s string) string { return `{"runs":[{"name":"a","prompt":"x","edits":[` + s + `]}]}` }
	for _, c := range []struct {
		name, in, want string
		kind           errs.Kind
	}{
		{"empty", ``, "not JSON", errs.Invalid},
		{"cut off", `{"runs":[{"name":`, "not JSON: unexpected end of JSON input", errs.Invalid},
		{"trailing", `{"runs":[]} x`, "not JSON", errs.Invalid},
		{"not an object", `[]`, "an object belongs here, not array", errs.Invalid},
		{"unknown field", `{"runs":[],"sweeps":[]}`, `unknown field "sweeps"; known are runs`, errs.Invalid},
		{"unknown run field", `{"runs":[{"nmae":"a"}]}`, `runs[0]: unknown field "nmae"; known are name, base, prompt, generation, edits, reads`, errs.Invalid},
		{"unknown edit field", edit(`{"site":"x"},{"sites":"x"}`), `runs[0].edits[1]: unknown field "sites"; known are site, layers`, errs.Invalid},
		{"case matters", edit(`{"Site":"x"}`), `runs[0].edits[0]: unknown field "Site"`, errs.Invalid},
		{"unknown position field", edit(`{"positions":{"txt":"x"}}`), `runs[0].edits[0].positions: unknown field "txt"; known are text, occurrence, which`, errs.Invalid},
		{"unknown operand field", edit(`{"operand":{"read":"x"}}`), `runs[0].edits[0].operand: unknown field "read"`, errs.Invalid},
		{"unknown term field", edit(`{"operand":{"reads":[{"rum":"x"}]}}`), `runs[0].edits[0].operand.reads[0]: unknown field "rum"`, errs.Invalid},
		{"layer as text", edit(`{"layers":"five"}`), `runs[0].edits[0].layers: "five" is neither an integer, a list of integers nor "all"`, errs.Invalid},
		{"layer as fraction", edit(`{"layers":1.5}`), `runs[0].edits[0].layers: 1.5 is not a whole number`, errs.Invalid},
		{"layer beyond counting", edit(`{"layers":99999999999999999999}`), `runs[0].edits[0].layers: 99999999999999999999 is not a whole number`, errs.Invalid},
		{"NaN", edit(`{"operand":[1,NaN]}`), "NaN cannot stand in JSON", errs.Invalid},
		{"Infinity", edit(`{"operand":{"values":[-Infinity]}}`), "Infinity cannot stand in JSON", errs.Invalid},
		{"number too large", edit(`{"operand":[1e60]}`), "runs[0].edits[0].operand: 1e60 is not a finite number of float32", errs.Invalid},
		{"strength as text", edit(`{"strength":"much"}`), "runs[0].edits[0].strength: a finite number of float64 belongs here, not string", errs.Invalid},
		{"empty token", `{"runs":[{"reads":[{"tokens":[""]}]}]}`, "runs[0].reads[0].tokens[0]: an empty text is no token", errs.Invalid},
		{"answer of nobody", `{"runs":[{"reads":[{"tokens":[{"answer":""}]}]}]}`, "runs[0].reads[0].tokens[0]: answer must name a run", errs.Invalid},
		{"too many runs", `{"runs":[` + strings.Repeat(`{},`, MaxRuns) + `{}]}`, "runs: has a length of 1025; at most 1024 is allowed", errs.TooLarge},
		{"too many edits", edit(strings.Repeat(`{},`, MaxEdits) + `{}`), "runs[0].edits: has a length of 4097", errs.TooLarge},
		{"too many layers", edit(`{"layers":[` + strings.Repeat("1,", MaxSelect) + `1]}`), "is over the limit", errs.Invalid},
		{"too large", `{"runs":[]` + strings.Repeat(" ", MaxBytes) + `}`, "at most 8388608 are read", errs.TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
				t.Errorf("got %v (%v)\nwant %q (%v)", err, errs.KindOf(err), c.want, c.kind)
			}
		})
	}
}

// TestEditsAlone reads a list of edits as experiments take it.
func TestEditsAlone(t *testing.T) {
	e := must(ParseEdits([]byte(`[{"site":"hook_resid_post","layers":3,"op":"scale","strength":0}]`)))(t)
	if len(e) != 1 || e[0].Op != Scale || *e[0].Strength != 0 {
		t.Errorf("misread: %+v", e)
	}
	if _, err := ParseEdits([]byte(`[{"sight":"x"}]`)); err == nil || !strings.HasPrefix(err.Error(), `[0]: unknown field "sight"`) {
		t.Errorf("got %v", err)
	}
	// An edit inside another type is decoded as strictly.
	var inside struct{ Edits []Edit }
	if err := json.Unmarshal([]byte(`{"Edits":[{"sight":"x"}]}`), &inside); err == nil {
		t.Error("an unknown field of an edit inside another type was taken")
	}
}
