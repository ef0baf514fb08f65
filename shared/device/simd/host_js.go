package simd

import (
	"unsafe"

	"patchbay/shared/errs"
)

// Supplied by public/kernels/kernels.js, which holds the kernel module.

//go:wasmimport kern run
//go:noescape
func kernRun(op, p0, p1, p2, p3, p4, p5, p6, p7 uint32, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11 int32, f0, f1, f2, f3 float32, n, grain int32)

//go:wasmimport kern grow
func kernGrow(pages uint32) uint32

//go:wasmimport kern copy_in
//go:noescape
func kernCopyIn(dst uint32, src unsafe.Pointer, n uint32)

//go:wasmimport kern copy_out
//go:noescape
func kernCopyOut(dst unsafe.Pointer, src uint32, n uint32)

//go:wasmimport kern heap
func kernHeap() uint32

//go:wasmimport kern pages
func kernPages() uint32

//go:wasmimport kern limit
func kernLimit() uint32

//go:wasmimport kern row_tile
func kernRowTile() int32

//go:wasmimport kern lanes
func kernLanes() int32

//go:wasmimport kern features
func kernFeatures() int32

//go:wasmimport kern threads
func kernThreads() int32

//go:wasmimport kern measured
func kernMeasured() int32

//go:wasmimport kern use
func kernUse(threads int32)

//go:wasmimport kern settle
func kernSettle(threads int32)

//go:wasmimport kern note
//go:noescape
func kernNote(dst unsafe.Pointer, n uint32) uint32

const page = 1 << 16

// pieces are how many slices a thread takes of a call. Each begins with weights that nothing has fetched
// yet, which costs more here than natively: on two threads a matrix-vector product of 48 units runs at
// 40, 38, 36 and 26 GFLOP/s with 1, 2, 4 and 24 pieces.
const pieces = 2

// module is the kernel module of the tab; it has a memory of its own, which helper threads share.
type module struct {
	arena    *arena
	features int32
	n        int    // threads that take part
	note     string // why so many
}

// opened guards against two devices on the one memory of the page.
var opened bool

func openHost() (host, error) {
	m := &module{features: kernFeatures()}
	if m.features < 0 {
		return nil, errs.E("simd.New", errs.Unsupported, "this browser has no WebAssembly SIMD: update it")
	}
	if opened {
		return nil, errs.E("simd.New", errs.Busy, "the kernels' memory already has a device: close that first")
	}
	opened = true
	m.use(int(kernThreads()))
	var note [128]byte
	m.note = string(note[:kernNote(unsafe.Pointer(&note), uint32(len(note)))])
	m.arena = newArena(int64(kernHeap()), int64(kernPages())*page, int64(kernLimit())*page, growMemory)
	return m, nil
}

// growMemory makes the memory larger by at least n bytes; it returns the new size, or 0.
func growMemory(n int64) int64 {
	if kernGrow(uint32((n+page-1)/page)) == ^uint32(0) {
		return 0
	}
	return int64(kernPages()) * page
}

func (m *module) run(op int, c *call, n, grain int) {
	p, i, f := &c.p, &c.i, &c.f
	kernRun(uint32(op), uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3]), uint32(p[4]), uint32(p[5]), uint32(p[6]), uint32(p[7]),
		i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9], i[10], i[11], f[0], f[1], f[2], f[3], int32(n), int32(grain))
}

func (m *module) alloc(bytes int) (uintptr, bool) {
	at, ok := m.arena.take(int64(bytes))
	return uintptr(at), ok
}

func (m *module) free(addr uintptr) { m.arena.give(int64(addr)) }
func (m *module) left() int64       { return m.arena.left() }

func (m *module) copyIn(dst uintptr, src unsafe.Pointer, n int) {
	kernCopyIn(uint32(dst), src, uint32(n))
}

func (m *module) copyOut(dst unsafe.Pointer, src uintptr, n int) {
	kernCopyOut(dst, uint32(src), uint32(n))
}

// use has so many threads take part from now on.
func (m *module) use(n int) {
	m.n = n
	kernUse(int32(n))
}

func (m *module) threads() int { return m.n }
func (m *module) few() [2]int  { return [2]int{3, 8} }
func (m *module) bytes() bool  { return m.features&1 != 0 }
func (m *module) lanes() int   { return int(kernLanes()) }
func (m *module) rowTile() int { return int(kernRowTile()) }
func (m *module) close()       { opened = false }

func (m *module) detail() string {
	kind := "plain"
	if m.features&1 != 0 {
		kind = "relaxed"
	}
	detail := "wasm " + kind + ", " + count(m.n, "thread")
	if m.note != "" {
		detail += " (" + m.note + ")"
	}
	return detail
}
