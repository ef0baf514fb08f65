package state

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// bench is a page with a tab that knows one stored model, and a clock of its own.
type bench struct {
	*App
	t     *testing.T
	calls []Call
	all   []Effect
	now   time.Time
}

func newBench(t *testing.T, stored bool) *bench {
	b := &bench{App: New(text.EN), t: t, now: time.Unix(0, 0)}
	b.Now = func() time.Time { return b.now }
	m := wire.ModelInfo{ID: FirstModel, Name: "Smol", Size: 98_000_000}
	if stored {
		m.Here = m.Size
	}
	b.do(b.Line(Tab, Open, nil, &wire.Welcome{Place: "tab", Experiments: []lab.About{
		{Name: "lens", Params: []lab.Param{{Name: "prompt", Kind: lab.Text}, {Name: "new", Kind: lab.Int, Default: 7.0}}},
		{Name: "generate"}, {Name: "steering"}}, Models: []wire.ModelInfo{m}}))
	return b
}

func (b *bench) do(effects []Effect) {
	b.all = append(b.all, effects...)
	for _, e := range effects {
		if c, ok := e.(Call); ok {
			b.calls = append(b.calls, c)
		}
	}
}

// last is the latest call of a method.
func (b *bench) last(method string) Call {
	for _, c := range slices.Backward(b.calls) {
		if c.Method == method {
			return c
		}
	}
	b.t.Helper()
	b.t.Fatalf("no call of %s among %v", method, b.calls)
	return Call{}
}

func (b *bench) answer(c Call, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(b.Result(c.Job, raw))
}

func (b *bench) load() {
	b.answer(b.last(wire.MethodLoad), wire.Loaded{Model: wire.ModelInfo{ID: FirstModel, Name: "Smol", Size: 100}, Layers: 3, Device: wire.DeviceInfo{Name: "simd", Speed: 40}})
}

func (b *bench) waits(name string) bool {
	return slices.ContainsFunc(b.all, func(e Effect) bool { w, ok := e.(Wait); return ok && w.Name == name })
}

// lensOf is a result of three layers in which " W" takes the top at layer 1 of the last column.
func lensOf(seconds float64) lab.Outcome {
	g := func(id int32, s string, p float32) lab.Guess {
		return lab.Guess{TokenText: lab.TokenText{ID: id, Text: s}, P: p}
	}
	cell := func(p float32, rank int32, top lab.Guess, entropy float32) lab.LensCell {
		return lab.LensCell{Top: []lab.Guess{top}, FollowP: p, FollowRank: rank, Entropy: entropy}
	}
	r := lab.LensResult{Tokens: []lab.TokenText{{ID: 1, Text: "The"}, {ID: 2, Text: " x"}}, Positions: []int{0, 1}, Follow: lab.TokenText{ID: 9, Text: " W"},
		Layers: [][]lab.LensCell{
			{cell(0, 9, g(3, " a", .5), 4), cell(.1, 2, g(4, " q", .4), 5)},
			{cell(0, 9, g(3, " a", .5), 4), cell(.9, 0, g(9, " W", .9), 1)},
			{cell(0, 9, g(3, " a", .5), 4), cell(.7, 0, g(9, " W", .7), 1.2)}}}
	raw, _ := json.Marshal(r)
	return lab.Outcome{Experiment: "lens", Seconds: seconds, Result: raw}
}

func TestStoredModelIsLoadedAndAbsentOneWaitsForAClick(t *testing.T) {
	b := newBench(t, true)
	if got := b.last(wire.MethodLoad).Params.(wire.LoadParams); got.Model != FirstModel || got.Mode != "exact" {
		t.Errorf("loads %+v", got)
	}
	b.load()
	if ok, why := b.CanRun(); !ok {
		t.Errorf("cannot run: %s", why)
	}
	b = newBench(t, false)
	if len(b.calls) != 0 {
		t.Errorf("98 MB are fetched unasked: %v", b.calls)
	}
	if ok, why := b.CanRun(); ok || why != "run.absent" {
		t.Errorf("run: %v, %q", ok, why)
	}
}

