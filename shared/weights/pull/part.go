//go:build !js

package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// file is what a part is written to; tests put a full disk in its place.
type file interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

func openPart(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
}

// part is the file a model is written to before it is verified, ID.part. It is a prefix of the
// model whichever route wrote it, so any route can go on where another stopped.
type part struct {
	f     file
	path  string
	entry weights.Entry
	hash  hash.Hash
	n     int64 // bytes written and hashed
	kept  int64 // of those, not brought by the present route: by an earlier pull or route
	meter *meter
}

// newPart opens the part and hashes what an earlier pull left of it.
func newPart(ctx context.Context, dir string, e weights.Entry, open func(string) (file, error), m *meter) (*part, error) {
	p := &part{path: partPath(dir, e.ID), entry: e, hash: sha256.New(), meter: m}
	var err error
	if p.f, err = open(p.path); err != nil {
		return nil, errs.E("pull.Pull", errs.Invalid, "cannot write into the model folder: %w", err)
	}
	left, err := p.f.Seek(0, io.SeekEnd)
	if err == nil && left > e.Size {
		err = p.f.Truncate(0)
		left = 0
	}
	if err == nil {
		_, err = p.f.Seek(0, io.SeekStart)
	}
	if err == nil && left > 0 {
		err = p.rehash(ctx, left)
	}
	if err != nil {
		p.f.Close()
		return nil, errs.E("pull.Pull", errs.Other, "reading what an earlier pull left: %w", err)
	}
	return p, nil
}

func (p *part) rehash(ctx context.Context, left int64) error {
	p.meter.stage(StageResume, "an earlier pull left "+size(left))
	buf := make([]byte, 1<<20)
	for p.n < left {
		if ctx.Err() != nil {
			return cancelled(ctx)
		}
		k, err := io.ReadFull(p.f, buf[:min(int64(len(buf)), left-p.n)])
		if err != nil {
			return err
		}
		p.hash.Write(buf[:k])
		p.n += int64(k)
		p.meter.at(p.n)
	}
	return nil
}

// Write appends to the file and the digest. More bytes than the model has are errs.Corrupt.
func (p *part) Write(b []byte) (int, error) {
	if int64(len(b)) > p.entry.Size-p.n {
		return 0, errs.E("pull.Pull", errs.Corrupt, "more than the %d bytes that %s has came: it is another file", p.entry.Size, p.entry.ID)
	}
	n, err := p.f.Write(b)
	p.hash.Write(b[:n])
	p.n += int64(n)
	if err != nil {
		return n, p.writeError(err)
	}
	p.meter.at(p.n)
	return n, nil
}

// writeError tells a full disk from other trouble.
func (p *part) writeError(err error) error {
	if diskFull(err) {
		return noSpace(filepath.Dir(p.path), p.entry.Size-p.n, "; what came so far is kept: make room and pull again")
	}
	return errs.E("pull.Pull", errs.Other, "writing %s: %w", p.path, err)
}

// reset begins from nothing.
func (p *part) reset() error {
	p.hash.Reset()
	p.n, p.kept = 0, 0
	if err := p.f.Truncate(0); err != nil {
		return p.writeError(err)
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return p.writeError(err)
	}
	p.meter.restart()
	return nil
}

func (p *part) digest() weights.Digest {
	d, err := weights.ParseDigest(hex.EncodeToString(p.hash.Sum(nil)))
	if err != nil {
		panic(err) // a SHA-256 always is one
	}
	return d
}

// finish gives the verified part its final name: contents reach the disk before the name does.
func (p *part) finish(to string) error {
	if err := p.f.Sync(); err != nil {
		return p.writeError(err)
	}
	if err := p.f.Close(); err != nil {
		return p.writeError(err)
	}
	if err := os.Rename(p.path, to); err != nil {
		return errs.E("pull.Pull", errs.Other, "giving the verified model its name: %w", err)
	}
	if d, err := os.Open(filepath.Dir(to)); err == nil {
		d.Sync() // not every file system can; the rename itself is atomic
		d.Close()
	}
	return nil
}

func noSpace(dir string, needed int64, more string) error {
	have := "unknown"
	if n := available(dir); n >= 0 {
		have = size(n)
	}
	return errs.E("pull.Pull", errs.NoSpace, "the disk is full: %s are needed in %s, %s are free%s", size(needed), dir, have, more)
}

func cancelled(ctx context.Context) error {
	return errs.E("pull.Pull", errs.Cancelled, "stopped; what came so far is kept and the next pull goes on from there: %w", ctx.Err())
}

func busy(id, path string) error {
	return errs.E("pull.lock", errs.Busy, "model %s is being pulled by another process right now (lock %s)", id, path)
}
