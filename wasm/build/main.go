// Build makes public/dist: the wasm programs, wasm_exec.js, precompressed copies of everything
// the page loads, and manifest.json, by which the service worker and the server know what
// belongs together. What has not changed is left alone, so a second build takes seconds.
//
//	go run ./wasm/build           for release: brotli 11
//	go run ./wasm/build -fast     for tests: brotli 5
//	go run ./wasm/build -check    for release, and fail when a program is over its budget
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	fast := flag.Bool("fast", false, "compress quickly (brotli 5 in place of 11), for tests")
	check := flag.Bool("check", false, "fail when a program is over its size budget (brotli 11)")
	root := flag.String("root", ".", "the repository's top folder")
	flag.Parse()
	if *fast && *check {
		fail(fmt.Errorf("-check measures at brotli 11, -fast compresses at 5: choose one"))
	}
	m, err := build(*root, quality(*fast))
	if err == nil && *check {
		err = overBudget(m)
	}
	fail(err)
	report(m)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func quality(fast bool) int {
	if fast {
		return 5
	}
	return 11
}

// build runs the whole of it and returns what it wrote to manifest.json.
func build(root string, q int) (*Manifest, error) {
	public := filepath.Join(root, "public")
	dist := filepath.Join(public, "dist")
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return nil, err
	}
	if err := programs(root, dist); err != nil {
		return nil, err
	}
	if err := copyRuntime(dist); err != nil {
		return nil, err
	}
	m, err := scan(public)
	if err != nil {
		return nil, err
	}
	old, _ := readManifest(filepath.Join(dist, "manifest.json"))
	if err := compressAll(public, m, old, q); err != nil {
		return nil, err
	}
	return m, m.write(dist)
}

// report prints a line for each program and one for the rest.
func report(m *Manifest) {
	var rest, restBr int64
	for _, f := range m.Files {
		if b := budgets[f.Path]; b > 0 {
			fmt.Printf("%-20s %9d bytes, brotli %d: %8d of %d\n", f.Path, f.Size, f.Quality, f.BrSize, b)
			continue
		}
		rest, restBr = rest+f.Size, restBr+f.BrSize
	}
	fmt.Printf("%-20s %9d bytes, brotli:    %8d\n", "everything else", rest, restBr)
}
