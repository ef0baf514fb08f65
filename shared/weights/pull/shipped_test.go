//go:build !js

package pull

import (
	"context"
	"os"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// A shipped model is what the catalogue says it is, is there without a pull, and cannot be deleted
// with what was pulled.
func TestShippedModels(t *testing.T) {
	dir, found := t.TempDir(), 0
	for _, e := range weights.Catalogue() {
		if !e.Shipped {
			continue
		}
		found++
		p, err := Pull(context.Background(), e.ID, Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Path(dir, e.ID); err != nil || again != p {
			t.Errorf("%s is at %s after a pull to %s (%v)", e.ID, again, p, err)
		}
		if err := Verify(context.Background(), dir, e.ID, nil); err != nil {
			t.Error(err)
		}
		if err := Delete(dir, e.ID); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p); err != nil {
			t.Errorf("deleting %s took the shipped file: %v", e.ID, err)
		}
	}
	if found == 0 {
		t.Error("no model is shipped")
	}
}

// Away from the repository a shipped model is missing, in words.
func TestShippedModelElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if _, err := Path(dir, "pocket"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("%v", err)
	}
}
