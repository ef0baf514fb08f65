package store

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"patchbay/shared/errs"
)

// chunkSize is a compromise: each piece costs a database transaction, and up to one piece is
// held in memory per open file.
const chunkSize = 2 << 20

// KV is a store of byte strings by key: IndexedDB or the Cache API. Put writes all pairs or
// none where the store can (IndexedDB), else in the order given.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Put(ctx context.Context, pairs ...Pair) error
	Delete(ctx context.Context, keys ...string) error
}

// Pair is a key with its value.
type Pair struct {
	Key   string
	Value []byte
}

// Chunks makes a shelf of a KV by cutting files into pieces. The meta record of a file says how
// many bytes count; it is written after the pieces, so a half write never looks like more.
type Chunks struct {
	KV   KV
	Name string // Kind
}

// Kind implements Shelf.
func (c *Chunks) Kind() string { return c.Name }

func metaKey(id string) string          { return "meta/" + id }
func dataKey(id string, n int64) string { return fmt.Sprintf("data/%s/%06d", id, n) }

// Stat implements Shelf. A meta record that does not read counts as nothing stored.
func (c *Chunks) Stat(ctx context.Context, id string) (Meta, error) {
	raw, found, err := c.KV.Get(ctx, metaKey(id))
	if err != nil || !found {
		return Meta{}, err
	}
	var m Meta
	if json.Unmarshal(raw, &m) != nil || m.Have < 0 {
		return Meta{}, nil
	}
	return m, nil
}

func metaPair(id string, m Meta) Pair {
	raw, _ := json.Marshal(m) // a number and a string always marshal
	return Pair{metaKey(id), raw}
}

// Seal implements Shelf.
func (c *Chunks) Seal(ctx context.Context, id string, m Meta) error {
	return c.KV.Put(ctx, metaPair(id, m))
}

// Delete implements Shelf.
func (c *Chunks) Delete(ctx context.Context, id string) error {
	m, err := c.Stat(ctx, id)
	if err != nil {
		return err
	}
	if err := c.KV.Delete(ctx, metaKey(id)); err != nil {
		return err
	}
	// One more than counted: a piece may have been written without its meta record.
	var keys []string
	for n := int64(0); n <= m.Have/chunkSize+1; n++ {
		keys = append(keys, dataKey(id, n))
	}
	return c.KV.Delete(ctx, keys...)
}

// Append implements Shelf.
func (c *Chunks) Append(ctx context.Context, id string, from int64) (io.WriteCloser, error) {
	w := &chunkWriter{c: c, ctx: ctx, id: id, n: from / chunkSize, buf: make([]byte, 0, chunkSize)}
	if part := from % chunkSize; part > 0 {
		head, found, err := c.KV.Get(ctx, dataKey(id, w.n))
		if err != nil {
			return nil, err
		}
		if !found || int64(len(head)) < part {
			return nil, errs.E("store.Append", errs.Corrupt, "piece %d of %s is gone from the browser's storage; delete the model and fetch it again", w.n, id)
		}
		w.buf = append(w.buf, head[:part]...)
	}
	return w, c.KV.Put(ctx, metaPair(id, Meta{Have: from}))
}

// chunkWriter gathers bytes and stores them a piece at a time.
type chunkWriter struct {
	c   *Chunks
	ctx context.Context
	id  string
	n   int64 // the piece that buf will be
	buf []byte
	err error
}

// Write implements io.Writer.
func (w *chunkWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), chunkSize-len(w.buf))
		w.buf, p, n = append(w.buf, p[:k]...), p[k:], n+k
		if len(w.buf) == chunkSize {
			if w.err = w.put(w.ctx); w.err == nil {
				w.n, w.buf = w.n+1, w.buf[:0]
			}
		}
	}
	return n, w.err
}

// put stores the piece in hand and the count that includes it.
func (w *chunkWriter) put(ctx context.Context) error {
	have := w.n*chunkSize + int64(len(w.buf))
	return w.c.KV.Put(ctx, Pair{dataKey(w.id, w.n), w.buf}, metaPair(w.id, Meta{Have: have}))
}

// Close stores the last, shorter piece, even after a cancel: a resume goes on from there.
func (w *chunkWriter) Close() error {
	if w.err == nil && len(w.buf) > 0 {
		w.err = w.put(context.WithoutCancel(w.ctx))
	}
	return w.err
}

// Open implements Shelf.
func (c *Chunks) Open(ctx context.Context, id string) (Blob, error) {
	m, err := c.Stat(ctx, id)
	if err != nil {
		return nil, err
	}
	return &chunkReader{c: c, ctx: context.WithoutCancel(ctx), id: id, size: m.Have, n: -1}, nil
}

// chunkReader keeps the piece it read last: model files are read front to back.
type chunkReader struct {
	c    *Chunks
	ctx  context.Context
	id   string
	size int64
	n    int64 // the piece in cur; -1: none
	cur  []byte
}

// ReadAt implements io.ReaderAt.
func (r *chunkReader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at >= r.size {
			return n, io.EOF
		}
		if err := r.fetch(at / chunkSize); err != nil {
			return n, err
		}
		n += copy(p[n:], r.cur[at%chunkSize:])
	}
	return n, nil
}

func (r *chunkReader) fetch(n int64) error {
	if r.n == n {
		return nil
	}
	cur, found, err := r.c.KV.Get(r.ctx, dataKey(r.id, n))
	if err != nil {
		return err
	}
	want := min(chunkSize, r.size-n*chunkSize)
	if !found || int64(len(cur)) < want {
		return errs.E("store.ReadAt", errs.Corrupt, "piece %d of %s is gone from the browser's storage; delete the model and fetch it again", n, r.id)
	}
	r.n, r.cur = n, cur[:want]
	return nil
}

// Close implements io.Closer.
func (r *chunkReader) Close() error { r.cur, r.n = nil, -1; return nil }
