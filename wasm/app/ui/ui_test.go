package ui

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/staticrender"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

var update = flag.Bool("update", false, "write the golden files")

// page renders the tree as HTML, one element a line.
func page(t *testing.T, l *Lab) string {
	t.Helper()
	var b bytes.Buffer
	r := staticrender.New(&b)
	build, err := vugu.NewBuildEnv(r.EventEnv())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Render(build.RunBuild(&Root{L: l})); err != nil {
		t.Fatal(err)
	}
	html := regexp.MustCompile(`>\s*<`).ReplaceAllString(b.String(), ">\n<")
	return html + "\n"
}

func newLab(lang text.Lang) *Lab {
	return &Lab{App: state.New(lang), Do: func([]state.Effect) {}, Draft: state.NewDraft()}
}

// welcome brings the tab's line up, with a model that is stored or not.
func welcome(l *Lab, here int64) {
	l.Line(state.Tab, state.Open, nil, &wire.Welcome{Place: "tab", Device: wire.DeviceInfo{Name: "simd", Detail: "wasm relaxed", Threads: 1},
		Experiments: []lab.About{{Name: "lens", Params: []lab.Param{{Name: "topk", Kind: lab.Int, Default: 5.0, Help: "How many."}, {Name: "odd", Kind: lab.Text, Default: "", Help: "A parameter without a translation."}}}, {Name: "generate"}},
		Models:      []wire.ModelInfo{{ID: state.FirstModel, Name: "Pocket", Family: "llama", Licence: "Apache-2.0", Size: 98362432, Here: here}}})
}

// result runs the lens: hostile tokens included.
func result(t *testing.T, l *Lab) {
	t.Helper()
	raw, _ := json.Marshal(wire.Loaded{Model: wire.ModelInfo{ID: state.FirstModel, Name: "SmolLM2-135M-Instruct", Size: 98362432}, Layers: 2, Device: wire.DeviceInfo{Name: "simd", Threads: 1, Speed: 41}})
	l.Result(l.End().Load.ID, raw)
	calls := l.Run()
	top := []lab.Guess{{TokenText: lab.TokenText{ID: 7, Text: " Warsaw"}, P: .97}, {TokenText: lab.TokenText{ID: 8, Text: `<img src=x onerror=alert(1)>`}, P: .02}}
	cell := lab.LensCell{Top: top, FollowP: .97, Entropy: .2}
	r, _ := json.Marshal(lab.LensResult{Tokens: []lab.TokenText{{ID: 1, Text: "Is"}, {ID: 2, Text: "</script><b>"}}, Positions: []int{0, 1}, Follow: top[0].TokenText,
		Layers: [][]lab.LensCell{{cell, cell}, {cell, cell}}})
	o, _ := json.Marshal(lab.Outcome{Experiment: "lens", Seconds: .62, Parity: lab.Parity{Model: state.FirstModel, Digest: "ab12", Device: "simd", Mode: "exact", SelfTest: 3e-7}, Result: r})
	l.Result(calls[0].(state.Call).Job, o)
}

// The page as it stands in the moments that matter, in both languages. Read the diff.
func TestGoldens(t *testing.T) {
	moments := map[string]func(l *Lab){
		"absent": func(l *Lab) { welcome(l, 0) },
		"result": func(l *Lab) { welcome(l, 98362432); result(t, l); l.Open["table"], l.Stage = true, "ready" },
		"generate": func(l *Lab) {
			welcome(l, 98362432)
			l.SetLesson("generate")
			l.AddEdit(l.Draft)
		},
	}
	for name, prepare := range moments {
		for _, lang := range []text.Lang{text.EN, text.ZH} {
			l := newLab(lang)
			prepare(l)
			golden(t, name+"."+string(lang), page(t, l))
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and read the diff", name)
	}
}

// What a model says is text, never markup.
func TestTokensAreEscaped(t *testing.T) {
	l := newLab(text.EN)
	welcome(l, 98362432)
	result(t, l)
	l.Open["table"] = true
	html := page(t, l)
	if strings.Contains(html, "<img") || strings.Contains(html, "</script>") {
		t.Error("a token became markup")
	}
	if !strings.Contains(html, "&lt;img·src=x") {
		t.Error("the token is not shown")
	}
}

// Every control says what it is, and every reference by id leads somewhere.
func TestControlsHaveNames(t *testing.T) {
	l := newLab(text.EN)
	welcome(l, 98362432)
	result(t, l)
	l.Open["table"], l.Open["options"], l.Open["export"], l.Stage = true, true, true, "ready"
	html := page(t, l)
	for _, m := range regexp.MustCompile(`<button[^>]*>([^<]*)</button>`).FindAllStringSubmatch(html, -1) {
		if strings.TrimSpace(m[1]) == "" && !strings.Contains(m[0], "aria-label") && !strings.Contains(m[0], "hidden") {
			t.Errorf("a button without a name: %s", m[0])
		}
	}
	for _, m := range regexp.MustCompile(`(?:aria-controls|aria-describedby|aria-details|for)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `id="`+m[1]+`"`) {
			t.Errorf("nothing has the id %q", m[1])
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if ids[m[1]] {
			t.Errorf("two elements have the id %q", m[1])
		}
		ids[m[1]] = true
	}
}

// Each kind of failure is put into words with what to do, and offers a way on.
func TestFailuresSayWhatToDo(t *testing.T) {
	for k := errs.Other; k <= errs.NoSpace; k++ {
		l := newLab(text.ZH)
		welcome(l, 98362432)
		result(t, l)
		calls := l.Run()
		l.Failed(calls[0].(state.Call).Job, errs.E("lab.lens", k, "the engine's own words"))
		if k == errs.Cancelled {
			continue // asked for, so no failure
		}
		b := Blank{L: l, Why: (&Picture{L: l}).Blank()}
		if b.Why != "failed" || b.Title() == "" || b.Body() == "" || b.Detail() != "the engine's own words" || b.Act() == "" {
			t.Errorf("%v: %q %q %q %q", k, b.Title(), b.Body(), b.Detail(), b.Act())
		}
	}
}

// Nothing jumps when a result arrives: five bars and the plot stand there from the start.
func TestRoomIsKept(t *testing.T) {
	l := newLab(text.EN)
	welcome(l, 0)
	before := strings.Count(page(t, l), `class="meter"`)
	l = newLab(text.EN)
	welcome(l, 98362432)
	result(t, l)
	if after := strings.Count(page(t, l), `class="meter"`); before != 5 || after != 5 {
		t.Errorf("%d bars before, %d after", before, after)
	}
}
