package ui

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// steering is a lesson with a parameter of every kind, as the registry would describe it.
func steering() lab.About {
	lo, hi := 0.0, 7.0
	return lab.About{Name: "steer", Title: "Steering", Source: "Zou et al. (2023)",
		Params: []lab.Param{
			{Name: "prompt", Kind: lab.Text, Default: "Tom says:"},
			{Name: "layer", Kind: lab.Int, Default: 3.0, Min: &lo, Max: &hi, Label: "Layer", Help: "Where."},
			{Name: "how", Kind: lab.Choice, Default: "add", Choices: []string{"add", "subtract", "project out of the stream", "replace"}, Label: "How", Help: "What to do."},
			{Name: "chat", Kind: lab.Bool, Default: false},
			{Name: "pairs", Kind: lab.Pairs, Default: []any{[]any{"happy", "sad"}, []any{"a | b", "</textarea><b>"}}, Label: "Pairs", Help: "The two sides."},
			{Name: "vector", Kind: lab.Dir, Default: nil, Label: "Vector", Help: "A kept one."},
			{Name: "seed", Kind: lab.Int, Default: 1.0, More: true, Help: "The same seed, the same sample."},
		},
		Lesson:  &lab.Lesson{Idea: "Add a direction.", Predict: "What comes out?", Guesses: [3]string{"more", "the same", "less"}, Fails: "At strengths that wreck the text."},
		Models:  []string{"pocket", "gemma3-270m", "elsewhere"},
		Presets: []lab.Preset{{Name: "mood", Title: "A mood", Model: "pocket", Params: json.RawMessage(`{"layer":5}`), Said: "0.9 against 0.1."}, {Name: "french", Title: "French", Model: "gemma3-270m", Params: json.RawMessage(`{"layer":2}`)}},
	}
}

// steered is its report.
func steered() lab.Report {
	answer := 0
	say := func(s string, args ...string) lab.Words { return lab.Words{Text: s, Args: args} }
	step := func(s string) lab.GenerateStep {
		return lab.GenerateStep{TokenText: lab.TokenText{ID: 5, Text: s}, Chunk: s, P: 0.5}
	}
	note := say("score {0}", "0.9")
	return lab.Report{
		Figures: []lab.Figure{
			{Name: "sweep", Kind: lab.Grid, Title: say("Layer by strength"), Unit: say("share of flips"), Scale: lab.Share,
				X: lab.Axis{Name: say("strength"), Labels: []string{"1", "2", "4"}}, Y: lab.Axis{Name: say("layer"), Labels: []string{"0", "1"}},
				Cells: [][]lab.Num{{0.1, 0.2, 0.3}, {0.4, 0.9, 0.6}}, Best: &[2]int{1, 1}},
			{Name: "lines", Kind: lab.Lines, Title: say("By layer"), Unit: say("accuracy"), Scale: lab.Share, X: lab.Axis{Name: say("layer"), Labels: []string{"0", "1"}},
				Series: []lab.Series{{Name: say("vector"), Values: []lab.Num{0.2, 0.9}, Low: []lab.Num{0.1, 0.8}, High: []lab.Num{0.3, 1}}, {Name: say("random"), Values: []lab.Num{0.1, 0.1}, Control: true}}},
		},
		Facts:    []lab.Words{say("It flips {0} of them.", "90 %")},
		Passages: []lab.Passage{{Name: say("unsteered"), Prompt: "Tom says:", Steps: []lab.GenerateStep{step(" <b>ok"), step("\n.")}, Text: " <b>ok\n."}, {Name: say("random"), Prompt: "Tom says:", Text: "noise", Control: true, Note: &note}, {Name: say("harmful"), Text: "not to be shown", Hidden: true, Note: &note}},
		Vectors:  []lab.Vector{{Name: "mood", Model: "pocket", Site: "hook_resid_post", Layer: 3, Values: lab.Floats{1, 2}, Made: "steer"}},
		Answer:   &answer, Kept: 28, Of: 30,
	}
}

