package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"patchbay/shared/errs"
	"patchbay/sidecar/gate"
)

// files serves the lab: what stands in public, compressed where the build has made a copy.
type files struct {
	root *os.Root

	mu     sync.Mutex
	sums   map[string]sum
	copies map[string]packed // by path, from the build's manifest
	read   time.Time         // the manifest's own time, when it was read
}

type sum struct {
	at   time.Time
	size int64
	hash string
}

// packed is an entry of dist/manifest.json.
type packed struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Br     string `json:"br"`
	Gz     string `json:"gz"`
}

const manifest = "dist/manifest.json"

func newFiles(root *os.Root) *files { return &files{root: root, sums: map[string]sum{}} }

// types that mime may not know, or know otherwise, on some machines.
var types = map[string]string{
	".wasm": "application/wasm", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".json": "application/json",
	".svg": "image/svg+xml", ".png": "image/png", ".txt": "text/plain; charset=utf-8",
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
		if _, err := f.root.Stat(manifest); err != nil {
			notBuilt(w)
			return
		}
	}
	file, info, err := f.open(name)
	if err != nil {
		gate.Refuse(w, http.StatusNotFound, errs.E("server.Get", errs.NotFound, "there is no file of that name here"))
		return
	}
	defer file.Close()
	hash, err := f.hash(name, file, info)
	if err != nil {
		gate.Refuse(w, http.StatusInternalServerError, errs.E("server.Get", errs.Other, "the file cannot be read"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", caching(name))
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", `"`+hash[:32]+`"`)
	if body := f.packed(w, r, name, hash); body != nil {
		defer body.Close()
		file = body
	}
	http.ServeContent(w, r, "", time.Time{}, file)
}

// open opens a plain file below the root; no folder, nothing hidden, no build's own copies.
func (f *files) open(name string) (*os.File, fs.FileInfo, error) {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return nil, nil, fs.ErrNotExist
		}
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// hash is the file's SHA-256, computed once for as long as the file does not change.
func (f *files) hash(name string, file *os.File, info fs.FileInfo) (string, error) {
	f.mu.Lock()
	s, ok := f.sums[name]
	f.mu.Unlock()
	if ok && s.at.Equal(info.ModTime()) && s.size == info.Size() {
		return s.hash, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	s = sum{info.ModTime(), info.Size(), hex.EncodeToString(h.Sum(nil))}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sums[name] = s
	return s.hash, nil
}

// packed opens the compressed copy that the browser takes, if the build made it from this very
// file; a copy of an older file is never served.
func (f *files) packed(w http.ResponseWriter, r *http.Request, name, hash string) *os.File {
	if r.Header.Get("Range") != "" {
		return nil
	}
	c := f.copy(name)
	if c.SHA256 != hash {
		return nil
	}
	for _, o := range []struct{ encoding, path string }{{"br", c.Br}, {"gzip", c.Gz}} {
		if o.path == "" || !accepts(r.Header.Get("Accept-Encoding"), o.encoding) {
			continue
		}
		if body, _, err := f.open(o.path); err == nil {
			w.Header().Set("Content-Encoding", o.encoding)
			w.Header().Set("ETag", `"`+hash[:32]+"-"+o.encoding+`"`)
			return body
		}
	}
	return nil
}

// copy finds a file in the build's manifest, which is read again when it has changed.
func (f *files) copy(name string) packed {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := f.root.Stat(manifest)
	if err != nil {
		return packed{}
	}
	if !info.ModTime().Equal(f.read) {
		data, err := f.root.ReadFile(manifest)
		var m struct {
			Files []packed `json:"files"`
		}
		if err == nil && json.NewDecoder(bytes.NewReader(data)).Decode(&m) == nil {
			f.copies, f.read = map[string]packed{}, info.ModTime()
			for _, c := range m.Files {
				f.copies[c.Path] = c
			}
		}
	}
	return f.copies[name]
}

// accepts reads Accept-Encoding: the coding is named and its weight is not 0.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == coding {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

var hashed = regexp.MustCompile(`[.-][0-9a-f]{12,64}\.[a-z0-9]+$`)

// caching lets what is named by its content be kept for ever, and asks about all else.
func caching(name string) string {
	if hashed.MatchString(name) {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

func contentType(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func notBuilt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Patchbay</title>
<body><h1>The lab is not built yet</h1><p>Run <code>make build</code> (or <code>make run</code>, which does that first), then reload this page.</p>
<p>The sidecar itself runs: the command line and other clients can use it.</p></body></html>
`)
}
