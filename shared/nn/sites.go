package nn

import (
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// What stands in a site's shape for sizes that depend on the pass.
const (
	DimT = -1 // rows of the pass
	DimS = -2 // keys that the last row can see: Cache.Len + T
)

// Site tells the shape of a site in this model (DimT and DimS where the pass decides) and
// whether it can be changed. A site that the family lacks is errs.Unsupported, an unknown one
// errs.NotFound, a layer that is not there errs.Invalid.
func (m *Model) Site(p hook.Point) (shape []int, editable bool, err error) { return m.cfg.Site(p) }

// Site is as Model.Site, before anything is loaded.
func (c *Config) Site(p hook.Point) (shape []int, editable bool, err error) {
	about, err := hook.Lookup(p.Site)
	if err != nil {
		return nil, false, err
	}
	if about.InBlock && (p.Layer < 0 || p.Layer >= c.Layers) {
		return nil, false, errs.E("nn.Site", errs.Invalid, "layer %d of %s does not exist; this model has layers 0 to %d", p.Layer, p.Site, c.Layers-1)
	}
	if why := c.lacks(p.Site); why != "" {
		return nil, false, errs.E("nn.Site", errs.Unsupported, "this model (%s) has no site %s: %s", c.Arch, p.Site, why)
	}
	return c.shape(about.Shape), !about.ReadOnly, nil
}

// Sites lists all sites of a model in order of computation.
func (c *Config) Sites() []hook.Point {
	var before, after, out []hook.Point
	for _, a := range hook.All() {
		if c.lacks(a.Site) != "" || a.InBlock {
			continue
		}
		if p := (hook.Point{Site: a.Site}); p.Before(hook.Point{Site: hook.ResidPre}) {
			before = append(before, p)
		} else {
			after = append(after, p)
		}
	}
	out = append(out, before...)
	for l := range c.Layers {
		for _, a := range hook.All() {
			if a.InBlock && c.lacks(a.Site) == "" {
				out = append(out, hook.Point{Layer: l, Site: a.Site})
			}
		}
	}
	return append(out, after...)
}

// lacks says why the family does not have a site, or nothing.
func (c *Config) lacks(s hook.Site) string {
	switch s {
	case hook.PosEmbed:
		return when(!c.Learned, "positions are rotations, not embeddings")
	case hook.QNormed, hook.KNormed:
		return when(!c.QKNorm, "queries and keys are not normed")
	case hook.RotQ, hook.RotK:
		return when(c.Learned, "positions are embeddings, not rotations")
	case hook.AttnRawOut:
		return when(!c.Sandwich, "there is no norm after attention; use hook_attn_out")
	case hook.MLPRawOut:
		return when(!c.Sandwich, "there is no norm after the MLP; use hook_mlp_out")
	case hook.ResidMid:
		return when(c.Parallel, "attention and MLP run side by side")
	case hook.MLPPreLinear:
		return when(!c.Gated, "the MLP has no gate; use mlp.hook_pre")
	}
	return ""
}

func when(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func (c *Config) shape(s hook.Shape) []int {
	switch s {
	case hook.Scalar:
		return []int{DimT, 1}
	case hook.Heads:
		return []int{DimT, c.Heads, c.HeadDim}
	case hook.KVHeads:
		return []int{DimT, c.KVHeads, c.HeadDim}
	case hook.Square:
		return []int{c.Heads, DimT, DimS}
	case hook.HeadsD:
		return []int{DimT, c.Heads, c.Width}
	case hook.Neurons:
		return []int{DimT, c.MLP}
	case hook.Vocab:
		return []int{DimT, c.Vocab}
	}
	return []int{DimT, c.Width}
}
