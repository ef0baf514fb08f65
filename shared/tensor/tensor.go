// Package tensor holds arrays on the host as files and frames have them: a shape, an element
// type and bytes. Arithmetic happens on devices, not here; the only numeric code is the
// decoding of every stored type to float32.
package tensor

import "patchbay/shared/errs"

// DType is the element type of an array or a weight matrix.
type DType uint8

// The element types. Quantised ones are ggml's block formats.
const (
	F32 DType = iota
	F16
	BF16
	I8
	U8
	I32
	I64
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q4_K
	Q5_K
	Q6_K
)

var dtypes = [...]struct {
	name         string
	elems, bytes int // of one block
}{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2},
	I8: {"I8", 1, 1}, U8: {"U8", 1, 1}, I32: {"I32", 1, 4}, I64: {"I64", 1, 8},
	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", 32, 34}, Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176}, Q6_K: {"Q6_K", 256, 210},
}

// String is the type's name as ggml and safetensors spell it.
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return "unknown"
}

// Block is how many elements share one block and how many bytes the block takes.
func (d DType) Block() (elems, bytes int) { return dtypes[d].elems, dtypes[d].bytes }

// RowBytes is the size of a row of n elements. Quantised rows must hold whole blocks.
func (d DType) RowBytes(n int) (int, error) {
	if int(d) >= len(dtypes) {
		return 0, errs.E("tensor.RowBytes", errs.Unsupported, "element type %d is not known", d)
	}
	e, b := d.Block()
	if n < 0 || n%e != 0 {
		return 0, errs.E("tensor.RowBytes", errs.Invalid, "a row of %d elements is not a whole number of %s blocks of %d", n, d, e)
	}
	return n / e * b, nil
}
