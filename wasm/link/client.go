package link

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// Port carries frames to an engine, in order. Send takes the frame over and does not block.
type Port interface {
	Send(frame []byte) error
	Close()
}

// Dial opens a port. It calls receive for each frame that arrives and lost once when the line
// ends, both possibly before it returns and from callbacks that must not block.
type Dial func(ctx context.Context, receive func(frame []byte), lost func(error)) (Port, error)

// Options say how a Client opens its line and how long it tries.
type Options struct {
	Dial  Dial
	Hello wire.Hello
	// Backoff are the waits before each attempt to reopen a line that was open. Empty: a lost
	// line is Dead at once.
	Backoff []time.Duration
	// Welcome is how long an engine may take to answer Hello; 0: 30 s.
	Welcome time.Duration
	// Dead words the error when the line is given up; nil: the cause as it is.
	Dead func(cause error) error
}

// cancelPatience is how long a cancelled request waits for the engine to acknowledge.
const cancelPatience = 5 * time.Second

// Client is an Endpoint over any port: it multiplexes requests, routes events, and reopens a
// lost line, resuming its session.
type Client struct {
	opt    Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	retry  chan struct{}
	done   chan struct{} // closed when run has returned

	asm wire.Assembler // of run's goroutine; outlives a line, as messages do

	mu       sync.Mutex // guards what follows; never held while a callback of the page runs
	state    State
	welcome  wire.Welcome
	port     Port // nil unless open
	calls    map[uint64]*call
	next     uint64
	seen     uint32 // last sequence number
	watchers map[*watcher]bool
}

// NewClient starts opening the line.
func NewClient(opt Options) *Client {
	if opt.Welcome == 0 {
		opt.Welcome = 30 * time.Second
	}
	if opt.Dead == nil {
		opt.Dead = func(err error) error { return err }
	}
	c := &Client{opt: opt, retry: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint64]*call{}, watchers: map[*watcher]bool{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

// Do implements Endpoint.
func (c *Client) Do(ctx context.Context, method string, params any, onEvent func(lab.Event)) (*Result, error) {
	k, err := c.begin(method, params)
	if err != nil {
		return nil, err
	}
	stop, patience := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case <-k.wake:
			events, end := k.take()
			for _, e := range events {
				if onEvent != nil {
					onEvent(e)
				}
			}
			if end != nil {
				return end.result, end.err
			}
		case <-stop:
			stop, patience = nil, time.After(cancelPatience)
			c.sendCancel(k)
		case <-patience:
			c.finish(k.id, ending{err: errs.E("link.Do", errs.Cancelled, "stopped, though the engine did not acknowledge it within %v", cancelPatience)})
		}
	}
}

// begin registers a request and sends it, or leaves it to the next opening.
func (c *Client) begin(method string, params any) (*call, error) {
	req := wire.Request{Method: method}
	if params != nil {
		raw, err := json.Marshal(params)
		if err != nil {
			return nil, errs.E("link.Do", errs.Invalid, "parameters of %s: %w", method, err)
		}
		req.Params = raw
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state.Phase {
	case Dead:
		return nil, c.state.Err
	case Closed:
		return nil, errClosed
	}
	c.next++
	m, err := wire.New(wire.KindRequest, c.next, req)
	if err != nil {
		return nil, err
	}
	k := &call{id: c.next, request: m, wake: make(chan struct{}, 1)}
	if c.port != nil {
		if err := send(c.port, m); err != nil && errs.KindOf(err) != errs.Gone {
			return nil, err // what cannot be encoded will not be encodable later
		}
		k.sent = true
	}
	c.calls[k.id] = k
	return k, nil
}

var errClosed = errs.E("link.Do", errs.Gone, "the line to the engine is closed")

// sendCancel tells the engine; a request that no engine has seen ends here and now.
func (c *Client) sendCancel(k *call) {
	c.mu.Lock()
	port := c.port
	k.cancelled = true
	if port != nil && k.sent {
		send(port, wire.Message{Kind: wire.KindCancel, Request: k.id})
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.finish(k.id, ending{err: errCancelled})
}

var errCancelled = errs.E("link.Do", errs.Cancelled, "stopped")

// finish ends a request; later messages for it fall on the floor.
func (c *Client) finish(id uint64, end ending) {
	c.mu.Lock()
	k := c.calls[id]
	delete(c.calls, id)
	c.mu.Unlock()
	if k != nil {
		k.end(end)
	}
}

// send encodes a message raw: the page links no zstd.
func send(p Port, m wire.Message) error {
	frames, err := wire.Encode(m)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if err := p.Send(f); err != nil {
			return errs.E("link.send", errs.Gone, "sending: %w", err)
		}
	}
	return nil
}

// Welcome implements Endpoint.
func (c *Client) Welcome() (wire.Welcome, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome, c.welcome.Place != ""
}

// State implements Endpoint.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Retry implements Endpoint.
func (c *Client) Retry() {
	select {
	case c.retry <- struct{}{}:
	default:
	}
}

// Close implements Endpoint.
func (c *Client) Close() error {
	c.cancel()
	<-c.done
	return nil
}
