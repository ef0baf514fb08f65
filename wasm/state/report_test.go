package state

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// steering is a lesson of the registry.
func steering() lab.About {
	lo, hi := 0.0, 7.0
	return lab.About{Name: "steer", Title: "Steering",
		Params: []lab.Param{
			{Name: "prompt", Kind: lab.Text, Default: ""},
			{Name: "layer", Kind: lab.Int, Default: 3.0, Min: &lo, Max: &hi},
			{Name: "how", Kind: lab.Choice, Default: "add", Choices: []string{"add", "subtract"}},
			{Name: "pairs", Kind: lab.Pairs, Default: []any{[]any{"happy", "sad"}}},
			{Name: "tests", Kind: lab.Texts, Default: nil},
			{Name: "vector", Kind: lab.Dir, Default: nil},
		},
		Lesson: &lab.Lesson{Idea: "Add.", Predict: "What?", Guesses: [3]string{"more", "as much", "less"}},
		Models: []string{"pocket", "gemma3-270m"},
		Presets: []lab.Preset{{Name: "mood", Title: "A mood", Model: "pocket", Params: json.RawMessage(`{"layer":5,"pairs":[["a","b"]]}`), Said: "0.9"},
			{Name: "french", Title: "French", Model: "gemma3-270m", Params: json.RawMessage(`{"layer":2,"layers":"strange"}`)}},
	}
}

// report is a result of that lesson.
func report() lab.Report {
	answer := 0
	return lab.Report{
		Figures: []lab.Figure{
			{Name: "sweep", Kind: lab.Grid, Title: lab.Words{Text: "Sweep"}, Scale: lab.Share, X: lab.Axis{Labels: []string{"1", "2", "4"}}, Y: lab.Axis{Labels: []string{"0", "1"}},
				Cells: [][]lab.Num{{0.1, 0.2, 0.3}, {0.4, 0.9, lab.Num(math.NaN())}}, Best: &[2]int{1, 1}},
			{Name: "lines", Kind: lab.Lines, Title: lab.Words{Text: "Lines"}, Scale: lab.Share, X: lab.Axis{Labels: []string{"0", "1"}},
				Series: []lab.Series{{Name: lab.Words{Text: "vector"}, Values: []lab.Num{0.2, 0.9}}}}},
		Facts:   []lab.Words{{Text: "It flips {0}.", Args: []string{"90 %"}}},
		Vectors: []lab.Vector{{Name: "mood", Model: "pocket", Digest: "d1", Site: "hook_resid_post", Layer: 3, Values: lab.Floats{1, 2}}},
		Answer:  &answer, Kept: 28, Of: 30,
	}
}

// newLesson is a page on the lesson, with Pocket loaded and Gemma not stored.
func newLesson(t *testing.T) *bench {
	b := &bench{App: New(text.EN), t: t}
	b.Now = func() time.Time { return b.now }
	b.Restore("#lesson=steer&lang=en")
	b.do(b.Line(Tab, Open, nil, &wire.Welcome{Place: "tab", Experiments: []lab.About{steering(), {Name: "lens"}, {Name: "later", Title: "Later", Lesson: &lab.Lesson{}}},
		Models: []wire.ModelInfo{{ID: "pocket", Name: "Pocket", Size: 2_000_000}, {ID: "gemma3-270m", Name: "Gemma", Size: 253_000_000}}}))
	b.loaded("pocket", "d1")
	return b
}

func (b *bench) loaded(id, digest string) {
	b.t.Helper()
	c := b.last(wire.MethodLoad)
	if got := c.Params.(wire.LoadParams).Model; got != id {
		b.t.Fatalf("loads %s, want %s", got, id)
	}
	b.answer(c, wire.Loaded{Model: wire.ModelInfo{ID: id, Name: id, Size: 1}, Parity: lab.Parity{Digest: digest}, Layers: 8, Width: 2, Device: wire.DeviceInfo{Speed: 40}})
}

func outcomeOf(r any) lab.Outcome {
	raw, _ := json.Marshal(r)
	return lab.Outcome{Experiment: "steer", Seconds: 2, Result: raw}
}

func (b *bench) ran() {
	b.t.Helper()
	b.do(b.Run())
	b.answer(b.last(wire.MethodRun), outcomeOf(report()))
}

func (b *bench) sent() map[string]json.RawMessage {
	b.t.Helper()
	var p map[string]json.RawMessage
	if err := json.Unmarshal(b.last(wire.MethodRun).Params.(wire.RunParams).Params, &p); err != nil {
		b.t.Fatal(err)
	}
	return p
}

