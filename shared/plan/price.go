package plan

import "patchbay/shared/device"

// Price is an estimate of what a plan costs, made before it runs.
type Price struct {
	FLOPs   float64 `json:"flops"`
	Bytes   int64   `json:"bytes"`   // of device and host memory at the peak, beside the model
	Seconds float64 `json:"seconds"` // on the device asked about
}

// Time per floating-point operation, as a multiple of what the device's matrix rate promises:
// whole passes (measured on SIMD, norms, attention and ranking included), and matrix-vector
// products, which wait for memory.
const (
	prefillCost = 1.3
	decodeCost  = 2.5
)

// Price estimates the plan's cost on a device: of sweeps what Execute computes, of other runs the whole.
func (c *Compiled) Price(dev device.Info) Price {
	var p Price
	for _, r := range c.runs {
		if r.variants() > 1 {
			s := c.priceSweep(r, dev)
			p.FLOPs, p.Seconds, p.Bytes = p.FLOPs+s.FLOPs, p.Seconds+s.Seconds, max(p.Bytes, s.Bytes)
			continue
		}
		prefill, decode := c.flops(r)
		p.FLOPs += prefill + decode
		if dev.FLOPS > 0 {
			p.Seconds += (prefillCost*prefill + decodeCost*decode) / dev.FLOPS
		}
		p.Bytes = max(p.Bytes, c.bytes(r))
	}
	return p
}

// flops counts multiplications and additions: over the prompt and the rows of the vocabulary
// reductions, then one token at a time.
func (c *Compiled) flops(r *run) (prefill, decode float64) {
	T := float64(len(r.ids))
	unembed := 2 * float64(c.cfg.Width) * float64(c.cfg.Vocab)
	whole := T*c.token() + c.attention()*T*T/2
	prefill = whole + float64(c.rows(r))*unembed
	if n := float64(len(r.slopes())); n > 0 { // recorded, computed again, and back for each
		prefill += (2+1.5*n)*whole + 2*n*unembed
	}
	if r.gen != nil {
		n := float64(r.gen.Count)
		decode = n*(c.token()+unembed) + c.attention()*n*(T+n/2)
	}
	return prefill, decode
}

// token is the cost of one position in all layers, attention over the others aside.
func (c *Compiled) token() float64 {
	g := &c.cfg
	d, f := float64(g.Width), float64(g.MLP)
	attn := d*float64((g.Heads+2*g.KVHeads)*g.HeadDim) + float64(g.Heads*g.HeadDim)*d
	mlp := 2 * d * f
	if g.Gated {
		mlp = 3 * d * f
	}
	return 2 * float64(g.Layers) * (attn + mlp)
}

// attention is the cost of a query and a key seeing each other, in all layers.
func (c *Compiled) attention() float64 {
	return 4 * float64(c.cfg.Layers*c.cfg.Heads*c.cfg.HeadDim)
}

// rows counts the rows that are taken to the vocabulary.
func (c *Compiled) rows(r *run) int {
	type row struct{ layer, pos int }
	seen, n := map[row]bool{}, len(r.needed())
	for _, d := range r.reads {
		if !d.lens() {
			continue
		}
		for _, l := range d.layers {
			for _, p := range d.pos {
				seen[row{l, p}] = true
			}
		}
		n += len(d.layers) * (d.box.pos - len(d.pos))
	}
	return n + len(seen)
}

func (c *Compiled) bytes(r *run) int64 {
	g := &c.cfg
	n := int64(len(r.ids))
	if r.gen != nil {
		n += int64(r.gen.Count)
	}
	cache := 2 * int64(g.Layers*g.KVHeads*g.HeadDim) * n
	work := int64(4*g.Width+2*g.MLP+3*g.Heads*g.HeadDim) * n
	tile := int64(32 * g.Vocab)
	held := int64(len(r.keep) * g.Vocab)
	if slopes := int64(len(r.slopes())); slopes > 0 {
		held += int64(g.Layers+1)*int64(g.Width)*n + slopes*work
	}
	for _, d := range r.reads {
		width := d.box.heads * d.box.width
		if d.lens() {
			width = g.Width
		}
		held += 2 * int64(len(d.layers)*d.box.pos*width)
	}
	return 4 * (cache + work + tile + held)
}
