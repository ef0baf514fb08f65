// Package store gives the sidecar its models: those of the catalogue in the user's cache
// folder, fetched when asked for, and files that the person who started it has named. Clients
// name ids only, never paths or addresses (SECURITY.md, T8).
package store

import (
	"context"
	"os"
	"path/filepath"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/weights"
	"patchbay/shared/weights/pull"
	"patchbay/shared/wire"
)

// Store implements host.Store.
type Store struct {
	// Dir is the folder of models; empty: the user's cache folder.
	Dir   string
	local []local
}

// local is a model outside the catalogue.
type local struct {
	path string
	info wire.ModelInfo
}

// Add makes a model outside the catalogue known, by the path of its file or folder. Its id is
// the file's name. The whole file is read once for its digest.
func (s *Store) Add(ctx context.Context, path string) (id string, err error) {
	m, e, err := Open(ctx, path)
	if err != nil {
		return "", err
	}
	defer m.Close()
	if _, err := weights.Lookup(e.ID); err == nil {
		return e.ID, nil // it is in the catalogue already
	}
	s.local = append(s.local, local{path, wire.ModelInfo{ID: e.ID, Name: e.Name, Digest: string(m.Digest), Size: m.Size, Here: m.Size}})
	return e.ID, nil
}

// Open opens a model by catalogue id or path, with its digest: the catalogue's own, or computed.
func Open(ctx context.Context, arg string) (*weights.Model, weights.Entry, error) {
	path, e, err := pull.Resolve(arg)
	if err != nil {
		return nil, e, err
	}
	m, err := weights.Open(path)
	if err != nil {
		return nil, e, err
	}
	if m.Digest = e.Digest; m.Digest == "" || path == arg {
		if m.Digest, err = digest(ctx, path); err != nil {
			m.Close()
			return nil, e, err
		}
	}
	return m, e, nil
}

// digest reads a file; of a folder the weights' index or single file stands for the whole.
func digest(ctx context.Context, path string) (weights.Digest, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		for _, name := range []string{"model.safetensors.index.json", "model.safetensors", "*.safetensors", "*.gguf"} {
			if found, _ := filepath.Glob(filepath.Join(path, name)); len(found) > 0 {
				return digest(ctx, found[0])
			}
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", errs.E("store.Open", errs.NotFound, "the model cannot be read: %w", err)
	}
	defer f.Close()
	d, _, err := weights.Sum(ctx, f, nil)
	return d, err
}

// List implements host.Store.
func (s *Store) List(context.Context) ([]wire.ModelInfo, error) {
	stored, err := pull.List(s.Dir)
	if err != nil {
		return nil, err
	}
	var list []wire.ModelInfo
	for _, e := range stored {
		here := e.Here
		if !e.Whole {
			here = min(here, e.Size-1) // all there but not verified is not there
		}
		list = append(list, wire.ModelInfo{ID: e.ID, Name: e.Name, Family: e.Family, Licence: e.Licence,
			Digest: string(e.Digest), Size: e.Size, Here: here, Chat: e.Chat})
	}
	for _, l := range s.local {
		list = append(list, l.info)
	}
	return list, nil
}

// Open implements host.Store.
func (s *Store) Open(ctx context.Context, id string, progress func(lab.Event)) (*weights.Model, error) {
	for _, l := range s.local {
		if l.info.ID == id {
			m, err := weights.Open(l.path)
			if err == nil {
				m.Digest = weights.Digest(l.info.Digest)
			}
			return m, err
		}
	}
	e, err := weights.Lookup(id)
	if err != nil {
		return nil, err
	}
	path, err := pull.Path(s.Dir, id)
	if err != nil && progress != nil {
		path, err = pull.Pull(ctx, id, pull.Options{Dir: s.Dir, Progress: func(p pull.Progress) { progress(event(p)) }})
	}
	if err != nil {
		return nil, err
	}
	m, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	m.Digest = e.Digest // it was verified before the file got its name
	return m, nil
}

func event(p pull.Progress) lab.Event {
	stage := "fetch"
	if p.Stage == pull.StageVerify {
		stage = "verify"
	}
	return lab.Event{Stage: stage, Done: int(p.Done), Total: int(p.Total)}
}

// Delete implements host.Store. Files outside the catalogue belong to whoever named them.
func (s *Store) Delete(_ context.Context, id string) error {
	for _, l := range s.local {
		if l.info.ID == id {
			return errs.E("store.Delete", errs.Denied, "%s is a file of its owner's and not deleted from here", id)
		}
	}
	return pull.Delete(s.Dir, id)
}
