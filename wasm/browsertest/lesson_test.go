package browsertest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	bench "patchbay/shared/lab"
	"patchbay/wasm/scene"
)

const (
	computed = `(document.querySelector(".took")?.innerText || "").startsWith("computed")`
	uncover  = `document.querySelector(".picture .cover").hidden`
)

// TestLessons goes through the page that is made from the registry, on the model that a visitor
// meets first.
func TestLessons(t *testing.T) {
	need(t)
	l := lab(t, "-lab", copyPublic(t))
	b := launch(t, "")
	tab := visit(t, b, l.At("127.0.0.1", false)+"#lang=en&theme=light")
	d := &desk{t: t, tab: tab, b: b, l: l, dir: t.TempDir(), file: "patchbay-residual-stream"}
	must(t, tab.SaveTo(d.dir))
	d.await(`document.querySelector("#run:not(:disabled)")`)
	var ready float64
	d.eval(`performance.now()`, &ready)
	t.Logf("the first model is ready %.0f ms after the page was asked for", ready)
	for _, part := range []struct {
		name string
		f    func(*testing.T, *desk)
	}{
		{"every lesson opens", lessonsOpen}, {"run", lessonRun}, {"marks", lessonMarks}, {"files", lessonFiles}, {"link", lessonLink},
		{"phone", lessonPhone}, {"example", lessonExample}, {"vectors", lessonVectors}, {"lists", lessonLists}, {"stop", lessonStop},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			d.t = t
			part.f(t, d)
			if t.Failed() {
				tab.Screenshot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
			}
		}) {
			d.tab.Screen(1280, 900, 1, false)
		}
	}
}

// open opens a lesson from the rail and waits until it can be run.
func (d *desk) open(name string) {
	d.t.Helper()
	d.eval(fmt.Sprintf(`document.querySelector('#rail a[href*="lesson=%s&"]').click()`, name), nil)
	d.await(fmt.Sprintf(`document.querySelector('#rail a[href*="lesson=%s&"]').getAttribute("aria-current") === "page"`, name))
	d.await(`document.querySelector("#run:not(:disabled)")`)
}

// lessonsOpen finds each lesson whole: an idea, a question with three answers, controls with names.
func lessonsOpen(t *testing.T, d *desk) {
	var names []string
	d.eval(`[...document.querySelectorAll("#rail a")].map((a) => a.hash.match(/lesson=([a-z]+)/)[1])`, &names)
	if len(names) < 3 {
		t.Fatalf("the rail has only %q", names)
	}
	for _, name := range names {
		d.open(name)
		if len(d.text(".idea")) < 40 {
			t.Errorf("%s: the idea is %q", name, d.text(".idea"))
		}
		if name == "lens" || name == "generate" {
			continue
		}
		var out struct {
			Guesses, Named int
			Nameless       []string
		}
		d.eval(`({guesses: document.querySelectorAll(".guesslist button").length,
			nameless: [...document.querySelectorAll("main input, main select, main textarea")].filter((e) => e.offsetParent && !e.labels?.length && !e.getAttribute("aria-label")).map((e) => e.outerHTML.slice(0, 90))})`, &out)
		if out.Guesses != 3 || len(out.Nameless) > 0 {
			t.Errorf("%s: %d answers to guess, controls without a name %q", name, out.Guesses, out.Nameless)
		}
	}
}

// report is the result that the page exports.
func (d *desk) report() bench.Report {
	d.t.Helper()
	var o bench.Outcome
	var r bench.Report
	must(d.t, json.Unmarshal(d.export("json"), &o))
	must(d.t, json.Unmarshal(o.Result, &r))
	return r
}

func lessonRun(t *testing.T, d *desk) {
	d.open("residual")
	d.eval(`document.querySelector(".guesslist button").click()`, nil)
	d.says(".labside .verdict", "Committed")
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(computed)
	d.await(uncover)
	r := d.report()
	if got := d.text(".labside .facts-text"); len(r.Facts) == 0 || !strings.Contains(got, r.Facts[0].String()) {
		t.Errorf("the page says %q, the result %v", got, r.Facts)
	}
	d.says("#live", "Result")
	if got := d.text(".labside .verdict"); strings.Contains(got, "Committed") || got == "" {
		t.Errorf("after the run the guess is %q", got)
	}
}

// figure is the place of a mark of the shown figure in the viewport.
func (d *desk) mark(f *bench.Figure, id string) (x, y float64) {
	d.t.Helper()
	d.eval(`document.querySelector("#pad").scrollIntoView({block: "center"})`, nil)
	var box struct{ W, H, X, Y float64 }
	d.eval(`(() => { const e = document.querySelector("#stage-box"), r = e.getBoundingClientRect(); return {W: e.clientWidth, H: parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--stage-h")), X: r.left, Y: r.top}; })()`, &box)
	s := scene.Figure(f, scene.FigureOptions{W: float32(box.W), H: float32(box.H), Theme: scene.Light})
	it := s.Find(id)
	if it == nil {
		d.t.Fatalf("no mark %s", id)
	}
	return box.X + float64(it.Box[0]+it.Box[2]/2), box.Y + float64(it.Box[1]+it.Box[3]/2)
}

