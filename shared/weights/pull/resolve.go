//go:build !js

package pull

import (
	"os"
	"path/filepath"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// Resolve turns what a person names a model by into a path that weights.Open takes: an id of the
// catalogue, which must have been pulled, or the path of a GGUF file, a safetensors file or a
// model directory. For a path the entry has only an id and a name made from the file's, and its size.
func Resolve(arg string) (string, weights.Entry, error) {
	e, err := weights.Lookup(arg)
	if err == nil {
		p, err := Path("", arg)
		return p, e, err
	}
	info, statErr := os.Stat(arg)
	if statErr != nil {
		if looksLikePath(arg) {
			return "", weights.Entry{}, errs.E("pull.Resolve", errs.NotFound, "there is no model file or folder %s", arg)
		}
		return "", weights.Entry{}, errs.E("pull.Resolve", errs.NotFound, "%w; a path to a GGUF file or a model folder would do, too", err)
	}
	abs, absErr := filepath.Abs(arg)
	if absErr != nil {
		abs = arg
	}
	base := filepath.Base(abs)
	name := strings.TrimSuffix(base, ".gguf")
	for _, known := range weights.Catalogue() {
		if known.ID == name && known.Size == info.Size() {
			return arg, known, nil
		}
	}
	e = weights.Entry{ID: name, Name: name, File: base}
	if !info.IsDir() {
		e.Size = info.Size()
	}
	return arg, e, nil
}

func looksLikePath(s string) bool {
	return strings.ContainsAny(s, `/\`) || strings.HasSuffix(s, ".gguf") || strings.HasSuffix(s, ".safetensors")
}
