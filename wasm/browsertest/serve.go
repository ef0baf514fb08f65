package browsertest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// Bare is a small server for the worker alone: the lab's files, the pages of testdata and the
// models of a folder, without gate, token or engine. What it counts and how it misbehaves
// serves the tests of the tab's store.
type Bare struct {
	l       net.Listener
	http    *http.Server
	Fetches atomic.Int64 // requests for model files
	Ranges  atomic.Int64 // of those, with a Range
	Cut     atomic.Int64 // when > 0: break off model files after so many bytes
	Block   atomic.Value // a path that is not found
}

// ServeBare starts it on a free port of loopback.
func ServeBare(models string) (*Bare, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Bare{l: l}
	mux := http.NewServeMux()
	mux.HandleFunc("/models/{file}", func(w http.ResponseWriter, r *http.Request) {
		b.Fetches.Add(1)
		if r.Header.Get("Range") != "" {
			b.Ranges.Add(1)
		}
		if n := b.Cut.Load(); n > 0 {
			w = &cutting{w, n}
		}
		http.ServeFile(w, r, filepath.Join(models, filepath.Base(r.PathValue("file"))))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if blocked, _ := b.Block.Load().(string); blocked == r.URL.Path {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Header().Set("Cache-Control", "no-cache")
		for _, dir := range []string{"public", filepath.Join("wasm", "browsertest", "testdata")} {
			p := filepath.Join(Root(), dir, filepath.FromSlash(filepath.Clean(r.URL.Path)))
			if st, err := os.Stat(p); err == nil && !st.IsDir() {
				http.ServeFile(w, r, p)
				return
			}
		}
		http.NotFound(w, r)
	})
	b.http = &http.Server{Handler: mux}
	go b.http.Serve(l)
	return b, nil
}

// cutting breaks the connection after so many bytes of a body, as a bad line does.
type cutting struct {
	http.ResponseWriter
	left int64
}

// Write implements http.ResponseWriter.
func (c *cutting) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= int64(len(p))
	return c.ResponseWriter.Write(p)
}

// Port is where it listens.
func (b *Bare) Port() int { return b.l.Addr().(*net.TCPAddr).Port }

// URL is the address of a path under a host name.
func (b *Bare) URL(host, path string) string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(b.Port())) + path
}

// Close stops it.
func (b *Bare) Close() { b.http.Close() }

// Models is the folder of pulled models.
func Models() string {
	if dir := os.Getenv("PATCHBAY_MODELS"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "patchbay", "models")
}
