package host

import (
	"context"
	"encoding/json"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// second is an experiment that opens the model that its parameters name beside its own.
type second struct{ runner }

func (second) Others(raw json.RawMessage) []string {
	var p struct{ Other string }
	if json.Unmarshal(raw, &p) != nil || p.Other == "" {
		return nil
	}
	return []string{p.Other}
}

func (s second) Run(ctx context.Context, b *lab.Bench, raw json.RawMessage, _ func(lab.Event)) (*lab.Outcome, error) {
	o, err := b.Other(ctx, s.Others(raw)[0])
	if err != nil {
		return nil, err
	}
	return &lab.Outcome{Experiment: o.Parity.Model, Parity: b.Parity, Result: json.RawMessage("1")}, nil
}

func withSecond(t *testing.T, store *fakeStore, memory int64) *client {
	h := newHost(t, nil, func(o *Options) {
		o.Store, o.Memory = store, memory
		o.Find = func(string) (Runner, error) { return second{}, nil }
	})
	return connect(t, h)
}

func (c *client) both(id uint64, first, other string) {
	c.ask(id, wire.MethodRun, wire.RunParams{Model: first, Experiment: "second", Params: json.RawMessage(`{"other":"` + other + `"}`)})
}

// The second model comes by the route of the first, and both stay.
func TestSecondModelIsFetchedAndStays(t *testing.T) {
	store := &fakeStore{size: 100}
	c := withSecond(t, store, 250)
	for id := uint64(1); id < 3; id++ {
		c.both(id, "a", "b")
		var out lab.Outcome
		if m := c.final(id); m.Decode(&out) != nil || out.Experiment != "b" || out.Parity.Model != "a" {
			t.Fatalf("run %d: %s", id, m.Body)
		}
	}
	if n := store.fetches.Load(); n != 2 || c.h.Device().Used != 200 {
		t.Errorf("%d fetches, %d bytes on the device; both models should be there, fetched once", n, c.h.Device().Used)
	}
	c.both(3, "a", "a")
	var out lab.Outcome
	if m := c.final(3); m.Decode(&out) != nil || out.Experiment != "a" {
		t.Errorf("the model itself as the second: %s", m.Body)
	}
}

// The first model is not put out for the second: there is no run without it.
func TestSecondModelThatDoesNotFit(t *testing.T) {
	c := withSecond(t, &fakeStore{size: 100 << 20}, 150<<20)
	c.both(1, "a", "b")
	c.fails(1, errs.NoSpace, "model b needs 100 MiB and 50 MiB are left beside a")
	c.both(2, "a", "nowhere")
	c.fails(2, errs.NotFound, `"nowhere"`)
	c.ask(3, wire.MethodLoad, wire.LoadParams{Model: "b"})
	if m := c.final(3); m.Kind != wire.KindResult {
		t.Errorf("afterwards the other model takes the room: %s", m.Body)
	}
}
