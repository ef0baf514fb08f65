package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/host/hosttest"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/shared/wire/zstd"
	"patchbay/sidecar/gate"
)

func TestMain(m *testing.M) {
	zstd.New() // its goroutines live as long as the process
	goleak.VerifyTestMain(m)
}

type bench struct {
	t    *testing.T
	hub  *Hub
	gate *gate.Gate
	host *host.Host
	srv  *httptest.Server
	log  *logBuffer
}

// logBuffer is a log that tests can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, experiments map[string]hosttest.Runner, change func(*Limits)) *bench {
	t.Helper()
	b := &bench{t: t, log: &logBuffer{}, host: hosttest.New(experiments, nil)}
	l := DefaultLimits
	if change != nil {
		change(&l)
	}
	b.srv = httptest.NewUnstartedServer(nil)
	port := b.srv.Listener.Addr().(*net.TCPAddr).Port
	var err error
	if b.gate, err = gate.New(gate.Config{Port: port}); err != nil {
		t.Fatal(err)
	}
	b.hub = New(Options{Host: b.host, Gate: b.gate, Log: slog.New(slog.NewTextHandler(b.log, nil)), Limits: l})
	b.srv.Config.Handler = b.gate.Handler([]gate.Route{{Pattern: "/ws", Socket: true, Handler: b.hub}})
	b.srv.Start()
	t.Cleanup(func() {
		b.hub.Close()
		b.srv.Client().CloseIdleConnections()
		b.srv.Close()
		b.host.Close()
	})
	return b
}

func (b *bench) origin() string { return b.srv.URL }

