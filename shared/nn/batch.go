package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// Batch is one pass over several variants of a base run, the parts. An edit at a layer and a
// position changes nothing below and before, so a part computes its own rows only, from its layer
// up, and sees the base run's keys and values for the rest. The rows of all parts go through each
// block together; a part joins at its layer.
type Batch struct {
	Base   *Cache // keys and values of the base run; nil: no part shares any
	Own    *Cache // where the keys and values of the parts' own rows are kept (NewRows); nil: they last for the pass only
	Parts  []Part // in the order of the blocks that they start at
	Layers int    // ends the pass after that many blocks of the model, 0 for all
	// Logits, if set, is called with the logits [Keep, V] of each part's last rows after the
	// last block. It may use the device but not the model, which is busy.
	Logits func(part int, logits device.Buffer) error
	Last   bool // logits of the last row of each part only
	// Progress, if set, is called after each layer.
	Progress func(layer, layers int)
}

// Part is one variant in a batch. Its own rows stand at the positions Shared, Shared+1, ...
type Part struct {
	// Enter is the first block where the variant differs from the base run. Below it every
	// position of the base is shared; from it on only those before Shared.
	Enter  int
	Shared int
	// Past counts own rows of earlier passes, whose keys and values lie in Batch.Own; Row is
	// where the first of them lies there.
	Past, Row int
	// Resid is the residual stream [rows, d] before block Enter, which may be the end of the
	// model; it is copied. Where it is nil, IDs start the pass at the embedding.
	Resid device.Buffer
	IDs   []int32
	Keep  int  // how many of its last rows anyone needs of the last block and after
	Taps  Taps // nil: nobody looks. Where a part joins, it is shown hook_resid_post of the block before, then hook_resid_pre
}

// part is a Part under way.
type part struct {
	*Part
	at     int // in Batch.Parts
	row, n int // its rows in the pass
	pos    int // position of the first
	keyRow int // where its first row's key was computed
}

// start is the block that the part starts at.
func (p *Part) start() int {
	if p.Resid == nil {
		return 0
	}
	return p.Enter
}

func (p *Part) rows(width int) int {
	if p.Resid == nil {
		return len(p.IDs)
	}
	return p.Resid.Len() / width
}

// BatchRowBytes is what one row of a batch takes on the device.
func (c *Config) BatchRowBytes() int64 { return 4 * int64(scratchSize(c, 1)) }

// NewRows makes room for the keys and values of n own rows of a batch's parts. The caller frees it.
func (m *Model) NewRows(n int) (*Cache, error) { return m.newCache(n) }

// Branch runs a batch. Errors are those of Forward.
func (m *Model) Branch(ctx context.Context, b Batch) error {
	if err := m.acquire(ctx, "nn.Branch"); err != nil {
		return err
	}
	defer m.release()
	return m.branch(ctx, &b)
}

// branch is Branch for whoever has the model's turn.
func (m *Model) branch(ctx context.Context, b *Batch) error {
	rows, err := m.checkBatch(b)
	if err != nil {
		return err
	}
	if err := m.grow(rows); err != nil {
		return errs.E("nn.Branch", errs.Other, "a batch of %d rows needs %d bytes: %w", rows, 4*scratchSize(&m.cfg, rows), err)
	}
	defer m.shrink()
	r := &run{ctx: ctx, m: m, dev: m.dev, c: &m.cfg, s: &m.scratch, batch: b}
	defer r.apart()
	for l := b.Parts[0].start(); l <= b.Layers && r.err == nil; l++ {
		r.join(l)
		if l < b.Layers && r.T > 0 {
			r.block(l)
		}
		if b.Progress != nil && r.err == nil && l < b.Layers {
			b.Progress(l+1, b.Layers)
		}
	}
	if b.Layers == m.cfg.Layers {
		r.finishParts()
	}
	if r.err != nil {
		return r.failed()
	}
	return nil
}

