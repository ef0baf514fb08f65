package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// blog serves a foreign page, of an origin of its own, with a figure in the middle of long text.
func blog(t *testing.T, snippet string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	filler := strings.Repeat("<p>Words of a blog post, line after line.</p>", 60)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>a blog</title><h1>A post</h1>%s<div id="figure">%s</div>%s`, filler, snippet, filler)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return fmt.Sprintf("http://blog.test:%d/", l.Addr().(*net.TCPAddr).Port)
}

// inside evaluates an expression in the frame whose origin begins with a prefix and that answers it.
func inside(tab *Tab, origin, expr string, into any) error {
	var mu sync.Mutex
	var found []runtime.ExecutionContextID
	ctx, stop := context.WithCancel(tab.ctx)
	defer stop()
	chromedp.ListenTarget(ctx, func(ev any) {
		if c, ok := ev.(*runtime.EventExecutionContextCreated); ok && strings.HasPrefix(c.Context.Origin, origin) {
			mu.Lock()
			found = append(found, c.Context.ID)
			mu.Unlock()
		}
	})
	// Enabling again tells of every context that there is.
	if err := tab.Run(runtime.Disable(), runtime.Enable(), chromedp.Sleep(50*time.Millisecond)); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	for _, id := range found {
		var res *runtime.RemoteObject
		var bad *runtime.ExceptionDetails
		err := tab.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
			res, bad, err = runtime.Evaluate(`location.pathname.endsWith("embed.html") ? (` + expr + `) : undefined`).
				WithContextID(id).WithAwaitPromise(true).WithReturnByValue(true).Do(ctx)
			return err
		}))
		if err == nil && bad == nil && res.Type != runtime.TypeUndefined {
			if into == nil {
				return nil
			}
			return json.Unmarshal([]byte(res.Value), into)
		}
	}
	return fmt.Errorf("none of %d frames of %s answers %s", len(found), origin, expr)
}

// insideAwait waits until an expression is true in the figure.
func insideAwait(t *testing.T, tab *Tab, origin, expr string) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var ok bool
		if err = inside(tab, origin, "!!("+expr+")", &ok); err == nil && ok {
			return
		}
	}
	tab.Screenshot("failed-embed")
	t.Fatalf("the figure never became: %s (%v)", expr, err)
}

// TestEmbed makes a figure of a result, puts it into a foreign page, and runs it there again.
func TestEmbed(t *testing.T) {
	need(t)
	l := lab(t, "-host", "lab.test")
	// Frames of another site would be processes of their own, which this test could not look into.
	b := launch(t, "MAP *.test 127.0.0.1", chromedp.Flag("disable-site-isolation-trials", true), chromedp.Flag("disable-features", "IsolateOrigins,site-per-process"))
	tab := visit(t, b, l.At("lab.test", true)+"&lang=en&theme=light&lesson=lens&p.prompt="+`%22The%20capital%20of%22`)
	await(t, tab, canRun)
	eval(t, tab, `document.querySelector("#run").click()`, nil)
	await(t, tab, ran)
	await(t, tab, `!document.querySelector("#btn-embed").disabled`)
	eval(t, tab, `document.querySelector("#btn-embed").click()`, nil)
	await(t, tab, `document.querySelector("#snippet").value.includes("shot=")`)
	var snippet string
	eval(t, tab, `document.querySelector("#snippet").value`, &snippet)
	tab.Screenshot("embed-panel")
	if strings.Contains(snippet, l.Token()) {
		t.Fatal("the snippet gives the sidecar's token away")
	}

	origin := strings.TrimSuffix(l.At("lab.test", false), "/")
	post := visit(t, b, blog(t, snippet))
	var loaded bool
	eval(t, post, `performance.getEntriesByType("resource").some((e) => e.name.includes("embed.html"))`, &loaded)
	if loaded {
		t.Error("the figure loaded before anybody scrolled to it")
	}
	eval(t, post, `document.querySelector("#figure").scrollIntoView({block: "center"})`, nil)
	insideAwait(t, post, origin, `document.querySelector("#shot").naturalWidth > 300`)
	var programs int
	must(t, inside(post, origin, `performance.getEntriesByType("resource").filter((e) => e.name.endsWith(".wasm")).length`, &programs))
	if programs != 0 {
		t.Errorf("%d programs were loaded before the reader pressed run", programs)
	}
	post.Screenshot("embed-stored")

	// The wheel over the figure scrolls the post.
	var before, after float64
	eval(t, post, `scrollY`, &before)
	must(t, post.Wheel(400, 400, 300))
	await(t, post, fmt.Sprintf(`Math.abs(scrollY - %g) > 100`, before))
	eval(t, post, `scrollY`, &after)
	eval(t, post, `document.querySelector("#figure").scrollIntoView({block: "center"})`, nil)

	must(t, inside(post, origin, `document.querySelector("#run").click(), true`, nil))
	insideAwait(t, post, origin, `document.querySelector(".took") && document.querySelector(".took").innerText.startsWith("computed")`)
	var page struct {
		Prompt  string
		Bar     bool
		Address string
	}
	must(t, inside(post, origin, `({prompt: document.querySelector("#prompt").value, bar: !!document.querySelector(".bar").offsetParent, address: location.href})`, &page))
	if page.Prompt != "The capital of" || page.Bar || strings.Contains(page.Address, "token") {
		t.Errorf("the figure shows %+v", page)
	}
	post.Screenshot("embed-run")
	must(t, post.Wheel(400, 400, 300))
	await(t, post, fmt.Sprintf(`Math.abs(scrollY - %g) > 100`, after))
}
