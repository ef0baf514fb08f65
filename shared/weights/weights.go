// Package weights opens model files: GGUF and safetensors, from a file, a directory or any
// io.ReaderAt, with every length checked against the real size before anything is allocated.
package weights

import (
	"context"
	"io"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// Model is an opened model: what it says of itself, and where its tensors lie. Opening reads the
// header only. A Model may be used by several goroutines until it is closed.
type Model struct {
	Format  string             // "gguf" or "safetensors"
	Meta    map[string]any     // GGUF key/values by key; or config.json decoded (numbers as float64)
	Tensors map[string]*Tensor // by the file's own names
	Digest  Digest             // of the file; empty until Digest is computed by whoever has the time
	Size    int64              // bytes
	name    string             // for messages
	files   []*io.SectionReader
	closers []io.Closer
}

// Sum reads the whole model and sets Digest: the SHA-256 of its file, or of its weight files one
// after the other in the order of their names. It returns at once when Digest is known.
// progress, if set, is called with the bytes so far.
func (m *Model) Sum(ctx context.Context, progress func(int64)) (Digest, error) {
	if m.Digest != "" {
		return m.Digest, nil
	}
	all := make([]io.Reader, len(m.files))
	for i, f := range m.files {
		all[i] = io.NewSectionReader(f, 0, f.Size())
	}
	d, _, err := Sum(ctx, io.MultiReader(all...), progress)
	if err == nil {
		m.Digest = d
	}
	return d, err
}

// CloseToo has Close close c as well: the storage that OpenReaderAt was given.
func (m *Model) CloseToo(c io.Closer) { m.closers = append(m.closers, c) }

// Close closes the files. Tensors cannot be read any more.
func (m *Model) Close() error {
	var first error
	for _, c := range m.closers {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	m.closers = nil
	return first
}

// Tensor finds a tensor by the file's own name, or says errs.NotFound.
func (m *Model) Tensor(name string) (*Tensor, error) {
	if t, ok := m.Tensors[name]; ok {
		return t, nil
	}
	return nil, errs.E("weights.Tensor", errs.NotFound, "%s has no tensor %q", m.name, clip(name))
}

// Tensor is a stored array: rows of elements that need not be in memory.
type Tensor struct {
	Name  string
	DType tensor.DType
	Shape []int // outermost first; a matrix is [rows, cols] with contiguous rows
	r     io.ReaderAt
	off   int64
	size  int64
}

// Cols is the last dimension, the length of a row; 1 for a scalar.
func (t *Tensor) Cols() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// Rows is the product of all dimensions but the last: 1 for a vector or a scalar.
func (t *Tensor) Rows() int {
	n := 1
	for i := 0; i < len(t.Shape)-1; i++ {
		n *= t.Shape[i] // checked when the file was opened
	}
	return n
}

// Bytes is the stored size.
func (t *Tensor) Bytes() int64 { return t.size }

// ReadRows fills dst with the stored bytes of rows row ... row+n-1; len(dst) is n times the
// row's size. It satisfies device.RowReader.
func (t *Tensor) ReadRows(dst []byte, row, n int) error {
	const op = "weights.ReadRows"
	rb, err := t.DType.RowBytes(t.Cols())
	if err != nil {
		return err
	}
	if row < 0 || n < 0 || row > t.Rows()-n {
		return errs.E(op, errs.Invalid, "tensor %s has %d rows, not rows %d to %d", t.Name, t.Rows(), row, row+n-1)
	}
	if len(dst) != n*rb {
		return errs.E(op, errs.Invalid, "%d rows of tensor %s take %d bytes, not %d", n, t.Name, n*rb, len(dst))
	}
	return t.readAt(dst, int64(row)*int64(rb))
}

// readAt reads from the tensor's own bytes; a file that has shrunk since is errs.Corrupt.
func (t *Tensor) readAt(dst []byte, off int64) error {
	if len(dst) == 0 {
		return nil
	}
	if n, err := t.r.ReadAt(dst, t.off+off); n < len(dst) {
		return errs.E("weights.ReadRows", errs.Corrupt, "reading tensor %s: %d of %d bytes: %w", t.Name, n, len(dst), noEOF(err))
	}
	return nil
}

func noEOF(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decodeChunk is how many stored bytes Float32 holds beside its result.
const decodeChunk = 1 << 18

// Float32 reads and decodes the whole tensor, [product of Shape].
func (t *Tensor) Float32() ([]float32, error) {
	n, err := tensor.Elements(t.Shape)
	if err != nil {
		return nil, err
	}
	e, b := t.DType.Block()
	dst := make([]float32, n)
	step := decodeChunk / b
	buf := make([]byte, min(step*b, int(t.size)))
	for at := 0; at < n; at += step * e {
		m := min(step*e, n-at)
		part := buf[:m/e*b]
		if err := t.readAt(part, int64(at/e*b)); err != nil {
			return nil, err
		}
		tensor.Decode(t.DType, dst[at:at+m], part)
	}
	return dst, nil
}

// Array reads the whole tensor in its stored type.
func (t *Tensor) Array() (tensor.Array, error) {
	a := tensor.Array{DType: t.DType, Shape: t.Shape, Data: make([]byte, t.size)}
	return a, t.readAt(a.Data, 0)
}

// clip keeps hostile names out of messages.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
