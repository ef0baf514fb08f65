package hub

import (
	"slices"
	"sync"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/wire"
)

// outbox is what one session has yet to send and what it may have to send again.
//
// Messages of one request leave in order; frames of different requests take turns. Progress
// that has not left yet is replaced by later progress. Every frame that leaves gets the next
// sequence number and stays in the ring until it is old or the ring is full, so that a client
// whose line broke can have it again. Events may be lost that way, and a Gap says which;
// a result is kept longest and, should it go too, an Error stands in its place.
type outbox struct {
	l     Limits
	ready chan struct{} // holds a token when there may be something to send

	mu      sync.Mutex
	enc     wire.Encoder
	lanes   []*lane // with something to send; lanes[0] is next
	seq     uint32
	small   int // bytes of unsent messages that are not results
	large   int // bytes of unsent results
	ring    []sent
	events  int // bytes of events in the ring
	results int // bytes of final messages in the ring
}

type lane struct {
	request uint64
	items   []*item
}

// item is a message on its way.
type item struct {
	m      wire.Message
	size   int
	frames [][]byte // once it is being sent
	next   int
}

type sent struct {
	seq   uint32
	frame []byte
	it    *item
	at    time.Time
}

func newOutbox(l Limits) *outbox { return &outbox{l: l, ready: make(chan struct{}, 1)} }

// put queues a message; it never blocks. false means that the client has left more unread than
// it may: events were dropped, and its line should be closed.
func (o *outbox) put(m wire.Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.wake()
	it := &item{m: m, size: size(m)}
	if m.Kind == wire.KindResult && o.large > 0 && o.large+it.size > o.l.Unread {
		it.m = wire.Fail(m.Request, errs.E("hub.Send", errs.TooLarge, "results of %d bytes wait to be read, the limit is %d; read them, then run this again", o.large, o.l.Unread))
		it.size = size(it.m)
	}
	l := o.lane(m.Request)
	if n := len(l.items); m.Progress && n > 0 && l.items[n-1].m.Progress && l.items[n-1].frames == nil {
		o.count(l.items[n-1], -1)
		l.items[n-1] = it
	} else {
		l.items = append(l.items, it)
	}
	o.count(it, 1)
	fits := o.small <= o.l.Pending
	for o.small > o.l.Pending && o.dropEvent() {
	}
	return fits
}

func size(m wire.Message) int {
	n := 64 + len(m.Body)
	for _, t := range m.Tensors {
		n += len(t.Data)
	}
	return n
}

func (o *outbox) count(it *item, sign int) {
	if it.m.Kind == wire.KindResult {
		o.large += sign * it.size
	} else {
		o.small += sign * it.size
	}
}

func (o *outbox) lane(request uint64) *lane {
	for _, l := range o.lanes {
		if l.request == request {
			return l
		}
	}
	l := &lane{request: request}
	o.lanes = append(o.lanes, l)
	return l
}

// dropEvent drops one unsent event. Its sequence number is spent, so that a Gap will tell.
func (o *outbox) dropEvent() bool {
	for i, l := range o.lanes {
		for j, it := range l.items {
			if it.m.Kind != wire.KindEvent || it.frames != nil {
				continue
			}
			o.count(it, -1)
			o.seq++
			l.items = slices.Delete(l.items, j, j+1)
			if len(l.items) == 0 {
				o.lanes = slices.Delete(o.lanes, i, i+1)
			}
			return true
		}
	}
	return false
}

// overflowing reports whether what cannot be dropped alone is far over the limit: a client that
// asks and never reads.
func (o *outbox) overflowing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.small > 2*o.l.Pending
}

func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// next gives the next frame to send, stamped, or nil when there is none.
func (o *outbox) next() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lanes) == 0 {
		return nil
	}
	l := o.lanes[0]
	it := l.items[0]
	if it.frames == nil {
		o.encode(it)
	}
	frame := it.frames[it.next]
	it.next++
	o.seq++
	wire.Stamp(frame, o.seq)
	o.keep(sent{o.seq, frame, it, time.Now()})
	o.lanes = o.lanes[1:]
	if it.next == len(it.frames) {
		o.count(it, -1)
		it.m.Tensors, it.m.Body = nil, nil
		l.items = l.items[1:]
	}
	if len(l.items) > 0 {
		o.lanes = append(o.lanes, l)
	}
	return frame
}

func (o *outbox) encode(it *item) {
	frames, err := o.enc.Encode(it.m)
	if err != nil {
		frames, _ = o.enc.Encode(wire.Fail(it.m.Request, err)) // a short text always fits
	}
	it.frames = frames
}

// keep puts a frame into the ring and lets old ones go.
func (o *outbox) keep(s sent) {
	o.ring = append(o.ring, s)
	o.weigh(s, 1)
	for len(o.ring) > 0 && s.at.Sub(o.ring[0].at) > o.l.Keep {
		o.weigh(o.ring[0], -1)
		o.ring[0] = sent{} // let the frame go
		o.ring = o.ring[1:]
	}
	for o.events > o.l.Ring && o.evict(wire.KindEvent) {
	}
	for o.results > o.l.Results && o.evict(wire.KindResult) {
	}
}

func (o *outbox) weigh(s sent, sign int) {
	if s.it.m.Kind == wire.KindEvent {
		o.events += sign * len(s.frame)
	} else {
		o.results += sign * len(s.frame)
	}
}

// evict removes the oldest message of a kind from the ring, all of its frames; a message still
// being sent stays. In the place of a result comes an Error.
func (o *outbox) evict(kind wire.Kind) bool {
	i := slices.IndexFunc(o.ring, func(s sent) bool { return s.it.m.Kind == kind && s.it.next == len(s.it.frames) })
	if i < 0 {
		return false
	}
	it := o.ring[i].it
	last := o.ring[i].seq
	o.ring = slices.DeleteFunc(o.ring, func(s sent) bool {
		if s.it == it {
			o.weigh(s, -1)
			last = s.seq
		}
		return s.it == it
	})
	if kind == wire.KindResult {
		o.mourn(it.m.Request, last)
	}
	return true
}

func (o *outbox) mourn(request uint64, seq uint32) {
	m := wire.Fail(request, errs.E("hub.Resume", errs.Gone, "the result of this request was too large to keep while the line was broken; run it again"))
	frames, err := o.enc.Encode(m)
	if err != nil {
		return // a short text always fits
	}
	wire.Stamp(frames[0], seq)
	s := sent{seq, frames[0], &item{m: wire.Message{Kind: m.Kind, Request: request}, frames: frames, next: len(frames)}, time.Now()}
	at, _ := slices.BinarySearchFunc(o.ring, seq, func(a sent, b uint32) int { return int(int64(a.seq) - int64(b)) })
	o.ring = slices.Insert(o.ring, at, s)
	o.weigh(s, 1)
}

// resume gives what a client that has seen everything up to after must get again, and the gaps.
func (o *outbox) resume(after uint32) (gaps []wire.Gap, frames [][]byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if after > o.seq {
		return nil, nil, errs.E("hub.Resume", errs.Invalid, "frame %d has never been sent, the last one was %d", after, o.seq)
	}
	want := after + 1
	for _, s := range o.ring {
		if s.seq <= after {
			continue
		}
		if s.seq > want {
			gaps = append(gaps, wire.Gap{From: want, To: s.seq - 1})
		}
		frames = append(frames, s.frame)
		want = s.seq + 1
	}
	if want <= o.seq {
		gaps = append(gaps, wire.Gap{From: want, To: o.seq})
	}
	return gaps, frames, nil
}
