//go:build !js

package pull

import (
	"os"
	"path/filepath"

	"patchbay/shared/weights"
)

// shippedDir is where the repository keeps the models that it ships, beside the page.
const shippedDir = "public/models"

// shipped gives the path of a model that came with the repository: below the working folder or a
// folder above it (tests run in their package's), or beside the program. Empty: it is not there.
func shipped(e weights.Entry) string {
	if !e.Shipped {
		return ""
	}
	var from []string
	if wd, err := os.Getwd(); err == nil {
		from = append(from, wd)
	}
	if exe, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(exe))
	}
	for _, dir := range from {
		for {
			if p := filepath.Join(dir, shippedDir, e.File); fileSize(p) == e.Size {
				return p
			}
			up := filepath.Dir(dir)
			if up == dir {
				break
			}
			dir = up
		}
	}
	return ""
}

// here is the path of a model that is whole: pulled, or shipped. Empty: it is neither.
func here(dir string, e weights.Entry) string {
	if p := filePath(dir, e.ID); fileSize(p) == e.Size {
		return p
	}
	return shipped(e)
}