// lessonMarks points, clicks and walks over the picture.
func lessonMarks(t *testing.T, d *desk) {
	r := d.report()
	f := &r.Figures[0]
	d.rest()
	x, y := d.mark(f, "at/0/0")
	must(t, d.tab.Click(x, y))
	d.await(`location.hash.includes("mark=at%2F0%2F0")`)
	first := d.text(".mark")
	if first == "" || strings.Contains(first, "Point at a mark") {
		t.Errorf("the pinned mark says %q", first)
	}
	must(t, d.tab.Move(5, 5))
	d.eval(`document.querySelector("#pad").focus()`, nil)
	must(t, d.tab.Press(kb.ArrowRight+kb.ArrowUp))
	d.await(fmt.Sprintf(`document.querySelector(".mark").innerText !== %s`, quoted(first)))
	if got, said := d.text(".mark"), d.text("#live"); got != said {
		t.Errorf("shown %q, spoken %q", got, said)
	}
}

// lessonFiles saves the result in all four formats.
func lessonFiles(t *testing.T, d *desk) {
	r := d.report()
	d.file = "patchbay-residual-" + r.Figures[0].Name
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(d.export("csv"), []byte("\ufeff")))).ReadAll()
	must(t, err)
	want := 1
	for i := range r.Figures {
		want += len(scene.FigureRecords(&r.Figures[i])) - 1
	}
	if len(rows) != want {
		t.Errorf("the CSV has %d records, the figures %d", len(rows), want)
	}
	if svg := d.export("svg"); !wellFormed(svg) || !strings.Contains(string(svg), r.Figures[0].Title.String()[:8]) {
		t.Error("the SVG is not XML, or not of this figure")
	}
	img, err := png.Decode(bytes.NewReader(d.export("png")))
	must(t, err)
	if n := colours(img); n < 8 {
		t.Errorf("the PNG has %d colours", n)
	}
}

// lessonLink opens the link in another tab, in Chinese, with the figure and the pin.
func lessonLink(t *testing.T, d *desk) {
	r := d.report()
	if len(r.Figures) > 1 {
		d.eval(`(() => { const s = document.querySelector("#figure"); if (s.offsetParent) { s.value = s.options[1].value; s.dispatchEvent(new Event("change", {bubbles: true})); } else document.querySelectorAll(".tabs button")[1].click(); })()`, nil)
		d.await(fmt.Sprintf(`location.hash.includes("fig=%s")`, r.Figures[1].Name))
	}
	d.eval(`document.querySelector("#twin").hidden && document.querySelector('[aria-controls="twin"]').click()`, nil)
	d.await(twin + `.length > 0`)
	first := d.text("#twin tbody")
	var link string
	d.eval(`location.href.replace("lang=en", "lang=zh-Hant")`, &link)
	next := visit(t, d.b, link)
	defer next.Close()
	e := &desk{t: t, tab: next, b: d.b, l: d.l, dir: d.dir}
	e.await(`(document.querySelector(".took")?.innerText || "").length > 4`)
	e.eval(`document.querySelector("#twin").hidden && document.querySelector('[aria-controls="twin"]').click()`, nil)
	e.await(twin + `.length > 0`)
	if again := e.text("#twin tbody"); !closeTo(again, first) {
		t.Errorf("the link gives another result:\n%s\nwas\n%s", again, first)
	}
	if got := e.text("#title"); got != "殘差流" {
		t.Errorf("the title is %q", got)
	}
}

// lessonPhone looks at the lessons on a phone: nothing sticks out, the bar takes two rows at most.
func lessonPhone(t *testing.T, d *desk) {
	must(t, d.tab.Screen(360, 780, 2, true))
	defer d.tab.Screen(1280, 900, 1, false)
	for _, lang := range []string{"en", "zh-Hant"} {
		d.look(lang, "dark")
		d.rest()
		must(t, d.tab.Keep(screenshot("lesson-phone-"+lang+"-dark"), true))
		d.fits("residual in " + lang)
	}
	d.look("en", "light")
	must(t, d.tab.Keep(screenshot("lesson-phone-en-light"), true))
	var bar float64
	if d.eval(`document.querySelector("header.bar").offsetHeight`, &bar); bar > 100 {
		t.Errorf("the top bar is %v pixels high", bar)
	}
	var order []float64
	d.eval(`["#run", "#stage-box", ".labside .notice", ".under"].map((s) => document.querySelector(s).getBoundingClientRect().top)`, &order)
	for i := 1; i < len(order); i++ {
		if order[i] < order[i-1] {
			t.Errorf("prompt, picture, facts, files stand at %v", order)
		}
	}
}

