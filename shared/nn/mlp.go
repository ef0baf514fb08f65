package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/hook"
)

// norm2 is the norm in front of the MLP.
func (r *run) norm2(l int, b *block) { r.normTapped(l, ln2Sites, r.s.n, r.x(), b.ln2) }

// mlp computes the MLP of the normed residual in n and adds it to the stream.
func (r *run) mlp(l int, b *block) {
	T, d := r.T, r.c.Width
	h := r.neurons(l, b)
	r.tap(l, hook.MLPPost, h, T, r.c.MLP)
	if !r.c.Sandwich && !r.wants(l, hook.MLPOut) {
		r.matmulAdd(r.x(), h, r.s.o, T, b.down)
		return
	}
	r.matmul(r.s.o, h, T, b.down)
	if r.c.Sandwich {
		r.tap(l, hook.MLPRawOut, r.s.o, T, d)
		r.norm(r.s.o, r.s.o, b.post2, T, d)
	}
	r.tap(l, hook.MLPOut, r.s.o, T, d)
	r.add(r.x(), r.s.o)
}

// neurons computes the hidden layer [T, f] after the activation function.
func (r *run) neurons(l int, b *block) device.Buffer {
	T, f := r.T, r.c.MLP
	up := r.s.up.Slice(0, T*f)
	if !r.c.Gated {
		r.matmul(up, r.s.n, T, b.up)
		r.tap(l, hook.MLPPre, up, T, f)
		r.do(8*T*f, func() { r.dev.Act(up, up, r.c.Act) })
		return up
	}
	gate := r.s.gate.Slice(0, T*f)
	r.matmul(gate, r.s.n, T, b.gate)
	r.tap(l, hook.MLPPre, gate, T, f)
	r.matmul(up, r.s.n, T, b.up)
	r.tap(l, hook.MLPPreLinear, up, T, f)
	r.do(8*T*f, func() {
		if g, ok := r.dev.(device.Gater); ok {
			g.Gate(gate, gate, up, r.c.Act)
			return
		}
		r.dev.Act(gate, gate, r.c.Act)
		r.dev.Mul(gate, gate, up)
	})
	return gate
}
