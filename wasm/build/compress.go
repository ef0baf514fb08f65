package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
	"golang.org/x/sync/errgroup"
)

// compressAll makes the brotli and gzip copies below dist/z, two files at a time. A copy that
// an earlier build made of the same bytes, at this quality or better, is kept.
func compressAll(public string, m, old *Manifest, q int) error {
	var g errgroup.Group
	g.SetLimit(2)
	for _, f := range m.Files {
		if o := old.file(f.Path); o != nil && o.Quality >= q && o.SHA256 == f.SHA256 && copiesThere(public, o.Copies) {
			f.Copies = o.Copies
			continue
		}
		g.Go(func() error { return compressFile(public, f, q) })
	}
	return g.Wait()
}

func copiesThere(public string, f Copies) bool {
	for _, c := range []struct {
		path string
		size int64
	}{{f.Br, f.BrSize}, {f.Gz, f.GzSize}} {
		if c.path == "" {
			continue
		}
		if st, err := os.Stat(filepath.Join(public, c.path)); err != nil || st.Size() != c.size {
			return false
		}
	}
	return true
}

// compressFile writes both copies, unless they would save less than a tenth (pictures, fonts).
func compressFile(public string, f *File, q int) error {
	data, err := os.ReadFile(filepath.Join(public, f.Path))
	if err != nil {
		return err
	}
	f.Quality = q
	br, err := squeeze(data, func(w io.Writer) io.WriteCloser {
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: q, LGWin: 24})
	})
	if err != nil || len(br) > len(data)*9/10 {
		return err
	}
	gz, err := squeeze(data, func(w io.Writer) io.WriteCloser { z, _ := gzip.NewWriterLevel(w, min(q, 9)); return z })
	if err != nil {
		return err
	}
	f.Br, f.BrSize = "dist/z/"+f.Path+".br", int64(len(br))
	f.Gz, f.GzSize = "dist/z/"+f.Path+".gz", int64(len(gz))
	if err := writeIfNew(filepath.Join(public, f.Br), br); err != nil {
		return err
	}
	return writeIfNew(filepath.Join(public, f.Gz), gz)
}

func squeeze(data []byte, open func(io.Writer) io.WriteCloser) ([]byte, error) {
	var b bytes.Buffer
	w := open(&b)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}