// lessonExample opens an example with one click.
func lessonExample(t *testing.T, d *desk) {
	d.open("steer")
	d.eval(`document.querySelector(".examples .preset").click()`, nil)
	d.await(`!document.querySelector(".happened").hidden`)
	d.await(computed + ` || document.querySelector(".toast.on")`)
	d.eval(`document.querySelector("#run").innerText === "Run" && !`+computed+` && document.querySelector("#run").click()`, nil)
	d.await(computed)
	must(t, d.tab.Keep(screenshot("lesson-desktop"), true))
	var passages, controls int
	d.eval(`document.querySelectorAll(".passage").length`, &passages)
	d.eval(`document.querySelectorAll(".passage.control").length`, &controls)
	if passages < 2 || controls < 1 {
		t.Errorf("%d texts side by side, %d of them controls", passages, controls)
	}
}

// lessonVectors keeps what the run made, exports and imports it.
func lessonVectors(t *testing.T, d *desk) {
	d.click(".made", "Keep")
	d.says(".toast.on", "is kept")
	d.click(".made", "safetensors")
	var name string
	d.eval(`JSON.parse(localStorage.getItem("patchbay.vectors"))[0].name`, &name)
	files, err := filepath.Glob(filepath.Join(d.dir, "*.safetensors"))
	for i := 0; i < 100 && len(files) == 0 && err == nil; i++ {
		d.eval(`new Promise((yes) => setTimeout(yes, 50))`, nil)
		files, err = filepath.Glob(filepath.Join(d.dir, "*.safetensors"))
	}
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("saved %q", files)
	}
	d.eval(`document.querySelector("#kept-vectors").hidden && document.querySelector('[aria-controls="kept-vectors"]').click()`, nil)
	d.click("#kept-vectors", "Delete")
	d.click("#kept-vectors", "Press again to delete it.")
	d.await(`!document.querySelector(".veclist li")`)
	must(t, d.tab.Run(chromedp.SetUploadFiles(`#kept-vectors input[type=file]`, files, chromedp.ByQuery)))
	d.await(`document.querySelector(".veclist li")`)
	var again string
	if d.eval(`document.querySelector(".veclist input").value`, &again); again != name {
		t.Errorf("imported as %q, was %q", again, name)
	}
	bad := filepath.Join(d.dir, "bad.json")
	must(t, os.WriteFile(bad, []byte("{}"), 0o644))
	must(t, d.tab.Run(chromedp.SetUploadFiles(`#kept-vectors input[type=file]`, []string{bad}, chromedp.ByQuery)))
	d.says(".toast.on", "No vector was imported")
}

// lessonLists uploads lists: a good one, one of the wrong shape, one of 50 MB.
func lessonLists(t *testing.T, d *desk) {
	d.eval(`document.querySelector("#more-options").hidden && document.querySelector('[aria-controls="more-options"]').click()`, nil)
	box := `#param-steer-pairs`
	d.fill(box, "happy | sad\nup |")
	d.says(box+"-help", "Line 2 has one side only")
	d.says("#price", "cannot be read")
	write := func(name, data string) []string {
		path := filepath.Join(d.dir, name)
		must(t, os.WriteFile(path, []byte(data), 0o644))
		return []string{path}
	}
	upload := func(files []string) {
		must(t, d.tab.Run(chromedp.SetUploadFiles(`input[data-upload="pairs"]`, files, chromedp.ByQuery)))
	}
	upload(write("good.csv", "positive,negative\ngood,bad\n\"a, b\",c\n"))
	d.says(".toast.on", "2 entries were read from good.csv")
	d.await(fmt.Sprintf(`document.querySelector(%q).value === "good | bad\na, b | c\n"`, box))
	for name, c := range map[string]struct{ data, says string }{
		"shape.csv": {"a,b,c\nd,e,f\n", "Row 1 of shape.csv has 3 columns"},
		"huge.csv":  {strings.Repeat("aaaa,bbbb\n", 5_000_000), "huge.csv has 50 MB"},
	} {
		upload(write(name, c.data))
		d.says(".toast.on", c.says)
		var kept string
		if d.eval(fmt.Sprintf(`document.querySelector(%q).value`, box), &kept); kept != "good | bad\na, b | c\n" {
			t.Errorf("after %s the list is %q", name, kept)
		}
	}
	d.click(".options .acts", "The lesson's")
	d.await(fmt.Sprintf(`document.querySelector(%q).value !== "good | bad\na, b | c\n"`, box))
}

// lessonStop stops a run in its middle; the page is free at once.
func lessonStop(t *testing.T, d *desk) {
	d.open("icv")
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector("#run").innerText === "Stop"`)
	d.eval(`new Promise((yes) => setTimeout(yes, 300))`, nil)
	d.eval(`document.querySelector("#run").innerText === "Stop" && document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector("#run").innerText === "Run"`)
}
