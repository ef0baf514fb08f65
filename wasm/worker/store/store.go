// Package store keeps model files in the browser: fetched from the page's own origin with
// progress, resumed where a download broke off, verified by SHA-256 before they count as
// whole, and read in pieces so that no file ever lies in Go's memory.
//
// A Shelf is where bytes lie: OPFS where the context allows, else the Cache API, else
// IndexedDB (a classroom's plain http is no secure context and has only that). The logic here
// is plain Go, tested natively over shelves in memory.
package store

import (
	"context"
	"encoding/hex"
	"errors"
	"io"

	"patchbay/shared/errs"
	"patchbay/shared/sha"
)

// Shelf holds files under names of the catalogue. One goroutine uses it at a time.
type Shelf interface {
	// Kind is "opfs", "cache" or "indexeddb".
	Kind() string
	// Stat says how much of a file is here; a file never seen is the zero Meta.
	Stat(ctx context.Context, id string) (Meta, error)
	// Append opens the file for writing behind its first from bytes; what lies beyond is
	// dropped, and the file is no longer sealed. Close makes what was written last.
	Append(ctx context.Context, id string, from int64) (io.WriteCloser, error)
	// Seal marks the file whole. It is the last step, and atomic.
	Seal(ctx context.Context, id string, m Meta) error
	// Open reads what is stored, sealed or not.
	Open(ctx context.Context, id string) (Blob, error)
	// Delete removes the file; the seal goes first.
	Delete(ctx context.Context, id string) error
}

// Meta is what a shelf knows of a file.
type Meta struct {
	Have   int64  `json:"have"`             // bytes stored
	Digest string `json:"digest,omitempty"` // SHA-256 they were verified against; empty: not whole
}

// Blob is an open file.
type Blob interface {
	io.ReaderAt
	io.Closer
}

// Source gives a file's bytes from an offset on. It may answer from 0 in place of from
// (a server without ranges): start says which.
type Source func(ctx context.Context, id string, from int64) (body io.ReadCloser, start int64, err error)

// Want is the file as the catalogue describes it.
type Want struct {
	ID     string
	Size   int64
	Digest string // lower-case hexadecimal SHA-256
}

// Progress reports bytes done of a file's size while "fetch" or "verify" runs.
type Progress func(stage string, done, total int64)

// Store is a shelf and the place that files come from.
type Store struct {
	Shelf  Shelf
	Source Source
	// Room is asked before a download: bytes free, or negative when the browser does not say.
	Room func(ctx context.Context) (free, quota int64)
}

// Stat says how many bytes of the file are here and whether they are all of it, verified.
func (s *Store) Stat(ctx context.Context, w Want) (have int64, whole bool, err error) {
	m, err := s.Shelf.Stat(ctx, w.ID)
	return m.Have, m.Digest == w.Digest && m.Have == w.Size && w.Digest != "", err
}

// Fetch makes the file whole, unless it is already. What was stored before is kept and only
// the rest is fetched; if the whole then has the wrong digest, it is fetched once more from
// the start, because the part kept may belong to another version.
func (s *Store) Fetch(ctx context.Context, w Want, report Progress) error {
	have, whole, err := s.Stat(ctx, w)
	if err != nil || whole {
		return err
	}
	if have > w.Size {
		have = 0
	}
	if err := s.checkRoom(ctx, w, have); err != nil {
		return err
	}
	err = s.fetchFrom(ctx, w, have, report)
	if have > 0 && errs.KindOf(err) == errs.Corrupt {
		return s.fetchFrom(ctx, w, 0, report)
	}
	return err
}

// checkRoom refuses a download that cannot fit, before the first byte.
func (s *Store) checkRoom(ctx context.Context, w Want, have int64) error {
	if s.Room == nil {
		return nil
	}
	if free, quota := s.Room(ctx); free >= 0 && free < w.Size-have {
		return errs.E("store.Fetch", errs.NoSpace, "%s needs %d MB more of this browser's storage, which grants this page %d MB and has %d MB left: delete a model, or free disk space", w.ID, mb(w.Size-have), mb(quota), mb(free))
	}
	return nil
}

func mb(n int64) int64 { return (n + 999_999) / 1_000_000 }

