// Package server is what serve.go and `patchbay serve` start: one origin with the lab's files,
// the models' files and the websocket to the engine, every route of it behind the gate.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/sidecar/gate"
	"patchbay/sidecar/hub"
)

// Version of the sidecar, as it is shown.
const Version = "0.1"

// Options say what is served, and to whom.
type Options struct {
	Addr    string   // host:port to listen on; port 0: any
	Hosts   []string // further names it is reached by, for a LAN
	Origins []string // further pages that may connect
	Token   string   // empty: a new one
	TLS     bool     // a certificate of its own, made at start
	Public  string   // folder of the lab; empty: the sidecar alone
	Models  string   // folder of models; empty: the user's cache folder
	Host    *host.Host
	Log     io.Writer // nil: nothing is logged
	Limits  hub.Limits
}

// Server is a bound, not yet serving server.
type Server struct {
	o     Options
	gate  *gate.Gate
	hub   *hub.Hub
	l     net.Listener
	http  *http.Server
	close []func() error
	// Moved is the port that was asked for and busy; 0 if it was free.
	Moved int
}

// tries is how many ports are tried from the one asked for.
const tries = 20

// New binds the address. A busy port gives way to the next free one.
func New(o Options) (*Server, error) {
	s := &Server{o: o}
	if o.Log == nil {
		s.o.Log = io.Discard
	}
	if o.Limits == (hub.Limits{}) {
		s.o.Limits = hub.DefaultLimits
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.build(); err != nil {
		s.l.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) listen() error {
	name, portText, err := net.SplitHostPort(s.o.Addr)
	port, convErr := strconv.Atoi(portText)
	if err != nil || convErr != nil || port < 0 || port > 65535 {
		return errs.E("server.New", errs.Invalid, "%q is no address to listen on; give HOST:PORT, such as 127.0.0.1:8420", s.o.Addr)
	}
	for i := range tries {
		s.l, err = net.Listen("tcp", net.JoinHostPort(name, strconv.Itoa(port+i)))
		if err == nil {
			if i > 0 {
				s.Moved = port
			}
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || port == 0 || port+i >= 65535 {
			break
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return errs.E("server.New", errs.Busy, "ports %d to %d are all in use; name a free one with --addr", port, port+tries-1)
	}
	return errs.E("server.New", errs.Invalid, "cannot listen on %s: %w", s.o.Addr, err)
}

func (s *Server) build() error {
	names := slices.Clone(s.o.Hosts)
	if name, _, _ := net.SplitHostPort(s.o.Addr); !wildcard(name) {
		names = append(names, bracket(name))
	}
	var err error
	s.gate, err = gate.New(gate.Config{Names: names, Origins: s.o.Origins, Port: s.port(), TLS: s.o.TLS, Token: s.o.Token})
	if err != nil {
		return err
	}
	s.hub = hub.New(hub.Options{Host: s.o.Host, Gate: s.gate, Limits: s.o.Limits,
		Log: slog.New(slog.NewTextHandler(s.o.Log, nil))})
	routes, err := s.routes()
	if err != nil {
		return err
	}
	s.http = &http.Server{Handler: secure(s.gate.Handler(routes)), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(s.o.Log, "", 0)}
	if s.o.TLS {
		if s.http.TLSConfig, err = selfSigned(names); err != nil {
			return err
		}
	}
	return nil
}

func wildcard(name string) bool {
	ip := net.ParseIP(name)
	return name == "" || ip != nil && ip.IsUnspecified()
}

func bracket(name string) string {
	if ip := net.ParseIP(name); ip != nil && ip.To4() == nil {
		return "[" + name + "]"
	}
	return name
}

func (s *Server) port() int { return s.l.Addr().(*net.TCPAddr).Port }

// URL is the address that lets a person in: the token stands in the fragment, which no browser
// sends to any server.
func (s *Server) URL() string { return s.base() + "/#token=" + s.gate.Token() }

func (s *Server) base() string {
	name, scheme := "127.0.0.1", "http"
	if n, _, _ := net.SplitHostPort(s.o.Addr); !wildcard(n) {
		name = bracket(n)
	}
	if s.o.TLS {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, name, s.port())
}

// URLs are all addresses to print: the first one and those of the LAN's names.
func (s *Server) URLs() []string {
	list := []string{s.URL()}
	for _, h := range s.o.Hosts {
		scheme := "http"
		if s.o.TLS {
			scheme = "https"
		}
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = fmt.Sprintf("%s:%d", h, s.port())
		}
		list = append(list, scheme+"://"+h+"/#token="+s.gate.Token())
	}
	return list
}

// Token is what a client must know.
func (s *Server) Token() string { return s.gate.Token() }

// Serve answers until ctx ends, then closes every line with a reason and returns nil.
func (s *Server) Serve(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		if s.o.TLS {
			done <- s.http.ServeTLS(s.l, "", "")
			return
		}
		done <- s.http.Serve(s.l)
	}()
	select {
	case err := <-done:
		s.shut()
		return errs.E("server.Serve", errs.Other, "the server ended: %w", err)
	case <-ctx.Done():
	}
	s.hub.Close() // websockets are not the http server's to close
	wait, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(wait) != nil {
		s.http.Close()
	}
	<-done
	s.shut()
	return nil
}

func (s *Server) shut() {
	s.hub.Close()
	for _, f := range s.close {
		f()
	}
}