// checkBatch counts the rows, and refuses what does not fit together.
func (m *Model) checkBatch(b *Batch) (rows int, err error) {
	bad := func(i int, kind errs.Kind, format string, args ...any) (int, error) {
		return 0, errs.E("nn.Branch", kind, "part %d: %w", i, errs.E("nn.Branch", kind, format, args...))
	}
	if b.Layers == 0 {
		b.Layers = m.cfg.Layers
	}
	if len(b.Parts) == 0 || b.Layers < 0 || b.Layers > m.cfg.Layers {
		return 0, errs.E("nn.Branch", errs.Invalid, "a batch of %d parts through %d layers; at least one part is needed and at most %d layers are there", len(b.Parts), b.Layers, m.cfg.Layers)
	}
	shared := 0
	if b.Base != nil {
		shared = b.Base.Len
	}
	for i := range b.Parts {
		p := &b.Parts[i]
		n := p.rows(m.cfg.Width)
		end := p.Shared + p.Past + n
		switch {
		case n == 0 || p.Resid != nil && p.Resid.Len() != n*m.cfg.Width:
			return bad(i, errs.Invalid, "it has no whole rows")
		case p.start() > b.Layers || i > 0 && p.start() < b.Parts[i-1].start():
			return bad(i, errs.Invalid, "it starts at block %d, out of order or after the end", p.start())
		case p.Shared < 0 || p.Shared > shared || p.Past < 0 || p.Keep < 0 || p.Keep > n:
			return bad(i, errs.Invalid, "it shares %d positions of %d and keeps %d rows of %d", p.Shared, shared, p.Keep, n)
		case end > m.max:
			return bad(i, errs.TooLarge, "%d tokens are too many: this model is loaded for %d (its own context is %d)", end, m.max, m.cfg.Context)
		case b.Own == nil && (p.Past > 0 || p.start() < p.Enter):
			return bad(i, errs.Invalid, "its earlier rows are in no cache")
		case b.Own != nil && p.Row+p.Past+n > b.Own.Cap:
			return bad(i, errs.TooLarge, "its rows end at %d in a cache of %d", p.Row+p.Past+n, b.Own.Cap)
		}
		for _, id := range p.IDs {
			if id < 0 || int(id) >= m.cfg.Vocab {
				return bad(i, errs.Invalid, "token %d is outside the vocabulary of %d", id, m.cfg.Vocab)
			}
		}
		rows += n
	}
	return rows, nil
}

// join takes in the parts that start at block l, and shows them what they start from.
func (r *run) join(l int) {
	var ids []int32
	d, fresh := r.c.Width, []*part(nil)
	for r.joined < len(r.batch.Parts) && r.batch.Parts[r.joined].start() == l {
		p := &part{Part: &r.batch.Parts[r.joined], at: r.joined, row: r.T, keyRow: r.T}
		p.n, p.pos = p.rows(d), p.Shared+p.Past
		r.joined, r.T = r.joined+1, r.T+p.n
		for t := range p.n {
			r.at = append(r.at, int32(p.pos+t))
		}
		if p.Resid != nil {
			r.do(p.n*d, func() { r.dev.Copy(r.s.x.Slice(p.row*d, p.n*d), p.Resid) })
		}
		ids = append(ids, p.IDs...)
		fresh = append(fresh, p)
	}
	if fresh == nil {
		return
	}
	earlier := r.parts
	r.parts = fresh
	if l == 0 {
		r.embed(ids)
	} else {
		r.tap(l-1, hook.ResidPost, r.x(), r.T, d)
	}
	if l < r.c.Layers {
		r.tap(l, hook.ResidPre, r.x(), r.T, d)
	}
	r.parts = append(earlier, fresh...)
}

// tapParts shows each part its own rows of an activation whose first axis is the rows.
func (r *run) tapParts(p hook.Point, b device.Buffer, shape []int) {
	width := 1
	for _, n := range shape[1:] {
		width *= n
	}
	for _, one := range r.parts {
		if r.err != nil || one.n == 0 || one.Taps == nil || !one.Taps.Wants(p) {
			continue
		}
		rows := append([]int{one.n}, shape[1:]...)
		r.err = one.Taps.At(r.ctx, p, Value{b.Slice(one.row*width, one.n*width), rows, one.pos})
	}
}

// anyWants reports whether any part of the batch, active or not, wants the point.
func (r *run) anyWants(p hook.Point) bool {
	if want, known := r.wanted[p]; known {
		return want
	}
	if r.wanted == nil {
		r.wanted = map[hook.Point]bool{}
	}
	for i := range r.batch.Parts {
		if t := r.batch.Parts[i].Taps; t != nil && t.Wants(p) {
			r.wanted[p] = true
			return true
		}
	}
	r.wanted[p] = false
	return false
}

