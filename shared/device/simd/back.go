package simd

import "patchbay/shared/device"

var _ device.Backer = (*Device)(nil)

// MatMulT implements device.Backer. Of a large vocabulary only so many rows go together as the
// scratch holds.
func (d *Device) MatMulT(dst, y device.Buffer, T int, w device.Weight) {
	m := w.(*weight)
	to, from := d.out(dst, T*m.cols), in(y, T*m.rows)
	units := (m.cols + unitRows - 1) / unitRows
	for t, n := 0, 0; t < T; t += n {
		n = min(maxT, T-t, d.work.bytes/(4*m.rows))
		c := call{p: [8]uintptr{to + uintptr(4*t*m.cols), m.addr}, i: [12]int32{int32(m.dt), int32(m.rows), int32(m.cols), int32(n)}}
		c.p[2] = d.prepare(prepared{op: kPack, x: from + uintptr(4*t*m.rows), T: n, cols: m.rows})
		d.run(kGEMMT, &c, units, float64(2*unitRows*m.rows*n)/40)
		d.prepped.written(c.p[0], n*m.cols)
	}
}

// NormBack implements device.Backer.
func (d *Device) NormBack(dst, dy, x device.Buffer, T, n int, eps float32, center bool) {
	c := call{p: [8]uintptr{d.out(dst, T*n), in(dy, T*n), in(x, T*n)}, i: [12]int32{int32(n)}, f: [4]float32{eps}}
	if center {
		c.i[1] = 1
	}
	d.run(kNormBack, &c, T, 3*cheap*float64(n))
}

// SoftmaxBack implements device.Backer.
func (d *Device) SoftmaxBack(dst, dy, p device.Buffer, rows, n int) {
	c := call{p: [8]uintptr{d.out(dst, rows*n), in(dy, rows*n), in(p, rows*n)}, i: [12]int32{int32(n)}}
	d.run(kSoftmaxBack, &c, rows, 2*cheap*float64(n))
}

// SoftCapBack implements device.Backer.
func (d *Device) SoftCapBack(dst, dy, y device.Buffer, limit float32) {
	d.slope(dst, dy, y, actSoftCap, limit)
}

// ActBack implements device.Backer.
func (d *Device) ActBack(dst, dy, x device.Buffer, f device.Act) {
	d.slope(dst, dy, x, int32(f), 1)
}

func (d *Device) slope(dst, dy, x device.Buffer, f int32, limit float32) {
	n := x.Len()
	c := call{p: [8]uintptr{d.out(dst, n), in(dy, n), in(x, n)}, f: [4]float32{limit}}
	c.i[2] = f
	d.each(kActBack, &c, n, dear)
}

// MixBack implements device.Backer.
func (d *Device) MixBack(dst, pattern, x device.Buffer, a device.Attn) {
	c := attnCall(a)
	c.p = [8]uintptr{d.out(dst, keys(a)), in(pattern, pairs(a)), in(x, queries(a))}
	d.run(kMixBack, &c, a.S*a.KVHeads, cheap*float64(a.T*a.Heads/a.KVHeads*a.HeadDim))
}
