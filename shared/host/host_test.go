package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
)

type fakeStore struct {
	size    int64
	fetches atomic.Int32
	deleted []string
}

func (s *fakeStore) List(context.Context) ([]wire.ModelInfo, error) {
	return []wire.ModelInfo{{ID: "a", Size: s.size, Here: s.size}, {ID: "b", Size: s.size}}, nil
}

func (s *fakeStore) Open(ctx context.Context, id string, progress func(lab.Event)) (*weights.Model, error) {
	if id != "a" && id != "b" {
		return nil, unknownModel(id)
	}
	if progress != nil {
		s.fetches.Add(1)
		progress(lab.Event{Stage: "fetch", Done: 1, Total: 1})
	}
	return &weights.Model{Format: "gguf", Size: s.size, Digest: "d"}, nil
}

func (s *fakeStore) Delete(_ context.Context, id string) error {
	s.deleted = append(s.deleted, id)
	return nil
}

// runner is an experiment made of a function.
type runner func(ctx context.Context, emit func(lab.Event)) error

func (r runner) Run(ctx context.Context, b *lab.Bench, params json.RawMessage, emit func(lab.Event)) (*lab.Outcome, error) {
	if err := r(ctx, emit); err != nil {
		return nil, err
	}
	return &lab.Outcome{Params: params, Parity: b.Parity, Result: json.RawMessage(`1`)}, nil
}

func (r runner) Price(*lab.Bench, json.RawMessage) (lab.Price, error) {
	return lab.Price{Seconds: 2}, nil
}

// slow works in slices of a millisecond until it is cancelled.
func slow(started chan<- struct{}) runner {
	return func(ctx context.Context, emit func(lab.Event)) error {
		started <- struct{}{}
		for i := 0; ; i++ {
			if err := device.Yield(ctx); err != nil {
				return fmt.Errorf("layer %d: %w", i, err)
			}
			emit(lab.Event{Stage: "layers", Done: i})
			time.Sleep(time.Millisecond)
		}
	}
}

func newHost(t *testing.T, experiments map[string]runner, change func(*Options)) *Host {
	t.Helper()
	o := Options{
		Place: "sidecar", Store: &fakeStore{size: 100},
		Device:   func() (device.Device, error) { return ref.New(), nil },
		SelfTest: func(device.Device) (float64, error) { return 1e-6, nil },
		Load: func(ctx context.Context, dev device.Device, src *weights.Model, o LoadOptions) (*Opened, error) {
			b, err := dev.Alloc(int(src.Size / 4))
			if err != nil {
				return nil, err
			}
			return &Opened{Layers: 2, Speed: 5, Bench: &lab.Bench{Parity: lab.Parity{Model: o.ID, Mode: o.Mode.String(), SelfTest: o.SelfTest}},
				Close: func() { dev.Free(b) }}, nil
		},
		Need: func(src *weights.Model, _ int) (int64, error) { return src.Size, nil },
		Find: func(name string) (Runner, error) {
			if r, ok := experiments[name]; ok {
				return r, nil
			}
			return nil, errs.E("lab.Get", errs.NotFound, "there is no experiment %q", name)
		},
		Abouts: func() []lab.About { return nil },
	}
	if change != nil {
		change(&o)
	}
	h := New(o)
	t.Cleanup(h.Close)
	return h
}

// client collects what a session sends.
type client struct {
	*Session
	t    *testing.T
	mu   sync.Mutex
	got  []wire.Message
	news chan struct{}
}

func connect(t *testing.T, h *Host) *client {
	c := &client{t: t, news: make(chan struct{}, 1000)}
	c.Session = h.Session(func(m wire.Message) {
		c.mu.Lock()
		c.got = append(c.got, m)
		c.mu.Unlock()
		select {
		case c.news <- struct{}{}:
		default:
		}
	})
	t.Cleanup(c.Close)
	return c
}

func (c *client) ask(id uint64, method string, params any) {
	c.t.Helper()
	raw, _ := json.Marshal(params)
	m, err := wire.New(wire.KindRequest, id, wire.Request{Method: method, Params: raw})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.Handle(&m); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) run(id uint64, model, experiment string) {
	c.ask(id, wire.MethodRun, wire.RunParams{Model: model, Experiment: experiment})
}

// final waits for the message that ends a request.
func (c *client) final(id uint64) wire.Message {
	c.t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		c.mu.Lock()
		for _, m := range c.got {
			if m.Request == id && m.Kind.Final() {
				c.mu.Unlock()
				return m
			}
		}
		c.mu.Unlock()
		select {
		case <-c.news:
		case <-deadline:
			c.t.Fatalf("request %d was never answered", id)
		}
	}
}