func TestDownloadShowsRateAndCanBeStopped(t *testing.T) {
	b := newBench(t, false)
	b.do(b.LoadModel(Tab, FirstModel))
	c := b.last(wire.MethodLoad)
	b.do(b.Event(c.Job, lab.Event{Stage: "fetch", Done: 0, Total: 98_000_000}))
	b.now = b.now.Add(2 * time.Second)
	b.do(b.Event(c.Job, lab.Event{Stage: "fetch", Done: 24_000_000, Total: 98_000_000}))
	if got := b.Progress(b.Ends[Tab].Load); got != "Downloading 24 MB / 98 MB · 12 MB/s" {
		t.Errorf("%q", got)
	}
	effects := b.StopLoad(Tab)
	if len(effects) != 1 || effects[0] != (Cancel{c.Job}) {
		t.Errorf("stop gives %v", effects)
	}
	if again := b.StopLoad(Tab); again != nil {
		t.Errorf("a second stop gives %v", again)
	}
	b.do(b.Failed(c.Job, errs.E("x", errs.Cancelled, "stopped")))
	if b.Ends[Tab].Load.Phase != Cancelled || b.Ends[Tab].Loading() != nil {
		t.Error("the load goes on")
	}
}

func TestRunGivesNumbersPinAndPrice(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.Answer(1))
	b.do(b.Run())
	run := b.last(wire.MethodRun)
	var sent map[string]any
	if err := json.Unmarshal(run.Params.(wire.RunParams).Params, &sent); err != nil || sent["prompt"] != "The capital of Poland is" || sent["new"] != 7.0 {
		t.Errorf("sent %v, %v", sent, err)
	}
	b.answer(run, lensOf(1.4))
	p := b.Page()
	if p.Pin == nil || *p.Pin != (Cell{2, 1}) {
		t.Errorf("pin %v, want the answer's cell", p.Pin)
	}
	r, _ := p.Read(1)
	if r.First != 1 || r.Best != 1 || r.Calm != 1 {
		t.Errorf("reading %+v", r)
	}
	if layer, third, ok := b.Verdict(); layer != 1 || third != 1 || !ok {
		t.Errorf("verdict %d %d %v", layer, third, ok)
	}
	said := strings.Join(b.Sentences(p), " ")
	for _, want := range []string{"“W” stays on top from layer 1 of 2", "0.700", "at 0, the stream still says “q” (0.400)", "0.900 at layer 1"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	p.Tokens = p.Lens.Tokens
	if cost, known := b.Price(); !known || cost < 1.39 || cost > 1.41 {
		t.Errorf("the same again costs %v, %v; it took 1.4", cost, known)
	}
}

func TestTypingRerunsWhatIsCheapOnly(t *testing.T) {
	for seconds, want := range map[float64]bool{0.05: true, 3: false} {
		b := newBench(t, true)
		b.load()
		b.do(b.Run())
		b.answer(b.last(wire.MethodRun), lensOf(seconds))
		b.do(b.Type("Hello x"))
		if !b.waits("rerun") || !b.waits("tokens") {
			t.Fatal("typing waits for nothing")
		}
		b.do(b.Waited("tokens"))
		b.answer(b.last(wire.MethodTokenize), wire.Tokenized{Tokens: []lab.TokenText{{ID: 1, Text: "Hello"}, {ID: 2, Text: " x"}}})
		before := len(b.calls)
		b.do(b.Waited("rerun"))
		if ran := len(b.calls) > before; ran != want {
			t.Errorf("a run of %v s: ran %v", seconds, ran)
		}
		if !b.Page().Stale || b.Page().Outcome == nil {
			t.Error("the old result must stay, marked as old")
		}
	}
}

func TestRunWhileRunningStopsFirst(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.Run())
	first := b.last(wire.MethodRun)
	b.do(b.Type("another"))
	b.do(b.Run())
	if got := b.all[len(b.all)-1]; got != (Cancel{first.Job}) {
		t.Fatalf("%v, want a cancel", got)
	}
	b.do(b.Failed(first.Job, errs.E("x", errs.Cancelled, "stopped")))
	if second := b.last(wire.MethodRun); second.Job == first.Job {
		t.Error("the second run did not start")
	}
	b.answer(first, lensOf(1)) // too late: must change nothing
	if b.Page().Lens != nil {
		t.Error("a cancelled run's result was taken")
	}
}

func TestFailureKeepsPromptAndResult(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.Run())
	b.answer(b.last(wire.MethodRun), lensOf(1))
	b.do(b.Type("much too long"))
	b.do(b.Run())
	b.do(b.Failed(b.last(wire.MethodRun).Job, errs.E("lab.lens", errs.TooLarge, "5000 tokens; at most 512")))
	p := b.Page()
	if p.Job.Phase != Failed || p.Prompt() != "much too long" || p.Lens == nil {
		t.Errorf("phase %v, prompt %q, result %v", p.Job.Phase, p.Prompt(), p.Lens != nil)
	}
	b.Dismiss()
	if p.Job != nil {
		t.Error("the message stays")
	}
}

