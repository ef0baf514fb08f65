package browsertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyPublic gives a folder of the page's files that a test may change, without the compressed copies.
func copyPublic(t *testing.T) string {
	t.Helper()
	from, to := filepath.Join(Root(), "public"), t.TempDir()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if filepath.ToSlash(rel) == "dist/z" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// change is a new build with another icon: the file, and the manifest that names it.
func change(t *testing.T, public, mark string) {
	t.Helper()
	icon, script := filepath.Join(public, "icon.svg"), filepath.Join(public, "dist", "manifest.js")
	old, err := os.ReadFile(icon)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	next := append(old, "<!-- "+mark+" -->"...)
	swapped := strings.Replace(string(text), sum(old), sum(next), 1)
	swapped = strings.Replace(swapped, `"version":"`, `"version":"`+mark, 1)
	if swapped == string(text) {
		t.Fatal("the manifest does not name the icon: run `make build`")
	}
	for path, data := range map[string][]byte{icon: next, script: []byte(swapped)} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpdateIsNeverAMix builds anew under an open page: it keeps its version whole until a
// reload, and then has the new one whole.
func TestUpdateIsNeverAMix(t *testing.T) {
	need(t)
	public := copyPublic(t)
	l, err := StartLab(context.Background(), "127.0.0.1:0", "-lab", public)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Kill)
	tab := visit(t, launch(t, ""), l.URL.String())
	await(t, tab, `navigator.serviceWorker.ready.then((r) => !!r.active)`)
	eval(t, tab, `location.reload()`, nil)
	await(t, tab, `navigator.serviceWorker.controller`)
	change(t, public, "second")
	eval(t, tab, `navigator.serviceWorker.getRegistration().then((r) => r.update()).then(() => 1)`, nil)
	await(t, tab, `navigator.serviceWorker.getRegistration().then((r) => !!r.waiting)`)
	const icon = `fetch("icon.svg").then((r) => r.text()).then((s) => s.includes("second"))`
	var fresh bool
	if eval(t, tab, icon, &fresh); fresh {
		t.Error("an open page was given a file of the next version")
	}
	eval(t, tab, `location.reload()`, nil)
	await(t, tab, `document.readyState === "complete" && `+icon)
	await(t, tab, `document.querySelector("#run")`)
	var caches int
	if eval(t, tab, `caches.keys().then((k) => k.filter((n) => n.startsWith("patchbay-shell-")).length)`, &caches); caches != 1 {
		t.Errorf("%d versions are kept", caches)
	}
}
