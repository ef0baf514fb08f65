package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Chromium finds the browser: $CHROMIUM, or a usual name on the path.
func Chromium() (string, error) {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if name == "" {
			continue
		}
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: install it (Debian: apt-get install chromium) or name it in CHROMIUM")
}

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	ctx     context.Context
	profile string
	stops   []func()
}

// Launch starts a browser. An empty profile is a fresh folder that Close removes; hosts are
// rules for names, such as "MAP lab.test 127.0.0.1", so that no traffic leaves the machine.
// More options come after the usual ones and win.
func Launch(ctx context.Context, profile, hosts string, more ...chromedp.ExecAllocatorOption) (*Browser, error) {
	bin, err := Chromium()
	if err != nil {
		return nil, err
	}
	b := &Browser{profile: profile}
	if profile == "" {
		if b.profile, err = os.MkdirTemp("", "patchbay-profile-"); err != nil {
			return nil, err
		}
		b.stops = append(b.stops, func() { removeAll(b.profile) })
	}
	opts := append([]chromedp.ExecAllocatorOption{chromedp.ExecPath(bin), chromedp.UserDataDir(b.profile)}, flags(hosts)...)
	alloc, stop := chromedp.NewExecAllocator(ctx, append(opts, more...)...)
	b.stops = append(b.stops, stop)
	b.ctx, stop = chromedp.NewContext(alloc)
	b.stops = append(b.stops, stop)
	if err := chromedp.Run(b.ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("starting %s: %w", bin, err)
	}
	return b, nil
}

// flags keep the browser to itself: nothing is fetched but what the test asks for.
func flags(hosts string) []chromedp.ExecAllocatorOption {
	opts := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("use-gl", "angle"), chromedp.Flag("use-angle", "swiftshader"),
		chromedp.Flag("enable-unsafe-swiftshader", true), // WebGL for the stage, without a GPU
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("hide-scrollbars", false),
		chromedp.WindowSize(1280, 900),
	}
	if hosts != "" {
		opts = append(opts, chromedp.Flag("host-resolver-rules", hosts))
	}
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	return opts
}

// removeAll tries for a while: the browser's helpers write to the profile as they end.
func removeAll(dir string) {
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Close ends the browser and waits for it.
func (b *Browser) Close() {
	if b.ctx != nil {
		chromedp.Cancel(b.ctx)
	}
	for i := len(b.stops) - 1; i >= 0; i-- {
		b.stops[i]()
	}
}

// PID is the browser's main process.
func (b *Browser) PID() int { return chromedp.FromContext(b.ctx).Browser.Process().Pid }

// Tab is one page.
type Tab struct {
	ctx  context.Context
	stop func()

	mu  sync.Mutex
	log []string
}

// Open opens a tab at a URL and waits for its load event.
func (b *Browser) Open(url string) (*Tab, error) {
	t := &Tab{}
	t.ctx, t.stop = chromedp.NewContext(b.ctx)
	chromedp.ListenTarget(t.ctx, t.note)
	// A tab in the background paints no frame, and a screenshot of it would wait for one for ever.
	if err := chromedp.Run(t.ctx, network.Enable(), page.BringToFront(), chromedp.Navigate(url)); err != nil {
		t.stop()
		return nil, fmt.Errorf("opening %s: %w", url, err)
	}
	return t, nil
}

// note keeps what the page says on its console and what it throws.
func (t *Tab) note(ev any) {
	var line string
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		var parts []string
		for _, a := range e.Args {
			parts = append(parts, strings.Trim(string(a.Value), `"`)+a.Description)
		}
		line = string(e.Type) + ": " + strings.Join(parts, " ")
	case *runtime.EventExceptionThrown:
		line = "exception: " + e.ExceptionDetails.Error()
	case *page.EventJavascriptDialogOpening:
		line = "dialog: " + e.Message
	default:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, line)
}

// Log is what the page has said so far.
func (t *Tab) Log() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.log...)
}

// Close closes the tab.
func (t *Tab) Close() { t.stop() }

// Eval evaluates an expression, awaits it if it is a promise, and decodes its value.
func (t *Tab) Eval(expr string, into any) error {
	var raw []byte
	err := chromedp.Run(t.ctx, chromedp.Evaluate(expr, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	if err != nil {
		return fmt.Errorf("%.80s: %w", expr, err)
	}
	if into == nil || len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// Wait polls until the expression, awaited if it is a promise, is true.
func (t *Tab) Wait(expr string, patience time.Duration) error {
	end := time.Now().Add(patience)
	for {
		var ok bool
		err := t.Eval("(async () => !!(await ("+expr+")))()", &ok)
		if ok {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %v still not: %s (%v); the page said %q", patience, expr, err, t.Log())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Run runs chromedp actions in the tab.
func (t *Tab) Run(actions ...chromedp.Action) error { return chromedp.Run(t.ctx, actions...) }

// Offline cuts the tab's network, or gives it back.
func (t *Tab) Offline(off bool) error {
	return chromedp.Run(t.ctx, network.OverrideNetworkState(off, 0, -1, -1))
}

// Screenshot keeps a picture of the page as it is in out/screenshots/NAME.png.
func (t *Tab) Screenshot(name string) error {
	var png []byte
	if err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		return err
	}
	dir := filepath.Join(Root(), "out", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
}