func (b *bench) dial() *websocket.Conn {
	b.t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.srv.URL, "http")+"/ws", http.Header{"Origin": {b.origin()}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// client speaks the wire as a page does.
type client struct {
	b       *bench
	c       *websocket.Conn
	a       *wire.Assembler
	last    uint32 // sequence number of the last frame
	welcome wire.Welcome
}

func (b *bench) open(h wire.Hello) *client {
	b.t.Helper()
	c := &client{b: b, c: b.dial(), a: &wire.Assembler{Codec: zstd.New()}}
	c.hello(h)
	return c
}

func (c *client) hello(h wire.Hello) {
	c.b.t.Helper()
	if h.Token == "" {
		h.Token = c.b.gate.Token()
	}
	c.send(wire.KindHello, 0, h)
	m, err := c.read()
	if err != nil || m.Kind != wire.KindWelcome {
		c.b.t.Fatalf("no welcome: %v %v", m, err)
	}
	if err := m.Decode(&c.welcome); err != nil {
		c.b.t.Fatal(err)
	}
}

func (c *client) send(kind wire.Kind, request uint64, body any) {
	c.b.t.Helper()
	m, err := wire.New(kind, request, body)
	if err != nil {
		c.b.t.Fatal(err)
	}
	frames, err := wire.Encode(m)
	if err != nil {
		c.b.t.Fatal(err)
	}
	for _, f := range frames {
		if err := c.c.WriteMessage(websocket.BinaryMessage, f); err != nil {
			c.b.t.Fatal(err)
		}
	}
}

func (c *client) run(id uint64, experiment string) {
	c.b.t.Helper()
	p, _ := json.Marshal(wire.RunParams{Model: "tiny", Experiment: experiment})
	c.send(wire.KindRequest, id, wire.Request{Method: wire.MethodRun, Params: p})
}

// read gives the next message and notes the sequence number of its last frame.
func (c *client) read() (*wire.Message, error) {
	for {
		c.c.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, frame, err := c.c.ReadMessage()
		if err != nil {
			return nil, err
		}
		h, err := wire.ReadHeader(frame)
		if err != nil {
			return nil, err
		}
		if h.Sequence != 0 {
			c.last = h.Sequence
		}
		if m, err := c.a.Add(frame); m != nil || err != nil {
			return m, err
		}
	}
}

// final reads until the request ends.
func (c *client) final(id uint64) *wire.Message {
	c.b.t.Helper()
	for {
		m, err := c.read()
		if err != nil {
			c.b.t.Fatal(err)
		}
		if m.Request == id && m.Kind.Final() {
			return m
		}
	}
}

func closeCode(t *testing.T, c *websocket.Conn) (int, string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		_, _, err := c.ReadMessage()
		var ce *websocket.CloseError
		if errors.As(err, &ce) {
			return ce.Code, ce.Text
		}
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("waited in vain: " + what)
}

func TestRequestsMultiplex(t *testing.T) {
	b := start(t, map[string]hosttest.Runner{"count": hosttest.Count(50, 10)}, nil)
	for _, zip := range []bool{false, true} {
		var codecs []string
		if zip {
			codecs = []string{"raw", "zstd"}
		}
		c := b.open(wire.Hello{Codecs: codecs})
		if c.welcome.Place != "sidecar" || len(c.welcome.Models) != 1 || c.welcome.Session == "" {
			t.Errorf("welcome %+v", c.welcome)
		}
		parts := map[uint64]int{}
		c.run(1, "count")
		c.run(2, "count")
		c.send(wire.KindRequest, 3, wire.Request{Method: wire.MethodModels})
		for ended := 0; ended < 3; {
			m, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind.Final() {
				ended++
			} else if bytes.Contains(m.Body, []byte("partial")) {
				parts[m.Request]++
			}
		}
		if parts[1] != 50 || parts[2] != 50 {
			t.Errorf("parts by request: %v", parts)
		}
	}
}

func TestHelloLimits(t *testing.T) {
	b := start(t, nil, func(l *Limits) { l.HelloTime = 50 * time.Millisecond })
	hello := func(token string) []byte {
		m, _ := wire.New(wire.KindHello, 0, wire.Hello{Token: token})
		f, _ := wire.Encode(m)
		return f[0]
	}
	zipped := func() []byte {
		m, _ := wire.New(wire.KindHello, 0, wire.Hello{Token: b.gate.Token(), Session: strings.Repeat("x", 2000)})
		f, _ := wire.Encoder{Codec: zstd.New()}.Encode(m)
		return f[0]
	}
	big := make([]byte, 5<<10)
	copy(big, hello(b.gate.Token()))
	for _, c := range []struct {
		name  string
		frame []byte
		code  int
		words string
	}{
		{"silence", nil, CodeHello, "no hello"},
		{"wrong token", hello("0123456789abcdef0123456789abcdef"), CodeHello, "token is wrong"},
		{"empty token", hello(""), CodeHello, "token is wrong"},
		{"compressed", zipped(), CodeHello, "not accepted here"},
		{"a request first", func() []byte { f, _ := wire.Encode(wire.Message{Kind: wire.KindRequest, Request: 1}); return f[0] }(), CodeHello, "not expected"},
		{"over 4 KiB", big, websocket.CloseMessageTooBig, ""},
		{"no frame", []byte("GET / HTTP/1.1"), CodeHello, "shorter than its header"},
		{"other version", func() []byte { f := hello(b.gate.Token()); f[2] = 77; return f }(), CodeHello, "version 77"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := time.Now()
			conn := b.dial()
			if c.frame != nil {
				conn.WriteMessage(websocket.BinaryMessage, c.frame)
			}
			code, text := closeCode(t, conn)
			if code != c.code || !strings.Contains(text, c.words) {
				t.Errorf("closed with %d %q", code, text)
			}
			if d := time.Since(at); d > time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	if b.hub.Sessions() != 0 {
		t.Errorf("%d sessions were made", b.hub.Sessions())
	}
}

func TestTokenIsInNoLog(t *testing.T) {
	b := start(t, nil, func(l *Limits) { l.HelloTime = 50 * time.Millisecond })
	token := b.gate.Token()
	b.open(wire.Hello{}).c.Close()
	near := token[:31] + "x"
	for _, payload := range []string{
		`{"token":"` + token, `{"token":"` + near + `"}`, `{"token":["` + token + `"]}`, token,
	} {
		c := b.dial()
		m := wire.Message{Kind: wire.KindHello, Body: json.RawMessage(payload)}
		frames, err := wire.Encode(m)
		if err != nil {
			frames = [][]byte{[]byte(payload)}
		}
		c.WriteMessage(websocket.BinaryMessage, frames[0])
		closeCode(t, c)
	}
	if resp, err := b.srv.Client().Get(b.srv.URL + "/ws?token=" + token); err == nil {
		resp.Body.Close()
	}
	waitFor(t, "the log's lines", func() bool { return strings.Count(b.log.String(), "refused") == 4 })
	if s := b.log.String(); strings.Contains(s, token) || strings.Contains(s, near) {
		t.Errorf("the log holds the token:\n%s", s)
	}
}

func TestTokenInQueryOpensNothing(t *testing.T) {
	b := start(t, nil, func(l *Limits) { l.HelloTime = 50 * time.Millisecond })
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.srv.URL, "http")+"/ws?token="+b.gate.Token(), http.Header{"Origin": {b.origin()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if code, _ := closeCode(t, c); code != CodeHello {
		t.Errorf("closed with %d", code)
	}
}

func TestPreAuthConnectionsAreLimited(t *testing.T) {
	b := start(t, nil, func(l *Limits) { l.PreAuthPerIP, l.HelloTime = 3, 300*time.Millisecond })
	for range 3 {
		b.dial()
	}
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.srv.URL, "http")+"/ws", http.Header{"Origin": {b.origin()}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("the fourth got in: %v %v", resp, err)
	}
	waitFor(t, "room again", func() bool { b.hub.mu.Lock(); defer b.hub.mu.Unlock(); return len(b.hub.preAuth) == 0 })
	b.open(wire.Hello{})
}

func TestClientsAreLimited(t *testing.T) {
	b := start(t, nil, func(l *Limits) { l.Clients = 2 })
	b.open(wire.Hello{})
	b.open(wire.Hello{})
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(b.srv.URL, "http")+"/ws", http.Header{"Origin": {b.origin()}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("the third got in: %v %v", resp, err)
	}
}

func TestBadFramesCloseTheLineWithWords(t *testing.T) {
	b := start(t, nil, nil)
	frame := func(change func(f []byte) []byte) []byte {
		m, _ := wire.New(wire.KindRequest, 1, wire.Request{Method: "models"})
		f, _ := wire.Encode(m)
		return change(f[0])
	}
	for name, c := range map[string]struct {
		frame []byte
		code  int
		words string
	}{
		"version":      {frame(func(f []byte) []byte { f[2] = 2; return f }), CodeProtocol, "version 2"},
		"truncated":    {frame(func(f []byte) []byte { return f[:30] }), CodeProtocol, "claims"},
		"claims 4 GiB": {frame(func(f []byte) []byte { copy(f[20:], "\xff\xff\xff\xff"); return f }), CodeTooLarge, "limit"},
		"over 1 MiB":   {make([]byte, 2<<20), websocket.CloseMessageTooBig, ""},
		"result":       {frame(func(f []byte) []byte { f[3] = byte(wire.KindResult); return f }), CodeProtocol, "not expected"},
		"forged zstd": {frame(func(f []byte) []byte {
			f[4] = wire.CodecZstd
			copy(f[20:], "\x00\x00\x10\x00")
			return append(f[:24], "\x28\xb5\x2f\xfd\xa0\x00\x00\xc0\x03\x01\x00\x00"...)
		}), CodeProtocol, "content size"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := b.open(wire.Hello{})
			conn.c.WriteMessage(websocket.BinaryMessage, c.frame)
			if code, text := closeCode(t, conn.c); code != c.code || !strings.Contains(text, c.words) {
				t.Errorf("closed with %d %q", code, text)
			}
		})
	}
	conn := b.open(wire.Hello{})
	conn.c.WriteMessage(websocket.TextMessage, []byte("hello"))
	if _, _, err := conn.c.ReadMessage(); err == nil {
		t.Error("text was taken")
	}
}

func TestCancelFreesTheDevice(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped)}, nil)
	c := b.open(wire.Hello{})
	c.run(1, "slow")
	<-started
	at := time.Now()
	c.send(wire.KindCancel, 1, nil)
	if m := c.final(1); m.Kind != wire.KindCancelled {
		t.Errorf("ended with kind %d", m.Kind)
	}
	<-stopped
	if d := time.Since(at); d > 100*time.Millisecond {
		t.Errorf("cancelled after %v", d)
	}
}

