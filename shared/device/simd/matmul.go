package simd

import (
	"fmt"
	"time"
	"unsafe"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

const (
	tileRows = 16  // rows of a tile (tile.h)
	unitRows = 32  // rows of a unit of the matrix kernels
	maxT     = 240 // rows of activations prepared at once: whole row tiles of every instruction set
)

// weight is a matrix in tiles (tile.h), rows padded with zeros to whole units.
type weight struct {
	dt         tensor.DType
	rows, cols int
	addr       uintptr
	bytes      int
}

// Rows implements device.Weight.
func (w *weight) Rows() int { return w.rows }

// Cols implements device.Weight.
func (w *weight) Cols() int { return w.cols }

// DType implements device.Weight.
func (w *weight) DType() tensor.DType { return w.dt }

func isFloat(dt tensor.DType) bool { return dt <= tensor.BF16 }

// chunks says how many blocks of 32 columns lie together in a tile and what bytes they take there.
var chunks = map[tensor.DType]struct{ blocks, bytes int }{
	tensor.Q4_0: {2, 576}, tensor.Q4_1: {1, 320}, tensor.Q5_0: {2, 704}, tensor.Q5_1: {1, 384}, tensor.Q8_0: {2, 1088},
	tensor.Q4_K: {8, 2368}, tensor.Q5_K: {8, 2880}, tensor.Q6_K: {8, 3392},
}

// tileBytes is tile_bytes of tile.h.
func tileBytes(dt tensor.DType, cols int) (int, bool) {
	line := func(n int) int { return int(alignUp(int64(n))) }
	switch dt {
	case tensor.F32:
		return line(cols * tileRows * 4), true
	case tensor.F16, tensor.BF16:
		return line(cols * tileRows * 2), true
	}
	c, ok := chunks[dt]
	if !ok {
		return 0, false
	}
	return (cols/32 + c.blocks - 1) / c.blocks * c.bytes, true
}

// planesBytes is planes_bytes of matvec.h: a row of activations in fixed point.
func planesBytes(cols int) int { return int(alignUp(int64(cols*4 + cols/32*24))) }

// bigMatrix is the size in bytes of what only a model has, once or a few times.
const bigMatrix = 8 << 20

// Load implements device.Device. Rows are read a few at a time and put into tiles.
func (d *Device) Load(dt tensor.DType, rows, cols int, src device.RowReader) (device.Weight, error) {
	const op = "simd.Load"
	tile, ok := tileBytes(dt, cols)
	if !ok {
		return nil, errs.E(op, errs.Unsupported, "weights of type %s cannot be computed with", dt)
	}
	rowBytes, err := dt.RowBytes(cols)
	if err != nil {
		return nil, err
	}
	if rows <= 0 || cols <= 0 {
		return nil, errs.E(op, errs.Invalid, "a weight matrix of %d x %d", rows, cols)
	}
	if err := d.reserve(&d.work, max(maxT*max(4*cols, planesBytes(cols)), 4*rows)); err != nil {
		return nil, err
	}
	w := &weight{dt: dt, rows: rows, cols: cols, bytes: (rows + unitRows - 1) / unitRows * 2 * tile}
	if w.bytes >= bigMatrix && d.host.threads() == 1 { // a model comes: is there help for it now?
		if err := d.settle(); err != nil {
			return nil, err
		}
	}
	if w.addr, err = d.take(op, w.bytes); err != nil {
		return nil, err
	}
	d.fill(w.addr, w.bytes/4)
	if err := d.repack(w, tile, rowBytes, src); err != nil {
		d.host.free(w.addr)
		return nil, err
	}
	d.used += int64(w.bytes)
	return w, nil
}

// repack reads the rows in chunks of about a megabyte and sorts each into its tiles.
func (d *Device) repack(w *weight, tile, rowBytes int, src device.RowReader) error {
	step := max(1, min(1<<20/(rowBytes*tileRows), maxInts)) * tileRows
	chunk := make([]byte, min(step, w.rows)*rowBytes)
	staging, err := d.take("simd.Load", len(chunk))
	if err != nil {
		return err
	}
	defer d.host.free(staging)
	bad := make([]int32, step/tileRows)
	for row := 0; row < w.rows; row += step {
		n := min(step, w.rows-row)
		if err := src.ReadRows(chunk[:n*rowBytes], row, n); err != nil {
			return err
		}
		d.host.copyIn(staging, unsafe.Pointer(&chunk[0]), n*rowBytes)
		tiles := (n + tileRows - 1) / tileRows
		c := call{p: [8]uintptr{staging, w.addr + uintptr(row/tileRows*tile), d.ints.addr}, i: [12]int32{int32(w.dt), int32(w.cols), int32(rowBytes), int32(n)}}
		d.run(kRepack, &c, tiles, float64(tileRows*w.cols)*2)
		d.host.copyOut(unsafe.Pointer(&bad[0]), d.ints.addr, 4*tiles)
		for i, b := range bad[:tiles] {
			if b != 0 {
				return errs.E("simd.Load", errs.Invalid, "a weight matrix has a scale that is not a finite number, in rows %d to %d: the file is damaged", row+i*tileRows, row+(i+1)*tileRows-1)
			}
		}
	}
	return nil
}

// Unload implements device.Device.
func (d *Device) Unload(w device.Weight) {
	m := w.(*weight)
	if m.addr == 0 {
		panic("simd: unloaded a weight twice")
	}
	d.used -= int64(m.bytes)
	d.host.free(m.addr)
	m.addr = 0
}

// Gather implements device.Device.
func (d *Device) Gather(dst device.Buffer, w device.Weight, ids []int32) {
	m := w.(*weight)
	to := d.out(dst, len(ids)*m.cols)
	for _, id := range ids {
		if id < 0 || int(id) >= m.rows {
			panic(fmt.Sprintf("simd: row %d of a matrix of %d", id, m.rows))
		}
	}
	for at := 0; at < len(ids); at += maxInts {
		part := ids[at:min(at+maxInts, len(ids))]
		c := call{p: [8]uintptr{to + uintptr(4*at*m.cols), m.addr, d.putInts(part)}, i: [12]int32{int32(m.dt), int32(m.cols)}}
		d.run(kGather, &c, len(part), 5*float64(m.cols))
	}
}

// MatMul implements device.Device.
func (d *Device) MatMul(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, mode device.Mode) {
	d.matmul(dst, x, T, w.(*weight), bias, mode, false)
}

// MatMulAdd implements device.Adder.
func (d *Device) MatMulAdd(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, mode device.Mode) {
	d.matmul(dst, x, T, w.(*weight), bias, mode, true)
}

// fewRows is the largest T for which fixed point beats unpacking weights to float32 panels.
func (d *Device) fewRows(w *weight, mode device.Mode) int {
	switch {
	case isFloat(w.dt):
		return 1
	case d.planesFor(w.dt) == byteTypes:
		return 16
	}
	return d.host.few()[mode]
}

func (d *Device) matmul(dst, x device.Buffer, T int, w *weight, bias device.Buffer, mode device.Mode, add bool) {
	to, from, b := d.out(dst, T*w.rows), in(x, T*w.cols), maybe(bias, w.rows)
	c := call{p: [8]uintptr{0, w.addr, 0, b}, i: [12]int32{int32(w.dt), int32(w.cols), int32(w.rows)}}
	if add {
		c.i[5] = 1
	}
	for t := 0; t < T; t += maxT {
		n := min(maxT, T-t)
		c.p[0], c.i[3] = to+uintptr(4*t*w.rows), int32(n)
		d.product(&c, from+uintptr(4*t*w.cols), n, w, mode)
		d.prepped.written(c.p[0], n*w.rows) // dst may be x
	}
}

// product multiplies at most maxT rows in the way that is faster for so many.
func (d *Device) product(c *call, x uintptr, T int, w *weight, mode device.Mode) {
	d.multiply(c, x, T, w, mode, T <= d.fewRows(w, mode))
}

// multiply runs one of the two kernels: few takes rows as they are or as planes, else they are packed.
func (d *Device) multiply(c *call, x uintptr, T int, w *weight, mode device.Mode, few bool) {
	units := (w.rows + unitRows - 1) / unitRows
	work := float64(2*unitRows*w.cols*T) / 20
	if !few {
		c.p[2] = d.prepare(prepared{op: kPack, x: x, T: T, cols: w.cols})
		d.run(kGEMM, c, units, work/2)
		return
	}
	c.p[2], c.i[4] = x, 2
	if mode == device.Fast {
		c.i[4] = 1
	}
	if !isFloat(w.dt) {
		c.p[2] = d.prepare(prepared{kPlanes, d.planesFor(w.dt), x, T, w.cols})
	}
	d.run(kMatVec, c, units, work)
}

// prepared remembers which activations the scratch holds, so that the three products of q, k and v, or
// gate and up, prepare their common input once.
type prepared struct {
	op      int
	planes  tensor.DType // kPlanes: their form, byteTypes or pairTypes
	x       uintptr
	T, cols int
}

// written forgets the activations if n floats at addr overlap them.
func (p *prepared) written(addr uintptr, n int) {
	if p.T > 0 && addr < p.x+uintptr(4*p.T*p.cols) && p.x < addr+uintptr(4*n) {
		*p = prepared{}
	}
}

// The forms of planes, each named after a type of weights that takes it.
const byteTypes, pairTypes = tensor.Q4_1, tensor.Q8_0

// planesFor is the form that weights of a type take.
func (d *Device) planesFor(dt tensor.DType) tensor.DType {
	if d.host.bytes() && (dt == tensor.Q4_0 || dt == tensor.Q4_1 || dt == tensor.Q4_K) {
		return byteTypes
	}
	return pairTypes
}

// prepare turns T rows into planes or packed row tiles, in scratch that Load has made large enough.
func (d *Device) prepare(want prepared) uintptr {
	if d.prepped == want {
		return d.work.addr
	}
	c := call{p: [8]uintptr{d.work.addr, want.x}, i: [12]int32{int32(want.cols), int32(want.T), int32(want.planes)}}
	n := want.T
	if want.op == kPack {
		mr := d.host.rowTile()
		n = (n + mr - 1) / mr
	}
	d.run(want.op, &c, n, float64(want.cols*want.T)/float64(n))
	d.prepped = want
	return d.work.addr
}

// measure times a product of 64 rows, for Info.
func (d *Device) measure() error {
	const T, n = 64, 384
	w, err := d.Load(tensor.F32, n, n, zeros{})
	if err != nil {
		return err
	}
	defer d.Unload(w)
	x, err := d.Alloc(T * n)
	if err != nil {
		return err
	}
	defer d.Free(x)
	y, err := d.Alloc(T * n)
	if err != nil {
		return err
	}
	defer d.Free(y)
	for range 4 {
		start := time.Now()
		d.MatMul(y, x, T, w, nil, device.Exact)
		d.flops = max(d.flops, 2*T*n*n/time.Since(start).Seconds())
	}
	return nil
}

// zeros is a RowReader of nothing.
type zeros struct{}

// ReadRows implements device.RowReader.
func (zeros) ReadRows(dst []byte, _, _ int) error { clear(dst); return nil }
