package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open gives a client that has been welcomed.
func open(t *testing.T, e *engine, backoff ...time.Duration) *Client {
	t.Helper()
	c := NewClient(Options{Dial: e.dial, Hello: wire.Hello{Token: "secret"}, Backoff: backoff})
	t.Cleanup(func() { c.Close() })
	if h := e.welcome(); h.Token != "secret" {
		t.Fatalf("hello carried token %q", h.Token)
	}
	reach(t, c, Open)
	return c
}

func TestRequestsInterleave(t *testing.T) {
	e := newEngine(t, "")
	c := open(t, e)
	a := do(t.Context(), c, "a")
	ra := e.expect(wire.KindRequest)
	b := do(t.Context(), c, "b")
	rb := e.expect(wire.KindRequest)
	for i := range 3 {
		e.say(wire.KindEvent, ra.Request, lab.Event{Stage: "tokens", Done: i, Partial: json.RawMessage(fmt.Sprint(i))})
		e.say(wire.KindEvent, rb.Request, lab.Event{Stage: "layers", Done: i})
	}
	e.say(wire.KindResult, rb.Request, "from b")
	e.say(wire.KindResult, ra.Request, "from a", wire.Floats("x", []float32{1, 2}, 2))

	got := wait(t, a)
	var text string
	if got.err != nil || got.result.Into(&text) != nil || text != "from a" {
		t.Fatalf("a: %q, %v", text, got.err)
	}
	if x := got.result.Tensors[0].Float32s(); x[1] != 2 {
		t.Errorf("tensor: %v", x)
	}
	if len(got.events) != 3 || got.events[2].Done != 2 {
		t.Errorf("parts of a result must all arrive: %v", got.events)
	}
	got = wait(t, b)
	if n := len(got.events); n == 0 || got.events[n-1].Done != 2 {
		t.Errorf("the latest progress must arrive: %v", got.events)
	}
}

func TestRequestBeforeWelcomeWaits(t *testing.T) {
	e := newEngine(t, "")
	c := NewClient(Options{Dial: e.dial})
	defer c.Close()
	a := do(t.Context(), c, "a")
	time.Sleep(10 * time.Millisecond)
	e.welcome()
	e.say(wire.KindResult, e.expect(wire.KindRequest).Request, 1)
	if got := wait(t, a); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestEngineErrorKeepsItsKind(t *testing.T) {
	e := newEngine(t, "")
	c := open(t, e)
	a := do(t.Context(), c, "a")
	e.say(wire.KindError, e.expect(wire.KindRequest).Request, wire.Error{Kind: errs.TooLarge, Op: "nn.Forward", Msg: "too long"})
	if got := wait(t, a); errs.KindOf(got.err) != errs.TooLarge || got.err.Error() != "too long" {
		t.Fatalf("%v", got.err)
	}
}

func TestCancelIsAcknowledged(t *testing.T) {
	e := newEngine(t, "")
	c := open(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	a := do(ctx, c, "a")
	r := e.expect(wire.KindRequest)
	cancel()
	if m := e.expect(wire.KindCancel); m.Request != r.Request {
		t.Fatalf("cancel names request %d, not %d", m.Request, r.Request)
	}
	select {
	case <-a:
		t.Fatal("Do returned before the engine acknowledged")
	case <-time.After(20 * time.Millisecond):
	}
	e.say(wire.KindCancelled, r.Request, nil)
	if got := wait(t, a); errs.KindOf(got.err) != errs.Cancelled {
		t.Fatalf("%v", got.err)
	}
}

func TestResultThatCrossesACancelCounts(t *testing.T) {
	e := newEngine(t, "")
	c := open(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	a := do(ctx, c, "a")
	r := e.expect(wire.KindRequest)
	cancel()
	e.expect(wire.KindCancel)
	e.say(wire.KindResult, r.Request, 1)
	if got := wait(t, a); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestLostLineResumes(t *testing.T) {
	e := newEngine(t, "s1")
	c := open(t, e, time.Millisecond, time.Millisecond)
	a := do(t.Context(), c, "a")
	r := e.expect(wire.KindRequest)
	e.say(wire.KindEvent, r.Request, lab.Event{Stage: "tokens", Partial: json.RawMessage("1")})
	last := e.seq
	e.drop()
	if h := e.welcome(); h.Session != "s1" || h.After != last {
		t.Fatalf("resumed with session %q after %d, want s1 after %d", h.Session, h.After, last)
	}
	if m := e.expect(wire.KindRequest); m.Request != r.Request {
		t.Fatalf("the request came again as %d, not %d", m.Request, r.Request)
	}
	e.say(wire.KindResult, r.Request, "done")
	if got := wait(t, a); got.err != nil || len(got.events) != 1 {
		t.Fatalf("%v, events %v", got.err, got.events)
	}
}

func TestForgottenSessionFailsItsRequests(t *testing.T) {
	e := newEngine(t, "s1")
	c := open(t, e, time.Millisecond)
	a := do(t.Context(), c, "a")
	e.expect(wire.KindRequest)
	e.session = "s2"
	e.drop()
	e.welcome()
	if got := wait(t, a); errs.KindOf(got.err) != errs.Gone {
		t.Fatalf("%v", got.err)
	}
	b := do(t.Context(), c, "b")
	e.say(wire.KindResult, e.expect(wire.KindRequest).Request, 1)
	if got := wait(t, b); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestDeadLineSaysSoAndRetries(t *testing.T) {
	e := newEngine(t, "s1")
	c := open(t, e, time.Millisecond, time.Millisecond)
	a := do(t.Context(), c, "a")
	e.expect(wire.KindRequest)
	e.mu.Lock()
	e.down = errs.E("test", errs.Gone, "refused")
	e.mu.Unlock()
	e.drop()
	if s := reach(t, c, Dead); s.Err == nil || s.Err.Error() != "refused" {
		t.Fatalf("state: %+v", s)
	}
	if got := wait(t, a); errs.KindOf(got.err) != errs.Gone {
		t.Fatalf("%v", got.err)
	}
	if got := wait(t, do(t.Context(), c, "b")); errs.KindOf(got.err) != errs.Gone {
		t.Fatalf("a request on a dead line: %v", got.err)
	}
	if e.dials != 3 {
		t.Errorf("%d dials, want 1 and two tries", e.dials)
	}
	e.mu.Lock()
	e.down = nil
	e.mu.Unlock()
	c.Retry()
	e.welcome()
	reach(t, c, Open)
}

func TestDeniedIsNotTriedAgain(t *testing.T) {
	e := newEngine(t, "s1")
	c := NewClient(Options{Dial: e.dial, Backoff: []time.Duration{time.Millisecond}})
	defer c.Close()
	e.expect(wire.KindHello)
	e.say(wire.KindError, 0, wire.Error{Kind: errs.Denied, Msg: "wrong token"})
	if s := reach(t, c, Dead); errs.KindOf(s.Err) != errs.Denied {
		t.Fatalf("%v", s.Err)
	}
	if e.dials != 1 {
		t.Errorf("%d dials", e.dials)
	}
}

func TestCloseEndsRequests(t *testing.T) {
	e := newEngine(t, "")
	c := open(t, e)
	a := do(t.Context(), c, "a")
	e.expect(wire.KindRequest)
	c.Close()
	if got := wait(t, a); !errors.Is(got.err, errClosed) {
		t.Fatalf("%v", got.err)
	}
	if c.State().Phase != Closed {
		t.Errorf("%v", c.State().Phase)
	}
}