// lesson opens the lesson of a place whose first model is loaded.
func lesson(t *testing.T, lang text.Lang) *Lab {
	t.Helper()
	l := newLab(lang)
	l.Line(state.Tab, state.Open, nil, &wire.Welcome{Place: "tab", Experiments: []lab.About{steering(), {Name: "lens"}},
		Models: []wire.ModelInfo{{ID: "pocket", Name: "Pocket", Size: 2_000_000, Here: 2_000_000}, {ID: "gemma3-270m", Name: "Gemma 3 270M", Size: 253_113_024}}})
	raw, _ := json.Marshal(wire.Loaded{Model: wire.ModelInfo{ID: "pocket", Name: "Pocket", Size: 2_000_000}, Layers: 8, Width: 2})
	l.Result(l.End().Load.ID, raw)
	l.SetLesson("steer")
	return l
}

// ran has the lesson's result stand on the page.
func ran(t *testing.T, l *Lab) {
	t.Helper()
	r, _ := json.Marshal(steered())
	o, _ := json.Marshal(lab.Outcome{Experiment: "steer", Seconds: 1.2, Parity: lab.Parity{Device: "simd"}, Result: r})
	calls := l.Run()
	l.Result(calls[0].(state.Call).Job, o)
	l.Stage = "ready"
}

// The page made from the registry, before and after a run, in both languages. Read the diff.
func TestLessonGoldens(t *testing.T) {
	for _, lang := range []text.Lang{text.EN, text.ZH} {
		l := lesson(t, lang)
		golden(t, "lesson."+string(lang), page(t, l))
		l.Answer(0)
		ran(t, l)
		l.KeepVector(steered().Vectors[0])
		l.Open["table"], l.Open["vectors"] = true, true
		golden(t, "report."+string(lang), page(t, l))
	}
}

// What a model or a person wrote is text, and what is hidden is not in the page at all.
func TestReportIsEscapedAndVeiled(t *testing.T) {
	l := lesson(t, text.EN)
	ran(t, l)
	html := page(t, l)
	if strings.Contains(html, "<b>ok") || strings.Contains(html, "</textarea><b>") {
		t.Error("a text became markup")
	}
	if !strings.Contains(html, "&lt;b&gt;ok") || strings.Contains(html, "not to be shown") || !strings.Contains(html, "score 0.9") {
		t.Error("the texts are not shown as they should be")
	}
}

// A lesson whose prompt is no parameter has no prompt box, but a button and a price.
func TestPromptBoxIsOnlyThereWhereItIsRead(t *testing.T) {
	l := lesson(t, text.EN)
	about := steering()
	about.Params = about.Params[1:]
	l.Ends[state.Tab].Welcome.Experiments[0] = about
	html := page(t, l)
	if !regexp.MustCompile(`id="prompt"[^>]*hidden`).MatchString(html) {
		t.Error("the prompt box stands there")
	}
	if ok, why := l.CanRun(); !ok {
		t.Errorf("it cannot be run: %s", why)
	}
}

// The table twin has the picture's numbers, the last row on top, and its entries are the marks.
func TestReportTable(t *testing.T) {
	l := lesson(t, text.EN)
	ran(t, l)
	rows := (&Table{L: l, On: true}).Rows()
	if len(rows) != 2 || rows[0].Name != "1" || rows[0].Cells[1].Text != "90 %" || rows[0].Cells[1].ID != "at/1/1" {
		t.Errorf("%+v", rows)
	}
	l.PinMark("at/1/1")
	if rows = (&Table{L: l, On: true}).Rows(); !strings.Contains(rows[0].Cells[1].Class, "pin") {
		t.Error("the pinned entry is not marked")
	}
	l.SetFigure("lines")
	if head := (&Table{L: l, On: true}).Head(); len(head) != 3 || head[1] != "vector" {
		t.Errorf("%q", head)
	}
}
