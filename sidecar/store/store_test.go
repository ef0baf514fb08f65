package store

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/weights/pull"
	"patchbay/shared/wire"
)

func TestListAndOpenOfThePulledModel(t *testing.T) {
	path, err := pull.Path("", "smollm2-135m-instruct")
	if err != nil {
		t.Skip(err)
	}
	s := &Store{Dir: filepath.Dir(path)}
	list, err := s.List(context.Background())
	if err != nil || len(list) < 4 {
		t.Fatal(list, err)
	}
	m, err := s.Open(context.Background(), "smollm2-135m-instruct", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	i := slices.IndexFunc(list, func(m wire.ModelInfo) bool { return m.ID == "smollm2-135m-instruct" })
	if i < 0 || list[i].Here != list[i].Size || list[i].Digest != string(m.Digest) || m.Digest == "" {
		t.Errorf("%+v, digest %s", list, m.Digest)
	}
}

func TestOnlyIdsAreTaken(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	for _, id := range []string{"", "../secret", "/etc/passwd", "smollm2-135m-instruct.gguf", "https://example.org/x.gguf"} {
		if _, err := s.Open(context.Background(), id, nil); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%q: %v", id, err)
		}
		if err := s.Delete(context.Background(), id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	if _, err := s.Open(context.Background(), "smollm2-135m-instruct", nil); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a missing model without leave to fetch: %v", err)
	}
}

func TestLocalModels(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "reference", "families", "llama")
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	s := &Store{Dir: t.TempDir()}
	id, err := s.Add(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(context.Background(), id, nil)
	if err != nil || len(m.Digest) != 64 {
		t.Fatal(m, err)
	}
	m.Close()
	if err := s.Delete(context.Background(), id); errs.KindOf(err) != errs.Denied {
		t.Errorf("a local model was deleted: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
