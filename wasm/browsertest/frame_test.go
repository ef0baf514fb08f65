package browsertest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"patchbay/wasm/scene"
)

// useWheel turns the wheel over the picture: the page scrolls, the picture does not trap it.
func useWheel(t *testing.T, d *desk) {
	d.eval(`scrollTo(0, 0)`, nil)
	x, y := d.at(15, 2)
	d.eval(`scrollTo(0, 0)`, nil)
	must(t, d.tab.Wheel(x, min(y, 700), 240))
	d.await(`scrollY > 100`)
	d.eval(`scrollTo(0, 0)`, nil)
}

// useIdle wants no work of anyone while nothing happens: no frames, no timers, no helper threads that spin.
func useIdle(t *testing.T, d *desk) {
	must(t, d.tab.Move(5, 5))
	d.rest()
	d.eval(`document.activeElement.blur()`, nil) // a caret that blinks is painted twice a second
	const limit = 0.03
	least := 9.0
	for range 5 { // compilers and collectors may still be at it, but not for ever
		before := d.b.CPU()
		d.eval(`new Promise((yes) => setTimeout(yes, 3000))`, nil)
		if least = min(least, (d.b.CPU()-before)/3); least < limit {
			break
		}
	}
	t.Logf("%.1f %% of a CPU while idle", 100*least)
	if least >= limit {
		t.Errorf("an idle page takes %.1f %% of a CPU", 100*least)
	}
}

// useDensity looks at a screen of two device pixels to each of CSS: the picture has them all. An emulated
// screen tells its page of a new size but not of a new density alone, as some real ones do not: then
// what the person does next shows it.
func useDensity(t *testing.T, d *desk) {
	defer d.tab.Screen(1280, 900, 1, false)
	crisp := func(density int) {
		t.Helper()
		d.await(fmt.Sprintf(`(() => { const c = document.querySelector("#stage")?.contentDocument?.querySelector("canvas");
			return !!c && Math.abs(c.width - %d * document.querySelector("#stage-box").clientWidth) <= %d; })()`, density, density))
		d.rest()
	}
	must(t, d.tab.Screen(1280, 900, 2, false))
	x, y := d.at(15, 2)
	must(t, d.tab.Move(x, y))
	must(t, d.tab.Move(5, 5))
	crisp(2)
	d.samePixels(scene.ByTop, scene.Light, 2)
	must(t, d.tab.Screen(1240, 900, 1, false))
	crisp(1)
}

// useKeyboard tabs through the page: everything is reached, nothing traps.
func useKeyboard(t *testing.T, d *desk) {
	d.eval(`document.querySelector(".skip").focus(), window.been = [document.activeElement]`, nil)
	ended := false
	for range 140 {
		must(t, d.tab.Press(kb.Tab))
		var at string
		d.eval(`(() => { const e = document.activeElement; been.push(e); return e === document.body ? "body" : e.tagName; })()`, &at)
		if at == "IFRAME" {
			t.Fatal("the Tab key went into the iframe")
		}
		if ended = at == "body"; ended {
			break
		}
		var round bool
		if d.eval(`been.length > 1 && been[0] === been[been.length - 1]`, &round); round {
			ended = true
			break
		}
	}
	if !ended {
		t.Error("140 presses of Tab did not go round the page")
	}
	var missed []string
	d.eval(`[...document.querySelectorAll("button, a[href], input, select, textarea, [tabindex='0']")]
		.filter((e) => e.offsetParent && !e.disabled && !e.closest("[hidden]") && !been.includes(e))
		.map((e) => e.outerHTML.slice(0, 120))`, &missed)
	if len(missed) > 0 {
		t.Errorf("the keyboard does not reach %q", missed)
	}
	d.eval(`document.querySelector("#btn-model").focus()`, nil)
	must(t, d.tab.Press(kb.Enter))
	d.await(`document.querySelector("#pop-model").contains(document.activeElement)`)
	must(t, d.tab.Press(kb.Escape))
	d.await(`document.activeElement.id === "btn-model" && document.querySelector("#pop-model").hidden`)
	d.eval(`document.querySelector("#prompt").focus()`, nil)
	must(t, d.tab.Run(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(2))))
	d.await(`document.querySelector("#live").innerText.includes("Result:") || document.querySelector("#run").innerText === "Stop"`)
	d.rest()
	d.says("#live", "Result:")
}

