//go:build !tab

package host

import (
	"os"
	"path/filepath"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// folderTokenizer makes the tokenizer of a model directory.
func folderTokenizer(dir string) (*token.Tokenizer, error) {
	if dir == "" {
		return nil, errs.E("host.Tokenizer", errs.Unsupported, "a safetensors file says nothing of its tokens; give the model's folder, with tokenizer.json in it")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		return nil, errs.E("host.Tokenizer", errs.NotFound, "the model folder has no tokenizer.json that can be read: %w", err)
	}
	tok, err := token.FromJSON(raw)
	if err != nil {
		return nil, err
	}
	if raw, err = os.ReadFile(filepath.Join(dir, "tokenizer_config.json")); err != nil {
		return tok, nil // it only adds the chat template
	}
	return tok, tok.Configure(raw)
}
