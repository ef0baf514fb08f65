package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// Gradients to activations. Record runs a pass and keeps the residual stream before each block;
// Backward then goes down from cotangents (Seed), computing the inside of each block again from
// what was kept, so that memory is one block's and the stream's, whatever the depth.
//
// The gradient to a site takes the site as an independent variable and lets everything after it
// follow, attention patterns and norms included. Edits are part of what follows (Edits.Back): a
// set cuts the gradient, an add lets it pass, a scale scales it.

// Edits are Taps that know the way back through what they change.
type Edits interface {
	Taps
	// Back is called where At was wanted, on the way down: grad is the gradient to what At
	// left, and becomes the gradient to what At found. At has been called for the same point of
	// the same pass shortly before; it is called again for each Backward, and must do the same.
	Back(ctx context.Context, p hook.Point, grad Value) error
}

// Tape is what a pass left for going back.
type Tape struct {
	m      *Model
	edits  Edits
	first  int             // block of the first kept residual
	tokens bool            // the pass began with tokens: it has embeddings
	T      int             // rows
	resid  []device.Buffer // [T, d] before blocks first, first+1 ..., and after the last
	turned []device.Buffer // rope tables of the T positions that turn back, by Rope
}

// Layers is the range of blocks that the pass computed.
func (t *Tape) Layers() (first, end int) { return t.first, t.first + len(t.resid) - 1 }

// Rows is the number of positions.
func (t *Tape) Rows() int { return t.T }

// Resid is the residual stream [T, d] before block l, or after the last; it belongs to the tape.
func (t *Tape) Resid(l int) device.Buffer { return t.resid[l-t.first] }

// Free gives the memory back. The tape cannot be used any more.
func (t *Tape) Free() {
	for _, b := range append(t.resid, t.turned...) {
		t.m.dev.Free(b)
	}
	t.resid, t.turned = nil, nil
}

// TapeBytes is what a tape of T positions takes on the device.
func (c *Config) TapeBytes(T int) int64 { return 4 * int64(c.Layers+1) * int64(T) * int64(c.Width) }

// Record runs a pass and keeps what Backward needs. The pass has no cache, since what lies in one
// could not be gone back through; Taps is nil or Edits; Logits and Progress are as always, and
// From and Layers narrow what can be gone back through. The caller frees the tape.
func (m *Model) Record(ctx context.Context, p Pass) (*Tape, error) {
	edits, ok := p.Taps.(Edits)
	switch {
	case p.Taps != nil && !ok:
		return nil, errs.E("nn.Record", errs.Unsupported, "these taps do not say how gradients pass what they change (nn.Edits)")
	case p.Cache != nil:
		return nil, errs.E("nn.Record", errs.Unsupported, "gradients need a pass over the whole text, without a cache")
	}
	if err := m.check(&p); err != nil {
		return nil, err
	}
	t := &Tape{m: m, edits: edits, tokens: p.From == nil, T: p.rows(m.cfg.Width)}
	if p.From != nil {
		t.first = p.From.Layer
	}
	rec := &recording{t: t, layers: p.Layers}
	p.Taps, p.Logits = rec, NoLogits
	err := m.acquire(ctx, "nn.Record")
	if err != nil {
		return nil, err
	}
	defer m.release()
	if _, err = m.forward(ctx, p); err == nil {
		err = t.unturn()
	}
	if err != nil {
		t.Free()
		return nil, err
	}
	return t, nil
}

// recording is the taps of a pass that is recorded: the edits, and a copy of the residual stream.
type recording struct {
	t      *Tape
	layers int
}

// Wants implements Taps. What comes after the last block is left to Backward.
func (r *recording) Wants(p hook.Point) bool {
	switch p.Site {
	case hook.LNFinalScale, hook.LNFinalNormalized, hook.LNFinalOut, hook.Logits:
		return false
	}
	return r.keeps(p) || r.t.edits != nil && r.t.edits.Wants(p)
}

func (r *recording) keeps(p hook.Point) bool {
	return p.Site == hook.ResidPre && p.Layer < r.layers || p.Site == hook.ResidPost && p.Layer == r.layers-1
}

// At implements Taps.
func (r *recording) At(ctx context.Context, p hook.Point, v Value) error {
	if e := r.t.edits; e != nil && e.Wants(p) {
		if err := e.At(ctx, p, v); err != nil {
			return err
		}
	}
	if !r.keeps(p) {
		return nil
	}
	b, err := r.t.m.dev.Alloc(v.Buf.Len())
	if err != nil {
		return errs.E("nn.Record", errs.Other, "the residual stream of %d layers needs %d bytes: %w", r.layers, r.t.m.cfg.TapeBytes(r.t.T), err)
	}
	r.t.resid = append(r.t.resid, b)
	r.t.m.dev.Copy(b, v.Buf)
	return nil
}

// unturn makes the tables that turn rotations back: the sines have the other sign.
func (t *Tape) unturn() error {
	rot := t.m.cfg.Rotary
	for _, table := range t.m.ropes {
		x := make([]float32, t.T*rot)
		if err := t.m.dev.Download(x, table.Slice(0, len(x))); err != nil {
			return err
		}
		for i := range x {
			if i%rot >= rot/2 {
				x[i] = -x[i]
			}
		}
		b, err := t.m.dev.Alloc(len(x))
		if err != nil {
			return err
		}
		t.turned = append(t.turned, b)
		t.m.dev.Upload(b, x)
	}
	return nil
}

