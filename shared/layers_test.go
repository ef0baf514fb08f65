// Package shared_test holds what is true of the whole tree: who may import whom.
package shared_test

import (
	"os/exec"
	"strings"
	"testing"
)

// order is the import direction: a package may import those on earlier lines only, and its
// own subpackages. DESIGN's drawing as a list.
var order = []string{
	"shared/errs",
	"shared/hook", "shared/tensor", "shared/sha",
	"shared/weights", "shared/token", "shared/device",
	"shared/nn",
	"shared/plan",
	"shared/lab",
	"shared/world",
	"shared/wire",
	"shared/host",
	"sidecar", "wasm",
}

func rank(pkg string) int {
	for i, p := range order {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return i
		}
	}
	return -1
}

func TestImportDirection(t *testing.T) {
	for _, env := range []string{"GOOS=linux", "GOOS=js"} {
		for pkg, imports := range listImports(t, env) {
			checkImports(t, pkg, imports)
		}
	}
}

func checkImports(t *testing.T, pkg string, imports []string) {
	t.Helper()
	if strings.HasPrefix(pkg, "shared/internal/") || pkg == "shared" || pkg == "" {
		return
	}
	if rank(pkg) < 0 {
		t.Errorf("%s has no place in the import order: add it where it belongs", pkg)
	}
	for _, imp := range imports {
		if strings.HasPrefix(imp, "shared/internal/") {
			continue
		}
		if rank(imp) > rank(pkg) {
			t.Errorf("%s imports %s, which stands above it", pkg, imp)
		}
		from, _, _ := strings.Cut(pkg, "/")
		to, _, _ := strings.Cut(imp, "/")
		if to != "shared" && to != from && !strings.HasPrefix(pkg, "wasm/browsertest") {
			t.Errorf("%s imports %s: wasm/ and sidecar/ import shared/ and never each other", pkg, imp)
		}
	}
}

// listImports gives each package of the module with the module's packages it imports, without
// the module's name.
func listImports(t *testing.T, platform string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "patchbay/...")
	cmd.Env = append(cmd.Environ(), platform, "GOARCH="+map[string]string{"GOOS=linux": "amd64", "GOOS=js": "wasm"}[platform])
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(strings.TrimPrefix(fields[0], "patchbay"), "/")
		all[pkg] = nil
		for _, imp := range fields[1:] {
			if rest, ok := strings.CutPrefix(imp, "patchbay/"); ok {
				all[pkg] = append(all[pkg], rest)
			}
		}
	}
	return all
}