// trims reports whether only some rows are needed of block l: it is the last, and nobody looks inside.
func (r *run) trims(l int) bool {
	if r.batch == nil || l != r.batch.Layers-1 {
		return false
	}
	for _, a := range hook.All() {
		if a.InBlock && a.Site != hook.ResidPre && a.Site != hook.ResidPost && r.anyWants(hook.Point{Layer: l, Site: a.Site}) {
			return false
		}
	}
	return true
}

// attendTrimmed is attend of the last block: keys and values of all rows, the mix of those kept.
func (r *run) attendTrimmed(l int, b *block) {
	c, T := r.c, r.T
	r.norm(r.s.n, r.x(), b.ln1, T, c.Width)
	r.matmul(r.s.k, r.s.n, T, b.k)
	r.matmul(r.s.v, r.s.n, T, b.v)
	r.turnHeads(r.s.k.Slice(0, T*c.KVHeads*c.HeadDim), b.knorm, b, c.KVHeads)
	r.store(l)
	r.compact(r.s.x, r.s.n)
	if r.T == 0 {
		return
	}
	r.matmul(r.s.q, r.s.n, r.T, b.q)
	r.turnHeads(r.s.q, b.qnorm, b, c.Heads)
	r.mixParts(l, b)
}

// compact moves the rows that each part keeps together, in buffers of rows as wide as the stream.
func (r *run) compact(bufs ...device.Buffer) {
	d, at := r.c.Width, 0
	for _, p := range r.parts {
		drop := max(p.n-p.Keep, 0)
		n, from := p.n-drop, p.row+drop
		if from != at && n > 0 {
			r.do(len(bufs)*n*d, func() {
				for _, b := range bufs {
					r.dev.Copy(b.Slice(at*d, n*d), b.Slice(from*d, n*d))
				}
			})
		}
		copy(r.at[at:], r.at[from:from+n])
		p.row, p.n, p.pos = at, n, p.pos+drop
		at += n
	}
	r.T, r.at = at, r.at[:at]
}

// finishParts computes the final norm of the kept rows, and the logits that someone wants.
func (r *run) finishParts() {
	logits := r.batch.Logits != nil || r.wants(0, hook.Logits)
	if r.err != nil || !logits && !r.wants(0, finalSites.scale, finalSites.normalized, finalSites.out) {
		return
	}
	r.compact(r.s.x)
	if r.T == 0 {
		return
	}
	r.normTapped(0, finalSites, r.s.n, r.x(), r.m.final)
	if r.batch.Last {
		r.onlyLast()
	}
	for i := 0; logits && i < len(r.parts) && r.err == nil; {
		first, rows := i, r.parts[i].n
		for i++; i < len(r.parts) && rows+r.parts[i].n <= rankRows; i++ {
			rows += r.parts[i].n
		}
		r.logitsOf(r.parts[first:i], rows)
	}
}

// onlyLast leaves the last normed row of each part.
func (r *run) onlyLast() {
	for _, p := range r.parts {
		one := *p.Part
		one.Keep = 1
		p.Part = &one
	}
	r.compact(r.s.n)
}

// logitsOf unembeds the rows of some parts, which lie together.
func (r *run) logitsOf(parts []*part, rows int) {
	if rows == 0 {
		return
	}
	out, err := r.m.logitRows(rows)
	if err != nil {
		r.err = err
		return
	}
	d, V, first := r.c.Width, r.c.Vocab, parts[0].row
	r.logits(out, r.s.n.Slice(first*d, rows*d), rows)
	for _, p := range parts {
		own, at := out.Slice((p.row-first)*V, p.n*V), hook.Point{Site: hook.Logits}
		if r.err == nil && p.Taps != nil && p.n > 0 && p.Taps.Wants(at) {
			r.err = p.Taps.At(r.ctx, at, Value{own, []int{p.n, V}, p.pos})
		}
		if r.err == nil && r.batch.Logits != nil && p.n > 0 {
			r.err = r.batch.Logits(p.at, own)
		}
	}
	r.m.pace.resume()
}
