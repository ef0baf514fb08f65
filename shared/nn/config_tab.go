//go:build tab

package nn

import "patchbay/shared/errs"

// describeHF refuses: the tab's program opens GGUF files only (see shared/weights/other_tab.go).
func describeHF(*source) (*Config, names, error) {
	return nil, names{}, errs.E("nn.Load", errs.Unsupported, "a tab takes models in one GGUF file; the sidecar takes safetensors, too")
}
