package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// HeadReaders takes a direction of what attention adds back through each layer's output matrix:
// dirs [layer][d] gives [layer][H*e], the direction along which each head's mixed values (z) write
// dirs[layer]. The product of z with it is what attention writes along the direction, but for the
// bias. Norms behind the matrix (Gemma's) are the caller's.
func (m *Model) HeadReaders(ctx context.Context, dirs [][]float32) ([][]float32, error) {
	const op = "nn.HeadReaders"
	c := &m.cfg
	if len(dirs) != c.Layers {
		return nil, errs.E(op, errs.Invalid, "there are %d directions; the model has %d layers", len(dirs), c.Layers)
	}
	if err := m.acquire(ctx, op); err != nil {
		return nil, err
	}
	defer m.release()
	n := c.Heads * c.HeadDim
	room, err := m.dev.Alloc(c.Width + n)
	if err != nil {
		return nil, errs.E(op, errs.Other, "%w", err)
	}
	defer m.dev.Free(room)
	in, back := room.Slice(0, c.Width), room.Slice(c.Width, n)
	d, out := &descent{run: m.tail(ctx), ops: device.Back(m.dev), C: 1}, make([][]float32, c.Layers)
	for l, dir := range dirs {
		if len(dir) != c.Width {
			return nil, errs.E(op, errs.Invalid, "the direction of layer %d has %d numbers; the residual stream has %d", l, len(dir), c.Width)
		}
		m.dev.Upload(in, dir)
		d.matmulT(back, in, m.blocks[l].out)
		out[l] = make([]float32, n)
		d.download(out[l], back)
	}
	if d.err == nil {
		d.err = hostError(d.ops)
	}
	if d.err != nil {
		return nil, d.failed()
	}
	return out, nil
}
