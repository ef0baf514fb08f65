//go:build !tab

package weights

import "io"

// openOther opens what is not GGUF.
func openOther(r io.ReaderAt, size int64, name string) (*Model, error) {
	return openSafetensors(r, size, name)
}
