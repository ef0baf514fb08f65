package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	bench "patchbay/shared/lab"
)

// TestEveryLesson runs each lesson of the rail on Pocket, in both languages, changes it, and
// exports it. With PATCHBAY_GALLERY=1 it also makes docs/gallery anew: each lesson on a desktop
// and on a phone, light and dark, in both languages.
func TestEveryLesson(t *testing.T) {
	need(t)
	l := lab(t, "-lab", copyPublic(t))
	b := launch(t, "")
	tab := visit(t, b, l.At("127.0.0.1", false)+"#lang=en&theme=light")
	d := &desk{t: t, tab: tab, b: b, l: l, dir: t.TempDir()}
	must(t, tab.SaveTo(d.dir))
	d.await(`document.querySelector("#run:not(:disabled)")`)
	for _, about := range bench.All() {
		t.Run(about.Name, func(t *testing.T) {
			d.t = t
			defer func() {
				if t.Failed() {
					tab.Screenshot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
				}
			}()
			d.wholeLesson(about)
		})
	}
}

// wholeLesson runs a lesson as a visitor does who has only Pocket.
func (d *desk) wholeLesson(about bench.About) {
	d.t.Helper()
	d.look("en", "light")
	d.onPocket(about)
	began := time.Now()
	d.eval(`document.querySelector("#run").innerText === "Run" && document.querySelector("#run").click()`, nil)
	must(d.t, d.tab.Wait(computed, 3*time.Minute))
	d.t.Logf("%s took %.1f s on the page", about.Name, time.Since(began).Seconds())
	if about.Lesson == nil {
		d.pictures(about.Name)
		return
	}
	var facts string
	d.eval(`(document.querySelector(".labside .notice .facts-text")?.innerText || "").trim()`, &facts)
	if len(facts) < 20 {
		d.t.Errorf("the page says only %q about its result", facts)
	}
	d.look("zh-Hant", "light")
	for part, text := range map[string]string{"idea": d.text(".idea"), "facts": d.text(".labside .notice .facts-text"), "title": d.text("#title")} {
		if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			d.t.Errorf("in Chinese the %s are %q", part, text)
		}
	}
	d.look("en", "light")
	d.takenAway(about)
	d.pictures(about.Name)
}

// takenAway exports the result, opens its link in another tab, and makes a figure for another page of it.
func (d *desk) takenAway(about bench.About) {
	d.t.Helper()
	d.eval(`document.querySelector("#formats").hidden && document.querySelector('[aria-controls="formats"]').click()`, nil)
	d.click("#formats", "JSON")
	var files []string
	for end := time.Now().Add(patience); len(files) == 0 && time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		files, _ = filepath.Glob(filepath.Join(d.dir, "patchbay-"+about.Name+"*.json"))
	}
	if len(files) != 1 {
		d.t.Fatalf("saved %q", files)
	}
	raw, err := os.ReadFile(files[0])
	must(d.t, err)
	var o bench.Outcome
	var r bench.Report
	must(d.t, json.Unmarshal(raw, &o))
	must(d.t, json.Unmarshal(o.Result, &r))
	if o.Experiment != about.Name || o.Parity.Model != "pocket" || len(r.Figures) == 0 || len(r.Facts) == 0 {
		d.t.Errorf("the file has %d pictures and %d facts of %s on %s", len(r.Figures), len(r.Facts), o.Experiment, o.Parity.Model)
	}
	d.eval(`document.querySelector("#btn-embed").click()`, nil)
	d.await(`document.querySelector("#snippet").value.includes("lesson=` + about.Name + `&amp;") && document.querySelector("#snippet").value.includes("shot=")`)
	d.click("#embed-panel", "Close")

	var link string
	facts := d.text(".labside .notice .facts-text")
	d.await(`location.hash.includes("run=1")`) // the address follows a little later
	d.eval(`location.href`, &link)
	next := visit(d.t, d.b, link)
	defer next.Close()
	e := &desk{t: d.t, tab: next, b: d.b, l: d.l, dir: d.dir}
	if err := next.Wait(computed, time.Minute); err != nil {
		next.Screenshot("failed-link-" + about.Name)
		d.t.Fatalf("%s: %v", link, err)
	}
	if again := e.text(".labside .notice .facts-text"); !closeTo(again, facts) {
		d.t.Errorf("the link gives other facts:\n%s\nwere\n%s", again, facts)
	}
}