func TestMalformedAnswerIsAFailureNotAPanic(t *testing.T) {
	bad := lensOf(1)
	bad.Result = json.RawMessage(`{"tokens":[],"positions":[3],"layers":[[{}]]}`)
	for _, msg := range []any{"no outcome", bad} {
		b := newBench(t, true)
		b.load()
		b.do(b.Run())
		b.answer(b.last(wire.MethodRun), msg)
		if b.Page().Job.Phase != Failed || b.Page().Lens != nil {
			t.Errorf("%v was taken", msg)
		}
	}
}

func TestGenerationStreams(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.SetLesson("generate"))
	b.do(b.Run())
	c := b.last(wire.MethodRun)
	step, _ := json.Marshal(lab.GenerateStep{TokenText: lab.TokenText{ID: 5, Text: " hi"}, Chunk: " hi", P: 0.5})
	b.do(b.Event(c.Job, lab.Event{Stage: "tokens", Done: 1, Total: 2, Partial: step}))
	if p := b.Page(); len(p.Steps) != 1 || p.Steps[0].Chunk != " hi" {
		t.Errorf("steps %v", p.Steps)
	}
	b.do(b.Stop())
	b.do(b.Failed(c.Job, errs.E("x", errs.Cancelled, "stopped")))
	if len(b.Page().Steps) != 1 {
		t.Error("what was written is lost by stopping")
	}
}

// A run that is refused before its first token leaves the last text where it was.
func TestRefusedRunKeepsTheLastText(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.SetLesson("generate"))
	b.do(b.Run())
	c := b.last(wire.MethodRun)
	step, _ := json.Marshal(lab.GenerateStep{TokenText: lab.TokenText{ID: 5, Text: " hi"}, Chunk: " hi", P: 0.5})
	b.do(b.Event(c.Job, lab.Event{Stage: "tokens", Done: 1, Total: 2, Partial: step}))
	b.do(b.Stop())
	b.do(b.Failed(c.Job, errs.E("x", errs.Cancelled, "stopped")))
	b.do(b.Run())
	if len(b.Page().Steps) != 0 {
		t.Error("the old text stands while the new one is written")
	}
	b.do(b.Failed(b.last(wire.MethodRun).Job, errs.E("x", errs.Invalid, "there is no layer 999")))
	if p := b.Page(); len(p.Steps) != 1 || !p.Stale {
		t.Errorf("steps %v, stale %v", p.Steps, p.Stale)
	}
}

func TestLostLineKeepsEverything(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.Run())
	b.answer(b.last(wire.MethodRun), lensOf(1))
	b.do(b.Line(Tab, Lost, errs.E("x", errs.Gone, "gone"), nil))
	if ok, why := b.CanRun(); ok || why != "run.opening" || b.Page().Lens == nil {
		t.Errorf("%v %q", ok, why)
	}
}

func TestPlaceSwitch(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.SetPlace(Sidecar))
	if b.Place != Tab || b.Popover != "place" {
		t.Error("without a sidecar the switch must explain, not switch")
	}
	b.do(b.Line(Sidecar, Open, nil, &wire.Welcome{Experiments: []lab.About{{Name: "lens"}}, Models: []wire.ModelInfo{{ID: FirstModel, Size: 100, Here: 100}}}))
	before := len(b.calls)
	b.do(b.SetPlace(Sidecar))
	if b.Place != Sidecar || len(b.calls) != before+1 || b.calls[before].Place != Sidecar {
		t.Errorf("at %s, calls %v", b.Place, b.calls[before:])
	}
	if got := b.Experiments(); !slices.Equal(got, []string{"lens"}) {
		t.Errorf("the rail shows %v", got)
	}
}

func TestRailShowsWhatTheRegistryHasAndThePageKnows(t *testing.T) {
	if got := newBench(t, true).Experiments(); !slices.Equal(got, []string{"lens", "generate"}) {
		t.Errorf("%v", got)
	}
}

