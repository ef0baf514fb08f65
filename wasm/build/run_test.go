package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// linkProgram links testdata/program as the tab's programs are linked.
func linkProgram(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program.wasm")
	link := exec.Command("go", slices.Concat([]string{"build", "-trimpath", "-buildvcs=false"}, compilerFlags, []string{"-o", out, "./testdata/program"})...)
	link.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=")
	if text, err := link.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	linked, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return linked
}

// runProgram runs a module in node and returns what it prints before its last fault, and of it.
func runProgram(t *testing.T, module []byte) (printed, fault []byte) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node runs the program; it is not here")
	}
	path := filepath.Join(t.TempDir(), "program.wasm")
	if err := os.WriteFile(path, module, 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	run := exec.Command(node, filepath.Join(runtime.GOROOT(), "lib", "wasm", "wasm_exec_node.js"), path)
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err == nil {
		t.Error("the program's last fault did not end it")
	}
	return out.Bytes(), errs.Bytes()
}

// section finds a section by its id.
func section(module []byte, id byte) []byte {
	for r := (&reader{b: module, at: 8}); r.at < len(module) && r.err == nil; {
		got, body := r.byte(), r.bytes(int(r.uleb()))
		if got == id {
			return body
		}
	}
	return nil
}

// The packed program computes what the linked one does, names its functions in a trace, and has
// no lines left.
func TestPackedProgramRuns(t *testing.T) {
	linked := linkProgram(t)
	packed, err := pack(linked, false)
	if err != nil {
		t.Fatal(err)
	}
	want, wantFault := runProgram(t, linked)
	want = bytes.Replace(want, []byte("runtime.main runtime.goexit"), []byte("runtime.? runtime.?"), 1) // shortName
	got, fault := runProgram(t, packed)
	if !bytes.Equal(got, want) || !bytes.Contains(got, []byte("main.traced")) {
		t.Errorf("the packed program prints\n%s\n%s\nthe linked one\n%s\n%s", got, fault, want, wantFault)
	}
	if !bytes.Contains(fault, []byte("index out of range [4] with length 1")) || !bytes.Contains(fault, []byte("main.fall")) {
		t.Errorf("its last fault reads\n%s", fault)
	}
	if bytes.Contains(fault, []byte("main.go")) {
		t.Errorf("lines are still there:\n%s", fault)
	}
	if before, after := len(section(linked, 10)), len(section(packed, 10)); after > before*95/100 {
		t.Errorf("%d bytes of code became %d", before, after)
	}
}
