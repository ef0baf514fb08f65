package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// run is a pass under way. Its first error sticks: operations after it do nothing.
type run struct {
	ctx   context.Context
	m     *Model
	dev   device.Device
	c     *Config
	s     *scratch
	taps  Taps
	cache *Cache
	T     int // rows of this pass
	pos   int // absolute position of the first
	at    []int32
	keep  int           // how many of the last rows anyone needs of the last layer
	resid device.Buffer // what x gave
	err   error

	// A batch has parts in place of taps and a cache.
	batch  *Batch
	parts  []*part // those that have joined
	joined int
	wanted map[hook.Point]bool // by any part
	both   device.Buffer       // one part's keys and values in one piece
}

// Forward runs the pass. The logits are [1, V] or [T, V] as asked, nil for none, and stay valid
// until the model is used again (where several use one model, take them from a tap at
// hook.Logits). A pass that fails or is cancelled leaves the cache at its
// earlier length. Errors: errs.TooLarge for more positions than the model is loaded for or the
// cache has room for, errs.Invalid for tokens out of range, errs.Cancelled, errs.NoSpace.
func (m *Model) Forward(ctx context.Context, p Pass) (device.Buffer, error) {
	if err := m.acquire(ctx, "nn.Forward"); err != nil {
		return nil, err
	}
	defer m.release()
	return m.forward(ctx, p)
}

// forward is Forward for whoever has the model's turn.
func (m *Model) forward(ctx context.Context, p Pass) (device.Buffer, error) {
	if err := m.check(&p); err != nil {
		return nil, err
	}
	if p.Cache == nil {
		return m.pass(ctx, p)
	}
	start := p.Cache.Len
	logits, err := m.pieces(ctx, p)
	if err != nil {
		p.Cache.Len = start
	}
	return logits, err
}

// pieces lets long prompts through a chunk at a time, which changes nothing and bounds the
// scratch; but whoever looks shall see all positions at once.
func (m *Model) pieces(ctx context.Context, p Pass) (device.Buffer, error) {
	whole := p.Taps != nil || p.From != nil || p.Logits == AllLogits
	for !whole && len(p.IDs) > chunk {
		part := p
		part.IDs, part.Logits = p.IDs[:chunk], NoLogits
		if _, err := m.pass(ctx, part); err != nil {
			return nil, err
		}
		p.IDs = p.IDs[chunk:]
	}
	return m.pass(ctx, p)
}

// rows is the number of positions that the pass computes.
func (p *Pass) rows(width int) int {
	if p.From != nil {
		return p.From.Resid.Len() / width
	}
	return len(p.IDs)
}

func (m *Model) check(p *Pass) error {
	bad := func(kind errs.Kind, format string, args ...any) error {
		return errs.E("nn.Forward", kind, format, args...)
	}
	n, pos := p.rows(m.cfg.Width), 0
	if p.Cache != nil {
		pos = p.Cache.Len
	}
	if p.Layers == 0 {
		p.Layers = m.cfg.Layers
	}
	switch {
	case n == 0:
		return bad(errs.Invalid, "a pass needs at least one token")
	case pos+n > m.max:
		return bad(errs.TooLarge, "%d tokens are too many: this model is loaded for %d (its own context is %d)", pos+n, m.max, m.cfg.Context)
	case p.Cache != nil && pos+n > p.Cache.Cap:
		return bad(errs.TooLarge, "%d tokens do not fit the cache, which has room for %d", pos+n, p.Cache.Cap)
	case p.Layers < 0 || p.Layers > m.cfg.Layers:
		return bad(errs.Invalid, "%d layers are asked for; the model has %d", p.Layers, m.cfg.Layers)
	case p.Layers < m.cfg.Layers && p.Logits != NoLogits:
		return bad(errs.Invalid, "a pass that ends after layer %d has no logits", p.Layers)
	}
	if f := p.From; f != nil {
		if f.Layer < 0 || f.Layer >= p.Layers {
			return bad(errs.Invalid, "a pass cannot start at layer %d of %d", f.Layer, p.Layers)
		}
		if f.Resid.Len()%m.cfg.Width != 0 {
			return bad(errs.Invalid, "a residual of %d numbers is not a whole number of rows of %d", f.Resid.Len(), m.cfg.Width)
		}
		return nil
	}
	for i, id := range p.IDs {
		if id < 0 || int(id) >= m.cfg.Vocab {
			return bad(errs.Invalid, "token %d at position %d is outside the vocabulary of %d", id, pos+i, m.cfg.Vocab)
		}
	}
	return nil
}

