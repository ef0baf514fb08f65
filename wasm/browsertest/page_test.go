package browsertest

import (
	"fmt"
	"strings"
	"testing"
)

// What the page shows, as a person would look for it.
const (
	notHere  = `document.querySelector("#btn-model").innerText.includes("not downloaded")`
	download = `[...document.querySelectorAll(".cover button")].find((b) => b.innerText.startsWith("Download"))`
	canRun   = `!document.querySelector("#run").disabled`
	ran      = `document.querySelector(".under .acts button") && !document.querySelector(".under .acts button").disabled`
	twin     = `[...document.querySelectorAll("#twin tbody tr")]`
)

// firstVisit downloads the model and runs the lens that the page offers.
func firstVisit(t *testing.T, tab *Tab) {
	t.Helper()
	await(t, tab, `document.querySelector("#btn-model") && `+notHere)
	await(t, tab, download)
	eval(t, tab, download+`.click()`, nil)
	await(t, tab, canRun)
	runLens(t, tab)
}

// runLens presses Run and reads the answer from the table twin, which says what the picture says.
func runLens(t *testing.T, tab *Tab) {
	t.Helper()
	eval(t, tab, `document.querySelector("#run").click()`, nil)
	await(t, tab, ran)
	eval(t, tab, `document.querySelector("#twin").hidden && document.querySelector('[aria-controls="twin"]').click()`, nil)
	await(t, tab, twin+`.length >= 30`)
	var text string
	eval(t, tab, `document.querySelector("#twin table").innerText`, &text)
	if !strings.Contains(text, "the") {
		t.Errorf("the table does not name the model's answer:\n%.400s", text)
	}
}

func TestFirstVisitAndOffline(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t)
	b := launch(t, "")
	tab := visit(t, b, l.URL.String()+onSmol)
	firstVisit(t, tab)
	tab.Screenshot("first-visit")
	var fragment string
	if eval(t, tab, `location.hash`, &fragment); strings.Contains(fragment, l.Token()) {
		t.Error("the token still stands in the address")
	}
	await(t, tab, `navigator.serviceWorker.ready.then((r) => !!r.active)`)
	tab.Close()
	l.Kill() // nobody answers any more: what opens now comes from the browser alone

	next := visit(t, b, l.At("127.0.0.1", false)+"#"+onSmol)
	await(t, next, `document.querySelector("#btn-model") && !`+notHere)
	loadStored(t, next)
	runLens(t, next)
	next.Screenshot("second-visit-offline")
}

// loadStored loads a model that is here, should the page wait to be asked.
func loadStored(t *testing.T, tab *Tab) {
	t.Helper()
	button := `[...document.querySelectorAll(".cover button")].find((b) => b.offsetParent)`
	await(t, tab, canRun+` || `+button)
	eval(t, tab, `document.querySelector("#run").disabled && `+button+`.click()`, nil)
	await(t, tab, canRun)
}

// TestClassroom is the page as others on a LAN see it: plain http under a name, no secure context.
func TestClassroom(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t, "-host", "lab.test")
	b := launch(t, toLoopback)
	tab := visit(t, b, l.At("lab.test", true)+onSmol)
	var secure bool
	if eval(t, tab, `isSecureContext`, &secure); secure {
		t.Fatal("this is a secure context, so the test shows nothing")
	}
	firstVisit(t, tab)
	tab.Screenshot("classroom")
	tab.Close()
	next := visit(t, b, l.At("lab.test", true)+onSmol)
	await(t, next, `document.querySelector("#btn-model") && !`+notHere)
	loadStored(t, next)
	runLens(t, next)
}

// TestReloadInMidRun leaves a run behind and finds a whole page with its model again.
func TestReloadInMidRun(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t)
	tab := visit(t, launch(t, ""), l.URL.String()+onSmol)
	firstVisit(t, tab)
	eval(t, tab, `document.querySelector("#run").click(), location.reload()`, nil)
	await(t, tab, `document.querySelector("#btn-model") && !`+notHere)
	loadStored(t, tab)
	runLens(t, tab)
}

// TestDeadSidecar kills the sidecar under the page and wants to be told, and to work on in the tab.
func TestDeadSidecar(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t)
	tab := visit(t, launch(t, ""), l.URL.String()+onSmol)
	place := `[...document.querySelectorAll("header button, .bar button")].find((b) => b.innerText === "%s")`
	await(t, tab, fmt.Sprintf(place, "Sidecar"))
	eval(t, tab, fmt.Sprintf(place, "Sidecar")+`.click()`, nil)
	loadStored(t, tab)
	runLens(t, tab)
	tab.Screenshot("sidecar")
	l.Kill()
	await(t, tab, `document.querySelector("#btn-place").innerText.includes("out of reach")`)
	eval(t, tab, `document.querySelector("#btn-place").click()`, nil)
	retry := `[...document.querySelectorAll("#pop-place button")].find((b) => b.offsetParent && b.innerText === "Try again")`
	await(t, tab, retry)
	var text string
	eval(t, tab, `document.querySelector("#pop-place").innerText`, &text)
	t.Log(text)
	tab.Screenshot("dead-sidecar")
	// It is still a page: the tab's own engine goes on.
	eval(t, tab, fmt.Sprintf(place, "This tab")+`.click()`, nil)
	await(t, tab, `document.querySelector("#btn-place").innerText.includes("simd")`)
}
