package browsertest

import (
	"testing"
	"time"
)

// TestSweepLeavesThePageAlone runs a sweep over all layers of SmolLM2 in the tab: its first
// result comes early, and meanwhile the page paints. Times are logged, not judged: machines of
// CI are shared. What is judged is that parts come before the whole and that the page goes on.
func TestSweepLeavesThePageAlone(t *testing.T) {
	need(t)
	needModel(t)
	l := lab(t, "-lab", copyPublic(t))
	tab := visit(t, launch(t, ""), l.At("127.0.0.1", false)+"#lang=en&theme=light&model="+smol+"&lesson=patchscope&p.set=%22sentences%22&p.items=12")
	await(t, tab, `document.querySelector('#rail a[href*="lesson=patchscope&"]')?.getAttribute("aria-current") === "page"`)
	await(t, tab, download)
	eval(t, tab, download+`.click()`, nil)
	await(t, tab, canRun)
	eval(t, tab, `(() => {
		window.gaps = []; let last = performance.now(); window.began = 0; window.first = 0; window.whole = 0;
		const tick = (now) => {
			if (window.began && !window.whole) gaps.push(now - last);
			last = now;
			const busy = document.querySelector("#run").innerText === "Stop";
			if (window.began && !window.first && document.querySelector(".labside .notice .facts-text")?.innerText.trim() && document.querySelector(".picture .cover").hidden) window.first = now;
			if (window.first && !busy) window.whole = window.whole || now;
			requestAnimationFrame(tick);
		};
		requestAnimationFrame(tick);
		document.querySelector("#run").click(); window.began = performance.now();
	})()`, nil)
	if err := tab.Wait(computed+` && window.whole > 0`, 4*time.Minute); err != nil {
		tab.Screenshot("failed-sweep")
		t.Fatal(err)
	}
	var m struct{ First, Whole, Median, P95, Worst, Frames float64 }
	eval(t, tab, `(() => { const s = [...gaps].sort((a, b) => a - b), q = (x) => s[Math.min(s.length - 1, Math.floor(x * s.length))];
		return {First: first - began, Whole: whole - began, Median: q(0.5), P95: q(0.95), Worst: q(1), Frames: s.length}; })()`, &m)
	t.Logf("first result after %.0f ms, whole after %.0f ms; %0.f frames, gaps: median %.1f ms, 95 %% below %.1f ms, longest %.0f ms", m.First, m.Whole, m.Frames, m.Median, m.P95, m.Worst)
	if m.First >= m.Whole {
		t.Error("nothing was shown before the whole result")
	}
	if m.Frames < 5 {
		t.Errorf("the page painted %.0f frames in %.0f ms", m.Frames, m.Whole)
	}
}
