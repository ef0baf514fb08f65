package plan

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// together is how many variants must be decoded as one batch for weights to be read once for all.
const together = 4

// cones counts what a group of variants takes, beside its base run: over the prompt, then token by token.
func (c *Compiled) cones(r *run) (prefill, decode float64) {
	for _, k := range c.conesOf(r) {
		p, d := c.coneFlops(r, k.cone)
		prefill, decode = prefill+float64(k.n)*p, decode+float64(k.n)*d
	}
	if r.variants() >= together {
		prefill, decode = prefill+decode, 0
	}
	return prefill, decode
}

// counted is a cone that n variants in a row have.
type counted struct {
	cone
	n int
}

// conesOf lists the cones of a run's variants, in their order. Only the place matters to them: all
// heads, elements, operands and strengths there have one cone.
func (c *Compiled) conesOf(r *run) []counted {
	if r.sweep == nil {
		return []counted{{c.cone(r), 1}}
	}
	inner := 1
	for _, n := range r.sweep.size[headAxis:] {
		inner *= n
	}
	out := make([]counted, 0, r.sweep.n/inner)
	for v := 0; v < r.sweep.n; v += inner {
		out = append(out, counted{c.cone(r.variant(v)), inner})
	}
	return out
}

// coneFlops is one variant's part.
func (c *Compiled) coneFlops(r *run, k cone) (prefill, decode float64) {
	T, depth := float64(len(r.ids)), c.depth(r)
	rows, layers := float64(len(r.ids)-k.pos), float64(max(depth-k.enter, 0))
	L := float64(c.cfg.Layers)
	prefill = layers / L * (rows*c.token() + c.attention()*rows*(T+float64(k.pos))/2)
	unembed := 2 * float64(c.cfg.Width) * float64(c.cfg.Vocab)
	prefill += float64(c.wholeRows(r)) * unembed
	if depth == c.cfg.Layers && layers > 0 {
		prefill -= max(rows-float64(c.lastRows(r)), 0) * c.lastSaving()
	}
	if r.gen != nil {
		n := float64(r.gen.Count)
		decode = n*(c.token()+unembed) + c.attention()*n*(T+n/2)
	}
	return prefill, decode
}

// depth is how many blocks must be computed for what a run reads.
func (c *Compiled) depth(r *run) int {
	if r.gen != nil {
		return c.cfg.Layers
	}
	last := 0
	for _, d := range r.reads {
		switch {
		case d.about.InBlock:
			for _, l := range d.layers {
				last = max(last, l+1)
			}
		case d.about.Site != hook.Embed && d.about.Site != hook.PosEmbed:
			return c.cfg.Layers
		}
	}
	return last
}

// lastRows is how many rows of the last block's output a run reads, where it reads nothing inside it.
func (c *Compiled) lastRows(r *run) int {
	rows := map[int]bool{}
	for _, d := range r.reads {
		inside := d.about.InBlock && d.layers[len(d.layers)-1] == c.cfg.Layers-1 && d.about.Site != hook.ResidPost && d.about.Site != hook.ResidPre
		if inside {
			return len(r.ids)
		}
		for _, p := range d.pos {
			rows[p] = true
		}
	}
	return len(rows)
}

// lastSaving is what a row costs less in the last block if only its key and value are needed.
func (c *Compiled) lastSaving() float64 {
	g := &c.cfg
	kv := 2 * float64(g.Width) * float64(2*g.KVHeads*g.HeadDim)
	return c.token()/float64(g.Layers) - kv
}

// wholeRows counts the rows taken to the whole vocabulary: logits of a few tokens are not.
func (c *Compiled) wholeRows(r *run) int {
	whole := *r
	whole.reads = nil
	for _, d := range r.reads {
		if d.src.Reduce != Logits && d.src.Reduce != LogitDiff || len(d.tokens) > deviceTokens {
			whole.reads = append(whole.reads, d)
		}
	}
	return c.rows(&whole)
}

// sweepBytes is what a sweep takes at the peak: its tile, its base run and its results.
func (c *Compiled) sweepBytes(r *run) int64 {
	g, n := &c.cfg, int64(len(r.ids))
	base := 8*int64(g.Layers*g.KVHeads*g.HeadDim)*n + 4*int64(g.Layers*g.Width)*n
	tile := min(tileRows, int64(r.variants())*n)*g.BatchRowBytes() + c.held(r)*min(int64(r.variants()), tileParts)
	results := int64(0)
	for _, d := range r.reads {
		results += 4 * int64(d.numbers()) * int64(r.variants())
	}
	return base + min(tile, DefaultMemory) + results + 4*32*int64(g.Vocab)
}

// priceSweep is a sweep's price: its base run and its cones.
func (c *Compiled) priceSweep(r *run, dev device.Info) (p Price) {
	T := float64(len(r.ids))
	base := T*c.token() + c.attention()*T*T/2
	prefill, decode := c.cones(r)
	p = Price{FLOPs: base + prefill + decode, Bytes: c.sweepBytes(r)}
	if dev.FLOPS > 0 {
		p.Seconds = (prefillCost*(base+prefill) + decodeCost*decode) / dev.FLOPS
	}
	return p
}
