package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"patchbay/shared/errs"
)

// Array is a whole array in memory: the form in which arrays lie in files and travel in frames.
// Data is row-major and little-endian, whole blocks of DType; a quantised type's last dimension
// holds whole blocks. An empty Shape is a scalar.
type Array struct {
	DType DType
	Shape []int // outermost first
	Data  []byte
}

// FromFloat32 copies v into an F32 array. Without a shape it is a vector. Whoever writes the
// array validates it, so a shape that does not fit is found there.
func FromFloat32(v []float32, shape ...int) Array {
	if len(shape) == 0 {
		shape = []int{len(v)}
	}
	data := make([]byte, 4*len(v))
	if littleEndian {
		copy(data, float32Bytes(v))
		return Array{F32, shape, data}
	}
	for i, x := range v {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
	}
	return Array{F32, shape, data}
}

// Float32 decodes the array to new float32 values, [product of Shape].
func (a Array) Float32() ([]float32, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	e, b := a.DType.Block()
	dst := make([]float32, len(a.Data)/b*e)
	Decode(a.DType, dst, a.Data)
	return dst, nil
}

// Len is the number of elements, or -1 when the shape is impossible.
func (a Array) Len() int {
	n, err := Elements(a.Shape)
	if err != nil {
		return -1
	}
	return n
}

// Validate checks that type, shape and data fit each other: errs.Unsupported for an unknown
// type, errs.Invalid for the rest.
func (a Array) Validate() error {
	want, err := a.DType.Bytes(a.Shape)
	if err != nil {
		return err
	}
	if want != len(a.Data) {
		return errs.E("tensor.Validate", errs.Invalid, "a %s array of shape %v takes %d bytes, but holds %d", a.DType, a.Shape, want, len(a.Data))
	}
	return nil
}

// Bytes is the size of an array of the given shape. No product overflows: a shape too large for
// an int is errs.TooLarge.
func (d DType) Bytes(shape []int) (int, error) {
	if !d.Known() {
		return 0, errs.E("tensor.Bytes", errs.Unsupported, "element type %d is not known", d)
	}
	n, err := Elements(shape)
	if err != nil {
		return 0, err
	}
	e, b := d.Block()
	if last := lastDim(shape); last%e != 0 {
		return 0, errs.E("tensor.Bytes", errs.Invalid, "a row of %d elements is not a whole number of %s blocks of %d", last, d, e)
	}
	size, ok := Mul(n/e, b)
	if !ok {
		return 0, errs.E("tensor.Bytes", errs.TooLarge, "a %s array of shape %v is too large", d, shape)
	}
	return size, nil
}

// Elements is the product of the dimensions, 1 for a scalar, checked for overflow.
func Elements(shape []int) (int, error) {
	n, ok := 1, true
	for _, s := range shape {
		if s < 0 {
			return 0, errs.E("tensor.Elements", errs.Invalid, "dimension %d of shape %v is negative", s, shape)
		}
		// A zero later on must not hide an overflow before it.
		if n, ok = Mul(n, s); !ok {
			return 0, errs.E("tensor.Elements", errs.TooLarge, "shape %v has more elements than can be counted", shape)
		}
	}
	return n, nil
}

// Mul multiplies non-negative integers and says whether the product fits.
func Mul(a, b int) (int, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int(lo), a >= 0 && b >= 0 && hi == 0 && lo <= math.MaxInt
}

func lastDim(shape []int) int {
	if len(shape) == 0 {
		return 1
	}
	return shape[len(shape)-1]
}

// Known says whether d is one of the types above.
func (d DType) Known() bool { return int(d) < len(dtypes) }

// Quantised says whether several elements share a block.
func (d DType) Quantised() bool { return d.Known() && dtypes[d].elems > 1 }

// ParseDType finds a type by the name String gives.
func ParseDType(name string) (DType, error) {
	for i := range dtypes {
		if dtypes[i].name == name {
			return DType(i), nil
		}
	}
	return 0, errs.E("tensor.ParseDType", errs.Unsupported, "element type %q is not supported (supported: %s)", clip(name), typeNames())
}

func typeNames() string {
	s := ""
	for i := range dtypes {
		if i > 0 {
			s += " "
		}
		s += dtypes[i].name
	}
	return s
}

// clip keeps hostile names out of messages.
func clip(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%s... (%d bytes)", s[:40], len(s))
	}
	return s
}

// littleEndian is true on every platform Patchbay is built for; the loops beside its uses keep
// the meaning of a file where it is not.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// float32Bytes is the memory of v. Copying it is eight times faster than a loop in WebAssembly.
func float32Bytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
