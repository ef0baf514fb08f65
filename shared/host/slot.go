package host

import (
	"context"
	"sync"

	"patchbay/shared/errs"
)

// slot is the right to use the device. Those who wait are served in turn by client, and in
// order of arrival within a client, so that nobody who asks for much keeps the others out.
type slot struct {
	mu    sync.Mutex
	held  *ticket
	lanes []*lane // clients with somebody waiting; the next turn is lanes[0]'s
}

type lane struct {
	owner   *Session
	waiting []*ticket
}

type ticket struct {
	owner *Session
	ready chan struct{} // closed when the slot is this ticket's
	// evict ends the holder's work; set for the lifetime of the ticket.
	evict context.CancelCauseFunc
}

func newSlot() *slot { return &slot{} }

// acquire waits for the device. At most queue requests of one owner wait; more are errs.Busy.
// evict is called if the holder's client is away and somebody else wants the device.
func (s *slot) acquire(ctx context.Context, owner *Session, queue int, evict context.CancelCauseFunc) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := &ticket{owner, make(chan struct{}), evict}
	if err := s.enter(t, queue); err != nil {
		return nil, err
	}
	select {
	case <-t.ready:
		return func() { s.leave(t) }, nil
	case <-ctx.Done():
		s.leave(t)
		return nil, context.Cause(ctx)
	}
}

func (s *slot) enter(t *ticket, queue int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.grant(t)
		return nil
	}
	l := s.lane(t.owner)
	if len(l.waiting) >= queue {
		return errs.E("host.Queue", errs.Busy, "%d requests of yours are waiting for the device already, which is the limit; wait for one or cancel one", queue)
	}
	l.waiting = append(l.waiting, t)
	s.preempt()
	return nil
}

func (s *slot) lane(owner *Session) *lane {
	for _, l := range s.lanes {
		if l.owner == owner {
			return l
		}
	}
	l := &lane{owner: owner}
	s.lanes = append(s.lanes, l)
	return l
}

func (s *slot) grant(t *ticket) {
	s.held = t
	close(t.ready)
}

// leave gives the slot up, or the place in the queue, whichever t has.
func (s *slot) leave(t *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held != t {
		s.abandon(t)
		return
	}
	s.held = nil
	for len(s.lanes) > 0 {
		l := s.lanes[0]
		s.lanes = s.lanes[1:]
		if len(l.waiting) == 0 {
			continue
		}
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		if len(l.waiting) > 0 {
			s.lanes = append(s.lanes, l)
		}
		s.grant(next)
		s.preempt()
		return
	}
}

func (s *slot) abandon(t *ticket) {
	for _, l := range s.lanes {
		for i, w := range l.waiting {
			if w == t {
				l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
				return
			}
		}
	}
}

// preempt ends the holder's work if its client is away and a client that is there waits.
func (s *slot) preempt() {
	if s.held == nil || !s.held.owner.isAway() {
		return
	}
	for _, l := range s.lanes {
		if len(l.waiting) > 0 && !l.owner.isAway() {
			s.held.evict(errs.E("host.Slot", errs.Gone, "the line was lost while this ran and somebody else needed the device; run it again"))
			return
		}
	}
}

// away tells the slot that a client has gone away, so that it yields to those who wait.
func (s *slot) away() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preempt()
}

// locks are mutexes by name that can be waited for with a context.
type locks struct {
	mu sync.Mutex
	m  map[string]chan struct{}
}

func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy := l.m[name]
		if busy == nil {
			if l.m == nil {
				l.m = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			l.m[name] = done
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.m, name)
				l.mu.Unlock()
				close(done)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
