package gate

import (
	"net/http"
	"slices"

	"patchbay/shared/errs"
)

// Route is one entry of a server's route table. A server has no other way to serve anything, so
// a test over the table reaches every route there is.
type Route struct {
	Pattern string // of http.ServeMux, without method
	// Methods are those allowed; nil: GET and HEAD.
	Methods []string
	// Socket marks a websocket: its Origin must be there.
	Socket  bool
	Handler http.Handler
}

// Handler serves the routes, each of them behind the gate.
func (g *Gate) Handler(routes []Route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.Pattern, g.guard(r))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Host and Origin before the mux: even its own redirects and 404s are for guests only.
		if err := g.Check(r, false); err != nil {
			Refuse(w, http.StatusForbidden, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (g *Gate) guard(route Route) http.Handler {
	methods := route.Methods
	if methods == nil {
		methods = []string{http.MethodGet, http.MethodHead}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.Check(r, route.Socket); err != nil {
			Refuse(w, http.StatusForbidden, err)
			return
		}
		if !slices.Contains(methods, r.Method) {
			Refuse(w, http.StatusMethodNotAllowed, errs.E("gate.Guard", errs.Denied, "method %q is not allowed here", clip(r.Method)))
			return
		}
		route.Handler.ServeHTTP(w, r)
	})
}

// Refuse answers with an error in words, as plain text that no browser takes for anything else.
func Refuse(w http.ResponseWriter, status int, err error) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(err.Error() + "\n"))
}