// look is a language, a theme and a width.
func (d *desk) look(lang, theme string) {
	d.t.Helper()
	d.click(".lang", map[string]string{"en": "EN", "zh-Hant": "繁中"}[lang])
	for range 3 {
		var now string
		if d.eval(`document.querySelector("header.bar > button.icon:not(.menu)").innerText`, &now); now == map[string]string{"light": "☀", "dark": "☾"}[theme] {
			break
		}
		d.eval(`document.querySelector("header.bar > button.icon:not(.menu)").click()`, nil)
		d.eval(`new Promise((yes) => setTimeout(yes, 120))`, nil)
	}
	d.await(fmt.Sprintf(`document.documentElement.lang === %q && document.documentElement.dataset.theme === %q`, lang, theme))
}

// useLooks takes a picture of the page in each language and theme, and finds no word of one in the other.
func useLooks(t *testing.T, d *desk) {
	must(t, d.tab.Screen(1360, 900, 1, false))
	defer d.tab.Screen(1280, 900, 1, false)
	d.eval(`document.querySelector("#twin").hidden || document.querySelector('[aria-controls="twin"]').click()`, nil)
	for _, lang := range []string{"en", "zh-Hant"} {
		for _, theme := range []string{"light", "dark"} {
			d.look(lang, theme)
			d.rest()
			d.eval(`scrollTo(0, 0)`, nil)
			if body := d.text("body"); strings.Contains(body, "\uFFFD") {
				t.Errorf("a character was cut in two: …%s…", around(body, "\uFFFD"))
			}
			must(t, d.tab.Keep(screenshot("lens-desktop-"+lang+"-"+theme), false))
			colours := map[string]scene.Theme{"light": scene.Light, "dark": scene.Dark}[theme]
			d.samePixels(scene.ByTop, colours, 1)
			d.eval(`scrollTo(0, 0)`, nil)
		}
		if title := d.text("#title"); title != map[string]string{"en": "Logit lens", "zh-Hant": "Logit 透鏡"}[lang] {
			t.Errorf("in %s the title is %q", lang, title)
		}
	}
	d.look("en", "light")
}

// around is a part of a text with what stands about it.
func around(s, part string) string {
	i := strings.Index(s, part)
	return strings.ToValidUTF8(s[max(0, i-40):min(len(s), i+40)], "")
}

func screenshot(name string) string {
	return filepath.Join(Root(), "out", "screenshots", name+".png")
}

// usePhone holds the page as a phone of 360 pixels.
func usePhone(t *testing.T, d *desk) {
	must(t, d.tab.Screen(360, 780, 2, true))
	defer d.tab.Screen(1280, 900, 1, false)
	for _, lang := range []string{"en", "zh-Hant"} {
		for _, theme := range []string{"light", "dark"} {
			d.look(lang, theme)
			d.rest()
			must(t, d.tab.Keep(screenshot("lens-phone-"+lang+"-"+theme), true))
		}
		d.fits("lens in " + lang)
	}
	d.look("en", "light")
	for _, id := range []string{"btn-model", "btn-place", "btn-parity"} {
		d.eval(fmt.Sprintf(`document.getElementById(%q).click()`, id), nil)
		d.await(fmt.Sprintf(`document.getElementById(%q).getAttribute("aria-expanded") === "true"`, id))
		d.fits(id)
		must(t, d.tab.Press(kb.Escape))
	}
	// The rail is a menu.
	var hidden bool
	if d.eval(`document.querySelector("#rail").offsetParent === null`, &hidden); !hidden {
		t.Error("the rail stands open on a phone")
	}
	d.eval(`document.querySelector("#btn-menu").click()`, nil)
	d.await(`document.querySelector("#rail").offsetParent && document.activeElement.id === "rail"`)
	d.eval(`[...document.querySelectorAll("#rail a")].find((a) => a.innerText.includes("Generate")).click()`, nil)
	d.says("#title", "Generate")
	d.await(`document.querySelector("#rail").offsetParent === null`)
	d.fits("generate")
	d.eval(`document.querySelector("#btn-menu").click(), 1`, nil)
	d.eval(`document.querySelector('#rail a[href*="lesson=lens&"]').click()`, nil)
	d.says("#title", "Logit lens")
}

