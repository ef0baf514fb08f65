//go:build !js

package pull

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// Dir is the folder of models: $PATCHBAY_MODELS, or patchbay/models in the user's cache folder.
func Dir() (string, error) {
	if d := os.Getenv("PATCHBAY_MODELS"); d != "" {
		return d, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errs.E("pull.Dir", errs.NotFound, "there is no cache folder for models (%w): set PATCHBAY_MODELS to a folder", err)
	}
	return filepath.Join(cache, "patchbay", "models"), nil
}

// orDir is dir, or the standard folder when it is empty.
func orDir(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	return Dir()
}

// Stored is a model of the catalogue as it lies in a folder.
type Stored struct {
	weights.Entry
	Path  string // empty unless Whole
	Here  int64  // bytes already there, those of an unfinished pull included
	Whole bool   // pulled and verified
}

// List gives every model of the catalogue with what of it is in dir (empty: the standard folder).
func List(dir string) ([]Stored, error) {
	dir, err := orDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Stored
	for _, e := range weights.Catalogue() {
		s := Stored{Entry: e}
		if p := here(dir, e); p != "" {
			s.Path, s.Here, s.Whole = p, e.Size, true
		} else {
			s.Here = max(0, fileSize(partPath(dir, e.ID)))
		}
		out = append(out, s)
	}
	return out, nil
}

// Path gives the path of a pulled model, or errs.NotFound saying how to pull it. A file under
// its final name was verified before it got that name, so only its size is looked at.
func Path(dir, id string) (string, error) {
	e, err := weights.Lookup(id)
	if err != nil {
		return "", err
	}
	if dir, err = orDir(dir); err != nil {
		return "", err
	}
	if p := here(dir, e); p != "" {
		return p, nil
	}
	p := filePath(dir, id)
	n := fileSize(p)
	if n < 0 {
		return "", errs.E("pull.Path", errs.NotFound, "model %s is not here yet: run `patchbay pull %s` (%s)", id, id, size(e.Size))
	}
	return "", errs.E("pull.Path", errs.Corrupt, "%s has %d bytes instead of %d: run `patchbay pull %s` again", p, n, e.Size, id)
}

// Delete removes a model and what an unfinished pull left of it; errs.Busy while it is being pulled.
func Delete(dir, id string) error {
	if _, err := weights.Lookup(id); err != nil {
		return err
	}
	dir, err := orDir(dir)
	if err != nil {
		return err
	}
	if fileSize(filePath(dir, id)) < 0 && fileSize(partPath(dir, id)) < 0 {
		return nil
	}
	unlock, err := lock(dir, id)
	if err != nil {
		return err
	}
	defer unlock()
	removeLeftovers(dir, id)
	for _, p := range []string{filePath(dir, id), partPath(dir, id)} {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errs.E("pull.Delete", errs.Invalid, "cannot delete %s: %w", p, err)
		}
	}
	return nil
}

// Verify reads a pulled model to its end and compares its digest: errs.Corrupt if it differs.
func Verify(ctx context.Context, dir, id string, progress func(Progress)) error {
	e, err := weights.Lookup(id)
	if err != nil {
		return err
	}
	p, err := Path(dir, id)
	if err != nil {
		return err
	}
	f, err := os.Open(p)
	if err != nil {
		return errs.E("pull.Verify", errs.Invalid, "cannot open %s: %w", p, err)
	}
	defer f.Close()
	m := newMeter(progress, e.Size)
	m.stage(StageVerify, "")
	got, _, err := weights.Sum(ctx, f, func(n int64) { m.at(n) })
	if err != nil {
		return err
	}
	if got != e.Digest {
		return errs.E("pull.Verify", errs.Corrupt, "%s is damaged: its digest is %s..., not %s...: delete it and run `patchbay pull %s` again", p, got.Short(), e.Digest.Short(), id)
	}
	return nil
}

func filePath(dir, id string) string { return filepath.Join(dir, id+".gguf") }
func partPath(dir, id string) string { return filepath.Join(dir, id+".part") }

// fileSize is a regular file's size, or -1.
func fileSize(p string) int64 {
	info, err := os.Stat(p)
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

// removeLeftovers clears the work folders of pulls that were killed. The lock must be held.
func removeLeftovers(dir, id string) {
	old, _ := filepath.Glob(filepath.Join(dir, workPrefix(id)+"*"))
	for _, p := range old {
		os.RemoveAll(p)
	}
}

func workPrefix(id string) string { return "." + id + "-wheels-" }
