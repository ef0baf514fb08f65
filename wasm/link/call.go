package link

import (
	"sync"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// call is one request on its way. Events queue here until the goroutine of Do takes them, so
// that a slow reader holds up nobody else.
type call struct {
	id        uint64
	request   wire.Message
	sent      bool // guarded by Client.mu, as is cancelled
	cancelled bool
	wake      chan struct{}

	mu     sync.Mutex
	events []lab.Event
	ended  *ending
}

// ending is how a request ended: a result or an error.
type ending struct {
	result *Result
	err    error
}

// event queues e. Progress that nobody has taken yet is replaced by the later: the latest
// counts. An event with a part of the result is always kept.
func (k *call) event(e lab.Event) {
	k.mu.Lock()
	last := len(k.events) - 1
	if last >= 0 && k.events[last].Partial == nil && k.events[last].Stage == e.Stage && e.Partial == nil {
		k.events[last] = e
	} else {
		k.events = append(k.events, e)
	}
	k.mu.Unlock()
	k.poke()
}

func (k *call) end(e ending) {
	k.mu.Lock()
	if k.ended == nil {
		k.ended = &e
	}
	k.mu.Unlock()
	k.poke()
}

func (k *call) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (k *call) take() ([]lab.Event, *ending) {
	k.mu.Lock()
	defer k.mu.Unlock()
	events := k.events
	k.events = nil
	return events, k.ended
}
