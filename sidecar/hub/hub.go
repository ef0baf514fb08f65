// Package hub keeps the sidecar's clients: it lets them in with their token, carries their
// requests to the engine and the answers back, and holds a session for a client whose line
// breaks. It knows sockets only by the interface Socket.
package hub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/wire"
	"patchbay/shared/wire/zstd"
	"patchbay/sidecar/gate"
)

// Socket is a line to a client that carries whole binary messages.
type Socket interface {
	// Receive gives the next message. One longer than limit bytes is an error before it is
	// read; wait bounds how long it may take, 0: as long as the client answers pings.
	Receive(limit int64, wait time.Duration) ([]byte, error)
	// Send writes a message within the write deadline.
	Send(frame []byte) error
	// Close tells the client why and makes Receive and Send fail. It may be called at any time
	// from any goroutine, and more than once.
	Close(code int, reason string)
}

// ErrGoodbye is what Receive gives when the client closed the line on purpose.
var ErrGoodbye = errors.New("the client closed the line")

// Why a line was closed; docs/wire.md lists them.
const (
	CodeGoingAway = 1001 // the server stops, or the session has ended
	CodeTooLarge  = 1009 // a message over the limit
	CodeHello     = 4001 // no valid hello in time, or a wrong token
	CodeProtocol  = 4002 // a frame that does not read
	CodeSlow      = 4008 // the client does not read what it asked for
	CodeReplaced  = 4009 // the session goes on over another line
)

// Limits bound what one client can make the server hold. DefaultLimits are the starting values
// of SECURITY.md.
type Limits struct {
	HelloSize    int64         // bytes of the first message
	HelloTime    time.Duration // until it must be there
	Message      int64         // bytes of later messages on the line
	Chunk        int           // bytes of a frame to the client, decoded
	Pending      int           // bytes of unsent events
	Unread       int           // bytes of unsent results
	Ring         int           // bytes of sent events kept
	Results      int           // bytes of sent results kept
	Keep         time.Duration // how long a session waits for its client
	Grace        time.Duration // how long its requests go on without it
	Write        time.Duration // one write
	Ping, Dead   time.Duration // pings go out; silence is taken for death
	Clients      int           // sockets at once
	PreAuthPerIP int           // sockets of one address that have not shown a token
}

// DefaultLimits are generous for one person and bounded for a classroom.
var DefaultLimits = Limits{
	HelloSize: 4 << 10, HelloTime: 2 * time.Second, Message: wire.HeaderSize + wire.MaxFrame, Chunk: wire.Chunk,
	Pending: 4 << 20, Unread: 256 << 20, Ring: 2 << 20, Results: 32 << 20, Keep: 2 * time.Minute, Grace: 15 * time.Second,
	Write: 10 * time.Second, Ping: 20 * time.Second, Dead: time.Minute, Clients: 320, PreAuthPerIP: 64,
}

// Options make a hub; all but Limits are needed.
type Options struct {
	Host   *host.Host
	Gate   *gate.Gate
	Log    *slog.Logger
	Limits Limits
}

// Hub keeps the sessions.
type Hub struct {
	o Options

	mu       sync.Mutex
	sessions map[string]*session
	socks    map[Socket]bool
	preAuth  map[string]int // by address
	closed   bool
	serving  sync.WaitGroup
}