// fetchFrom hashes the first have bytes that are stored, appends the rest and seals the file.
func (s *Store) fetchFrom(ctx context.Context, w Want, have int64, report Progress) error {
	body, start, err := s.open(ctx, w, have)
	if err != nil {
		return err
	}
	defer body.Close()
	have = min(have, start)
	sum := sha.New()
	if err := s.hashStored(ctx, w, have, sum, report); err != nil {
		return err
	}
	n, err := s.append(ctx, w, have, io.TeeReader(body, sum), report)
	if err != nil {
		return err
	}
	if have+n < w.Size {
		return errs.E("store.Fetch", errs.Gone, "the download of %s ended at byte %d of %d; try again and it goes on from there", w.ID, have+n, w.Size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != w.Digest {
		s.Shelf.Delete(context.WithoutCancel(ctx), w.ID)
		return errs.E("store.Fetch", errs.Corrupt, "%s arrived with SHA-256 %.12s... in place of %.12s...; it was thrown away, try again", w.ID, got, w.Digest)
	}
	return s.Shelf.Seal(ctx, w.ID, Meta{Have: w.Size, Digest: w.Digest})
}

// open asks for the rest; when everything is stored already there is nothing to ask for.
func (s *Store) open(ctx context.Context, w Want, have int64) (io.ReadCloser, int64, error) {
	if have == w.Size {
		return io.NopCloser(eof{}), have, nil
	}
	body, start, err := s.Source(ctx, w.ID, have)
	if err == nil && start > have {
		body.Close()
		return nil, 0, errs.E("store.Fetch", errs.Invalid, "asked for %s from byte %d, the server answered from %d", w.ID, have, start)
	}
	return body, start, err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// hashStored runs the part that is already here through the hash.
func (s *Store) hashStored(ctx context.Context, w Want, have int64, sum io.Writer, report Progress) error {
	if have == 0 {
		return nil
	}
	blob, err := s.Shelf.Open(ctx, w.ID)
	if err != nil {
		return err
	}
	defer blob.Close()
	p := make([]byte, 1<<20)
	for off := int64(0); off < have; off += int64(len(p)) {
		if err := ctx.Err(); err != nil {
			return cancelled(w.ID, off)
		}
		p = p[:min(int64(len(p)), have-off)]
		if _, err := blob.ReadAt(p, off); err != nil {
			return errs.E("store.Fetch", errs.Other, "reading the stored part of %s at byte %d: %w", w.ID, off, err)
		}
		sum.Write(p)
		report("verify", off+int64(len(p)), have)
	}
	return nil
}

// append copies the body to the shelf. Whatever ends it, the bytes written so far are kept.
func (s *Store) append(ctx context.Context, w Want, have int64, body io.Reader, report Progress) (n int64, err error) {
	out, err := s.Shelf.Append(ctx, w.ID, have)
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	p := make([]byte, 1<<20)
	for have+n < w.Size {
		k, rerr := body.Read(p)
		if int64(k) > w.Size-have-n {
			return n, errs.E("store.Fetch", errs.Corrupt, "%s is longer than the %d bytes of the catalogue", w.ID, w.Size)
		}
		if _, err := out.Write(p[:k]); err != nil {
			return n, err
		}
		n += int64(k)
		report("fetch", have+n, w.Size)
		switch {
		case ctx.Err() != nil:
			return n, cancelled(w.ID, have+n)
		case errors.Is(rerr, io.EOF):
			return n, nil
		case rerr != nil:
			return n, errs.E("store.Fetch", errs.Gone, "the download of %s broke off at byte %d of %d (%w); try again and it goes on from there", w.ID, have+n, w.Size, rerr)
		}
	}
	return n, nil
}

func cancelled(id string, at int64) error {
	return errs.E("store.Fetch", errs.Cancelled, "the download of %s was stopped at byte %d; it goes on from there next time", id, at)
}

// Open reads a whole file and refuses a half one.
func (s *Store) Open(ctx context.Context, w Want) (Blob, error) {
	if _, whole, err := s.Stat(ctx, w); err != nil || !whole {
		if err == nil {
			err = errs.E("store.Open", errs.NotFound, "%s is not stored in this browser", w.ID)
		}
		return nil, err
	}
	return s.Shelf.Open(ctx, w.ID)
}

// Delete removes a file, whole or half.
func (s *Store) Delete(ctx context.Context, id string) error { return s.Shelf.Delete(ctx, id) }
