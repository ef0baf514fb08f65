package hub

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"patchbay/shared/errs"
	"patchbay/sidecar/gate"
)

// ServeHTTP lets a websocket in. Host and Origin are checked by the gate's route already and
// once more here, where forgetting it would cost most.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	leave, authed, status, err := h.admit(ip)
	if err != nil {
		gate.Refuse(w, status, err)
		return
	}
	defer leave()
	up := websocket.Upgrader{HandshakeTimeout: h.o.Limits.HelloTime, ReadBufferSize: 4 << 10, WriteBufferSize: 16 << 10,
		// Deflate's read limit counts bytes on the line, not what they become (T5).
		EnableCompression: false,
		CheckOrigin:       func(r *http.Request) bool { return h.o.Gate.Check(r, true) == nil },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			gate.Refuse(w, status, errs.E("hub.Upgrade", errs.Invalid, "this address speaks websocket only: %w", err))
		}}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	g := newSocket(c, h.o.Limits)
	defer g.finish()
	if !h.track(g) {
		g.Close(CodeGoingAway, "the sidecar is stopping")
		return
	}
	defer h.untrack(g)
	h.serve(g, ip, authed)
}

// admit counts a socket that has not shown its token.
func (h *Hub) admit(ip string) (leave, authed func(), status int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.socks) >= h.o.Limits.Clients {
		return nil, nil, http.StatusServiceUnavailable, errs.E("hub.Admit", errs.Busy, "%d clients are connected, which is the limit; try again later", h.o.Limits.Clients)
	}
	if h.preAuth[ip] >= h.o.Limits.PreAuthPerIP {
		return nil, nil, http.StatusTooManyRequests, errs.E("hub.Admit", errs.Busy, "%d connections from your address have not shown a token, which is the limit; try again in some seconds", h.o.Limits.PreAuthPerIP)
	}
	h.preAuth[ip]++
	var once sync.Once
	done := func() {
		once.Do(func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.preAuth[ip]--; h.preAuth[ip] == 0 {
				delete(h.preAuth, ip)
			}
		})
	}
	return done, done, 0, nil
}

func (h *Hub) track(s Socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.socks[s] = true
	h.serving.Add(1)
	return true
}

func (h *Hub) untrack(s Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.socks, s)
	h.serving.Done()
}

// socket is a Socket over gorilla/websocket.
type socket struct {
	c      *websocket.Conn
	l      Limits
	closed atomic.Bool
	quit   chan struct{}
	pings  sync.WaitGroup
}

func newSocket(c *websocket.Conn, l Limits) *socket {
	s := &socket{c: c, l: l, quit: make(chan struct{})}
	c.SetPongHandler(func(string) error { return c.SetReadDeadline(time.Now().Add(l.Dead)) })
	s.pings.Go(s.ping)
	return s
}

func (s *socket) ping() {
	t := time.NewTicker(s.l.Ping)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.c.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.l.Write))
		case <-s.quit:
			return
		}
	}
}

var errClosed = errors.New("the line was closed here")

// Receive implements Socket.
func (s *socket) Receive(limit int64, wait time.Duration) ([]byte, error) {
	if wait == 0 {
		wait = s.l.Dead
	}
	if s.closed.Load() {
		return nil, errClosed
	}
	s.c.SetReadLimit(limit)
	s.c.SetReadDeadline(time.Now().Add(wait))
	if s.closed.Load() { // Close may have set its own deadline just before
		return nil, errClosed
	}
	kind, data, err := s.c.ReadMessage()
	switch {
	case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived):
		return nil, ErrGoodbye
	case err != nil:
		return nil, err
	case kind != websocket.BinaryMessage:
		return nil, errs.E("hub.Receive", errs.Invalid, "only binary messages are spoken here")
	}
	return data, nil
}

// Send implements Socket.
func (s *socket) Send(frame []byte) error {
	if s.closed.Load() {
		return errClosed
	}
	s.c.SetWriteDeadline(time.Now().Add(s.l.Write))
	return s.c.WriteMessage(websocket.BinaryMessage, frame)
}

// Close implements Socket.
func (s *socket) Close(code int, reason string) {
	if s.closed.Swap(true) {
		return
	}
	until := time.Now().Add(500 * time.Millisecond)
	s.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), until)
	s.c.UnderlyingConn().SetDeadline(until) // both directions: a blocked writer ends too
}

// finish lets the client read why, then closes the connection. Only the reader calls it.
func (s *socket) finish() {
	close(s.quit)
	if s.closed.Load() {
		for range 100 {
			if _, _, err := s.c.ReadMessage(); err != nil {
				break
			}
		}
	}
	s.c.Close()
	s.pings.Wait()
}
