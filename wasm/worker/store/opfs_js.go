package store

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"syscall/js"

	"patchbay/shared/errs"
	"patchbay/wasm/web"
)

// opfs keeps each file as ID.gguf in a folder of the origin's private file system, and its seal
// as ID.json beside it.
type opfs struct{ dir js.Value }

// openOPFS fails where the context has no such file system, or no synchronous access to it.
func openOPFS(ctx context.Context) (*opfs, error) {
	root, err := web.Await(ctx, func() js.Value {
		return js.Global().Get("navigator").Get("storage").Call("getDirectory")
	})
	if err != nil {
		return nil, err
	}
	dir, err := web.Await(ctx, func() js.Value {
		return root.Call("getDirectoryHandle", "models", map[string]any{"create": true})
	})
	return &opfs{dir}, err
}

// Kind implements Shelf.
func (o *opfs) Kind() string { return "opfs" }

// handle finds a file; found is false when it is not there and create is false.
func (o *opfs) handle(ctx context.Context, name string, create bool) (h js.Value, found bool, err error) {
	h, err = web.Await(ctx, func() js.Value {
		return o.dir.Call("getFileHandle", name, map[string]any{"create": create})
	})
	if e := (*web.Exception)(nil); errors.As(err, &e) && e.Name == "NotFoundError" {
		return h, false, nil
	}
	return h, err == nil, storageError(ctx, err)
}

// file gives the bytes of a file as a Blob, which needs no lock.
func (o *opfs) file(ctx context.Context, name string) (f js.Value, found bool, err error) {
	h, found, err := o.handle(ctx, name, false)
	if !found {
		return h, false, err
	}
	f, err = web.Await(ctx, func() js.Value { return h.Call("getFile") })
	return f, err == nil, storageError(ctx, err)
}

// Stat implements Shelf. A seal counts only while the file has the size that was sealed.
func (o *opfs) Stat(ctx context.Context, id string) (Meta, error) {
	f, found, err := o.file(ctx, id+".gguf")
	if !found {
		return Meta{}, err
	}
	m := Meta{Have: int64(f.Get("size").Float())}
	seal, found, err := o.file(ctx, id+".json")
	if !found {
		return m, err
	}
	text, err := web.Await(ctx, func() js.Value { return seal.Call("text") })
	if err != nil {
		return m, storageError(ctx, err)
	}
	var sealed Meta
	if json.Unmarshal([]byte(text.String()), &sealed) == nil && sealed.Have == m.Have {
		return sealed, nil
	}
	return m, nil
}

// lock opens a file for synchronous access, which only one tab can hold for writing.
func (o *opfs) lock(ctx context.Context, name string) (js.Value, error) {
	h, _, err := o.handle(ctx, name, true)
	if err != nil {
		return h, err
	}
	a, err := web.Await(ctx, func() js.Value { return h.Call("createSyncAccessHandle") })
	if e := (*web.Exception)(nil); errors.As(err, &e) && e.Name == "NoModificationAllowedError" {
		return a, errs.E("store.Append", errs.Busy, "another tab is writing %s; wait for it, or close that tab", name)
	}
	return a, storageError(ctx, err)
}

// Append implements Shelf.
func (o *opfs) Append(ctx context.Context, id string, from int64) (io.WriteCloser, error) {
	if err := o.remove(ctx, id+".json"); err != nil {
		return nil, err
	}
	a, err := o.lock(ctx, id+".gguf")
	if err != nil {
		return nil, err
	}
	w := &opfsWriter{ctx: ctx, a: a, off: from, buf: js.Global().Get("Uint8Array").New(1 << 20)}
	if _, err := web.Try(func() js.Value { return a.Call("truncate", from) }); err != nil {
		a.Call("close")
		return nil, storageError(ctx, err)
	}
	return w, nil
}

type opfsWriter struct {
	ctx context.Context
	a   js.Value
	off int64
	buf js.Value // the way from Go's memory to the file
}

// Write implements io.Writer.
func (w *opfsWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k := js.CopyBytesToJS(w.buf, p[n:])
		wrote, err := web.Try(func() js.Value {
			return w.a.Call("write", w.buf.Call("subarray", 0, k), map[string]any{"at": w.off})
		})
		if err != nil {
			return n, storageError(w.ctx, err)
		}
		if wrote.Int() < k { // Safari writes short instead of throwing
			return n + wrote.Int(), storageError(w.ctx, &web.Exception{Name: "QuotaExceededError"})
		}
		n, w.off = n+k, w.off+int64(k)
	}
	return n, nil
}

// Close flushes.
func (w *opfsWriter) Close() error {
	_, err := web.Try(func() js.Value { return w.a.Call("flush") })
	w.a.Call("close")
	return storageError(w.ctx, err)
}