// A lesson needs nothing of its own on the page: its place in the rail, its parameters and its
// result come from the engine.
func TestRegistryMakesThePages(t *testing.T) {
	b := newLesson(t)
	if got := b.Experiments(); !slices.Equal(got, []string{"steer", "lens", "later"}) || b.Title("later") != "Later" {
		t.Errorf("the rail shows %v", got)
	}
	b.ran()
	if p := b.sent(); string(p["pairs"]) != `[["happy","sad"]]` || string(p["tests"]) != `[]` && string(p["tests"]) != `null` || string(p["vector"]) != "null" {
		t.Errorf("sent %s", p)
	}
	p := b.Page()
	if f := p.FigureOf(); f == nil || f.Name != "sweep" || !strings.Contains(b.Spoken(p), "It flips 90 %") {
		t.Errorf("figure %v, spoken %q", f, b.Spoken(p))
	}
	if got := b.KeptLine(p.Report); !strings.Contains(got, "28 of 30") {
		t.Error(got)
	}
}

// A small model is fetched unasked, a large one never is.
func TestLessonOpensWhereItWorks(t *testing.T) {
	b := newLesson(t)
	b.do(b.ChooseModel("gemma3-270m"))
	if n := len(b.calls); b.Model != "gemma3-270m" || b.calls[n-1].Method == wire.MethodLoad && b.calls[n-1].Params.(wire.LoadParams).Model != "pocket" {
		t.Errorf("253 MB are fetched unasked: %v", b.calls)
	}
	if ok, why := b.CanRun(); ok || why != "run.absent" {
		t.Errorf("%v %q", ok, why)
	}
}

func TestGuessMeetsTheAnswer(t *testing.T) {
	for guess, want := range map[int]string{0: "Right", 1: "came out otherwise: “more”"} {
		b := newLesson(t)
		b.do(b.Answer(guess))
		b.ran()
		if got := b.GuessVerdict(); !strings.Contains(got, want) {
			t.Errorf("guess %d: %q", guess, got)
		}
	}
	b := newLesson(t)
	b.ran()
	b.do(b.Answer(0))
	if got := b.GuessVerdict(); !strings.Contains(got, "Next time guess before you run") {
		t.Errorf("a guess after the answer: %q", got)
	}
}

// Parts of a result are shown as they come; of a run that is stopped they stay, of one that
// fails the earlier result comes back.
func TestPartsAreShown(t *testing.T) {
	part, _ := json.Marshal(lab.Report{Figures: report().Figures[:1]})
	for _, kind := range []errs.Kind{errs.Cancelled, errs.Invalid} {
		b := newLesson(t)
		b.ran()
		b.do(b.Run())
		c := b.last(wire.MethodRun)
		b.do(b.Event(c.Job, lab.Event{Stage: "layers", Done: 1, Total: 8, Partial: part}))
		p := b.Page()
		if len(p.Report.Figures) != 1 || !p.Partial() || p.Outcome != nil {
			t.Fatal("the part is not shown")
		}
		if kind == errs.Cancelled {
			b.do(b.Stop())
		}
		b.do(b.Failed(c.Job, errs.E("x", kind, "ended")))
		if stays := len(p.Report.Figures) == 1; stays != (kind == errs.Cancelled) || !stays && p.Outcome == nil {
			t.Errorf("after %v there are %d figures, outcome %v", kind, len(p.Report.Figures), p.Outcome != nil)
		}
	}
}