func (c *client) fails(id uint64, kind errs.Kind, words string) {
	c.t.Helper()
	m := c.final(id)
	var e wire.Error
	if m.Kind != wire.KindError || m.Decode(&e) != nil || e.Kind != kind || !strings.Contains(e.Msg, words) {
		c.t.Errorf("request %d ended with kind %d: %s", id, m.Kind, m.Body)
	}
}

func TestLoadRunAndDelete(t *testing.T) {
	store := &fakeStore{size: 400}
	h := newHost(t, map[string]runner{"quick": func(context.Context, func(lab.Event)) error { return nil }},
		func(o *Options) { o.Store = store })
	c := connect(t, h)
	c.ask(1, wire.MethodLoad, wire.LoadParams{Model: "a"})
	var l wire.Loaded
	if m := c.final(1); m.Kind != wire.KindResult || m.Decode(&l) != nil {
		t.Fatalf("load: %s", m.Body)
	}
	if !l.Model.Loaded || l.Layers != 2 || l.Parity.Mode != "exact" || l.Parity.SelfTest != 1e-6 || l.Device.Used != 400 || l.Device.Speed != 5 {
		t.Errorf("loaded %+v", l)
	}
	c.run(2, "a", "quick")
	var out lab.Outcome
	if m := c.final(2); m.Decode(&out) != nil || out.Parity.Model != "a" {
		t.Errorf("run: %s", m.Body)
	}
	if n := store.fetches.Load(); n != 1 {
		t.Errorf("the store was asked %d times to fetch", n)
	}
	c.ask(3, wire.MethodDelete, wire.LoadParams{Model: "a"})
	c.final(3)
	if len(store.deleted) != 1 || h.Device().Used != 0 {
		t.Errorf("after deleting: %v, %d bytes on the device", store.deleted, h.Device().Used)
	}
}