// Seal implements Shelf: the file was flushed before, the seal is written last.
func (o *opfs) Seal(ctx context.Context, id string, m Meta) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	a, err := o.lock(ctx, id+".json")
	if err != nil {
		return err
	}
	w := &opfsWriter{ctx: ctx, a: a, buf: js.Global().Get("Uint8Array").New(len(raw))}
	if _, err := web.Try(func() js.Value { return a.Call("truncate", 0) }); err != nil {
		w.Close()
		return storageError(ctx, err)
	}
	if _, err := w.Write(raw); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

func (o *opfs) remove(ctx context.Context, name string) error {
	_, err := web.Await(ctx, func() js.Value { return o.dir.Call("removeEntry", name) })
	e := (*web.Exception)(nil)
	switch {
	case errors.As(err, &e) && e.Name == "NotFoundError":
		return nil
	case e != nil && e.Name == "NoModificationAllowedError":
		return errs.E("store.Delete", errs.Busy, "another tab is using %s; close it first", name)
	}
	return storageError(ctx, err)
}

// Delete implements Shelf.
func (o *opfs) Delete(ctx context.Context, id string) error {
	if err := o.remove(ctx, id+".json"); err != nil {
		return err
	}
	return o.remove(ctx, id+".gguf")
}

// Open implements Shelf. Where the browser has read-only access handles any number of tabs may
// read one file through one buffer; else a Blob is read through FileReaderSync, which needs no
// lock but leaves a buffer behind for each read, until the collector comes.
func (o *opfs) Open(ctx context.Context, id string) (Blob, error) {
	h, found, err := o.handle(ctx, id+".gguf", false)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errs.E("store.Open", errs.NotFound, "%s is not stored in this browser", id)
	}
	a, err := web.Await(ctx, func() js.Value {
		return h.Call("createSyncAccessHandle", map[string]any{"mode": "read-only"})
	})
	if err == nil && a.Get("mode").Type() == js.TypeString && a.Get("mode").String() == "read-only" {
		size, err := web.Try(func() js.Value { return a.Call("getSize") })
		if err != nil {
			a.Call("close")
			return nil, storageError(ctx, err)
		}
		view := js.Global().Get("Uint8Array").New(chunkSize)
		return newAhead(int64(size.Float()), a, func(at, n int64) (js.Value, error) {
			part := view.Call("subarray", 0, n)
			got, err := web.Try(func() js.Value { return a.Call("read", part, map[string]any{"at": at}) })
			if err == nil && int64(got.Int()) != n {
				err = io.ErrUnexpectedEOF
			}
			return part, err
		}), nil
	}
	if err == nil {
		a.Call("close") // a browser that locks for reading, too
	}
	return o.blob(ctx, h)
}

// blob reads a file without a handle.
func (o *opfs) blob(ctx context.Context, h js.Value) (Blob, error) {
	f, err := web.Await(ctx, func() js.Value { return h.Call("getFile") })
	if err != nil {
		return nil, storageError(ctx, err)
	}
	reader := js.Global().Get("FileReaderSync").New()
	return newAhead(int64(f.Get("size").Float()), js.Undefined(), func(at, n int64) (js.Value, error) {
		buf, err := web.Try(func() js.Value { return reader.Call("readAsArrayBuffer", f.Call("slice", at, at+n)) })
		if err != nil {
			return buf, err
		}
		return js.Global().Get("Uint8Array").New(buf), nil
	}), nil
}

// ahead reads a chunk at a time, because each read costs a trip to another process.
type ahead struct {
	size   int64
	handle js.Value // closed by Close, unless undefined
	read   func(at, n int64) (js.Value, error)
	buf    []byte // room for a chunk
	start  int64  // of cur; -1: none
	cur    []byte
}

func newAhead(size int64, handle js.Value, read func(at, n int64) (js.Value, error)) *ahead {
	return &ahead{size: size, handle: handle, read: read, buf: make([]byte, chunkSize), start: -1}
}

// ReadAt implements io.ReaderAt.
func (b *ahead) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at >= b.size {
			return n, io.EOF
		}
		if b.start < 0 || at < b.start || at >= b.start+int64(len(b.cur)) {
			if err := b.fill(at); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], b.cur[at-b.start:])
	}
	return n, nil
}

func (b *ahead) fill(at int64) error {
	n := min(chunkSize, b.size-at)
	b.start = -1
	view, err := b.read(at, n)
	if err != nil {
		return errs.E("store.ReadAt", errs.Gone, "the stored model can no longer be read (%w); load it again", err)
	}
	b.cur = b.buf[:n]
	js.CopyBytesToGo(b.cur, view)
	b.start = at
	return nil
}

// Close implements io.Closer.
func (b *ahead) Close() error {
	if !b.handle.IsUndefined() {
		b.handle.Call("close")
		b.handle = js.Undefined()
	}
	b.size = 0
	return nil
}
