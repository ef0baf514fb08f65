package browsertest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is for steps that take a fraction of it: machines of CI are slow and shared.
const patience = 90 * time.Second

// smol is the model of the real tests.
const smol = "smollm2-135m-instruct"

// onSmol is the part of a link that names it: without one a visitor meets Pocket.
const onSmol = "&model=" + smol

func TestMain(m *testing.M) {
	code := m.Run()
	RemoveLabBinary()
	os.Exit(code)
}

// need skips a test that cannot run here, and says why.
func need(t *testing.T) {
	t.Helper()
	if os.Getenv("PATCHBAY_BROWSER") == "" {
		t.Skip("browser tests run with PATCHBAY_BROWSER=1, as make test does")
	}
	if _, err := Chromium(); err != nil {
		t.Skip(err)
	}
	if _, err := os.Stat(filepath.Join(Root(), "public", "dist", "worker.wasm")); err != nil {
		t.Fatal("public/dist is not built: run `make build`")
	}
}

// needModel skips when the model has not been pulled.
func needModel(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Models(), smol+".gguf")); err != nil {
		t.Skipf("model %s is not pulled: run `patchbay pull %s`", smol, smol)
	}
}

func launch(t *testing.T, hosts string, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	// Not the test's own context: that ends before the cleanup that takes a picture of a failure.
	b, err := Launch(context.Background(), "", hosts, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// visit opens a page, and shows its console if the test fails.
func visit(t *testing.T, b *Browser, url string) *Tab {
	t.Helper()
	tab, err := b.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			tab.Screenshot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
			t.Logf("the page said:\n%s", strings.Join(tab.Log(), "\n"))
		}
	})
	return tab
}

func eval(t *testing.T, tab *Tab, expr string, into any) {
	t.Helper()
	if err := tab.Eval(expr, into); err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, tab *Tab, expr string) {
	t.Helper()
	if err := tab.Wait(expr, patience); err != nil {
		t.Fatal(err)
	}
}
