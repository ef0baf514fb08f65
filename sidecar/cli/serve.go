package cli

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"patchbay/shared/device"
	"patchbay/shared/host"
	"patchbay/sidecar/engine"
	"patchbay/sidecar/server"
	"patchbay/sidecar/store"
)

// serving are the flags of `patchbay serve` and of serve.go.
type serving struct {
	o       server.Options
	hosts   list
	origins list
	models  list
	device  string
	threads int
	memory  int64
	max     int
	quiet   bool
}

func (s *serving) flags(f *flag.FlagSet) {
	f.StringVar(&s.o.Addr, "addr", "127.0.0.1:8420", "listen on `HOST:PORT`; if the port is busy, the next free one is taken")
	f.Var(&s.hosts, "host", "also answer to this `NAME` (lab.test, 192.168.1.5, or lab.test:80 for another port); may be repeated. For a LAN, listen with --addr 0.0.0.0:8420, too")
	f.Var(&s.origins, "origin", "let pages of this `ORIGIN` (https://example.org) connect, too; may be repeated")
	f.BoolVar(&s.o.TLS, "tls", false, "https with a certificate of its own, of which browsers warn once; pages on a LAN need it for storage and threads")
	f.StringVar(&s.o.Public, "lab", "", "serve the lab's page from `DIR` (the repository's public/, built by `make build`)")
	f.Var(&s.models, "model", "also offer the model in this `PATH`; may be repeated")
	f.StringVar(&s.device, "device", "auto", "auto, simd or ref")
	f.IntVar(&s.threads, "threads", 0, "processors to use; 0 for all")
	f.Int64Var(&s.memory, "memory", 0, "most memory for models, in `MiB`; 0 for no limit")
	f.IntVar(&s.max, "max-tokens", 0, "longest text in tokens; 0 for 2048 or what the model can")
	f.BoolVar(&s.quiet, "quiet", false, "log nothing")
}

func serve(e *env, args []string) error {
	f := e.flags("serve")
	var s serving
	s.flags(f)
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	return s.serve(e)
}

// Lab is serve.go: `patchbay serve` with the repository's page.
func Lab(ctx context.Context, args []string, s Streams) int {
	return Main(ctx, append([]string{"serve", "--lab", publicDir()}, args...), s)
}

// publicDir is the repository's folder, seen from its top.
func publicDir() string {
	if wd, err := os.Getwd(); err == nil {
		return filepath.Join(wd, "public")
	}
	return "public"
}

func (s *serving) serve(e *env) error {
	st := &store.Store{}
	for _, path := range s.models {
		id, err := st.Add(e.ctx, path)
		if err != nil {
			return err
		}
		e.say("offering %s as %s", path, id)
	}
	h := host.New(host.Options{Place: "sidecar", Version: server.Version, Store: st, Memory: s.memory << 20, MaxTokens: s.max,
		Device: func() (device.Device, error) { return engine.Open(s.device, s.threads) }})
	defer h.Close()
	s.o.Host, s.o.Hosts, s.o.Origins = h, s.hosts, s.origins
	if !s.quiet {
		s.o.Log = e.Err
	}
	srv, err := server.New(s.o)
	if err != nil {
		return err
	}
	s.announce(e, srv)
	if err := srv.Serve(e.ctx); err != nil {
		return err
	}
	e.say("ended")
	return nil
}

func (s *serving) announce(e *env, srv *server.Server) {
	if srv.Moved != 0 {
		e.say("port %d is in use, taking the next free one", srv.Moved)
	}
	if s.o.Public != "" {
		if _, err := os.Stat(filepath.Join(s.o.Public, "dist", "manifest.json")); err != nil {
			e.say("the lab is not built: run `make build`; until then the page only says so")
		}
	}
	for _, u := range srv.URLs() {
		fmt.Fprintln(e.Out, u)
	}
	if fp := srv.Fingerprint(); fp != "" {
		e.say("certificate SHA-256 %s", fp)
	}
	e.say("the address lets anyone in who knows it; Ctrl-C ends")
}