func TestGoodbyeFreesTheDevice(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped)}, nil)
	for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway} { // closed; reloaded
		c := b.open(wire.Hello{})
		c.run(1, "slow")
		<-started
		at := time.Now()
		c.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
		<-stopped
		if d := time.Since(at); d > 100*time.Millisecond {
			t.Errorf("code %d: free after %v", code, d)
		}
		waitFor(t, "the session's end", func() bool { return b.hub.Sessions() == 0 })
	}
}

func TestBrokenLineYieldsToOthers(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped), "count": hosttest.Count(1, 0)}, nil)
	lost, other := b.open(wire.Hello{}), b.open(wire.Hello{})
	lost.run(1, "slow")
	<-started
	lost.c.UnderlyingConn().Close()
	at := time.Now()
	other.run(1, "count")
	other.final(1)
	if d := time.Since(at); d > 100*time.Millisecond {
		t.Errorf("the device was free after %v", d)
	}
	back := b.open(wire.Hello{Session: lost.welcome.Session, After: lost.last})
	var e wire.Error
	if m := back.final(1); m.Decode(&e) != nil || e.Kind != errs.Gone {
		t.Errorf("the lost request ended with %s", m.Body)
	}
}

func TestBrokenLineEndsAfterItsGrace(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped)}, func(l *Limits) { l.Grace, l.Keep = 30*time.Millisecond, 200*time.Millisecond })
	c := b.open(wire.Hello{})
	c.run(1, "slow")
	<-started
	c.c.UnderlyingConn().Close()
	<-stopped
	waitFor(t, "the session's end", func() bool { return b.hub.Sessions() == 0 })
}