// A price is told while another run has the device, and only of a loaded model.
func TestPriceNeedsNoTurn(t *testing.T) {
	started := make(chan struct{}, 1)
	h := newHost(t, map[string]runner{"slow": slow(started)}, nil)
	c := connect(t, h)
	c.ask(1, wire.MethodPrice, wire.RunParams{Model: "a", Experiment: "slow"})
	c.fails(1, errs.NotFound, "not loaded")
	c.run(2, "a", "slow")
	<-started
	c.ask(3, wire.MethodPrice, wire.RunParams{Model: "a", Experiment: "slow"})
	var p lab.Price
	if m := c.final(3); m.Decode(&p) != nil || p.Seconds != 2 {
		t.Errorf("price %s", m.Body)
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	h := newHost(t, nil, nil)
	c := connect(t, h)
	c.ask(1, "dance", nil)
	c.fails(1, errs.NotFound, `"dance"`)
	c.run(2, "a", "nothing")
	c.fails(2, errs.NotFound, `"nothing"`)
	c.ask(3, wire.MethodLoad, wire.LoadParams{Model: "/etc/passwd"})
	c.fails(3, errs.NotFound, "/etc/passwd")
	c.ask(4, wire.MethodLoad, wire.LoadParams{Model: "a", Mode: "sloppy"})
	c.fails(4, errs.Invalid, "exact and fast")
	c.ask(5, wire.MethodLoad, 7)
	c.fails(5, errs.Invalid, "do not read")
	if err := c.Handle(&wire.Message{Kind: wire.KindResult, Request: 1}); err == nil {
		t.Error("a result from a client was taken")
	}
	if err := c.Handle(&wire.Message{Kind: wire.KindRequest}); err == nil {
		t.Error("request 0 was taken")
	}
}

func TestCancelIsAcknowledgedAndFreesTheDevice(t *testing.T) {
	started := make(chan struct{}, 1)
	h := newHost(t, map[string]runner{"slow": slow(started)}, nil)
	c := connect(t, h)
	c.run(1, "a", "slow")
	<-started
	c.run(2, "a", "slow")
	at := time.Now()
	c.Handle(&wire.Message{Kind: wire.KindCancel, Request: 1})
	if m := c.final(1); m.Kind != wire.KindCancelled {
		t.Errorf("ended with kind %d %s", m.Kind, m.Body)
	}
	<-started // the next one has the device
	if d := time.Since(at); d > 100*time.Millisecond {
		t.Errorf("the device was free after %v", d)
	}
	c.Handle(&wire.Message{Kind: wire.KindCancel, Request: 2})
	c.final(2)
}

func TestCancelWhileWaitingAndOfUnknownRequests(t *testing.T) {
	started := make(chan struct{}, 1)
	h := newHost(t, map[string]runner{"slow": slow(started)}, nil)
	c := connect(t, h)
	c.run(1, "a", "slow")
	<-started
	c.run(2, "a", "slow")
	for _, id := range []uint64{2, 99} {
		c.Handle(&wire.Message{Kind: wire.KindCancel, Request: id})
		if m := c.final(id); m.Kind != wire.KindCancelled {
			t.Errorf("request %d ended with kind %d", id, m.Kind)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	started := make(chan struct{}, 1)
	h := newHost(t, map[string]runner{"slow": slow(started)}, func(o *Options) { o.Queue = 2 })
	c := connect(t, h)
	c.run(1, "a", "slow")
	<-started
	for id := uint64(2); id < 10; id++ {
		c.run(id, "a", "slow")
	}
	busy := 0
	deadline := time.Now().Add(5 * time.Second)
	for busy < 6 && time.Now().Before(deadline) {
		<-c.news
		busy = 0
		c.mu.Lock()
		for _, m := range c.got {
			if m.Kind == wire.KindError && strings.Contains(string(m.Body), "limit") {
				busy++
			}
		}
		c.mu.Unlock()
	}
	if busy != 6 {
		t.Errorf("%d of 8 requests were refused, want 6 (one runs, two wait)", busy)
	}
}

func TestTurnsGoByClient(t *testing.T) {
	started := make(chan struct{}, 1)
	var order []string
	mark := func(name string) runner {
		return func(context.Context, func(lab.Event)) error { order = append(order, name); return nil }
	}
	h := newHost(t, map[string]runner{"slow": slow(started), "greedy": mark("greedy"), "modest": mark("modest")}, nil)
	holder, greedy, modest := connect(t, h), connect(t, h), connect(t, h)
	holder.run(1, "a", "slow")
	<-started
	for id := range uint64(4) {
		greedy.run(id+1, "a", "greedy")
		waitFor(t, func() bool { return waiting(h) == int(id)+1 })
	}
	modest.run(1, "a", "modest")
	waitFor(t, func() bool { return waiting(h) == 5 })
	holder.Handle(&wire.Message{Kind: wire.KindCancel, Request: 1})
	greedy.final(4)
	modest.final(1)
	if got := strings.Join(order, " "); got != "greedy modest greedy greedy greedy" {
		t.Errorf("served %s", got)
	}
}

func waiting(h *Host) (n int) {
	h.slot.mu.Lock()
	defer h.slot.mu.Unlock()
	for _, l := range h.slot.lanes {
		n += len(l.waiting)
	}
	return n
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it never came about")
}

func TestAbsentClientYieldsToThoseWhoWait(t *testing.T) {
	started := make(chan struct{}, 1)
	quick := func(context.Context, func(lab.Event)) error { return nil }
	h := newHost(t, map[string]runner{"slow": slow(started), "quick": quick}, nil)
	lost, other := connect(t, h), connect(t, h)
	lost.run(1, "a", "slow")
	<-started
	lost.Away(true)
	time.Sleep(20 * time.Millisecond)
	at := time.Now()
	other.run(1, "a", "quick")
	other.final(1)
	if d := time.Since(at); d > 100*time.Millisecond {
		t.Errorf("the device was free after %v", d)
	}
	lost.fails(1, errs.Gone, "line was lost")
}

func TestProgressIsThinnedAndPartsAreNot(t *testing.T) {
	h := newHost(t, map[string]runner{"chatty": func(_ context.Context, emit func(lab.Event)) error {
		for i := range 2000 {
			emit(lab.Event{Stage: "layers", Done: i + 1, Total: 2000})
			if i%100 == 0 {
				emit(lab.Event{Stage: "tokens", Done: i, Partial: json.RawMessage(`1`)})
			}
		}
		return nil
	}}, nil)
	c := connect(t, h)
	c.run(1, "a", "chatty")
	c.final(1)
	parts, progress, last := 0, 0, 0
	for _, m := range c.got {
		var e lab.Event
		if m.Kind != wire.KindEvent || m.Decode(&e) != nil {
			continue
		}
		if e.Partial != nil {
			parts++
		} else {
			progress++
			last = e.Done
		}
	}
	if parts != 20 || progress > 200 || last != 2000 {
		t.Errorf("%d parts, %d progress events, the last one at %d", parts, progress, last)
	}
}

func TestSameRequestIsNotRunTwice(t *testing.T) {
	var runs atomic.Int32
	h := newHost(t, map[string]runner{"count": func(context.Context, func(lab.Event)) error { runs.Add(1); return nil }}, nil)
	c := connect(t, h)
	c.run(1, "a", "count")
	c.final(1)
	c.run(1, "a", "count")
	c.run(2, "a", "count")
	c.final(2)
	if runs.Load() != 2 {
		t.Errorf("%d runs, want 2", runs.Load())
	}
}

func TestPanicEndsOneRequestOnly(t *testing.T) {
	h := newHost(t, map[string]runner{
		"broken": func(context.Context, func(lab.Event)) error { panic("shape 3 does not fit 4") },
		"quick":  func(context.Context, func(lab.Event)) error { return nil }}, nil)
	c := connect(t, h)
	c.run(1, "a", "broken")
	c.fails(1, errs.Other, "shape 3 does not fit 4")
	c.run(2, "a", "quick")
	if m := c.final(2); m.Kind != wire.KindResult {
		t.Errorf("the next request ended with kind %d", m.Kind)
	}
}

func TestModelsShareTheMemoryBound(t *testing.T) {
	quick := func(context.Context, func(lab.Event)) error { return nil }
	h := newHost(t, map[string]runner{"quick": quick}, func(o *Options) {
		o.Store, o.Memory = &fakeStore{size: 400}, 1000
	})
	c := connect(t, h)
	c.run(1, "a", "quick")
	c.final(1)
	c.run(2, "b", "quick")
	c.final(2)
	if n := h.Device().Used; n != 800 {
		t.Errorf("two models take %d bytes", n)
	}
	c.ask(3, wire.MethodLoad, wire.LoadParams{Model: "a", Mode: "fast"})
	c.final(3)
	if n := h.Device().Used; n != 800 {
		t.Errorf("a model is held in both modes: %d bytes", n)
	}

	small := newHost(t, map[string]runner{"quick": quick}, func(o *Options) {
		o.Store, o.Memory = &fakeStore{size: 400 << 20}, 100<<20
	})
	c = connect(t, small)
	c.run(1, "a", "quick")
	c.fails(1, errs.NoSpace, "needs 400 MiB and 100 MiB are available")
}

func TestOldestModelMakesRoom(t *testing.T) {
	quick := func(context.Context, func(lab.Event)) error { return nil }
	h := newHost(t, map[string]runner{"quick": quick}, func(o *Options) {
		o.Store, o.Memory = &fakeStore{size: 400}, 500
	})
	c := connect(t, h)
	for id, model := range []string{"a", "b", "a"} {
		c.run(uint64(id+1), model, "quick")
		if m := c.final(uint64(id + 1)); m.Kind != wire.KindResult {
			t.Fatalf("%s: %s", model, m.Body)
		}
	}
	if n := h.Device().Used; n != 400 {
		t.Errorf("%d bytes on the device", n)
	}
}

func TestBrokenDeviceIsSaidInWords(t *testing.T) {
	h := newHost(t, nil, func(o *Options) {
		o.Device = func() (device.Device, error) { return nil, errors.New("no such instruction") }
	})
	c := connect(t, h)
	c.ask(1, wire.MethodDevice, nil)
	c.fails(1, errs.Other, "no such instruction")
}

func TestDeviceThatComputesWronglyGivesWayToTheOracle(t *testing.T) {
	h := newHost(t, nil, func(o *Options) {
		o.Device = func() (device.Device, error) { return wrong{ref.New()}, nil }
		o.SelfTest = func(device.Device) (float64, error) { return 1, errors.New("softmax is wrong here") }
	})
	c := connect(t, h)
	c.ask(1, wire.MethodDevice, nil)
	var d wire.DeviceInfo
	if err := c.final(1).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if d.Name != "ref" || d.Note != "softmax is wrong here" {
		t.Errorf("%+v", d)
	}
}

type wrong struct{ *ref.Device }

func (wrong) Info() device.Info { return device.Info{Name: "wrong"} }

func TestCloseStopsEverything(t *testing.T) {
	started := make(chan struct{}, 1)
	h := newHost(t, map[string]runner{"slow": slow(started)}, nil)
	c := connect(t, h)
	c.run(1, "a", "slow")
	<-started
	at := time.Now()
	c.Close()
	if d := time.Since(at); d > 100*time.Millisecond {
		t.Errorf("closing took %v", d)
	}
	c.run(2, "a", "slow") // ignored
}
