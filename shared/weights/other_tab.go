//go:build tab

package weights

import (
	"io"

	"patchbay/shared/errs"
)

// openOther refuses (tag tab: the program of wasm/worker) what is not GGUF: a tab loads models of the catalogue only, which are, and
// a reader that it never calls would make its program larger.
func openOther(_ io.ReaderAt, _ int64, name string) (*Model, error) {
	return nil, errs.E(opOpen, errs.Unsupported, "%s is a safetensors file; a tab takes GGUF, the sidecar takes both", name)
}