// Seed is where a cotangent begins: a gradient that is added to the one at a site.
type Seed struct {
	At   hook.Point
	Row  int           // the first row (position) that Grad is for; 0 at attention scores and patterns
	Grad device.Buffer // [rows, ...] as the site has them, or [H, T, S]
	// Before adds it to the gradient of the value before edits.
	Before bool
}

// Gradients receives what Backward computes.
type Gradients interface {
	// Wants reports whether At is to be called at the point, the same all through.
	Wants(hook.Point) bool
	// At is called with the gradient to the site's value after edits, on the way down. The
	// rows before v.Pos are zero: of logits only those from the first seed on are shown, and only
	// for cotangents that have one there. What it
	// is given must not be changed. It may use the device but not the model.
	//
	// Where hook_q_input, k_input or v_input is wanted, the ln1 sites are shown three times, the
	// part that comes through v, k and q, in that order; their gradient is the sum.
	At(ctx context.Context, p hook.Point, cotangent int, v Value) error
}

// Back asks for vector-Jacobian products. A cotangent is a set of seeds; all go down together, so
// that a block is computed again once for as many as fit.
type Back struct {
	Cotangents [][]Seed
	To         Gradients
	// Progress, if set, is called after each block.
	Progress func(done, total int)
}

// backRows is how many rows, cotangents times positions, go down together.
const backRows = 256

// Backward computes the gradients of each cotangent at all sites that b.To wants. Errors:
// errs.Invalid for seeds that do not fit, errs.Unsupported for seeds at read-only sites,
// errs.Cancelled, errs.NoSpace. Whatever it allocated is freed.
func (m *Model) Backward(ctx context.Context, t *Tape, b Back) error {
	if err := t.checkSeeds(b.Cotangents); err != nil {
		return err
	}
	return m.groups(ctx, t, b, (*descent).descend)
}

// groups takes as many cotangents or tangents at a time along the way as fit.
func (m *Model) groups(ctx context.Context, t *Tape, b Back, way func(*descent)) error {
	if err := m.acquire(ctx, "nn.Backward"); err != nil {
		return err
	}
	defer m.release()
	defer m.shrink()
	if err := m.grow(t.T); err != nil {
		return err
	}
	for at, n := 0, 0; at < len(b.Cotangents); at += n {
		n = min(len(b.Cotangents)-at, max(1, backRows/t.T))
		d := newDescent(ctx, t, b, at, n)
		way(d)
		d.free()
		if d.err == nil {
			d.err = hostError(d.ops)
		}
		if d.err != nil {
			return d.failed()
		}
	}
	return nil
}

func (t *Tape) checkSeeds(cotangents [][]Seed) error {
	for _, list := range cotangents {
		for _, s := range list {
			if err := t.checkSeed(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tape) checkSeed(s Seed) error {
	const op = "nn.Backward"
	c := &t.m.cfg
	shape, editable, err := c.Site(s.At)
	if err != nil {
		return err
	}
	first, end := t.Layers()
	switch about, _ := hook.Lookup(s.At.Site); {
	case !editable:
		return errs.E(op, errs.Unsupported, "a gradient cannot begin at %s, which is only read", s.At)
	case about.InBlock && (s.At.Layer < first || s.At.Layer >= end):
		return errs.E(op, errs.Invalid, "a gradient cannot begin at %s: layers %d to %d were recorded", s.At, first, end-1)
	case !about.InBlock && above(s.At) && end < c.Layers:
		return errs.E(op, errs.Invalid, "a gradient cannot begin at %s: the recorded pass ends at layer %d", s.At, end-1)
	case !about.InBlock && !above(s.At) && !t.tokens:
		return errs.E(op, errs.Invalid, "a gradient cannot begin at %s: the recorded pass began with a residual stream", s.At)
	case about.Shape == hook.Square && (s.Row != 0 || s.Grad.Len() != c.Heads*t.T*t.T):
		return errs.E(op, errs.Invalid, "a gradient at %s has %d numbers where [%d, %d, %[4]d] are needed", s.At, s.Grad.Len(), c.Heads, t.T)
	case about.Shape == hook.Square:
		return nil
	}
	n := 1
	for _, d := range shape[1:] {
		n *= d
	}
	if s.Row < 0 || s.Grad.Len() == 0 || s.Grad.Len()%n != 0 || s.Row+s.Grad.Len()/n > t.T {
		return errs.E(op, errs.Invalid, "a gradient at %s of %d numbers from row %d on does not fit the %d rows of %d", s.At, s.Grad.Len(), s.Row, t.T, n)
	}
	return nil
}

// above reports whether a point lies after the last block.
func above(p hook.Point) bool { return !p.Before(hook.Point{Site: hook.LNFinalScale}) }

// hostError is what went wrong in operations that the host did for the device.
func hostError(ops device.Backer) error {
	if h, ok := ops.(*device.HostBack); ok {
		return h.Err
	}
	return nil
}
