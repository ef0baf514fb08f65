package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// Cache holds the keys (after rope) and values of every layer, [Len, K, e] each.
type Cache struct {
	K, V []device.Buffer // by layer, room for Cap positions
	Len  int
	Cap  int
	dev  device.Device
	row  int // K*e
}

func cacheBytes(c *Config, positions int) int64 {
	return 8 * int64(c.Layers) * int64(positions) * int64(c.KVHeads) * int64(c.HeadDim)
}

// NewCache makes an empty cache for n positions. The caller frees it.
func (m *Model) NewCache(n int) (*Cache, error) {
	if n < 1 || n > m.max {
		return nil, errs.E("nn.NewCache", errs.TooLarge, "a cache of %d positions is asked for; this model is loaded for 1 to %d", n, m.max)
	}
	return m.newCache(n)
}

func (m *Model) newCache(n int) (*Cache, error) {
	c := &Cache{Cap: n, dev: m.dev, row: m.cfg.KVHeads * m.cfg.HeadDim}
	for range m.cfg.Layers {
		for _, list := range []*[]device.Buffer{&c.K, &c.V} {
			b, err := m.dev.Alloc(n * c.row)
			if err != nil {
				c.Free()
				return nil, errs.E("nn.NewCache", errs.Other, "a cache of %d positions needs %d bytes: %w", n, cacheBytes(&m.cfg, n), err)
			}
			*list = append(*list, b)
		}
	}
	return c, nil
}

// Free gives the memory back. The cache cannot be used any more.
func (c *Cache) Free() {
	for _, b := range append(c.K, c.V...) {
		c.dev.Free(b)
	}
	*c = Cache{}
}

// Truncate forgets all positions from n on.
func (c *Cache) Truncate(n int) { c.Len = max(min(c.Len, n), 0) }

// CopyFrom makes c hold the first n positions of src, a cache of the same model.
func (c *Cache) CopyFrom(src *Cache, n int) error {
	if n > src.Len || n > c.Cap {
		return errs.E("nn.CopyFrom", errs.Invalid, "%d positions cannot be copied from a cache that holds %d into one with room for %d", n, src.Len, c.Cap)
	}
	for l := range c.K {
		c.dev.Copy(c.K[l].Slice(0, n*c.row), src.K[l].Slice(0, n*c.row))
		c.dev.Copy(c.V[l].Slice(0, n*c.row), src.V[l].Slice(0, n*c.row))
	}
	c.Len = n
	return nil
}
