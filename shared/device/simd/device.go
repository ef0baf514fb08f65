package simd

import (
	"fmt"
	"math"
	"unsafe"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// Device runs the kernels. It implements device.Device and every optional interface.
type Device struct {
	host  host
	used  int64
	flops float64

	ints    memory // positions and token ids of a call, int32
	work    memory // activations as a matrix kernel wants them
	prepped prepared
	call    *call // under way; alone on the heap, as cgo wants what it is given
}

// memory is scratch that grows when a larger piece is asked for.
type memory struct {
	addr  uintptr
	bytes int
}

// maxInts is how many positions or ids go to a kernel at once.
const maxInts = 4096

var (
	_ device.Normer   = (*Device)(nil)
	_ device.Attender = (*Device)(nil)
	_ device.Gater    = (*Device)(nil)
	_ device.Adder    = (*Device)(nil)
	_ device.Ranker   = (*Device)(nil)
	_ device.Brancher = (*Device)(nil)
)

// New opens the device, or says with errs.Unsupported that this build or browser has no kernels:
// callers then use device/ref. Close it when done.
func New() (*Device, error) {
	h, err := openHost()
	if err != nil {
		return nil, err
	}
	return newDevice(h)
}

func newDevice(h host) (*Device, error) {
	d := &Device{host: h, call: new(call)}
	err := d.reserve(&d.ints, 4*maxInts)
	if err == nil {
		err = d.reserve(&d.work, 1<<20)
	}
	if err == nil {
		err = d.settle()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// settle finds the number of threads and the speed with them.
func (d *Device) settle() error {
	if err := d.host.tune(d); err != nil {
		return err
	}
	return d.measure()
}

// Close ends the helper threads and frees the scratch. Buffers and weights must have been freed.
func (d *Device) Close() {
	for _, m := range []*memory{&d.ints, &d.work} {
		if m.bytes > 0 {
			d.host.free(m.addr)
		}
		*m = memory{}
	}
	d.host.close()
}

// Info implements device.Device.
func (d *Device) Info() device.Info {
	return device.Info{Name: "simd", Detail: d.host.detail(), Threads: d.host.threads(), FLOPS: d.flops}
}

// Used implements device.Device.
func (d *Device) Used() int64 { return d.used }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// take allocates or says what was asked for and what there is.
func (d *Device) take(op errs.Op, bytes int) (uintptr, error) {
	addr, ok := d.host.alloc(max(bytes, alignment))
	if ok {
		return addr, nil
	}
	if left := d.host.left(); left >= 0 {
		return 0, errs.E(op, errs.NoSpace, "%d MiB are needed and %d MiB are available: take a smaller model, or free one", mib(int64(bytes)), mib(left))
	}
	return 0, errs.E(op, errs.NoSpace, "%d MiB are needed and the system has not so much: take a smaller model, or free one", mib(int64(bytes)))
}

func mib(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// reserve makes scratch at least so large; its contents are lost.
func (d *Device) reserve(m *memory, bytes int) error {
	if m.bytes >= bytes {
		return nil
	}
	addr, err := d.take("simd.reserve", bytes)
	if err != nil {
		return err
	}
	if m.bytes > 0 {
		d.host.free(m.addr)
	}
	*m = memory{addr, bytes}
	d.prepped = prepared{}
	return nil
}

// buffer is a float32 array in the kernels' memory.
type buffer struct {
	addr uintptr
	n    int
	part bool // a slice of another, never freed itself
}

// Len implements device.Buffer.
func (b *buffer) Len() int { return b.n }

// Slice implements device.Buffer.
func (b *buffer) Slice(off, n int) device.Buffer {
	if off < 0 || n < 0 || off+n > b.n {
		panic(fmt.Sprintf("simd: slice [%d, +%d] of a buffer of %d", off, n, b.n))
	}
	return &buffer{b.addr + uintptr(4*off), n, true}
}

// Alloc implements device.Device.
func (d *Device) Alloc(n int) (device.Buffer, error) {
	if n < 0 || int64(n) > math.MaxInt64/8 {
		return nil, errs.E("simd.Alloc", errs.Invalid, "%d floats cannot be allocated", n)
	}
	addr, err := d.take("simd.Alloc", 4*n)
	if err != nil {
		return nil, err
	}
	b := &buffer{addr: addr, n: n}
	d.used += 4 * int64(n)
	d.prepped.written(addr, n) // the memory may have held what was prepared
	d.fill(addr, n)
	return b, nil
}

// Free implements device.Device.
func (d *Device) Free(b device.Buffer) {
	m := b.(*buffer)
	if m.part || m.addr == 0 {
		panic("simd: freed a slice, or a buffer twice")
	}
	d.used -= 4 * int64(m.n)
	d.host.free(m.addr)
	m.addr, m.n = 0, 0
}

// in is the address of a buffer that a kernel reads n elements of; a shorter one is a defect of the caller.
func in(b device.Buffer, n int) uintptr {
	m := b.(*buffer)
	if n < 0 || n > m.n || m.addr == 0 {
		panic(fmt.Sprintf("simd: a buffer of %d floats where %d are needed", m.n, n))
	}
	return m.addr
}

// maybe is in for a buffer that may be nil.
func maybe(b device.Buffer, n int) uintptr {
	if b == nil {
		return 0
	}
	return in(b, n)
}

// out is in for a buffer that is written: prepared activations that came from it are void.
func (d *Device) out(b device.Buffer, n int) uintptr {
	addr := in(b, n)
	d.prepped.written(addr, n)
	return addr
}

// Upload implements device.Device.
func (d *Device) Upload(dst device.Buffer, src []float32) {
	if addr := d.out(dst, len(src)); len(src) > 0 {
		d.host.copyIn(addr, unsafe.Pointer(unsafe.SliceData(src)), 4*len(src))
	}
}

// Download implements device.Device.
func (d *Device) Download(dst []float32, src device.Buffer) error {
	if addr := in(src, len(dst)); len(dst) > 0 {
		d.host.copyOut(unsafe.Pointer(unsafe.SliceData(dst)), addr, 4*len(dst))
	}
	return nil
}

// putInts copies at most maxInts positions or ids to where a kernel finds them.
func (d *Device) putInts(v []int32) uintptr {
	d.host.copyIn(d.ints.addr, unsafe.Pointer(unsafe.SliceData(v)), 4*len(v))
	return d.ints.addr
}

// worthSharing is the work, in nanoseconds, below which waking a second thread costs more than it saves.
const worthSharing = 8000

// The nanoseconds that a slice should take: less, and the counter shows; more, and a thread that was held up
// at its end keeps the others waiting.
const shortSlice, longSlice = 1000, 100_000

// run has the kernel do n units of about ns nanoseconds each, shared among the threads if that pays.
// A few slices a thread even out what threads lose to each other and to the rest of the machine.
func (d *Device) run(op int, c *call, n int, ns float64) {
	if n <= 0 {
		return
	}
	grain := n
	if th := d.host.threads(); th > 1 && float64(n)*ns > worthSharing {
		grain = max(1, min(n/(pieces*th), int(longSlice/ns)), int(shortSlice/ns))
	}
	*d.call = *c // so that the caller's need not live on the heap
	d.host.run(op, d.call, n, grain)
}
