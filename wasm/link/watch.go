package link

import "sync"

// watcher carries states to one listener. Its channel holds the latest only.
type watcher struct {
	latest chan State
	stop   chan struct{}
}

// Watch implements Endpoint.
func (c *Client) Watch(f func(State)) (stop func()) {
	w := &watcher{make(chan State, 1), make(chan struct{})}
	c.mu.Lock()
	w.latest <- c.state
	c.watchers[w] = true
	c.mu.Unlock()
	go func() {
		for {
			select {
			case s := <-w.latest:
				f(s)
			case <-w.stop:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		c.mu.Lock()
		delete(c.watchers, w)
		c.mu.Unlock()
		close(w.stop)
	})
}

func (c *Client) setState(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Phase == Closed {
		return
	}
	c.state = s
	for w := range c.watchers {
		select {
		case <-w.latest:
		default:
		}
		w.latest <- s
	}
}

// inbox queues frames between callbacks, which must not block, and the goroutine that reads.
type inbox struct {
	ready chan struct{}

	mu     sync.Mutex
	frames [][]byte
	lost   error
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

func (b *inbox) push(frame []byte) {
	b.mu.Lock()
	b.frames = append(b.frames, frame)
	b.mu.Unlock()
	b.poke()
}

func (b *inbox) fail(err error) {
	b.mu.Lock()
	if b.lost == nil {
		b.lost = err
	}
	b.mu.Unlock()
	b.poke()
}

func (b *inbox) poke() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *inbox) take() ([][]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	frames := b.frames
	b.frames = nil
	return frames, b.lost
}