func TestResumeAfterEveryFrame(t *testing.T) {
	const n = 12
	b := start(t, map[string]hosttest.Runner{"count": hosttest.Count(n, 1000)}, func(l *Limits) { l.Chunk = 400 })
	for cut := range 3 * n {
		c := b.open(wire.Hello{})
		c.run(1, "count")
		var got []int
		see := func(m *wire.Message) bool {
			var e lab.Event
			if m.Kind == wire.KindEvent && m.Decode(&e) == nil && e.Partial != nil {
				var p struct{ I int }
				json.Unmarshal(e.Partial, &p)
				got = append(got, p.I)
			}
			return m.Kind.Final()
		}
		done := false
		for range cut {
			_, frame, err := c.c.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			h, _ := wire.ReadHeader(frame)
			c.last = h.Sequence
			if m, err := c.a.Add(frame); err != nil {
				t.Fatal(err)
			} else if m != nil && see(m) {
				done = true
				break
			}
		}
		c.c.UnderlyingConn().Close()
		back := &client{b: b, c: b.dial(), a: c.a, last: c.last}
		back.hello(wire.Hello{Session: c.welcome.Session, After: c.last})
		if back.welcome.Session != c.welcome.Session {
			t.Fatal("the session was not found again")
		}
		for !done {
			m, err := back.read()
			if err != nil {
				t.Fatal(err)
			}
			done = see(m)
		}
		if len(got) != n {
			t.Errorf("cut after frame %d: parts %v", cut, got)
		}
		for i, v := range got {
			if v != i {
				t.Errorf("cut after frame %d: parts %v", cut, got)
				break
			}
		}
		back.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
	}
}

func TestResumeSaysWhatIsMissingAndKeepsTheResult(t *testing.T) {
	go1 := make(chan struct{})
	run := hosttest.Count(50, 1000)
	b := start(t, map[string]hosttest.Runner{"count": func(ctx context.Context, p json.RawMessage, emit func(lab.Event)) (any, error) {
		<-go1
		return run(ctx, p, emit)
	}}, func(l *Limits) { l.Ring, l.Pending = 4000, 8000 })
	c := b.open(wire.Hello{})
	c.run(1, "count")
	time.Sleep(20 * time.Millisecond)
	c.c.UnderlyingConn().Close()
	s := b.hub.find(c.welcome.Session)
	waitFor(t, "the line's end", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.line == nil })
	close(go1)
	time.Sleep(50 * time.Millisecond)
	back := b.open(wire.Hello{Session: c.welcome.Session, After: c.last})
	gaps, parts := 0, 0
	for {
		m, err := back.read()
		if err != nil {
			t.Fatal(err)
		}
		switch m.Kind {
		case wire.KindGap:
			var g wire.Gap
			if m.Decode(&g) != nil || g.From == 0 || g.To < g.From {
				t.Errorf("gap %s", m.Body)
			}
			gaps += int(g.To - g.From + 1)
		case wire.KindEvent:
			parts++
		case wire.KindResult:
			if gaps == 0 || gaps+parts < 50 {
				t.Errorf("%d frames said to be missing, %d events came", gaps, parts)
			}
			return
		}
	}
}

