package simd

import (
	"fmt"

	"patchbay/shared/device"
)

// Act functions of the kernel beyond device.Act.
const (
	actSoftCap = 4
	actExp     = 5
	actTanh    = 6
	actErf     = 7
)

// Nanoseconds an element takes, roughly, of cheap and of dear functions.
const (
	cheap = 0.2
	dear  = 1.5
)

// each runs a kernel over n elements in chunks.
func (d *Device) each(op int, c *call, n int, ns float64) {
	c.i[0], c.i[1] = int32(n&(1<<31-1)), int32(n>>31)
	d.run(op, c, (n+chunk-1)/chunk, ns*float64(min(n, chunk)))
}

func (d *Device) fill(addr uintptr, n int) {
	d.each(kFill, &call{p: [8]uintptr{addr}}, n, cheap)
}

// Copy implements device.Device. The buffers may overlap.
func (d *Device) Copy(dst, src device.Buffer) {
	n := src.Len()
	c := call{p: [8]uintptr{d.out(dst, n), in(src, n)}}
	c.i[0], c.i[1] = int32(n&(1<<31-1)), int32(n>>31)
	if n > 0 {
		*d.call = c
		d.host.run(kCopy, d.call, (n+chunk-1)/chunk, n) // one slice, so that overlap is in order
	}
}

// Normalize implements device.Device.
func (d *Device) Normalize(dst, scale, x device.Buffer, T, n int, eps float32, center bool) {
	d.norm(dst, scale, x, nil, nil, T, n, eps, center)
}

// Norm implements device.Normer.
func (d *Device) Norm(dst, x, weight, bias device.Buffer, T, n int, eps float32, center bool) {
	d.norm(dst, nil, x, weight, bias, T, n, eps, center)
}

func (d *Device) norm(dst, scale, x, weight, bias device.Buffer, T, n int, eps float32, center bool) {
	c := call{p: [8]uintptr{d.out(dst, T*n), 0, in(x, T*n), maybe(weight, n), maybe(bias, n)}, f: [4]float32{eps}}
	if scale != nil {
		c.p[1] = d.out(scale, T)
	}
	c.i[0] = int32(n)
	if center {
		c.i[1] = 1
	}
	d.run(kNorm, &c, T, 2*cheap*float64(n))
}

// Affine implements device.Device.
func (d *Device) Affine(dst, x, weight, bias device.Buffer, T, n int) {
	c := call{p: [8]uintptr{d.out(dst, T*n), 0, in(x, T*n), in(weight, n), maybe(bias, n)}, i: [12]int32{int32(n)}}
	d.run(kAffine, &c, T, cheap*float64(n))
}

// Rope implements device.Device.
func (d *Device) Rope(dst, x device.Buffer, heads, headDim, rot int, pos []int32, table device.Buffer) {
	if rot < 0 || rot > headDim || rot%2 != 0 {
		panic(fmt.Sprintf("simd: rotation of %d of %d elements", rot, headDim))
	}
	row := heads * headDim
	to, from := d.out(dst, len(pos)*row), in(x, len(pos)*row)
	angles := in(table, table.Len())
	for _, p := range pos {
		if p < 0 || (int(p)+1)*rot > table.Len() {
			panic(fmt.Sprintf("simd: position %d is not in a rotation table of %d rows", p, table.Len()/max(rot, 1)))
		}
	}
	for at := 0; at < len(pos); at += maxInts {
		part := pos[at:min(at+maxInts, len(pos))]
		off := uintptr(4 * at * row)
		c := call{p: [8]uintptr{to + off, from + off, angles, d.putInts(part)}, i: [12]int32{int32(heads), int32(headDim), int32(rot)}}
		d.run(kRope, &c, len(part), 2*cheap*float64(row))
	}
}

// Act implements device.Device.
func (d *Device) Act(dst, x device.Buffer, f device.Act) {
	d.act(dst, x, nil, x.Len(), int32(f), 0)
}

// Gate implements device.Gater.
func (d *Device) Gate(dst, gate, up device.Buffer, f device.Act) {
	d.act(dst, gate, up, gate.Len(), int32(f), 0)
}

// SoftCap implements device.Device.
func (d *Device) SoftCap(dst, x device.Buffer, limit float32) {
	d.act(dst, x, nil, x.Len(), actSoftCap, limit)
}

func (d *Device) act(dst, x, factor device.Buffer, n int, f int32, limit float32) {
	c := call{p: [8]uintptr{d.out(dst, n), in(x, n), maybe(factor, n)}, f: [4]float32{limit}}
	c.i[2] = f
	d.each(kAct, &c, n, dear)
}

// Add implements device.Device.
func (d *Device) Add(dst, a, b device.Buffer) { d.binary(dst, a, b, 0) }

// Mul implements device.Device.
func (d *Device) Mul(dst, a, b device.Buffer) { d.binary(dst, a, b, 1) }

func (d *Device) binary(dst, a, b device.Buffer, op int32) {
	n := a.Len()
	c := call{p: [8]uintptr{d.out(dst, n), in(a, n), in(b, n)}}
	c.i[2] = op
	d.each(kBinary, &c, n, cheap)
}

// Scale implements device.Device.
func (d *Device) Scale(dst, x device.Buffer, s float32) {
	n := x.Len()
	d.each(kScale, &call{p: [8]uintptr{d.out(dst, n), in(x, n)}, f: [4]float32{s}}, n, cheap)
}
