package hub

import (
	"context"
	"sync"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/wire"
	"patchbay/shared/wire/zstd"
)

// session outlives the sockets that carry it: a client whose line broke comes back to it.
type session struct {
	hub  *Hub
	id   string
	out  *outbox
	host *host.Session

	join sync.Mutex // held while a socket comes or goes; locked before mu

	mu    sync.Mutex
	line  *line       // nil while the client is away
	stop  *time.Timer // ends the requests of a client that stays away
	leave *time.Timer // ends the session
	ended bool
}

// line is one socket's time in a session.
type line struct {
	sock Socket
	quit context.CancelFunc // stops the writer
	done chan struct{}      // closed when the writer has stopped
}

func (h *Hub) newSession() *session {
	s := &session{hub: h, id: newID(), out: newOutbox(h.o.Limits)}
	s.host = h.o.Host.Session(s.send)
	return s
}

// encode chooses how frames are written from now on.
func (s *session) encode(zip bool) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.enc = wire.Encoder{Chunk: s.hub.o.Limits.Chunk}
	if zip {
		s.out.enc.Codec = zstd.New()
	}
}

// send takes the engine's messages; it never blocks.
func (s *session) send(m wire.Message) {
	if s.out.put(m) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != nil {
		go s.line.sock.Close(CodeSlow, "too much was left unread") // the caller may hold the device
	}
	if s.out.overflowing() {
		go s.end()
	}
}

// attach gives the session a new socket, in the place of one it may still have, and starts the
// writer with what comes first: the welcome, the gaps, the frames sent again.
func (s *session) attach(sock Socket, welcome wire.Welcome, hello wire.Hello) error {
	s.join.Lock() // two sockets that resume at once come one after the other
	defer s.join.Unlock()
	s.detachOld()
	gaps, again, err := s.out.resume(hello.After)
	if err != nil {
		return err
	}
	welcome.Session = s.id
	first, err := control(wire.KindWelcome, welcome)
	for _, g := range gaps {
		if err == nil {
			var frames [][]byte
			frames, err = control(wire.KindGap, g)
			first = append(first, frames...)
		}
	}
	if err != nil {
		return err
	}
	s.encode(hello.Zstd())
	return s.start(sock, append(first, again...))
}

func (s *session) start(sock Socket, first [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errs.E("hub.Attach", errs.Gone, "the session has just ended; connect again")
	}
	ctx, quit := context.WithCancel(context.Background())
	s.line = &line{sock, quit, make(chan struct{})}
	s.stopTimers()
	s.host.Away(false)
	go s.write(ctx, s.line, first)
	return nil
}

func (s *session) detachOld() {
	s.mu.Lock()
	old := s.line
	s.line = nil
	s.mu.Unlock()
	if old != nil {
		old.sock.Close(CodeReplaced, "the session goes on over another line")
		old.quit()
		<-old.done
	}
}

// write is the one goroutine that writes to a socket.
func (s *session) write(ctx context.Context, l *line, first [][]byte) {
	defer close(l.done)
	for _, f := range first {
		if ctx.Err() != nil || l.sock.Send(f) != nil {
			l.sock.Close(CodeSlow, "the line takes nothing")
			return
		}
	}
	for ctx.Err() == nil {
		f := s.out.next()
		if f == nil {
			select {
			case <-s.out.ready:
			case <-ctx.Done():
			}
			continue
		}
		if l.sock.Send(f) != nil {
			l.sock.Close(CodeSlow, "the line takes nothing") // the frame is in the ring
			return
		}
	}
}

// detach is called when sock has ended. A client that said goodbye is gone for good; one whose
// line broke may come back.
func (s *session) detach(sock Socket, goodbye bool) {
	s.join.Lock() // no other socket may take over before the writer has stopped
	defer s.join.Unlock()
	s.mu.Lock()
	l := s.line
	if l == nil || l.sock != sock {
		s.mu.Unlock()
		return
	}
	s.line = nil
	if !goodbye && !s.ended {
		s.stop = time.AfterFunc(s.hub.o.Limits.Grace, s.host.Stop)
		s.leave = time.AfterFunc(s.hub.o.Limits.Keep, s.end)
	}
	s.mu.Unlock()
	l.quit()
	<-l.done
	if goodbye {
		s.end()
		return
	}
	s.host.Away(true)
}

func (s *session) stopTimers() {
	if s.stop != nil {
		s.stop.Stop()
		s.leave.Stop()
	}
}

// end forgets the session: its requests are cancelled, its results dropped.
func (s *session) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	s.stopTimers()
	l := s.line
	s.mu.Unlock()
	s.hub.forget(s)
	if l != nil {
		l.sock.Close(CodeGoingAway, "the session has ended")
	}
	s.host.Close()
}