func TestDeleteNeedsTwoClicks(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.AskDelete(FirstModel))
	if b.Confirm != FirstModel {
		t.Fatal("not asked")
	}
	b.do(b.DeleteModel(FirstModel))
	b.answer(b.last(wire.MethodDelete), wire.Models{Models: []wire.ModelInfo{{ID: FirstModel, Size: 100}}})
	if b.Ends[Tab].Loaded != nil || b.Ends[Tab].Here(FirstModel) {
		t.Error("the model is still said to be here")
	}
}

func TestUndoBringsBackWhatAPresetReplaced(t *testing.T) {
	b := newBench(t, true)
	b.load()
	b.do(b.Type("my own words"))
	b.do(b.UsePreset(b.Presets()[1]))
	if b.Page().Prompt() == "my own words" {
		t.Fatal("the preset did nothing")
	}
	b.do(b.Undo())
	if b.Page().Prompt() != "my own words" || b.CanUndo() {
		t.Errorf("%q", b.Page().Prompt())
	}
}

func TestArrowKeysStayInside(t *testing.T) {
	b := newBench(t, true)
	b.load()
	if b.Move(1, 0) != nil {
		t.Error("moves without a result")
	}
	b.do(b.Run())
	b.answer(b.last(wire.MethodRun), lensOf(1))
	b.do(b.Move(-1, -5))
	if *b.Page().Pin != (Cell{1, 0}) {
		t.Errorf("%v", *b.Page().Pin)
	}
	b.do(b.Move(99, 99))
	if *b.Page().Pin != (Cell{2, 1}) {
		t.Errorf("%v", *b.Page().Pin)
	}
	b.do(b.PinCell(Cell{9, 9}))
	if *b.Page().Pin != (Cell{2, 1}) {
		t.Error("pinned outside")
	}
}

func TestParametersAreCheckedAsTyped(t *testing.T) {
	b := newBench(t, true)
	b.load()
	lo, hi := 1.0, 20.0
	d := lab.Param{Name: "topk", Kind: lab.Int, Min: &lo, Max: &hi}
	for typed, ok := range map[string]bool{"3": true, "0": false, "21": false, "x": false, "": false, "2.5": false} {
		b.do(b.SetText(d, typed))
		if _, wrong := b.Page().Wrong["topk"]; wrong == ok {
			t.Errorf("%q: wrong %v", typed, wrong)
		}
	}
	b.do(b.SetText(d, "99"))
	if ok, why := b.CanRun(); ok || why != "run.wrong" || b.Page().Fill("topk") != "99" {
		t.Errorf("%v %q %q", ok, why, b.Page().Fill("topk"))
	}
	for _, typed := range []string{"NaN", "Inf", "1e999"} {
		if _, ok := read(lab.Param{Kind: lab.Float}, typed); ok {
			t.Errorf("%s was taken for a number", typed)
		}
	}
}

func TestEditForm(t *testing.T) {
	d := NewDraft()
	d.Layer, d.Positions = "3-5", "last"
	e, wrong := d.Edit()
	raw, _ := json.Marshal(e)
	if wrong != "" || string(raw) != `{"layers":[3,4,5],"op":"set","operand":0,"positions":[-1],"site":"hook_mlp_out"}` {
		t.Errorf("%s %s", raw, wrong)
	}
	for box, d := range map[string]EditDraft{
		"layer":     {Layer: "three", Op: "zero"},
		"positions": {Layer: "3", Positions: "5-2", Op: "zero"},
		"strength":  {Layer: "3", Positions: "all", Op: "scale", Strength: "NaN"},
	} {
		if _, wrong := d.Edit(); wrong != box {
			t.Errorf("%+v: wrong is %q, want %q", d, wrong, box)
		}
	}
}

func TestExportIsTheOutcome(t *testing.T) {
	b := newBench(t, true)
	b.load()
	if b.SaveAs("json") != nil {
		t.Error("exports nothing as something")
	}
	b.do(b.Run())
	b.answer(b.last(wire.MethodRun), lensOf(1))
	f := b.SaveAs("json")[0].(File)
	var o lab.Outcome
	if err := json.Unmarshal(f.Data, &o); err != nil || o.Experiment != "lens" {
		t.Errorf("%v %v", o, err)
	}
	csv := string(b.SaveAs("csv")[0].(File).Data)
	if lines := strings.Split(strings.TrimSpace(csv), "\r\n"); len(lines) != 1+6 || !strings.Contains(lines[2], `0,1," x"," q",0.4`) {
		t.Errorf("%q", csv)
	}
}
