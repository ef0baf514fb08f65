package ui

import "patchbay/wasm/state"

// Try offers prompts that show something, one click each.
type Try struct{ L *Lab }

// Where is a preset's prompt and the model that it is for.
func (c *Try) Where(p state.Preset) string {
	if m := c.L.End().ModelInfo(p.Model); m != nil {
		return m.Name + ": " + p.Params.Str("prompt")
	}
	return p.Params.Str("prompt")
}
