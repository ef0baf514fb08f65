package simd

import "unsafe"

// The kernels by their place in the table (kern.h).
const (
	kRepack = iota
	kGather
	kPlanes
	kMatVec
	kPack
	kGEMM
	kNorm
	kAffine
	kRope
	kScores
	kSoftmax
	kMix
	kAttention
	kAct
	kBinary
	kScale
	kFill
	kCopy
	kRank
	kGEMMT
	kNormBack
	kSoftmaxBack
	kActBack
	kMixBack
	kAttentionLanes
	kBranches
)

// chunk is the number of elements of a unit of the kernels that work element by element.
const chunk = 4096

// call has the arguments of a kernel, laid out as kern_args in C. Each kernel's comment in the C
// source says what its entries mean.
type call struct {
	p [8]uintptr
	i [12]int32
	f [4]float32
}

// host is where kernels and their memory are: C natively, a WebAssembly module in the tab.
// Addresses are of that memory, never of Go's.
type host interface {
	// run has the kernel do units 0 ... n-1, in slices of grain units. With n <= grain it is one call.
	run(op int, c *call, n, grain int)
	// alloc gives 64-byte aligned memory that is not cleared; ok is false when there is no more.
	alloc(bytes int) (addr uintptr, ok bool)
	free(addr uintptr)
	// left is how many bytes could still be had, or -1 if that is not known.
	left() int64
	copyIn(dst uintptr, src unsafe.Pointer, bytes int)
	copyOut(dst unsafe.Pointer, src uintptr, bytes int)
	threads() int
	// tune settles how many threads take part, where that must be measured.
	tune(d *Device) error
	// few is the largest T that fixed point is the faster way for, by device.Mode: measured by BenchmarkCrossover.
	few() [2]int
	// bytes says that 4-bit weights take activations as planes of bytes (bytes.h).
	bytes() bool
	// rowTile is how many rows of activations the matrix kernel takes at a time (MR in gemm.h), lanes how many
	// queries the attention kernel (LANES in attend.h).
	rowTile() int
	lanes() int
	detail() string
	close()
}
