package link

import (
	"context"
	"sync"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// engine is the other side of a fake port: it keeps what clients sent and answers as told.
type engine struct {
	t       *testing.T
	session string
	down    error // dials fail with it

	mu      sync.Mutex
	receive func([]byte)
	lost    func(error)
	asm     wire.Assembler
	got     chan *wire.Message
	seq     uint32
	dials   int
}

func newEngine(t *testing.T, session string) *engine {
	return &engine{t: t, session: session, got: make(chan *wire.Message, 64)}
}

func (e *engine) dial(_ context.Context, receive func([]byte), lost func(error)) (Port, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dials++
	if e.down != nil {
		return nil, e.down
	}
	e.receive, e.lost, e.asm = receive, lost, wire.Assembler{}
	return &fakePort{e}, nil
}

type fakePort struct{ e *engine }

func (p *fakePort) Send(frame []byte) error {
	p.e.mu.Lock()
	m, err := p.e.asm.Add(frame)
	p.e.mu.Unlock()
	if err != nil {
		p.e.t.Error(err)
	}
	if m != nil {
		p.e.got <- m
	}
	return nil
}

func (p *fakePort) Close() {}

// expect waits for a message of the kind.
func (e *engine) expect(kind wire.Kind) *wire.Message {
	e.t.Helper()
	select {
	case m := <-e.got:
		if m.Kind != kind {
			e.t.Fatalf("got a message of kind %d, want %d", m.Kind, kind)
		}
		return m
	case <-time.After(5 * time.Second):
		e.t.Fatalf("no message of kind %d came", kind)
		return nil
	}
}

// say sends a message; small chunks make several frames of it.
func (e *engine) say(kind wire.Kind, request uint64, body any, tensors ...wire.Tensor) {
	m, err := wire.New(kind, request, body)
	if err != nil {
		e.t.Fatal(err)
	}
	m.Tensors = tensors
	frames, err := wire.Encoder{Chunk: 64}.Encode(m)
	if err != nil {
		e.t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range frames {
		e.seq++
		wire.Stamp(f, e.seq)
		e.receive(f)
	}
}

// welcome answers the hello and returns it.
func (e *engine) welcome() wire.Hello {
	e.t.Helper()
	var h wire.Hello
	if err := e.expect(wire.KindHello).Decode(&h); err != nil {
		e.t.Fatal(err)
	}
	e.say(wire.KindWelcome, 0, wire.Welcome{Session: e.session, Place: "test", Version: "1"})
	return h
}

// drop breaks the line.
func (e *engine) drop() {
	e.mu.Lock()
	lost := e.lost
	e.mu.Unlock()
	lost(errs.E("test", errs.Gone, "cut"))
}

// answer is what Do returned.
type answer struct {
	result *Result
	err    error
	events []lab.Event
}

// do runs a request in the background.
func do(ctx context.Context, c *Client, method string) chan answer {
	out := make(chan answer, 1)
	go func() {
		var a answer
		a.result, a.err = c.Do(ctx, method, nil, func(e lab.Event) { a.events = append(a.events, e) })
		out <- a
	}()
	return out
}

func wait(t *testing.T, out chan answer) answer {
	t.Helper()
	select {
	case a := <-out:
		return a
	case <-time.After(5 * time.Second):
		t.Fatal("the request never ended")
		return answer{}
	}
}

// reach waits until the client is in the phase.
func reach(t *testing.T, c *Client, p Phase) State {
	t.Helper()
	hit := make(chan State, 1)
	stop := c.Watch(func(s State) {
		if s.Phase == p {
			select {
			case hit <- s:
			default:
			}
		}
	})
	defer stop()
	select {
	case s := <-hit:
		return s
	case <-time.After(5 * time.Second):
		t.Fatalf("the line is %v, never %v", c.State().Phase, p)
		return State{}
	}
}
