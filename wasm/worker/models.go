//go:build js

package main

import (
	"context"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
	"patchbay/wasm/worker/store"
)

// models is a host.Store over the browser's storage.
type models struct{ s *store.Store }

// tabLimit is the largest file that a tab is offered: wasm memory ends at 4 GiB, browsers on
// phones end a tab long before. Larger models are the sidecar's.
const tabLimit int64 = 600_000_000

func want(e weights.Entry) store.Want {
	return store.Want{ID: e.ID, Size: e.Size, Digest: string(e.Digest)}
}

// List implements host.Store.
func (m models) List(ctx context.Context) ([]wire.ModelInfo, error) {
	var list []wire.ModelInfo
	for _, e := range weights.Catalogue() {
		if e.Size > tabLimit {
			continue
		}
		have, whole, err := m.s.Stat(ctx, want(e))
		if err != nil {
			return nil, err
		}
		if !whole {
			have = min(have, e.Size-1) // all there but not verified: not whole yet
		}
		list = append(list, wire.ModelInfo{ID: e.ID, Name: e.Name, Family: e.Family, Licence: e.Licence,
			Digest: string(e.Digest), Size: e.Size, Here: have, Chat: e.Chat})
	}
	return list, nil
}

// Open implements host.Store.
func (m models) Open(ctx context.Context, id string, progress func(lab.Event)) (*weights.Model, error) {
	e, err := weights.Lookup(id)
	if err != nil {
		return nil, err
	}
	if e.Size > tabLimit {
		return nil, errs.E("worker.Open", errs.TooLarge, "%s has %d MB and a tab takes at most %d MB; run it on the sidecar", id, e.Size/1_000_000, tabLimit/1_000_000)
	}
	if progress != nil {
		err = m.s.Fetch(ctx, want(e), func(stage string, done, total int64) {
			progress(lab.Event{Stage: stage, Done: int(done), Total: int(total)})
		})
		if err != nil {
			return nil, err
		}
	}
	blob, err := m.s.Open(ctx, want(e))
	if err != nil {
		return nil, err
	}
	model, err := weights.OpenReaderAt(blob, e.Size, id)
	if err != nil {
		blob.Close()
		return nil, err
	}
	model.CloseToo(blob)
	model.Digest = e.Digest // verified when it was fetched
	return model, nil
}

// Delete implements host.Store.
func (m models) Delete(ctx context.Context, id string) error {
	if _, err := weights.Lookup(id); err != nil {
		return err
	}
	return m.s.Delete(ctx, id)
}
