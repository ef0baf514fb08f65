// Package refdata finds the reference values and models that tests compare with.
package refdata

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// root is the repository's top folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Path gives the path of a reference file: in $PATCHBAY_REFERENCE if set, else in the full set
// beside the repository, else in testdata/reference. It skips the test when the file is in none.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	dirs := []string{filepath.Join(root(), "..", "shared", "reference"), filepath.Join(root(), "testdata", "reference")}
	if d := os.Getenv("PATCHBAY_REFERENCE"); d != "" {
		dirs = []string{d, dirs[1]}
	}
	for _, d := range dirs {
		if p := filepath.Join(d, name); exists(p) {
			return p
		}
	}
	t.Skipf("reference file %s is neither in PATCHBAY_REFERENCE nor in testdata/reference", name)
	return ""
}

// Model gives the path of a pulled model of the catalogue, and skips the test without it.
func Model(t testing.TB, id string) string {
	t.Helper()
	dir := os.Getenv("PATCHBAY_MODELS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		dir = filepath.Join(cache, "patchbay", "models")
	}
	p := filepath.Join(dir, id+".gguf")
	if !exists(p) {
		t.Skipf("model %s is not pulled: run `patchbay pull %s`", id, id)
	}
	return p
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
