package nn

import (
	"encoding/binary"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// source is an opened model file as the loader reads it.
type source struct {
	format  string // "gguf" or "safetensors"
	meta    map[string]any
	tensors map[string]stored
}

// stored is an array in the file.
type stored struct {
	dtype  tensor.DType
	shape  []int
	rows   device.RowReader
	floats func() ([]float32, error)
}

func (s *source) has(name string) bool {
	_, ok := s.tensors[name]
	return ok
}

// size is what the array takes in its stored type.
func (s stored) size() int64 {
	n := int64(1)
	for _, d := range s.shape {
		n *= int64(d)
	}
	elems, bytes := s.dtype.Block()
	return n / int64(elems) * int64(bytes)
}

// matrixType refuses the types that hold no weights.
func matrixType(name string, d tensor.DType) error {
	switch d {
	case tensor.I8, tensor.U8, tensor.I32, tensor.I64:
		return errs.E("nn.Load", errs.Unsupported, "tensor %s has elements of type %s, which cannot be weights", name, d)
	}
	return nil
}

// headReader gives rows in the engine's order from a file that has another. Rows move only
// within blocks of one head, so a head is read at a time.
type headReader struct {
	src      device.RowReader
	at       func(row int) int // the file's row
	head     int               // rows of a head
	rowBytes int
	buf      []byte
	have     int // the head in buf, or -1
}

func newHeadReader(src device.RowReader, head, rowBytes int, at func(int) int) *headReader {
	return &headReader{src, at, head, rowBytes, make([]byte, head*rowBytes), -1}
}

// ReadRows implements device.RowReader.
func (h *headReader) ReadRows(dst []byte, row, n int) error {
	for i := range n {
		r := h.at(row + i)
		if b := r / h.head; b != h.have {
			if err := h.src.ReadRows(h.buf, b*h.head, h.head); err != nil {
				return err
			}
			h.have = b
		}
		r %= h.head
		copy(dst[i*h.rowBytes:(i+1)*h.rowBytes], h.buf[r*h.rowBytes:(r+1)*h.rowBytes])
	}
	return nil
}

// transposed serves a matrix stored [in, out] as rows of float32, [out, in].
type transposed struct {
	data    []float32
	in, out int
}

// ReadRows implements device.RowReader.
func (t *transposed) ReadRows(dst []byte, row, n int) error {
	for r := row; r < row+n; r++ {
		for i := range t.in {
			binary.LittleEndian.PutUint32(dst, math.Float32bits(t.data[i*t.out+r]))
			dst = dst[4:]
		}
	}
	return nil
}

// fileRow maps row r of the engine's q (part 0), k (1) or v (2) to the file's row.
func (c *Config) fileRow(part int) func(r int) int {
	e := c.HeadDim
	switch c.layout {
	case interleaved:
		if part == 2 {
			break
		}
		// The file has elements 0, 1, 2 ... of a head where rope turns (0,1), (2,3) ...; the
		// engine turns (0, e/2), (1, e/2+1) ....
		return func(r int) int { h, j := r/e, r%e; return h*e + 2*(j%(e/2)) + j/(e/2) }
	case packedQKV, conv1D:
		first := []int{0, c.Heads, c.Heads + c.KVHeads}[part] * e
		return func(r int) int { return first + r }
	case packedByHead:
		return func(r int) int { return (r/e*3+part)*e + r%e }
	}
	return nil
}
