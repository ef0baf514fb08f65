package ref

import (
	"slices"

	"patchbay/shared/device"
)

// Branches implements device.Brancher: attention of one row at a time over its keys, put together.
func (d *Device) Branches(z, q, k, v, ownK, ownV device.Buffer, rows []device.Branch, a device.Attn) {
	hd, kd := a.Heads*a.HeadDim, a.KVHeads*a.HeadDim
	for t, r := range rows {
		join := func(shared, own device.Buffer) buffer {
			if r.Shared == 0 {
				return own.Slice(int(r.First)*kd, int(r.Own)*kd).(buffer)
			}
			return slices.Concat(f(shared, int(r.Shared)*kd), own.(buffer)[int(r.First)*kd:int(r.First+r.Own)*kd])
		}
		one := a
		one.T, one.S = 1, int(r.Shared+r.Own)
		one.Pos = one.S - 1
		p := make(buffer, a.Heads*one.S)
		d.Scores(p, q.Slice(t*hd, hd), join(k, ownK), one)
		d.Softmax(p, p, a.Heads, one.S)
		d.Mix(z.Slice(t*hd, hd), p, join(v, ownV), one)
	}
}