// fits says what sticks out of the viewport sideways.
func (d *desk) fits(what string) {
	d.t.Helper()
	var out struct {
		Width float64
		Out   []string
	}
	d.eval(`({width: document.documentElement.scrollWidth, out: [...document.querySelectorAll("body *")].filter((e) => {
		const r = e.getBoundingClientRect();
		if (!r.width || !r.height || r.right <= innerWidth + 0.5 && r.left >= -0.5) return false;
		for (let p = e; p; p = p.parentElement) if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(p).overflowX)) return false;
		return !e.closest(".skip, .vh, svg");
	}).map((e) => e.outerHTML.slice(0, 100))})`, &out)
	if out.Width > 360 || len(out.Out) > 0 {
		d.t.Errorf("%s: the document is %v wide; out of the viewport: %q", what, out.Width, out.Out)
	}
}

// openGenerate opens the page of text generation.
func (d *desk) openGenerate() {
	d.t.Helper()
	d.eval(`[...document.querySelectorAll("#rail a")].find((a) => a.innerText.includes("Generate")).click()`, nil)
	d.says("#title", "Generate")
}

const steps = `document.querySelectorAll(".stream .step").length`

// write generates text and gives it, the prompt included.
func (d *desk) write() string {
	d.t.Helper()
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector(".took").innerText.startsWith("computed")`)
	return d.text(".stream")
}

// useGenerate sees the text come token by token.
func useGenerate(t *testing.T, d *desk) {
	d.openGenerate()
	d.fill("#prompt", "Once upon a time, a small robot")
	d.fill("#param-generate-count", "24")
	d.eval(`document.querySelector("#run").click()`, nil)
	d.eval(`(() => { window.seen = new Set(); const look = () => { seen.add(`+steps+`); setTimeout(look, 15); }; look(); })()`, nil)
	d.await(`document.querySelector(".took").innerText.startsWith("computed")`)
	var seen int
	if d.eval(`seen.size`, &seen); seen < 3 { // nothing, some, all: a busy machine shows few states between
		t.Errorf("the text came in %d parts", seen)
	}
	var n int
	if d.eval(steps, &n); n != 24 {
		t.Errorf("%d tokens of 24", n)
	}
	must(t, d.tab.Screen(1360, 900, 1, false))
	must(t, d.tab.Keep(screenshot("generate-desktop"), false))
	must(t, d.tab.Screen(1280, 900, 1, false))
}

// useStop presses Stop in the middle of a long text.
func useStop(t *testing.T, d *desk) {
	d.fill("#param-generate-count", "400")
	d.eval(`document.querySelector("#param-generate-stop_at_eos").checked && document.querySelector("#param-generate-stop_at_eos").click()`, nil)
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(steps + ` > 60`)
	var ms float64
	d.eval(`new Promise((yes) => { const at = performance.now(), run = document.querySelector("#run"); run.click();
		const look = () => run.innerText === "Run" && !run.disabled ? yes(performance.now() - at) : setTimeout(look, 2); look(); })`, &ms)
	t.Logf("free again %.0f ms after pressing Stop", ms)
	if ms > 1000 {
		t.Errorf("Stop took %.0f ms", ms)
	}
	var n int
	if d.eval(steps, &n); n < 60 || n >= 400 {
		t.Errorf("%d tokens are kept", n)
	}
	d.says(".generate .legend", "stopped after")
	d.says("#live", "Stopped")
	d.fill("#param-generate-count", "12")
}

// useEdits reaches into the model, and types nonsense into the form.
func useEdits(t *testing.T, d *desk) {
	plain := d.write()
	d.click(".draft", "Add the edit")
	d.await(`document.querySelector(".edits .list li")`)
	if edited := d.write(); edited == plain || len(edited) < 40 {
		t.Errorf("with the first MLP at zero the text is %q, without %q", edited, plain)
	}
	d.fill(".draft label:nth-of-type(3) input", "NaN")
	d.click(".draft", "Add the edit")
	d.says(".edits [role=alert]", "cannot be read")
	d.fill(".draft label:nth-of-type(3) input", "999")
	d.click(".draft", "Add the edit")
	d.await(`document.querySelectorAll(".edits .list li").length === 2`)
	d.eval(`document.querySelector("#run").click()`, nil)
	d.says(".generate .cover .said", "999")
	t.Log(d.text(".generate .cover"))
	d.click(".generate .cover", "Back to the last result")
	if back := d.text(".stream"); len(back) < 40 {
		t.Errorf("a run that failed took the last text away: %q is left", back)
	}
	d.eval(`document.querySelector("#edits-box").hidden && document.querySelector('[aria-controls="edits-box"]').click()`, nil)
	d.fill("#edits", `[{"site": "hook_mlp_out", "op": "set", "operand": NaN}]`)
	d.says("#edits-box .warn", "not a JSON list")
	d.says("#price", "cannot be read")
	d.fill("#edits", `[]`)
	d.await(`!document.querySelector(".edits .list li")`)
	if again := d.write(); again != plain {
		t.Errorf("after the edits are gone the text is %q, was %q", again, plain)
	}
	d.fill("#param-generate-temperature", "hot")
	d.says("#param-generate-temperature-help", "to 10")
	d.fill("#param-generate-temperature", "0")
}

// useBadInput does what people do, and loses nothing.
func useBadInput(t *testing.T, d *desk) {
	d.eval(`document.querySelector('#rail a[href*="lesson=lens&"]').click()`, nil)
	d.says("#title", "Logit lens")
	d.fill("#prompt", "")
	d.says("#price", "Type a prompt first")

	hostile := `</textarea><img src=x onerror="window.pwned = 1"><script>window.pwned = 2</script>`
	d.fill("#prompt", hostile)
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector(".took").innerText.startsWith("computed")`)
	d.rest()
	var bad bool
	if d.eval(`!!window.pwned || !!document.querySelector("main img, main script")`, &bad); bad {
		t.Error("a prompt became markup")
	}
	var chips string
	d.eval(`[...document.querySelectorAll(".chips .chip")].map((e) => e.innerText).join("")`, &chips)
	if !strings.Contains(chips, "onerror") {
		t.Errorf("its tokens are shown as %q", chips)
	}

	long := strings.Repeat("one two three four five ", 4000)
	d.fill("#prompt", long)
	d.eval(`document.querySelector("#run").click()`, nil)
	d.await(`document.querySelector(".picture .cover .said") && document.querySelector(".picture .cover .said").innerText.length > 20`)
	t.Log(d.text(".picture .cover"))
	var kept int
	if d.eval(`document.querySelector("#prompt").value.length`, &kept); kept != len(long) {
		t.Errorf("of a prompt of %d characters %d are left", len(long), kept)
	}
	d.says("#live-urgent", "It failed")
	d.click(".picture .cover", "Back to the last result")
	d.await(`document.querySelector(".picture .cover").hidden`)
	d.fill("#prompt", "The capital of Poland is")

	// Links: cut in the middle of the prompt, and of a model that nobody has.
	for _, c := range []struct{ fragment, says, prompt string }{
		{`lesson=lens&lang=en&p.prompt=%22Paris%20is%20the%20cap`, "not whole", "Paris is the cap"},
		{`lesson=lens&lang=en&model=no-such-model&p.prompt=%22Rome%22`, "no-such-model", "Rome"},
	} {
		d.eval(fmt.Sprintf(`location.hash = %q`, c.fragment), nil)
		d.says(".toast.on", c.says)
		d.await(fmt.Sprintf(`document.querySelector("#prompt").value === %s`, quoted(c.prompt)))
		t.Log(d.text(".toast"))
	}
}

func quoted(s string) string { raw, _ := json.Marshal(s); return string(raw) }

// TestWithoutWebGL draws the picture without a GPU and without its stand-in.
func TestWithoutWebGL(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t)
	b := launch(t, "", chromedp.Flag("disable-3d-apis", true))
	tab := visit(t, b, l.URL.String()+onSmol+"&place=sidecar&run=1&lang=en")
	await(t, tab, ran)
	await(t, tab, `document.querySelector("#stage-box img") && document.querySelector("#stage-box img").naturalWidth > 200`)
	var hidden bool
	if eval(t, tab, `document.querySelector(".picture .cover").hidden`, &hidden); !hidden {
		t.Error("the picture is covered")
	}
	d := &desk{t: t, tab: tab, b: b, l: l, dir: t.TempDir(), file: "patchbay-lens"}
	must(t, tab.SaveTo(d.dir))
	d.fetchResult()
	x, y := d.at(20, 3)
	must(t, tab.Move(x, y))
	d.says(".guesses h2", "Layer 20, after")
	must(t, tab.Click(x, y))
	must(t, tab.Move(5, 5))
	d.says("#live", "Layer 20")
	d.rest()
	tab.Screenshot("without-webgl")
}
