package device

import "fmt"

// backward covers the operations of Backer, where the device has its own.
func (t *selfTest) backward() {
	if _, ok := t.dev.(Backer); !ok || t.err != nil {
		return
	}
	t.productsBack()
	const T, n = 5, 84
	dy, x, y, p := t.random(T*n), t.random(T*n), t.empty(T*n), t.empty(T*n)
	do := func(what string, f func(b Backer, on func(pair) Buffer)) {
		t.same(what, y, n, func(d Device, on func(pair) Buffer) { f(Back(d), on) })
	}
	for _, center := range []bool{false, true} {
		do("the gradient of a norm", func(b Backer, on func(pair) Buffer) { b.NormBack(on(y), on(dy), on(x), T, n, 1e-5, center) })
	}
	for f := SiLU; f <= ReLU; f++ {
		do(fmt.Sprintf("the gradient of activation %d", f), func(b Backer, on func(pair) Buffer) { b.ActBack(on(y), on(dy), on(x), f) })
	}
	do("the gradient of a soft cap", func(b Backer, on func(pair) Buffer) { b.SoftCapBack(on(y), on(dy), on(x), 3) })
	t.same("softmax", p, n, func(d Device, on func(pair) Buffer) { d.Softmax(on(p), on(x), T, n) })
	do("the gradient of softmax", func(b Backer, on func(pair) Buffer) { b.SoftmaxBack(on(y), on(dy), on(p), T, n) })
	a := Attn{T: 3, S: 7, Pos: 4, Heads: 4, KVHeads: 2, HeadDim: 20, Scale: 1}
	q, pattern, v := t.random(a.T*a.Heads*a.HeadDim), t.random(a.Heads*a.T*a.S), t.random(a.S*a.KVHeads*a.HeadDim)
	t.same("the gradient of values", v, a.HeadDim, func(d Device, on func(pair) Buffer) { Back(d).MixBack(on(v), on(pattern), on(q), a) })
}

// productsBack multiplies by every type the other way.
func (t *selfTest) productsBack() {
	const rows, cols, T = 70, 256, 5
	y, x := t.random(T*rows), t.empty(T*cols)
	for _, dt := range WeightTypes {
		if t.err != nil {
			return
		}
		t.withWeight(dt, rows, cols, func(w func(Device) Weight) {
			for _, n := range []int{1, T} {
				t.same(fmt.Sprintf("%s turned x %d", dt, n), x, cols, func(d Device, on func(pair) Buffer) { Back(d).MatMulT(on(x), on(y), n, w(d)) })
			}
		})
	}
}
