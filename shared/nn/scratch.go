package nn

import (
	"math/bits"

	"patchbay/shared/device"
)

// chunk is how many positions a pass computes at a time when nobody looks; it bounds scratch.
const chunk = 256

// scratch holds the activations of one layer for up to rows positions. It grows and is kept,
// so that generating allocates nothing.
type scratch struct {
	rows    int
	x, n, o device.Buffer // [rows, d]: residual, normed, what is to be added to the residual
	in      device.Buffer // [rows, d]: one projection's own copy of the residual
	scale   device.Buffer // [rows]
	q, z    device.Buffer // [rows, H, e]
	k, v    device.Buffer // [rows, K, e], for passes without a cache
	gate    device.Buffer // [rows, f]
	up      device.Buffer // [rows, f]

	scores device.Buffer // a tile of [H, T, S]
}

func (s *scratch) parts(c *Config) (bufs []*device.Buffer, widths []int) {
	hd, kd := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	bufs = []*device.Buffer{&s.x, &s.n, &s.o, &s.in, &s.scale, &s.q, &s.z, &s.k, &s.v, &s.gate, &s.up}
	return bufs, []int{c.Width, c.Width, c.Width, c.Width, 1, hd, hd, kd, kd, c.MLP, c.MLP}
}

// scratchSize is the number of floats for rows positions.
func scratchSize(c *Config, rows int) int {
	_, widths := new(scratch).parts(c)
	n := 0
	for _, w := range widths {
		n += w * rows
	}
	return n
}

// grow makes room for rows positions.
func (m *Model) grow(rows int) error {
	s := &m.scratch
	if rows <= s.rows {
		return nil
	}
	bufs, widths := s.parts(&m.cfg)
	s.free(m.dev)
	for i, b := range bufs {
		var err error
		if *b, err = m.dev.Alloc(rows * widths[i]); err != nil {
			*b = nil
			s.free(m.dev)
			return err
		}
	}
	s.rows = rows
	return nil
}

// tileSize is what is taken for n floats of scores: more, so that a growing text rarely needs
// another.
func tileSize(n int) int { return max(1<<14, 1<<bits.Len(uint(n-1))) }

// tile is a buffer for n floats of attention scores.
func (m *Model) tile(n int) (device.Buffer, error) {
	s := &m.scratch
	if s.scores == nil || s.scores.Len() < n {
		if s.scores != nil {
			m.dev.Free(s.scores)
			s.scores = nil
		}
		b, err := m.dev.Alloc(tileSize(n))
		if err != nil {
			return nil, err
		}
		s.scores = b
	}
	return s.scores.Slice(0, n), nil
}

// shrink gives back what an unusually large pass needed.
func (m *Model) shrink() {
	s := &m.scratch
	if s.rows > 4*chunk {
		s.free(m.dev)
	}
	if s.scores != nil && s.scores.Len() > 4*scoreTile {
		m.dev.Free(s.scores)
		s.scores = nil
	}
}

func (s *scratch) free(dev device.Device) {
	bufs, _ := s.parts(&Config{})
	for _, b := range append(bufs, &s.scores) {
		if *b != nil {
			dev.Free(*b)
		}
	}
	*s = scratch{}
}
