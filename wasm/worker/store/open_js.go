package store

import (
	"context"
	"errors"
	"io"
	"strconv"
	"syscall/js"

	"patchbay/shared/errs"
	"patchbay/wasm/web"
)

// New opens the best shelf that the context allows and takes files from base+ID+".gguf" of the
// same origin. prefer names a kind to use if it can be had ("" for the best).
func New(ctx context.Context, base, prefer string) (*Store, error) {
	shelf, err := openShelf(ctx, prefer)
	if err != nil {
		return nil, err
	}
	return &Store{Shelf: shelf, Source: fetchFrom(base), Room: room}, nil
}

// openShelf tries what is there, best first; in a context that is not secure only IndexedDB is.
func openShelf(ctx context.Context, prefer string) (Shelf, error) {
	if (prefer == "" || prefer == "opfs") && web.Has("navigator", "storage", "getDirectory") && web.Has("FileSystemSyncAccessHandle") {
		if o, err := openOPFS(ctx); err == nil {
			return o, nil
		}
	}
	if (prefer == "" || prefer == "cache") && web.Has("caches", "open") {
		if c, err := openCache(ctx); err == nil {
			return &Chunks{c, "cache"}, nil
		}
	}
	d, err := openDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return &Chunks{d, "indexeddb"}, nil
}

// room asks the browser for its numbers; a context that is not secure does not have them.
func room(ctx context.Context) (free, quota int64) {
	if !web.Has("navigator", "storage", "estimate") {
		return -1, -1
	}
	e, err := web.Await(ctx, func() js.Value { return js.Global().Get("navigator").Get("storage").Call("estimate") })
	if err != nil || e.Get("quota").Type() != js.TypeNumber {
		return -1, -1
	}
	quota = int64(e.Get("quota").Float())
	return quota - int64(e.Get("usage").Float()), quota
}

// storageError words what a browser's storage threw.
func storageError(ctx context.Context, err error) error {
	e := (*web.Exception)(nil)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errs.E("store", errs.Cancelled, "stopped")
	case errors.As(err, &e) && e.Name == "QuotaExceededError":
		if free, quota := room(context.WithoutCancel(ctx)); free >= 0 {
			return errs.E("store", errs.NoSpace, "this browser's storage is full: it grants this page %d MB, of which %d MB are left; delete a model, or free disk space", mb(quota), mb(max(free, 0)))
		}
		return errs.E("store", errs.NoSpace, "this browser's storage is full, and on plain http it does not say how much it grants; delete a model, or free disk space")
	}
	return errs.E("store", errs.Other, "the browser's storage failed: %w", err)
}

// fetchFrom is a Source over the platform's fetch: streamed, resumed by Range.
func fetchFrom(base string) Source {
	return func(ctx context.Context, id string, from int64) (io.ReadCloser, int64, error) {
		abort := js.Global().Get("AbortController").New()
		opt := map[string]any{"signal": abort.Get("signal"), "cache": "no-store"}
		if from > 0 {
			opt["headers"] = map[string]any{"Range": "bytes=" + strconv.FormatInt(from, 10) + "-"}
		}
		r, err := web.Await(ctx, func() js.Value { return js.Global().Call("fetch", base+id+".gguf", opt) })
		if err != nil {
			abort.Call("abort")
			if ctx.Err() != nil {
				return nil, 0, cancelled(id, from)
			}
			return nil, 0, errs.E("store.Fetch", errs.Gone, "the server of this page does not answer (%w); try again when it does", err)
		}
		switch status := r.Get("status").Int(); status {
		case 200:
			from = 0
		case 206:
		case 404:
			return nil, 0, errs.E("store.Fetch", errs.NotFound, "this server does not have %s; run `patchbay pull %s` where it runs", id, id)
		default:
			return nil, 0, errs.E("store.Fetch", errs.Gone, "the server answered %d when asked for %s", status, id)
		}
		return newBody(ctx, abort, r.Get("body")), from, nil
	}
}

// body reads a response as it arrives: into one buffer that travels to the stream and back
// where the browser can, so that a long download leaves nothing for the collector; else in
// whatever pieces come.
type body struct {
	ctx           context.Context
	abort, reader js.Value
	buf           js.Value // of a byte stream's reader; undefined for a plain one
	part          js.Value // what arrived last, of which off bytes are taken
	off, len      int
}

const bodyBuffer = 256 << 10

func newBody(ctx context.Context, abort, stream js.Value) *body {
	b := &body{ctx: ctx, abort: abort}
	reader, err := web.Try(func() js.Value { return stream.Call("getReader", map[string]any{"mode": "byob"}) })
	if err != nil {
		b.reader = stream.Call("getReader")
		return b
	}
	b.reader, b.buf = reader, js.Global().Get("ArrayBuffer").New(bodyBuffer)
	return b
}

// next waits for the next piece.
func (b *body) next() error {
	r, err := web.Await(b.ctx, func() js.Value {
		if b.buf.IsUndefined() {
			return b.reader.Call("read")
		}
		return b.reader.Call("read", js.Global().Get("Uint8Array").New(b.buf))
	})
	if err != nil {
		return err
	}
	if r.Get("done").Bool() {
		return io.EOF
	}
	b.part = r.Get("value")
	b.off, b.len = 0, b.part.Length()
	return nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for b.off == b.len {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := js.CopyBytesToGo(p, b.part.Call("subarray", b.off))
	if b.off += n; b.off == b.len && !b.buf.IsUndefined() {
		b.buf = b.part.Get("buffer") // given back with the piece
	}
	return n, nil
}

// Close stops the transfer if it is still running.
func (b *body) Close() error {
	b.abort.Call("abort")
	return nil
}
