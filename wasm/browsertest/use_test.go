package browsertest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"

	bench "patchbay/shared/lab"
	"patchbay/wasm/scene"
)

// desk is a page with a loaded model and a result, as a person has it before them. The tests
// of this folder share one: loading the model is the dear part.
type desk struct {
	t      *testing.T
	tab    *Tab
	b      *Browser
	l      *Lab
	dir    string // where downloads go
	file   string // what files of the page are called, without the ending
	result *bench.LensResult
}

// TestUse goes through the page as a person does, in one tab.
func TestUse(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t, "-lab", copyPublic(t)) // a build meanwhile must not change the page under the test
	b := launch(t, "")
	tab := visit(t, b, l.URL.String()+onSmol)
	d := &desk{t: t, tab: tab, b: b, l: l, dir: t.TempDir(), file: "patchbay-lens"}
	firstVisit(t, tab)
	must(t, tab.SaveTo(d.dir))
	d.fetchResult()
	for _, part := range []struct {
		name string
		f    func(*testing.T, *desk)
	}{
		{"hover and click", useHover}, {"arrow keys", useArrows}, {"colours", useColours}, {"follow", useFollow},
		{"table", useTable}, {"files", useFiles}, {"link", useLink}, {"wheel", useWheel}, {"idle", useIdle}, {"density", useDensity},
		{"keyboard only", useKeyboard}, {"languages and themes", useLooks}, {"phone", usePhone},
		{"generate", useGenerate}, {"stop", useStop}, {"edits", useEdits}, {"bad input", useBadInput},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			d.t = t
			part.f(t, d)
			if t.Failed() {
				tab.Screenshot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
			}
		}) {
			d.settle()
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settle brings the page back to where the next part begins.
func (d *desk) settle() {
	d.tab.Screen(1280, 900, 1, false)
	d.tab.Eval(`document.querySelector('#rail a[href*="lesson=lens&"]').click(), scrollTo(0, 0)`, nil)
}

func (d *desk) eval(expr string, into any) { d.t.Helper(); eval(d.t, d.tab, expr, into) }
func (d *desk) await(expr string)          { d.t.Helper(); must(d.t, d.tab.Wait(expr, patience/2)) }

// text is what an element says.
func (d *desk) text(selector string) string {
	d.t.Helper()
	var s string
	d.eval(fmt.Sprintf(`(document.querySelector(%q) || {}).innerText || ""`, selector), &s)
	return s
}

// says waits until an element's text contains a part.
func (d *desk) says(selector, part string) {
	d.t.Helper()
	d.await(fmt.Sprintf(`(document.querySelector(%q) || {innerText: ""}).innerText.includes(%q)`, selector, part))
}

// click presses the visible button with that word in a part of the page.
func (d *desk) click(within, word string) {
	d.t.Helper()
	b := fmt.Sprintf(`[...document.querySelectorAll(%q)].find((b) => b.offsetParent && b.innerText.trim() === %q)`, within+" button", word)
	d.await(b)
	d.eval(b+`.click()`, nil)
}

// fill types a text into a box at once, as a paste does.
func (d *desk) fill(selector, text string) {
	d.t.Helper()
	raw, _ := json.Marshal(text)
	d.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus(); e.value = %s; e.dispatchEvent(new Event("input", {bubbles: true})); })()`, selector, raw), nil)
}

// rest waits until no run is under way and the picture is sent.
func (d *desk) rest() {
	d.t.Helper()
	d.await(`document.querySelector("#run").innerText !== "Stop" && document.querySelector("#run").innerText !== "停止"`)
	d.eval(`new Promise((yes) => setTimeout(yes, 500))`, nil)
}

// export saves the page's result in a format and reads the file.
func (d *desk) export(format string) []byte {
	d.t.Helper()
	d.eval(`document.querySelector("#formats").hidden && document.querySelector('[aria-controls="formats"]').click()`, nil)
	name := d.file + "." + format
	os.Remove(filepath.Join(d.dir, name))
	d.click("#formats", strings.ToUpper(format))
	data, err := Saved(filepath.Join(d.dir, name), patience)
	must(d.t, err)
	return data
}

// fetchResult reads the outcome that the page exports.
func (d *desk) fetchResult() bench.Outcome {
	d.t.Helper()
	var o bench.Outcome
	must(d.t, json.Unmarshal(d.export("json"), &o))
	d.result = new(bench.LensResult)
	must(d.t, json.Unmarshal(o.Result, d.result))
	return o
}

// scene is the picture that the page must be showing, and where it begins in the viewport.
func (d *desk) scene(by scene.By, theme scene.Theme) (s scene.Scene, left, top float64) {
	d.t.Helper()
	var box struct{ W, H, X, Y float64 }
	d.eval(`document.querySelector("#pad").scrollIntoView({block: "end"})`, nil)
	d.eval(`(() => { const e = document.querySelector("#stage-box"), r = e.getBoundingClientRect(); return {W: e.clientWidth, H: parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--stage-h")), X: r.left, Y: r.top}; })()`, &box)
	return scene.Lens(d.result, scene.Options{W: float32(box.W), H: float32(box.H), Theme: theme, By: by}), box.X, box.Y
}

// at is the middle of a cell in the viewport.
func (d *desk) at(layer, column int) (x, y float64) {
	d.t.Helper()
	s, left, top := d.scene(scene.ByTop, scene.Light)
	it := s.Find(scene.CellID(layer, column))
	if it == nil {
		d.t.Fatalf("no cell %d, %d", layer, column)
	}
	return left + float64(it.Box[0]+it.Box[2]/2), top + float64(it.Box[1]+it.Box[3]/2)
}

func useHover(t *testing.T, d *desk) {
	x, y := d.at(20, 3)
	must(t, d.tab.Move(x, y))
	d.says(".guesses h2", "Layer 20, after")
	var shown []string
	d.eval(`[...document.querySelectorAll(".guesses .bars li")].map((e) => e.querySelector(".tok").innerText + " " + e.querySelector(".p").innerText)`, &shown)
	for i, g := range d.result.Layers[20][3].Top[:5] {
		if want := fmt.Sprintf("%s %.3f", scene.Visible(g.Text), g.P); shown[i] != want && !strings.Contains(shown[i], "<") {
			t.Errorf("guess %d is shown as %q, the result has %q", i, shown[i], want)
		}
	}
	x2, y2 := d.at(10, 1)
	must(t, d.tab.Click(x2, y2))
	must(t, d.tab.Move(5, 5))
	d.says(".guesses h2", "Layer 10, after")
	d.says("#live", "Layer 10")
	d.await(`location.hash.includes("pin=10.1")`)
}

func useArrows(t *testing.T, d *desk) {
	d.eval(`document.querySelector("#pad").focus()`, nil)
	var before float64
	d.eval(`scrollY`, &before)
	must(t, d.tab.Press(kb.ArrowUp+kb.ArrowUp+kb.ArrowRight))
	d.says(".guesses h2", "Layer 12, after “of”")
	d.says("#live", "Layer 12")
	must(t, d.tab.Press(kb.End+kb.PageUp))
	d.says(".guesses h2", "Layer 29, after")
	must(t, d.tab.Press(kb.Home+kb.PageDown))
	d.says(".guesses h2", "Layer 0, after “The”")
	var after float64
	if d.eval(`scrollY`, &after); after != before {
		t.Errorf("the arrow keys moved the page from %v to %v", before, after)
	}
	must(t, d.tab.Press(kb.Enter))
	d.says(".guesses h2", "Layer 29, after “is”")
}

// useColours switches what the colour means and looks at the pixels of the picture.
func useColours(t *testing.T, d *desk) {
	for i, by := range []scene.By{scene.ByFollow, scene.ByRank, scene.ByEntropy, scene.ByKL, scene.ByTop} {
		word := []string{"followed", "rank", "entropy", "KL", "top"}[i]
		d.click(".legend", word)
		d.await(fmt.Sprintf(`[...document.querySelectorAll(".legend [aria-checked=true]")].some((b) => b.innerText === %q)`, word))
		d.rest()
		d.samePixels(by, scene.Light, 1)
	}
}

// samePixels compares the shown colour of every cell with the scene's. The picture has a
// moment to arrive: a transition takes 220 ms of frames, and frames are scarce on a busy machine.
func (d *desk) samePixels(by scene.By, theme scene.Theme, density float64) {
	d.t.Helper()
	must(d.t, d.tab.Move(5, 5))
	s, left, top := d.scene(by, theme)
	var wrong []string
	checked := 0
	for range 12 {
		d.rest()
		img, err := d.tab.Picture()
		must(d.t, err)
		if checked, wrong = d.compare(&s, img, left, top, density); len(wrong) == 0 {
			break
		}
	}
	if len(wrong) > 0 {
		d.t.Errorf("coloured by %s, %d cells differ: %s", by, len(wrong), strings.Join(wrong[:min(3, len(wrong))], "; "))
	}
	if checked < 100 {
		d.t.Errorf("only %d cells were looked at", checked)
	}
}

// compare says which cells of a scene have another colour on a picture of the screen.
func (d *desk) compare(s *scene.Scene, img image.Image, left, top, density float64) (checked int, wrong []string) {
	for _, it := range s.Items {
		layer, column, ok := scene.ParseCellID(it.ID)
		if !ok || layer == len(d.result.Layers)-1 && column == len(d.result.Positions)-1 { // the pin's frame stands there
			continue
		}
		x, y := left+float64(it.Box[0])+5, top+float64(it.Box[1]+it.Box[3]/2)
		r, g, b, _ := img.At(int(x*density), int(y*density)).RGBA()
		checked++
		if far(r, uint32(it.Fill>>24)) || far(g, uint32(it.Fill>>16&255)) || far(b, uint32(it.Fill>>8&255)) {
			wrong = append(wrong, fmt.Sprintf("%s is #%02x%02x%02x on the screen, %08x in the scene", it.ID, r>>8, g>>8, b>>8, it.Fill))
		}
	}
	return checked, wrong
}

// far says that a 16-bit channel is more than 3 of 255 from an 8-bit one.
func far(got, want uint32) bool { return math.Abs(float64(got>>8)-float64(want)) > 3 }

func useFollow(t *testing.T, d *desk) {
	curve := `document.querySelector(".curve").getAttribute("points")`
	var before, after string
	d.eval(curve, &before)
	d.click(".guesses", "·Warsaw")
	d.says(".line h2", "Warsaw")
	d.rest()
	if d.eval(curve, &after); after == before || after == "" {
		t.Errorf("following another token left the line as it was: %q", after)
	}
	d.says(".notice", "Warsaw")
	o := d.fetchResult()
	if d.result.Follow.Text != " Warsaw" || !strings.Contains(string(o.Params), "Warsaw") {
		t.Errorf("the result follows %q", d.result.Follow.Text)
	}
}

// useTable compares the twin with the result, entry by entry.
func useTable(t *testing.T, d *desk) {
	var rows [][]string
	d.eval(twin+`.map((r) => [...r.children].map((c) => c.innerText))`, &rows)
	if len(rows) != len(d.result.Layers) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		layer := len(d.result.Layers) - 1 - i
		if row[0] != fmt.Sprint(layer) || len(row) != 1+len(d.result.Positions) {
			t.Fatalf("row %d is %q", i, row)
		}
		for c, cell := range row[1:] {
			top := d.result.Layers[layer][c].Top[0]
			token, p, _ := strings.Cut(cell, " ")
			if want := scene.Visible(top.Text); token != want && want != "" && !strings.ContainsAny(want, "\u200b⏎") {
				t.Errorf("layer %d column %d: %q, want token %q", layer, c, cell, want)
			}
			var x float64
			if fmt.Sscan(strings.TrimPrefix(strings.TrimSpace(p), "<"), &x); math.Abs(x-float64(top.P)) > 0.00051 {
				t.Errorf("layer %d column %d: %q, want probability %g", layer, c, cell, top.P)
			}
		}
	}
	d.eval(`document.querySelector('[data-cell="cell/15/2"]').click()`, nil)
	d.says(".guesses h2", "Layer 15, after")
	d.eval(`document.querySelector('[data-cell="cell/15/2"]').click()`, nil)
	d.says(".guesses h2", "Layer 29, after")
}

// useFiles saves all four and finds the numbers in them.
func useFiles(t *testing.T, d *desk) {
	o := d.fetchResult()
	if o.Experiment != "lens" || o.Parity.Mode != "exact" || len(o.Parity.Digest) < 32 || o.Seconds <= 0 {
		t.Errorf("the outcome: %+v", o)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(d.export("csv"), []byte("\ufeff")))).ReadAll()
	must(t, err)
	if want := 1 + len(d.result.Layers)*len(d.result.Positions); len(rows) < want || !strings.Contains(strings.Join(rows[0], " "), "layer") {
		t.Errorf("the CSV has %d rows for %d cells, head %q", len(rows), want-1, rows[0])
	}
	svg := d.export("svg")
	last := d.result.Layers[29][len(d.result.Positions)-1].Top[0]
	if !strings.Contains(string(svg), fmt.Sprintf("%.3f", last.P)) || !wellFormed(svg) {
		t.Errorf("the SVG lacks the answer's probability %.3f or is not XML", last.P)
	}
	img, err := png.Decode(bytes.NewReader(d.export("png")))
	must(t, err)
	if n := colours(img); n < 20 || img.Bounds().Dx() < 400 {
		t.Errorf("the PNG is %v with %d colours", img.Bounds(), n)
	}
}

