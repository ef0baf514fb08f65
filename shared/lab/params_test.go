package lab

import (
	"encoding/json"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// TestRegistry checks what every surface relies on: names, defaults that pass their own
// check, help for everything.
func TestRegistry(t *testing.T) {
	if _, err := Get("lense"); err == nil || errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), `there is no experiment "lense"; there are `) || !strings.Contains(err.Error(), "lens, ") {
		t.Errorf("got %v", err)
	}
	for _, a := range All() {
		if a.Name == "" || a.Title == "" || a.Help == "" {
			t.Errorf("%s is not described", a.Name)
		}
		for _, p := range a.Params {
			if p.Help == "" {
				t.Errorf("%s.%s has no help", a.Name, p.Name)
			}
		}
		full, err := Complete(a, nil)
		if err != nil {
			t.Errorf("the defaults of %s are refused: %v", a.Name, err)
		}
		if again, err := Complete(a, full); err != nil || string(again) != string(full) {
			t.Errorf("complete parameters of %s changed: %s, %v", a.Name, again, err)
		}
		if raw, err := json.Marshal(a); err != nil || !strings.Contains(string(raw), `"name":"`+a.Name+`"`) {
			t.Errorf("%s cannot travel: %v", a.Name, err)
		}
	}
}

// TestComplete checks the canonical form: every parameter, in order, readable.
func TestComplete(t *testing.T) {
	for _, c := range []struct{ experiment, in, want string }{
		{"lens", `{"topk": 3.0, "prompt": "<b> & Łódź"}`, `{"prompt":"<b> & Łódź","chat":false,"positions":"all","topk":3,"follow":""}`},
		{"lens", ` null`, `{"prompt":"The capital of Poland is","chat":false,"positions":"all","topk":5,"follow":""}`},
		{"generate", `{"count": 2, "temperature": 0.5, "seed": 9007199254740991, "edits": [{"site": "attn.hook_z", "layers": 1, "heads": 2, "op": "scale", "strength": 0}]}`,
			`{"prompt":"The capital of Poland is","chat":false,"count":2,"temperature":0.5,"top_k":0,"top_p":1,"seed":9007199254740991,"stop_at_eos":true,"edits":[{"site":"attn.hook_z","layers":1,"heads":2,"op":"scale","strength":0}]}`},
	} {
		got, err := Complete(must(Get(c.experiment))(t).About, json.RawMessage(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s %s:\n%s %v\nwant\n%s", c.experiment, c.in, got, err, c.want)
		}
	}
}

// TestParamsRefused lists bad parameters with the words that a person gets.
func TestParamsRefused(t *testing.T) {
	for _, c := range []struct {
		experiment, in, want string
		kind                 errs.Kind
	}{
		{"lens", `[]`, "an object belongs here, not array", errs.Invalid},
		{"lens", `{"promt": "x"}`, `lens has no parameter "promt"; it has prompt, chat, positions, topk, follow`, errs.Invalid},
		{"lens", `{"topk": 0}`, "topk: 0 is outside 1 to 20", errs.Invalid},
		{"lens", `{"topk": 21}`, "topk: 21 is outside 1 to 20", errs.Invalid},
		{"lens", `{"topk": 2.5}`, "topk: 2.5 is not a whole number", errs.Invalid},
		{"lens", `{"topk": "5"}`, `topk: "5" is not a whole number`, errs.Invalid},
		{"lens", `{"topk": NaN}`, "NaN cannot stand in JSON", errs.Invalid},
		{"lens", `{"positions": "first"}`, `positions: "first" is not one of all, last`, errs.Invalid},
		{"lens", `{"chat": 1}`, "chat: 1 is neither true nor false", errs.Invalid},
		{"lens", `{"prompt": 5}`, "prompt: 5 is not a text", errs.Invalid},
		{"lens", `{"prompt": "` + strings.Repeat("x", MaxText+1) + `"}`, "prompt: the text has 65537 bytes; at most 65536 are allowed", errs.TooLarge},
		{"generate", `{"count": 1e9}`, "count: 1000000000 is outside 1 to 1024", errs.Invalid},
		{"generate", `{"temperature": -1}`, "temperature: -1 is outside 0 to 10", errs.Invalid},
		{"generate", `{"edits": [{"sight": "x"}]}`, `edits: [0]: unknown field "sight"`, errs.Invalid},
		{"generate", `{"edits": [` + strings.Repeat(`{},`, MaxEdits) + `{}]}`, "edits: there are 257 edits; at most 256 are allowed", errs.TooLarge},
	} {
		_, err := Complete(must(Get(c.experiment))(t).About, json.RawMessage(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
			t.Errorf("%.60s:\ngot  %v (%v)\nwant %s (%v)", c.in, err, errs.KindOf(err), c.want, c.kind)
		}
	}
}

// TestFlags makes parameters of what a command line gives.
func TestFlags(t *testing.T) {
	about := must(Get("generate"))(t).About
	got := must(ParseFlags(about, map[string]string{"prompt": `"quoted"`, "top-k": "40", "chat": "true", "edits": `[{"site":"hook_mlp_out","layers":0,"op":"scale"}]`}))(t)
	var p GenerateParams
	if err := json.Unmarshal(got, &p); err != nil || p.Prompt != `"quoted"` || p.TopK != 40 || !p.Chat || p.Count != 32 || len(p.Edits) != 1 || p.Edits[0].Op != plan.Scale {
		t.Errorf("%+v %v", p, err)
	}
	for flag, want := range map[string]string{"count=many": `--count: "many" is not a whole number`, "cuont=3": `generate has no parameter "cuont"`, "edits=[": "is not a JSON list of edits"} {
		name, value, _ := strings.Cut(flag, "=")
		if _, err := ParseFlags(about, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", flag, err)
		}
	}
	for _, p := range about.Params {
		if p.Name == "count" && p.Usage() != "1 to 1024; default 32" {
			t.Errorf("usage of count is %q", p.Usage())
		}
	}
}

// TestBadRuns checks what only the model can refuse, and that a price refuses it too.
func TestBadRuns(t *testing.T) {
	b := bench(t, models[0].id)
	for _, c := range []struct {
		experiment, in, want string
		kind                 errs.Kind
	}{
		{"lens", `{"prompt": ""}`, "the prompt is empty", errs.Invalid},
		{"lens", `{"prompt": "` + strings.Repeat("word ", 600) + `"}`, "the prompt has 601 tokens; at most 512 fit", errs.TooLarge},
		{"lens", `{"follow": "two words"}`, "choose a text that is one token", errs.Invalid},
		{"generate", `{"count": 600}`, "a prompt of 5 tokens and 600 new ones do not fit: the model is loaded for 512", errs.TooLarge},
		{"generate", `{"edits": [{"site": "hook_resid_post", "layers": 999, "op": "set", "operand": 0}]}`, "edits[0].layers: there is no layer 999; this model has 30 layers here", errs.Invalid},
		{"generate", `{"edits": [{"site": "hook_nowhere", "op": "set", "operand": 0}]}`, `there is no site "hook_nowhere"`, errs.NotFound},
	} {
		e := must(Get(c.experiment))(t)
		_, err := e.Run(t.Context(), b, json.RawMessage(c.in), nil)
		_, priceErr := e.Price(b, json.RawMessage(c.in))
		for _, err := range []error{err, priceErr} {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "runs[") || errs.KindOf(err) != c.kind {
				t.Errorf("%.60s:\ngot  %v (%v)\nwant %s (%v)", c.in, err, errs.KindOf(err), c.want, c.kind)
			}
		}
	}
}

// TestPrice checks that more work costs more, in the right proportion.
func TestPrice(t *testing.T) {
	b := bench(t, models[0].id)
	price := func(name, params string) Price { return must(must(Get(name))(t).Price(b, json.RawMessage(params)))(t) }
	last, all := price("lens", `{"positions": "last"}`), price("lens", `{}`)
	// SmolLM2 has 106 million weights in its layers and 28 million in the unembedding.
	if last.FLOPs < 2e9 || last.FLOPs > 4e9 || all.FLOPs < 8e9 || all.FLOPs > 12e9 {
		t.Errorf("a lens costs %.3g at one position and %.3g at five", last.FLOPs, all.FLOPs)
	}
	short, long := price("generate", `{"count": 10}`), price("generate", `{"count": 100}`)
	if long.FLOPs < 5*short.FLOPs || long.Seconds < 5*short.Seconds || long.Bytes <= short.Bytes {
		t.Errorf("100 tokens cost %+v, 10 cost %+v", long, short)
	}
}

// TestGenerateEdits checks that edits change the text and are part of the record.
func TestGenerateEdits(t *testing.T) {
	b := bench(t, models[0].id)
	clean, _ := run[GenerateResult](t, b, "generate", `{"count": 6}`, nil)
	out, edited := run[GenerateResult](t, b, "generate", `{"count": 6, "edits": [{"site": "hook_attn_out", "layers": "all", "op": "set", "operand": 0}]}`, nil)
	_, same := run[GenerateResult](t, b, "generate", string(clean.Params), nil)
	if string(out.Result) == string(clean.Result) || len(edited.Steps) == 0 {
		t.Error("turning attention off changed nothing")
	}
	if raw := marshal(t, same); raw != string(clean.Result) && same.Text == "" {
		t.Errorf("the same parameters gave %s, then %s", clean.Result, raw)
	}
	if !strings.Contains(string(out.Params), `"edits":[{"site":"hook_attn_out","layers":"all","op":"set","operand":0}]`) || out.Experiment != "generate" || out.Parity.Model == "" {
		t.Errorf("the record is incomplete: %s", out.Params)
	}
}
