package host

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// Progress without a part of the result is sent at most this often: more is nobody's to see.
const progressEvery = 30 * time.Millisecond

// remembered is how many finished request ids a session knows, so that one sent again after a
// lost line is not run twice.
const remembered = 256

// Session is one client's requests. Handle never blocks; answers go to send, from many
// goroutines, the event order of each request kept.
type Session struct {
	h    *Host
	send func(wire.Message)
	gone atomic.Bool // the client is away

	mu      sync.Mutex
	running map[uint64]context.CancelCauseFunc
	seen    map[uint64]bool
	order   []uint64 // of seen, oldest first
	closed  bool
	wg      sync.WaitGroup
}

var (
	errStopped = errs.E("host.Session", errs.Cancelled, "stopped")
	errLeft    = errs.E("host.Session", errs.Gone, "the client left")
)

// Session begins a client's session. send must not block for long: a sink whose reader is slow
// drops all but the latest progress, as wire.Message kinds allow.
func (h *Host) Session(send func(wire.Message)) *Session {
	return &Session{h: h, send: send, running: map[uint64]context.CancelCauseFunc{}, seen: map[uint64]bool{}}
}

// Handle takes a message of the client. An error means that the client broke the protocol.
func (s *Session) Handle(m *wire.Message) error {
	switch m.Kind {
	case wire.KindRequest:
		return s.begin(m)
	case wire.KindCancel:
		s.cancel(m.Request)
		return nil
	}
	return errs.E("host.Handle", errs.Invalid, "a message of kind %d is not for an engine", m.Kind)
}

func (s *Session) begin(m *wire.Message) error {
	var r wire.Request
	if m.Request == 0 {
		return errs.E("host.Handle", errs.Invalid, "a request must have a number other than 0")
	}
	if err := m.Decode(&r); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.seen[m.Request] {
		cancel(nil)
		return nil
	}
	if limit := 4 * (s.h.o.Queue + 1); len(s.running) >= limit {
		cancel(nil)
		s.remember(m.Request)
		s.send(wire.Fail(m.Request, errs.E("host.Handle", errs.Busy, "%d requests of yours are open, which is the limit; wait for one or cancel one", limit)))
		return nil
	}
	s.remember(m.Request)
	s.running[m.Request] = cancel
	s.wg.Go(func() { s.answer(ctx, cancel, m, r) })
	return nil
}

func (s *Session) remember(id uint64) {
	s.seen[id] = true
	s.order = append(s.order, id)
	for len(s.order) > remembered && s.running[s.order[0]] == nil {
		delete(s.seen, s.order[0])
		s.order = s.order[1:]
	}
}

// cancel stops a request. One that ended before has been answered; one that never was is
// acknowledged, so that nobody waits for it.
func (s *Session) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[id]; cancel != nil {
		cancel(errStopped)
	} else if !s.seen[id] {
		s.send(wire.Message{Kind: wire.KindCancelled, Request: id})
	}
}

// answer runs one request to its end and sends exactly one final message.
func (s *Session) answer(ctx context.Context, cancel context.CancelCauseFunc, m *wire.Message, r wire.Request) {
	defer cancel(nil)
	body, tensors, err := s.guard(ctx, cancel, m, r)
	out := wire.Message{}
	if err == nil {
		out, err = wire.New(wire.KindResult, m.Request, body)
		out.Tensors = tensors
	}
	if err != nil {
		// Whatever the engine made of a cancelled context, its cause is the answer.
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		out = wire.Fail(m.Request, err)
	}
	s.mu.Lock()
	delete(s.running, m.Request)
	s.mu.Unlock()
	s.send(out)
}

// guard turns a panic of the engine into an error, so that one request cannot end the others.
func (s *Session) guard(ctx context.Context, cancel context.CancelCauseFunc, m *wire.Message, r wire.Request) (body any, tensors []wire.Tensor, err error) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "request %s: %v\n%s", r.Method, p, debug.Stack())
			err = errs.E("host.Answer", errs.Other, "a defect of the engine ended this request (%v); please report it with what you did", p)
		}
	}()
	c := &call{h: s.h, s: s, ctx: ctx, cancel: cancel, emit: s.emitter(m.Request)}
	return c.do(r)
}

// emitter sends a request's events; progress is thinned, parts of the result never are.
func (s *Session) emitter(id uint64) func(lab.Event) {
	var mu sync.Mutex
	var last time.Time
	var stage string
	return func(e lab.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Partial == nil && e.Stage == stage && time.Since(last) < progressEvery && (e.Total == 0 || e.Done < e.Total) {
			return
		}
		last, stage = time.Now(), e.Stage
		if m, err := wire.New(wire.KindEvent, id, e); err == nil {
			m.Progress = e.Partial == nil
			s.send(m)
		}
	}
}

// Away says whether the client can hear. While it is away its requests go on, but the one on
// the device yields as soon as somebody else wants it.
func (s *Session) Away(away bool) {
	s.gone.Store(away)
	if away {
		s.h.slot.away()
	}
}

func (s *Session) isAway() bool { return s != nil && s.gone.Load() }

// Stop cancels every request of the session; their answers still come.
func (s *Session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.running {
		cancel(errLeft)
	}
}

// Close cancels every request and waits until none runs. Later messages are ignored.
func (s *Session) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Stop()
	s.wg.Wait()
}
