package link

import (
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// run keeps the line open until Close: open it, read it until it breaks, wait, open it again.
func (c *Client) run() {
	defer close(c.done)
	for tries := 0; ; tries++ {
		opened, err := c.session()
		if c.ctx.Err() != nil {
			c.giveUp(State{Phase: Closed}, errClosed)
			return
		}
		if opened {
			tries = 0
		}
		wait := time.Duration(-1) // until Retry
		if w, known := c.Welcome(); known && w.Session != "" && tries < len(c.opt.Backoff) && errs.KindOf(err) != errs.Denied {
			wait = c.opt.Backoff[tries]
			c.setState(State{Phase: Lost, Err: err, Tries: tries})
		} else {
			dead := c.opt.Dead(err)
			c.giveUp(State{Phase: Dead, Err: dead, Tries: tries}, dead)
		}
		if c.pause(wait) {
			tries = -1
		}
	}
}

// pause waits for the time given (negative: without end), for Retry or for Close. It reports
// whether Retry ended it; then counting starts anew.
func (c *Client) pause(wait time.Duration) (retried bool) {
	var timer <-chan time.Time
	if wait >= 0 {
		timer = time.After(wait)
	}
	select {
	case <-timer:
	case <-c.ctx.Done():
	case <-c.retry:
		if c.State().Phase == Dead {
			c.setState(State{Phase: Opening})
		}
		return true
	}
	return false
}

// session opens a port and reads it to its end. opened says whether the engine welcomed us.
func (c *Client) session() (opened bool, err error) {
	in := newInbox()
	port, err := c.opt.Dial(c.ctx, in.push, in.fail)
	if err != nil {
		return false, err
	}
	defer port.Close()
	defer c.detach()
	hello := c.opt.Hello
	c.mu.Lock()
	hello.Session, hello.After = c.welcome.Session, c.seen
	c.mu.Unlock()
	m, err := wire.New(wire.KindHello, 0, hello)
	if err == nil {
		err = send(port, m)
	}
	if err != nil {
		return false, err
	}
	timeout := time.After(c.opt.Welcome)
	for {
		select {
		case <-c.ctx.Done():
			return opened, c.ctx.Err()
		case <-timeout:
			if !opened {
				return false, errs.E("link.session", errs.Gone, "no answer within %v", c.opt.Welcome)
			}
		case <-in.ready:
			frames, lost := in.take()
			for _, f := range frames {
				if err := c.frame(f, port, &opened); err != nil {
					return opened, err
				}
			}
			if lost != nil {
				return opened, lost
			}
		}
	}
}

// detach leaves no port behind for requests that come while the line is down.
func (c *Client) detach() {
	c.mu.Lock()
	c.port = nil
	c.mu.Unlock()
}

// frame takes one frame and acts on the message it completes.
func (c *Client) frame(f []byte, port Port, opened *bool) error {
	h, err := wire.ReadHeader(f)
	if err != nil {
		return err
	}
	m, err := c.asm.Add(f)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.seen = max(c.seen, h.Sequence)
	c.mu.Unlock()
	switch {
	case m == nil:
		return nil
	case m.Kind == wire.KindWelcome:
		*opened = true
		return c.welcomed(m, port)
	case m.Kind == wire.KindError && m.Request == 0:
		return engineError(m)
	case m.Kind == wire.KindGap:
		return nil // half a message of it does no harm to the assembler
	}
	return c.route(m)
}

// welcomed opens the line for requests. Those that were on their way go on when the session is
// the same; an engine that has forgotten them cannot answer them any more.
func (c *Client) welcomed(m *wire.Message, port Port) error {
	var w wire.Welcome
	if err := m.Decode(&w); err != nil {
		return err
	}
	c.mu.Lock()
	resumed := w.Session != "" && w.Session == c.welcome.Session
	if !resumed {
		c.seen = 0
	}
	c.welcome, c.port = w, port
	var forgotten []uint64
	for id, k := range c.calls {
		if k.sent && !resumed {
			forgotten = append(forgotten, id)
			continue
		}
		// A request that was sent before the line broke may have been lost with it. It goes out
		// again under its number, by which the engine knows whether it has it already.
		k.sent = true
		send(port, k.request)
		if k.cancelled {
			send(port, wire.Message{Kind: wire.KindCancel, Request: id})
		}
	}
	c.mu.Unlock()
	for _, id := range forgotten {
		c.finish(id, ending{err: errs.E("link.Do", errs.Gone, "the engine was restarted and no longer knows this request; run it again")})
	}
	c.setState(State{Phase: Open})
	return nil
}

// route hands a message to the request it belongs to.
func (c *Client) route(m *wire.Message) error {
	switch m.Kind {
	case wire.KindEvent:
		var e lab.Event
		if err := m.Decode(&e); err != nil {
			return err
		}
		c.mu.Lock()
		k := c.calls[m.Request]
		c.mu.Unlock()
		if k != nil {
			k.event(e)
		}
	case wire.KindResult:
		c.finish(m.Request, ending{result: &Result{Msg: m.Body, Tensors: m.Tensors}})
	case wire.KindError:
		c.finish(m.Request, ending{err: engineError(m)})
	case wire.KindCancelled:
		c.finish(m.Request, ending{err: errCancelled})
	}
	return nil
}

func engineError(m *wire.Message) error {
	var e wire.Error
	if err := m.Decode(&e); err != nil {
		return err
	}
	return e.Err()
}

// giveUp ends every request with err.
func (c *Client) giveUp(s State, err error) {
	c.mu.Lock()
	calls := c.calls
	c.calls = map[uint64]*call{}
	c.mu.Unlock()
	c.setState(s)
	for _, k := range calls {
		k.end(ending{err: err})
	}
}