// pass runs a checked pass in one piece.
func (m *Model) pass(ctx context.Context, p Pass) (device.Buffer, error) {
	r := &run{ctx: ctx, m: m, dev: m.dev, c: &m.cfg, s: &m.scratch, taps: p.Taps, cache: p.Cache, T: p.rows(m.cfg.Width)}
	if p.Cache != nil {
		r.pos = p.Cache.Len
	}
	r.keep = r.T
	if p.Taps == nil && p.Layers == m.cfg.Layers {
		r.keep = p.Logits.count(r.T)
	}
	T := r.T
	for t := range T {
		r.at = append(r.at, int32(r.pos+t))
	}
	if err := m.grow(r.T); err != nil {
		return nil, errs.E("nn.Forward", errs.Other, "a pass over %d positions needs %d bytes: %w", r.T, 4*scratchSize(&m.cfg, r.T), err)
	}
	defer m.shrink()
	first := 0
	if p.From != nil {
		first = p.From.Layer
		m.dev.Copy(r.x(), p.From.Resid)
	} else {
		r.embed(p.IDs)
	}
	r.tap(first, hook.ResidPre, r.x(), r.T, r.c.Width)
	for l := first; l < p.Layers && r.err == nil; l++ {
		r.block(l)
		if p.Progress != nil && r.err == nil {
			p.Progress(l+1, p.Layers)
		}
	}
	var logits device.Buffer
	if p.Layers == m.cfg.Layers {
		logits = r.finish(p.Logits)
	}
	if r.err != nil {
		return nil, r.failed()
	}
	if p.Cache != nil {
		p.Cache.Len += T
	}
	return logits, nil
}

func (r *run) failed() error {
	if r.ctx.Err() != nil && errs.KindOf(r.err) == errs.Other {
		return cancelled("nn.Forward", r.err)
	}
	return r.err
}

// x is the residual stream [T, d].
func (r *run) x() device.Buffer {
	if n := r.T * r.c.Width; r.resid == nil || r.resid.Len() != n {
		r.resid = r.s.x.Slice(0, n)
	}
	return r.resid
}

func (r *run) embed(ids []int32) {
	x, d := r.x(), r.c.Width
	r.do(r.T*d, func() { r.dev.Gather(x, r.m.embed, ids) })
	if r.c.EmbedScale != 0 {
		r.do(r.T*d, func() { r.dev.Scale(x, x, r.c.EmbedScale) })
	}
	r.tap(0, hook.Embed, x, r.T, d)
	if r.c.Learned {
		pos := r.s.o.Slice(0, r.T*d)
		r.do(r.T*d, func() { r.dev.Gather(pos, r.m.pos, r.at) })
		r.tap(0, hook.PosEmbed, pos, r.T, d)
		r.do(r.T*d, func() { r.dev.Add(x, x, pos) })
	}
}

// block runs one layer: the residual is read from and written to x.
func (r *run) block(l int) {
	b := &r.m.blocks[l]
	switch {
	case r.trims(l):
		r.attendTrimmed(l, b)
	case r.batch == nil && r.keep < r.T && l == r.c.Layers-1:
		r.attendLast(l, b, r.keep)
	default:
		r.attend(l, b)
	}
	if r.T == 0 {
		return
	}
	x := r.x()
	if r.c.Parallel {
		// The MLP reads what attention read, so its norm comes before attention is added.
		split := r.attnOut(l, b)
		r.norm2(l, b)
		r.addOut(b, split)
	} else {
		r.addOut(b, r.attnOut(l, b))
		r.tap(l, hook.ResidMid, x, r.T, r.c.Width)
		r.norm2(l, b)
	}
	r.mlp(l, b)
	r.tap(l, hook.ResidPost, x, r.T, r.c.Width)
	if l+1 < r.c.Layers {
		r.tap(l+1, hook.ResidPre, x, r.T, r.c.Width)
	}
}
