package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
	"patchbay/shared/weights/pull"
	"patchbay/sidecar/gate"
)

// routes is all that this server serves. A test sends strangers to each of them.
func (s *Server) routes() ([]gate.Route, error) {
	list := []gate.Route{
		{Pattern: "/healthz", Handler: http.HandlerFunc(s.health)},
		{Pattern: "/ws", Socket: true, Methods: []string{http.MethodGet}, Handler: s.hub},
		{Pattern: "/models/{file}", Handler: http.HandlerFunc(s.model)},
	}
	page := http.Handler(http.HandlerFunc(alone))
	if s.o.Public != "" {
		root, err := os.OpenRoot(s.o.Public)
		if err != nil {
			return nil, errs.E("server.New", errs.NotFound, "the lab's folder cannot be opened: %w", err)
		}
		s.close = append(s.close, root.Close)
		page = newFiles(root)
	}
	return append(list, gate.Route{Pattern: "/", Handler: page}), nil
}

// secure sets the headers that keep other pages out and give this one its own process.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", policy)
		if embeddable[r.URL.Path] {
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
			h.Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'self'", "frame-ancestors *", 1))
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// embeddable are the documents that may stand in other people's pages: the figure, and the
// picture inside it, whose ancestors are checked too. An embedded figure has no token and no
// sidecar (public/embed.js), so there is nothing in it for a framing page to steal by clicks.
var embeddable = map[string]bool{"/embed.html": true, "/stage.html": true}

// policy is the page's CSP. Vugu needs 'unsafe-eval'; the page may talk to a sidecar anywhere.
var policy = strings.Join([]string{
	"default-src 'self'", "script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'", "style-src 'self' 'unsafe-inline'",
	"img-src 'self' data: blob:", "connect-src 'self' ws: wss:", "worker-src 'self' blob:", "frame-src 'self'",
	"frame-ancestors 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'none'"}, "; ")

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(map[string]any{"status": "ok", "version": Version, "sessions": s.hub.Sessions()})
}

func alone(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		gate.Refuse(w, http.StatusNotFound, errs.E("server.Get", errs.NotFound, "there is nothing here"))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("This is a Patchbay sidecar without the lab's page. Start it with --lab DIR to serve one, or connect to /ws as docs/wire.md says.\n"))
}

// model serves a pulled model's file, whole or in ranges, so that a tab can fetch it from here.
// Only ids of the catalogue name files (T8).
func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	f, e, err := s.openModel(r.PathValue("file"))
	if err != nil {
		gate.Refuse(w, http.StatusNotFound, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		gate.Refuse(w, http.StatusNotFound, errs.E("server.Model", errs.NotFound, "the model's file cannot be read"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("ETag", `"`+string(e.Digest)+`"`)
	h.Set("Cache-Control", "no-store") // the tab keeps it in a store of its own; twice would be too much
	http.ServeContent(w, r, "", info.ModTime(), f)
}

func (s *Server) openModel(file string) (*os.File, weights.Entry, error) {
	id, ok := strings.CutSuffix(file, ".gguf")
	e, err := weights.Lookup(id)
	if err != nil || !ok {
		return nil, e, errs.E("server.Model", errs.NotFound, "there is no model file of that name; models are served as /models/ID.gguf")
	}
	path, err := pull.Path(s.o.Models, id)
	if err != nil {
		return nil, e, err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, e, errs.E("server.Model", errs.NotFound, "the folder of models cannot be opened")
	}
	defer root.Close()
	f, err := root.Open(filepath.Base(path))
	return f, e, err
}
