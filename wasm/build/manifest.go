package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Manifest lists what the page is made of. The service worker keeps exactly one version of
// it, whole; the server finds the compressed copies and the strong ETags in it.
type Manifest struct {
	Version string  `json:"version"` // digest over all paths and hashes
	Files   []*File `json:"files"`   // by path
}

// File is one file of the shell.
type File struct {
	Path   string `json:"path"` // below public, slashes: "dist/app.wasm"
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Lazy   bool   `json:"lazy,omitempty"` // fetched when first needed; kept by the service worker all the same
	Copies
}

// Copies are a file's compressed forms; the paths are empty where they would save too little.
type Copies struct {
	Quality int    `json:"quality"`      // of brotli
	Br      string `json:"br,omitempty"` // path below public
	BrSize  int64  `json:"brsize,omitempty"`
	Gz      string `json:"gz,omitempty"`
	GzSize  int64  `json:"gzsize,omitempty"`
}

// notShell are files below public that no page load wants: the build's own output, what makes
// things, and the service worker, which the browser itself keeps and compares.
func notShell(path string) bool {
	base := filepath.Base(path)
	return path == "sw.js" || strings.HasPrefix(path, "dist/manifest.") || strings.HasPrefix(path, "dist/z/") ||
		strings.HasPrefix(path, "models/") || strings.HasPrefix(base, ".") || strings.HasSuffix(base, ".go") ||
		strings.HasSuffix(base, ".md") || strings.HasSuffix(base, ".test.html")
}

// scan lists and hashes the shell.
func scan(public string) (*Manifest, error) {
	m := &Manifest{}
	err := filepath.WalkDir(public, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(public, p)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); notShell(rel) {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, &File{Path: rel, SHA256: digest(data), Size: int64(len(data)), Lazy: rel == "dist/stage.wasm"})
		return nil
	})
	sort.Slice(m.Files, func(i, j int) bool { return m.Files[i].Path < m.Files[j].Path })
	m.Version = m.digest()
	return m, err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// digest names the version: 16 hexadecimal digits are enough to tell versions apart.
func (m *Manifest) digest() string {
	var b bytes.Buffer
	for _, f := range m.Files {
		b.WriteString(f.Path + " " + f.SHA256 + "\n")
	}
	return digest(b.Bytes())[:16]
}

// file finds an entry by path, or nil.
func (m *Manifest) file(path string) *File {
	if m == nil {
		return nil
	}
	i := sort.Search(len(m.Files), func(i int) bool { return m.Files[i].Path >= path })
	if i < len(m.Files) && m.Files[i].Path == path {
		return m.Files[i]
	}
	return nil
}

func readManifest(path string) (*Manifest, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	return m, json.Unmarshal(data, m)
}

// write is last of all, and at once whole: a server that reads it finds every copy it names.
// The service worker imports the same as a script, manifest.js, with no more than it needs.
func (m *Manifest) write(dist string) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	type short struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
	}
	var files []short
	for _, f := range m.Files {
		files = append(files, short{f.Path, f.SHA256})
	}
	script, err := json.Marshal(map[string]any{"version": m.Version, "files": files})
	if err != nil {
		return err
	}
	script = append([]byte("self.PATCHBAY_MANIFEST = "), append(script, ";\n"...)...)
	if err := writeIfNew(filepath.Join(dist, "manifest.js"), script); err != nil {
		return err
	}
	return writeIfNew(filepath.Join(dist, "manifest.json"), append(data, '\n'))
}

// writeIfNew keeps the time stamp of a file whose content is the same already.
func writeIfNew(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
