package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// budgets are the largest brotli-11 sizes of the programs, in bytes (DESIGN, Front end).
var budgets = map[string]int64{
	"dist/app.wasm":    1_300_000,
	"dist/worker.wasm": 1_000_000,
	"dist/stage.wasm":  2_000_000,
}

// compilerFlags are those of a small program; of several that match a package the last counts.
var compilerFlags = []string{
	"-gcflags=all=-l",
	"-gcflags=runtime=-l -B -d=disablenil",
	"-gcflags=internal/runtime/...=-l -B -d=disablenil",
}

// programs builds every wasm program whose folder is there.
func programs(root, dist string) error {
	for _, name := range []string{"worker", "app", "stage"} {
		dir := filepath.Join(root, "wasm", name)
		if files, _ := filepath.Glob(filepath.Join(dir, "*.go")); len(files) == 0 {
			fmt.Fprintf(os.Stderr, "build: wasm/%s is not there, left out\n", name)
			continue
		}
		if err := compile(root, "./wasm/"+name, filepath.Join(dist, name+".wasm")); err != nil {
			return err
		}
	}
	return nil
}

// compile runs the go command, which links anew only what has changed. No symbol table, no
// paths of this machine: the same source gives the same bytes everywhere. Without inlining a
// program is a tenth smaller once compressed (measured: worker 913 KB, 840 without); what is
// heavy runs in the kernels, which are not Go. Go's own runtime is compiled without checks of its
// indices and pointers (15 KB), which would find faults of the runtime, and one of ours: to defer
// a function that is nil ends the program, where elsewhere it is a panic. All other code keeps
// its checks.
//
// The linker's own output stays beside it under dist/z, where the go command finds it again.
func compile(root, pkg, out string) error {
	abs, err := filepath.Abs(filepath.Join(filepath.Dir(out), "z", "link", filepath.Base(out)))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", slices.Concat([]string{"build", "-trimpath", "-buildvcs=false", "-tags=tab", "-ldflags=-s -w"}, compilerFlags, []string{"-o", abs, pkg})...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	linked, err := os.ReadFile(abs)
	if err != nil {
		return err
	}
	packed, err := pack(linked, false)
	if err != nil {
		return fmt.Errorf("%s: %w", pkg, err)
	}
	return writeIfNew(out, packed)
}

// copyRuntime brings the loader that belongs to the compiler used: another version's would not fit.
func copyRuntime(dist string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	js, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	return writeIfNew(filepath.Join(dist, "wasm_exec.js"), js)
}

// overBudget names every program that is larger than its budget.
func overBudget(m *Manifest) error {
	var over []error
	for _, f := range m.Files {
		if b := budgets[f.Path]; b > 0 && f.BrSize > b {
			over = append(over, fmt.Errorf("%s is %d bytes in brotli %d, over its budget of %d by %d", f.Path, f.BrSize, f.Quality, b, f.BrSize-b))
		}
	}
	return errors.Join(over...)
}