func (h *Hub) find(id string) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

func TestUnknownSessionsStartAnew(t *testing.T) {
	b := start(t, nil, nil)
	c := b.open(wire.Hello{Session: "0000", After: 99})
	if c.welcome.Session == "0000" || c.welcome.Session == "" {
		t.Errorf("session %q", c.welcome.Session)
	}
	c.send(wire.KindRequest, 1, wire.Request{Method: wire.MethodDevice})
	c.final(1)
}

func TestTakingOverClosesTheOldLine(t *testing.T) {
	b := start(t, map[string]hosttest.Runner{"count": hosttest.Count(1, 0)}, nil)
	c := b.open(wire.Hello{})
	d := b.open(wire.Hello{Session: c.welcome.Session})
	if code, _ := closeCode(t, c.c); code != CodeReplaced {
		t.Errorf("the old line was closed with %d", code)
	}
	d.run(1, "count")
	if m := d.final(1); m.Kind != wire.KindResult {
		t.Errorf("ended with %s", m.Body)
	}
}

func TestSlowReaderIsClosedAndOthersGoOn(t *testing.T) {
	b := start(t, map[string]hosttest.Runner{"flood": hosttest.Count(4000, 8000), "count": hosttest.Count(1, 0)},
		func(l *Limits) { l.Pending, l.Write = 1<<20, 300*time.Millisecond })
	slow, other := b.open(wire.Hello{}), b.open(wire.Hello{})
	slow.c.UnderlyingConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	slow.run(1, "flood")
	time.Sleep(100 * time.Millisecond)
	other.run(1, "count")
	if m := other.final(1); m.Kind != wire.KindResult {
		t.Errorf("the other client got %s", m.Body)
	}
	s := b.hub.find(slow.welcome.Session)
	waitFor(t, "the slow line's end", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.line == nil })
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if held := s.out.small + s.out.events; held > b.hub.o.Limits.Pending+b.hub.o.Limits.Ring+64<<10 {
		t.Errorf("%d bytes are held for a reader that does not read", held)
	}
}

func TestFloodOfRequestsIsRefused(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped)}, nil)
	c := b.open(wire.Hello{})
	for id := range uint64(100) {
		c.run(id+1, "slow")
	}
	busy := 0
	for busy < 95 {
		m, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		var e wire.Error
		if m.Kind == wire.KindError && m.Decode(&e) == nil && e.Kind == errs.Busy {
			busy++
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	started, stopped := make(chan struct{}, 2), make(chan struct{}, 2)
	b := start(t, map[string]hosttest.Runner{"slow": hosttest.Slow(started, stopped)}, nil)
	c := b.open(wire.Hello{})
	c.run(1, "slow")
	<-started
	done := make(chan struct{})
	go func() { b.hub.Close(); close(done) }()
	if code, _ := closeCode(t, c.c); code != CodeGoingAway {
		t.Errorf("closed with %d", code)
	}
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		t.Error("closing takes over 2 s")
	}
}

func TestManyClientsComeAndGo(t *testing.T) {
	b := start(t, map[string]hosttest.Runner{"count": hosttest.Count(20, 100)}, nil)
	var wg sync.WaitGroup
	fail := make(chan error, 40)
	for i := range 40 {
		c := b.open(wire.Hello{Codecs: []string{"raw", "zstd"}[:1+i%2]})
		wg.Go(func() {
			c.run(1, "count")
			for {
				m, err := c.read()
				if err != nil {
					fail <- err
					return
				}
				if m.Kind == wire.KindResult {
					break
				}
				if m.Kind.Final() {
					fail <- fmt.Errorf("%s", m.Body)
					return
				}
			}
			if i%3 == 0 {
				c.c.UnderlyingConn().Close()
			} else {
				c.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
			}
		})
	}
	wg.Wait()
	close(fail)
	for err := range fail {
		t.Error(err)
	}
}
