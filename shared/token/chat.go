package token

import (
	"encoding/json"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/sha"
)

// Message is one turn of a chat.
type Message struct {
	Role      string     `json:"role"` // "system", "user", "assistant"; "tool" for Qwen
	Content   string     `json:"content"`
	ToolCalls []ToolCall `json:"tool_calls,omitempty"` // of an assistant; Qwen
}

// ToolCall is a function that the assistant asked for.
type ToolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // any JSON, as a rule an object
}

// UnmarshalJSON also takes the spelling {"type": "function", "function": {"name": ..., "arguments": ...}}.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	type call ToolCall
	var in struct {
		call
		Function *call `json:"function"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = ToolCall(in.call)
	if in.Function != nil {
		*c = ToolCall(*in.Function)
	}
	return nil
}

// chatTemplate writes a conversation. Templates in model files are programs in Jinja; running
// them would need an interpreter, so the known ones are written in Go and recognised by digest.
type chatTemplate func(b *strings.Builder, messages []Message, tools []json.RawMessage) error

// templates has the SHA-256 of the known values of tokenizer.chat_template.
var templates = map[string]chatTemplate{
	"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": smollm2Chat,          // SmolLM2-Instruct
	"cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f": qwenChat("{", "}"),   // Qwen2.5 and Qwen2.5-Coder 0.5B
	"d5495a1e5db0611132a97e46a65dbb64a642a499421228b9c8b93229097fa9a4": qwenChat("{{", "}}"), // Qwen2.5-Coder 1.5B, braces doubled by mistake
}

func recogniseChat(template string) (chatTemplate, error) {
	if template == "" {
		return nil, errs.E("", errs.Unsupported, "this model has no chat template: it continues plain text")
	}
	digest := sha.Hex([]byte(template))
	if c, ok := templates[digest]; ok {
		return c, nil
	}
	return nil, errs.E("", errs.Unsupported, "this model's chat template (SHA-256 %s) is not one of those that Patchbay knows, SmolLM2's and Qwen2.5's: give it plain text", digest)
}

// HasChat reports whether Chat works for this model.
func (t *Tokenizer) HasChat() bool { return t.chat != nil }

// Chat renders a conversation as the model was trained to read it, its default system prompt
// included where there is no system message. With generationPrompt the assistant's turn is begun.
// Encode the result with Options{BOS: true, Special: true}. A model without a known template is
// Unsupported; a conversation that the template has no form for is Invalid.
func (t *Tokenizer) Chat(messages []Message, generationPrompt bool) (string, error) {
	return t.ChatTools(messages, nil, generationPrompt)
}

// ChatTools is Chat with tools that the assistant may call, each the JSON of its description.
// Qwen2.5's template takes tools, SmolLM2's refuses them.
func (t *Tokenizer) ChatTools(messages []Message, tools []json.RawMessage, generationPrompt bool) (string, error) {
	const op = "token.Chat"
	if t.chat == nil {
		return "", errs.E(op, errs.Unsupported, "%w", t.chatErr)
	}
	if len(messages) == 0 {
		return "", errs.E(op, errs.Invalid, "a chat needs at least one message")
	}
	var b strings.Builder
	if err := t.chat(&b, messages, tools); err != nil {
		return "", errs.E(op, errs.Other, "%w", err)
	}
	if generationPrompt {
		b.WriteString("<|im_start|>assistant\n")
	}
	return b.String(), nil
}

// turn writes one turn of ChatML.
func turn(b *strings.Builder, role, content string) {
	b.WriteString("<|im_start|>" + role + "\n" + content + "<|im_end|>\n")
}
