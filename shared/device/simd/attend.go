package simd

import (
	"fmt"

	"patchbay/shared/device"
)

// attnCall checks the shape and packs its numbers as attend.h has them.
func attnCall(a device.Attn) call {
	if a.KVHeads <= 0 || a.Heads%a.KVHeads != 0 || a.HeadDim <= 0 || a.T < 0 || a.S < 0 || a.Pos < 0 {
		panic(fmt.Sprintf("simd: attention of shape %+v", a))
	}
	return call{
		i: [12]int32{int32(a.T), int32(a.S), int32(a.Pos), int32(a.Heads), int32(a.KVHeads), int32(a.HeadDim), int32(a.Window)},
		f: [4]float32{a.Scale, a.SoftCap},
	}
}

func queries(a device.Attn) int { return a.T * a.Heads * a.HeadDim }
func keys(a device.Attn) int    { return a.S * a.KVHeads * a.HeadDim }
func pairs(a device.Attn) int   { return a.Heads * a.T * a.S }

// Scores implements device.Device.
func (d *Device) Scores(dst, q, k device.Buffer, a device.Attn) {
	c := attnCall(a)
	c.p = [8]uintptr{d.out(dst, pairs(a)), in(q, queries(a)), in(k, keys(a))}
	d.run(kScores, &c, a.Heads*a.T, cheap*float64(a.S*a.HeadDim))
}

// Softmax implements device.Device.
func (d *Device) Softmax(dst, x device.Buffer, rows, n int) {
	c := call{p: [8]uintptr{d.out(dst, rows*n), in(x, rows*n)}, i: [12]int32{int32(n)}}
	d.run(kSoftmax, &c, rows, dear*float64(n))
}

// Mix implements device.Device.
func (d *Device) Mix(dst, pattern, v device.Buffer, a device.Attn) {
	c := attnCall(a)
	c.p = [8]uintptr{d.out(dst, queries(a)), in(pattern, pairs(a)), in(v, keys(a))}
	d.run(kMix, &c, a.T*a.Heads, cheap*float64(a.S*a.HeadDim))
}

// maxLaneDim is MAX_E of attend.h.
const maxLaneDim = 256

// Attention implements device.Attender. With few queries, as when decoding, each is a unit; more of them share
// a vector's lanes.
func (d *Device) Attention(z, q, k, v device.Buffer, a device.Attn) {
	c := attnCall(a)
	c.p = [8]uintptr{d.out(z, queries(a)), in(q, queries(a)), in(k, keys(a)), in(v, keys(a))}
	work := 2 * cheap * float64(a.S*a.HeadDim)
	rows, lanes := a.T*a.Heads/a.KVHeads, d.host.lanes()
	if a.HeadDim > maxLaneDim || rows*4 <= lanes || a.T == 1 && rows*2 <= lanes || a.S == 0 {
		d.run(kAttention, &c, a.T*a.Heads, work)
		return
	}
	blocks := (rows + lanes - 1) / lanes
	c.i[7] = int32(blocks)
	d.run(kAttentionLanes, &c, blocks*a.KVHeads, work*float64(lanes)/4)
}
