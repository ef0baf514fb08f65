package simd

import (
	"fmt"
	"unsafe"

	"patchbay/shared/device"
)

// branchInts is how many numbers describe a row to the kernel: those of device.Branch.
const branchInts = 3

// Branches implements device.Brancher.
func (d *Device) Branches(z, q, k, v, ownK, ownV device.Buffer, rows []device.Branch, a device.Attn) {
	row := a.Heads * a.HeadDim
	shared, own := 0, 0
	for _, r := range rows {
		if r.Shared < 0 || r.First < 0 || r.Own < 1 {
			panic(fmt.Sprintf("simd: a query row with the keys %+v", r))
		}
		shared, own = max(shared, int(r.Shared)), max(own, int(r.First+r.Own))
	}
	kd := a.KVHeads * a.HeadDim
	c := attnCall(a)
	c.p = [8]uintptr{d.out(z, len(rows)*row), in(q, len(rows)*row), in(k, shared*kd), in(v, shared*kd), in(ownK, own*kd), in(ownV, own*kd)}
	for len(rows) > 0 {
		part := rows[:min(len(rows), maxInts/branchInts)]
		c.p[6] = d.putInts(unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(part))), branchInts*len(part)))
		d.run(kBranches, &c, len(part)*a.Heads, 2*cheap*float64((shared+own)*a.HeadDim))
		rows = rows[len(part):]
		c.p[0], c.p[1] = c.p[0]+uintptr(4*len(part)*row), c.p[1]+uintptr(4*len(part)*row)
	}
}