func wellFormed(doc []byte) bool {
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		if _, err := dec.Token(); err == io.EOF {
			return true
		} else if err != nil {
			return false
		}
	}
}

// colours counts how many different ones a picture has.
func colours(img image.Image) int {
	seen := map[[3]uint32]bool{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 2 {
		for x := b.Min.X; x < b.Max.X; x += 2 {
			r, g, bl, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, bl}] = true
		}
	}
	return len(seen)
}

// closeTo compares two texts word by word, numbers to the last place that is shown.
func closeTo(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		p, errP := strconv.ParseFloat(x[i], 64)
		q, errQ := strconv.ParseFloat(y[i], 64)
		if x[i] != y[i] && (errP != nil || errQ != nil || math.Abs(p-q) > 0.0011) {
			return false
		}
	}
	return true
}

// useLink copies the link, opens it in another tab and finds everything again.
func useLink(t *testing.T, d *desk) {
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		must(t, d.tab.Run(browser.SetPermission(&browser.PermissionDescriptor{Name: name}, browser.PermissionSettingGranted)))
	}
	d.fill("#prompt", "Warsaw is the capital of “Poland” & Paris of")
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector(".took").innerText.startsWith("computed")`)
	d.rest()
	d.fetchResult()
	must(t, d.tab.Click(d.at(7, 2)))
	d.says(".guesses h2", "Layer 7, after")
	d.click(".legend", "entropy")
	d.click(".lang", "繁中")
	d.click(".under", "複製連結")
	d.await(`document.querySelector(".toast.on")`)
	var link, first string
	d.eval(`navigator.clipboard.readText()`, &link)
	if !strings.HasPrefix(link, "http") || strings.Contains(link, "token=") {
		t.Fatalf("the copied link is %q", link)
	}
	d.eval(twin+`.map((r) => r.innerText).join("\n")`, &first)

	next := visit(t, d.b, link)
	defer next.Close()
	e := &desk{t: t, tab: next, b: d.b, l: d.l, dir: d.dir}
	e.await(`document.querySelector(".under .acts button") && !document.querySelector(".under .acts button").disabled`)
	e.await(`document.querySelector(".guesses h2").innerText.includes("第 7 層")`)
	e.eval(`document.querySelector("#twin").hidden && document.querySelector('[aria-controls="twin"]').click()`, nil)
	e.await(twin + `.length >= 30`)
	var again, prompt, lang, color, follow string
	e.eval(twin+`.map((r) => r.innerText).join("\n")`, &again)
	e.eval(`document.querySelector("#prompt").value`, &prompt)
	e.eval(`document.documentElement.lang`, &lang)
	e.eval(`document.querySelector(".legend [aria-checked=true]").innerText`, &color)
	e.eval(`document.querySelector(".line h2").innerText`, &follow)
	if !closeTo(again, first) {
		t.Errorf("the link gives another result:\n%s\nwas\n%s", again, first)
	}
	if prompt != "Warsaw is the capital of “Poland” & Paris of" || lang != "zh-Hant" || color != "熵" || !strings.Contains(follow, "Warsaw") {
		t.Errorf("the link brought prompt %q, language %q, colour %q, followed %q", prompt, lang, color, follow)
	}
	next.Close()
	must(t, d.tab.Run(page.BringToFront()))
	d.click(".lang", "EN")
	d.click(".legend", "top")
	d.fill("#prompt", "The capital of Poland is")
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector(".took").innerText.startsWith("computed")`)
	d.rest()
	d.eval(`document.querySelector("#pad").focus()`, nil)
	must(t, d.tab.Press(kb.Enter))
	d.fetchResult()
}
