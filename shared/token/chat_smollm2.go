package token

import (
	"encoding/json"
	"strings"

	"patchbay/shared/errs"
)

const smollm2System = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

// smollm2Chat is ChatML with a default system prompt.
func smollm2Chat(b *strings.Builder, messages []Message, tools []json.RawMessage) error {
	if len(tools) > 0 {
		return errs.E("", errs.Unsupported, "this model's chat template has no place for tools")
	}
	if messages[0].Role != "system" {
		turn(b, "system", smollm2System)
	}
	for i, m := range messages {
		switch m.Role {
		case "system", "user", "assistant":
		default:
			return errs.E("", errs.Invalid, "message %d has the role %q; this model knows system, user and assistant", i, m.Role)
		}
		if len(m.ToolCalls) > 0 {
			return errs.E("", errs.Unsupported, "message %d calls a tool, and this model's chat template has no place for that", i)
		}
		turn(b, m.Role, m.Content)
	}
	return nil
}
