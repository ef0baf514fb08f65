// Package weights opens model files: GGUF and safetensors, from a file, a directory or any
// io.ReaderAt, with every length checked against the real size before anything is allocated.
package weights

import (
	"io"

	"patchbay/shared/tensor"
)

// Digest is the SHA-256 of a file, lower-case hexadecimal.
type Digest string

// Model is an opened model: what it says of itself, and where its tensors lie.
type Model struct {
	Format  string             // "gguf" or "safetensors"
	Meta    map[string]any     // GGUF key/values by key; or config.json decoded (numbers as float64)
	Tensors map[string]*Tensor // by the file's own names
	Digest  Digest             // of the file; empty until Digest is computed by whoever has the time
	Size    int64              // bytes
	closer  io.Closer
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