// onPocket opens the lesson with its first example that runs on Pocket, or as it stands.
func (d *desk) onPocket(about bench.About) {
	d.t.Helper()
	f := "#lang=en&theme=light&model=pocket&lesson=" + about.Name
	for _, p := range about.Presets {
		if p.Model != "pocket" {
			continue
		}
		var params map[string]json.RawMessage
		must(d.t, json.Unmarshal(p.Params, &params))
		for k, v := range params {
			f += "&p." + k + "=" + urlEscape(string(v))
		}
		break
	}
	d.eval(fmt.Sprintf(`location.hash = %s`, quoted(f)), nil)
	d.await(fmt.Sprintf(`document.querySelector('#rail a[href*="lesson=%s&"]').getAttribute("aria-current") === "page"`, about.Name))
	d.await(`document.querySelector("#run:not(:disabled)")`)
}

// looks are how the gallery shows each lesson.
var looks = []struct {
	name        string
	w, h        int64
	density     float64
	phone       bool
	lang, theme string
}{
	{"desktop-en-light", 1280, 900, 1, false, "en", "light"}, {"desktop-en-dark", 1280, 900, 1, false, "en", "dark"},
	{"desktop-zh-light", 1280, 900, 1, false, "zh-Hant", "light"}, {"desktop-zh-dark", 1280, 900, 1, false, "zh-Hant", "dark"},
	{"phone-en-light", 360, 780, 1, true, "en", "light"}, {"phone-en-dark", 360, 780, 1, true, "en", "dark"},
	{"phone-zh-light", 360, 780, 1, true, "zh-Hant", "light"}, {"phone-zh-dark", 360, 780, 1, true, "zh-Hant", "dark"},
}

func (d *desk) pictures(lesson string) {
	if os.Getenv("PATCHBAY_GALLERY") == "" {
		return
	}
	defer d.tab.Screen(1280, 900, 1, false)
	for _, k := range looks {
		must(d.t, d.tab.Screen(k.w, k.h, k.density, k.phone))
		d.look(k.lang, k.theme)
		d.rest()
		d.eval(`document.activeElement.blur(), scrollTo(0, 0), new Promise((yes) => setTimeout(yes, 700))`, nil)
		path := filepath.Join(Root(), "docs", "gallery", lesson+"-"+k.name+".png")
		must(d.t, d.tab.Keep(path, k.phone))
		must(d.t, shrink(path))
	}
}

// TestGalleryPage holds docs/gallery.md to the pictures that are there, and both to the registry.
func TestGalleryPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(Root(), "docs", "gallery.md"))
	if os.Getenv("PATCHBAY_GALLERY") != "" {
		must(t, os.WriteFile(filepath.Join(Root(), "docs", "gallery.md"), []byte(galleryPage()), 0o644))
		return
	}
	must(t, err)
	if string(page) != galleryPage() {
		t.Error("docs/gallery.md is not what the registry says: make gallery writes it anew")
	}
	for _, about := range bench.All() {
		for _, k := range looks {
			if _, err := os.Stat(filepath.Join(Root(), "docs", "gallery", about.Name+"-"+k.name+".png")); err != nil {
				t.Errorf("make gallery is due: %v", err)
			}
		}
	}
}

func galleryPage() string {
	var b strings.Builder
	b.WriteString("# Gallery\n\nEvery lesson on Pocket, in a tab of headless Chromium. `make gallery` takes these pictures anew; none is touched by hand.\n")
	for _, about := range bench.All() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", about.Title, about.Help)
		for _, k := range looks {
			if !k.phone {
				fmt.Fprintf(&b, "![%s, %s](gallery/%s-%s.png)\n", about.Title, strings.ReplaceAll(k.name, "-", ", "), about.Name, k.name)
			}
		}
		b.WriteString("\n")
		for _, k := range looks {
			if k.phone {
				fmt.Fprintf(&b, "<img src=\"gallery/%s-%s.png\" width=\"180\" alt=\"%s, %s\">\n", about.Name, k.name, about.Title, strings.ReplaceAll(k.name, "-", ", "))
			}
		}
	}
	return b.String()
}

// urlEscape writes a text for a fragment.
func urlEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
