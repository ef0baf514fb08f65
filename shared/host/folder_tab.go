//go:build tab

package host

import (
	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// folderTokenizer refuses: a tab has no folders. Leaving out the file system, and with it the
// parsing of times, makes the tab's program smaller.
func folderTokenizer(string) (*token.Tokenizer, error) {
	return nil, errs.E("host.Tokenizer", errs.Unsupported, "a tab takes models in one GGUF file; the sidecar takes folders, too")
}
