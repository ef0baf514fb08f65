package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// site makes a repository with one program and a page.
func site(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, "go.mod", "module site\n\ngo 1.26\n")
	// It prints the time, so that it holds what never.go looks for in Go's libraries.
	put(t, root, "wasm/worker/main.go", "//go:build js\n\npackage main\n\nimport \"fmt\"\nimport \"time\"\n\nfunc main() { fmt.Println(time.Now()) }\n")
	put(t, root, "public/index.html", strings.Repeat("<p>a page</p>\n", 100))
	put(t, root, "public/sw.js", "// the browser's own")
	put(t, root, "public/README.md", "not for the page")
	return root
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBuild(t *testing.T) {
	root := site(t)
	m, err := build(root, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"index.html", "dist/worker.wasm", "dist/wasm_exec.js"} {
		checkCopies(t, filepath.Join(root, "public"), m.file(path))
	}
	for _, path := range []string{"sw.js", "README.md", "dist/manifest.json", "dist/app.wasm"} {
		if m.file(path) != nil {
			t.Errorf("%s is in the manifest", path)
		}
	}
	script, err := os.ReadFile(filepath.Join(root, "public/dist/manifest.js"))
	if err != nil || !bytes.Contains(script, []byte(m.Version)) {
		t.Errorf("manifest.js lacks the version: %s, %v", script, err)
	}
	again(t, root, m)
}

// checkCopies undoes both copies of a file.
func checkCopies(t *testing.T, public string, f *File) {
	t.Helper()
	if f == nil || f.Br == "" || f.Gz == "" {
		t.Fatalf("no copies: %+v", f)
	}
	want, _ := os.ReadFile(filepath.Join(public, f.Path))
	br, err := os.Open(filepath.Join(public, f.Br))
	if err != nil {
		t.Fatal(err)
	}
	defer br.Close()
	if got, err := io.ReadAll(brotli.NewReader(br)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: the brotli copy differs, %v", f.Path, err)
	}
	gz, err := os.ReadFile(filepath.Join(public, f.Gz))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: the gzip copy differs, %v", f.Path, err)
	}
}

// again builds twice more: nothing changed, then one file.
func again(t *testing.T, root string, m *Manifest) {
	t.Helper()
	copyPath := filepath.Join(root, "public", m.file("dist/worker.wasm").Br)
	before, err := os.Stat(copyPath)
	if err != nil {
		t.Fatal(err)
	}
	same, err := build(root, 5)
	if err != nil || same.Version != m.Version {
		t.Fatalf("the same source gave version %s after %s, %v", same.Version, m.Version, err)
	}
	put(t, root, "public/index.html", "another page")
	other, err := build(root, 5)
	if err != nil || other.Version == m.Version {
		t.Errorf("a changed page kept the version, %v", err)
	}
	if after, err := os.Stat(copyPath); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("an unchanged program was compressed again, %v", err)
	}
}

func TestOverBudgetNamesTheProgram(t *testing.T) {
	m := &Manifest{Files: []*File{
		{Path: "dist/app.wasm", Copies: Copies{BrSize: 1_300_000}},
		{Path: "dist/worker.wasm", Copies: Copies{BrSize: 1_000_001}},
	}}
	err := overBudget(m)
	if err == nil || !strings.Contains(err.Error(), "worker") || strings.Contains(err.Error(), "app") {
		t.Errorf("%v", err)
	}
}