// New makes a hub.
func New(o Options) *Hub {
	return &Hub{o: o, sessions: map[string]*session{}, socks: map[Socket]bool{}, preAuth: map[string]int{}}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// serve carries one socket from its hello to its end.
func (h *Hub) serve(sock Socket, remote string, authed func()) {
	hello, err := h.hello(sock)
	if err != nil {
		h.o.Log.Info("refused", "remote", remote, "why", err.Error())
		sock.Close(CodeHello, reason(err))
		return
	}
	authed()
	s, err := h.enter(sock, hello)
	if err != nil {
		sock.Close(CodeProtocol, reason(err))
		return
	}
	h.o.Log.Info("connected", "remote", remote)
	err = h.receive(sock, s)
	if err != nil && !errors.Is(err, ErrGoodbye) {
		h.o.Log.Info("line ended", "remote", remote, "why", err.Error())
	}
	s.detach(sock, errors.Is(err, ErrGoodbye))
}

// hello reads the first message. Nothing is decompressed before the token is seen (T5).
func (h *Hub) hello(sock Socket) (wire.Hello, error) {
	var hello wire.Hello
	frame, err := sock.Receive(h.o.Limits.HelloSize, h.o.Limits.HelloTime)
	if err != nil {
		return hello, errs.E("hub.Hello", errs.Denied, "no hello came within %v: %w", h.o.Limits.HelloTime, err)
	}
	a := wire.Assembler{Allow: func(k wire.Kind) bool { return k == wire.KindHello }}
	m, err := a.Add(frame)
	if err != nil {
		return hello, err
	}
	if m == nil {
		return hello, errs.E("hub.Hello", errs.Denied, "a hello must be one frame")
	}
	if err := m.Decode(&hello); err != nil {
		return hello, errs.E("hub.Hello", errs.Denied, "the hello does not read") // never with its content
	}
	if !h.o.Gate.Knows(hello.Token) {
		return hello, errs.E("hub.Hello", errs.Denied, "the token is wrong; open the address that the sidecar printed when it started")
	}
	return hello, nil
}

// enter finds or makes the session and gives it the socket.
func (h *Hub) enter(sock Socket, hello wire.Hello) (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.o.Limits.Write)
	defer cancel()
	welcome, err := h.o.Host.Welcome(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	s := h.sessions[hello.Session]
	h.mu.Unlock()
	if s == nil {
		hello.After = 0
		if s, err = h.begin(); err != nil {
			return nil, err
		}
	}
	return s, s.attach(sock, welcome, hello)
}

// control makes frames that belong to the line: request 0, sequence 0.
func control(kind wire.Kind, body any) ([][]byte, error) {
	m, err := wire.New(kind, 0, body)
	if err != nil {
		return nil, err
	}
	return wire.Encode(m)
}

func (h *Hub) begin() (*session, error) {
	s := h.newSession()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errs.E("hub.Serve", errs.Gone, "the sidecar is stopping")
	}
	h.sessions[s.id] = s
	return s, nil
}

func (h *Hub) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s.id)
}

// receive carries the client's messages to the engine until the line ends.
func (h *Hub) receive(sock Socket, s *session) error {
	a := wire.Assembler{Codec: zstd.New(), Allow: func(k wire.Kind) bool { return k == wire.KindRequest || k == wire.KindCancel }}
	for {
		frame, err := sock.Receive(h.o.Limits.Message, 0)
		if err != nil {
			return err
		}
		m, err := a.Add(frame)
		if err == nil && m != nil {
			err = s.host.Handle(m)
		}
		if err != nil {
			code := CodeProtocol
			if errs.KindOf(err) == errs.TooLarge {
				code = CodeTooLarge
			}
			sock.Close(code, reason(err))
			return err
		}
	}
}

// reason is an error's words, as long as a close frame can carry.
func reason(err error) string {
	s := err.Error()
	for len(s) > 123 {
		s = s[:len(s)-1]
		for len(s) > 0 && s[len(s)-1]&0xC0 == 0x80 { // not in the middle of a character
			s = s[:len(s)-1]
		}
	}
	return s
}

// Sessions is how many sessions there are.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Close ends every session and waits until every socket is served.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	var sessions []*session
	for _, s := range h.sessions {
		sessions = append(sessions, s)
	}
	for sock := range h.socks {
		go sock.Close(CodeGoingAway, "the sidecar is stopping")
	}
	h.mu.Unlock()
	for _, s := range sessions {
		s.end()
	}
	h.serving.Wait()
}