// A sidecar of another version may send anything.
func TestStrangeReportsAreRefusedInWords(t *testing.T) {
	bad := map[string]any{"no report": "x"}
	r := report()
	r.Figures[0].Cells[1] = r.Figures[0].Cells[1][:1]
	bad["ragged"] = r
	r = report()
	r.Figures[1].Series[0].Low = []lab.Num{1}
	bad["bounds"] = r
	r = report()
	five := 5
	r.Answer = &five
	bad["answer"] = r
	for name, result := range bad {
		b := newLesson(t)
		b.do(b.Run())
		b.answer(b.last(wire.MethodRun), outcomeOf(result))
		if p := b.Page(); p.Job.Phase != Failed || p.Report != nil || p.Job.Err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestMarksAreWalkedAndPinned(t *testing.T) {
	b := newLesson(t)
	b.ran()
	b.do(b.MoveMark(0, 1))
	if p := b.Page(); p.Mark != "at/1/1" || !strings.Contains(b.MarkWords(), "90 %") {
		t.Errorf("the keys begin at %s, %q", p.Mark, b.MarkWords())
	}
	b.do(b.MoveMark(-1, 0))
	b.do(b.MoveMark(0, far))
	if p := b.Page(); p.Mark != "at/2/0" {
		t.Errorf("at %s", p.Mark)
	}
	b.do(b.MoveMark(0, 1))
	if p := b.Page(); p.Mark != "at/2/0" {
		t.Errorf("walked out to %s", p.Mark)
	}
	b.do(b.HoverMark("at/0/0"))
	if !strings.Contains(b.MarkWords(), "10 %") {
		t.Errorf("under the pointer: %q", b.MarkWords())
	}
	b.do(b.PinMark("at/9/9"))
	if p := b.Page(); p.Mark != "at/2/0" {
		t.Error("pinned outside")
	}
	b.do(b.SetFigure("lines"))
	if p := b.Page(); p.Mark != "" || p.FigureOf().Name != "lines" {
		t.Error("another picture keeps the old pin")
	}
}

// One click sets parameters and model; it runs what is cheap and waits with what is dear.
func TestExamples(t *testing.T) {
	for seconds, runs := range map[float64]bool{1: true, 60: false} {
		b := newLesson(t)
		b.do(b.Answer(1))
		b.do(b.UseExample("mood"))
		b.do(b.Waited("tokens"))
		before := len(b.calls)
		b.answer(b.last(wire.MethodPrice), lab.Price{Seconds: seconds})
		if ran := len(b.calls) > before; ran != runs {
			t.Errorf("an example of %v s: ran %v", seconds, ran)
		}
		if p := b.Page(); p.Params.Int("layer") != 5 || p.Guess != 1 || b.Example() == nil || b.Example().Name != "mood" {
			t.Errorf("layer %v, guess %d, example %v", p.Params["layer"], p.Guess, b.Example())
		}
		b.do(b.Undo())
		if b.Page().Params.Int("layer") != 3 {
			t.Error("it cannot be undone")
		}
	}
	b := newLesson(t)
	b.do(b.UseExample("french"))
	if b.Model != "gemma3-270m" || b.Page().Params.Int("layer") != 2 {
		t.Errorf("model %s, params %v", b.Model, b.Page().Params)
	}
	b.do(b.LoadModel(Tab, "gemma3-270m"))
	b.loaded("gemma3-270m", "d2")
	b.answer(b.last(wire.MethodPrice), lab.Price{Seconds: 1})
	if got := b.last(wire.MethodRun).Params.(wire.RunParams); got.Model != "gemma3-270m" {
		t.Errorf("ran on %s", got.Model)
	}
	b.do(b.Undo())
	if b.Model != "pocket" {
		t.Error("undoing an example leaves its model")
	}
}

// The engine's estimate is corrected by what its estimates were worth.
func TestPriceLearns(t *testing.T) {
	b := newLesson(t)
	b.answer(b.last(wire.MethodPrice), lab.Price{Seconds: 4})
	if got := b.PriceLine(); got != "Takes about 4.0 s" {
		t.Errorf("%q", got)
	}
	b.ran() // took 2 s
	if cost, known := b.Price(); !known || cost != 2 {
		t.Errorf("%v %v", cost, known)
	}
	b.do(b.Set("layer", 4))
	if _, known := b.Price(); known {
		t.Error("the price of other parameters stands on the page")
	}
}

func TestLessonLinkRestoresEverything(t *testing.T) {
	b := newLesson(t)
	b.ran()
	b.do(b.Set("layer", 6.0))
	b.do(b.SetText(lab.Param{Name: "pairs", Kind: lab.Pairs}, "up | down\nleft\tright"))
	b.do(b.KeepVector(report().Vectors[0]))
	b.do(b.ChooseVector("vector", 0))
	b.do(b.SetFigure("lines"))
	b.do(b.PinMark("at/1/0"))
	link := b.Fragment()
	c := &bench{App: New(text.EN), t: t}
	c.Restore("#" + link) // before the engine has named its lessons
	c.do(c.Line(Tab, Open, nil, b.End().Welcome))
	p := c.Page()
	if p.Name != "steer" || p.Params.Int("layer") != 6 || p.Count("pairs") != 2 || p.Figure != "lines" || p.Mark != "at/1/0" {
		t.Errorf("%+v", p.Params)
	}
	if v, ok := p.Params["vector"].(*lab.Vector); !ok || v.Name != "mood" || !slices.Equal(v.Values, lab.Floats{1, 2}) {
		t.Errorf("the vector came as %v", p.Params["vector"])
	}
	link = strings.Replace(link, "&run=1", "", 1) // it runs as soon as the model is there
	if got := c.Fragment(); got != link {
		t.Errorf("the link of the link differs:\n%s\n%s", got, link)
	}
}

// What is too long for a link is said, with another way.
func TestLongLinkOffersTheFile(t *testing.T) {
	b := newLesson(t)
	b.ran()
	b.do(b.SetText(lab.Param{Name: "tests", Kind: lab.Texts}, strings.Repeat("a long text of a person's own\n", 2000)))
	if out := b.CopyLink(); b.Notice == nil || b.Notice.Key != "link.long" || !b.Notice.JSON || slices.Contains(out, Effect(Copy{})) {
		t.Errorf("%+v", b.Notice)
	}
	if n := len(b.Fragment()); n > MaxLink {
		t.Errorf("the address would have %d bytes", n)
	}
	c := New(text.EN)
	c.Restore("#" + b.Fragment())
	if c.TellCut() == nil {
		t.Error("a link that lacks something does not say so")
	}
}

func TestReportExports(t *testing.T) {
	b := newLesson(t)
	b.ran()
	f := b.SaveAs("csv")[0].(File)
	if f.Name != "patchbay-steer-sweep.csv" || strings.Count(string(f.Data), "\r\n") != 1+6+2 {
		t.Errorf("%s: %s", f.Name, f.Data)
	}
	if f := b.SaveAs("json")[0].(File); !json.Valid(f.Data) {
		t.Error("the JSON does not read")
	}
}
