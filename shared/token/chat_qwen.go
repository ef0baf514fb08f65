package token

import (
	"encoding/json"
	"strings"

	"patchbay/shared/errs"
)

const (
	qwenSystem = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."

	qwenTools = "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"

	qwenToolsHead = "\n</tools>\n\nFor each function call, return a json object with function name and arguments " +
		"within <tool_call></tool_call> XML tags:\n<tool_call>\n"
	qwenToolsForm = `"name": <function-name>, "arguments": <args-json-object>`
	qwenToolsTail = "\n</tool_call>"
)

// qwenChat is Qwen2.5's ChatML: a default system prompt, tools, calls and their results.
// open and shut are the braces of the example of a call, in which its versions differ.
func qwenChat(open, shut string) chatTemplate {
	form := qwenToolsHead + open + qwenToolsForm + shut + qwenToolsTail
	return func(b *strings.Builder, messages []Message, tools []json.RawMessage) error {
		system := qwenSystem
		if messages[0].Role == "system" {
			system, messages = messages[0].Content, messages[1:]
		}
		list, err := qwenToolList(tools, form)
		if err != nil {
			return err
		}
		turn(b, "system", system+list)
		for i := range messages {
			if err := qwenTurn(b, messages, i); err != nil {
				return err
			}
		}
		return nil
	}
}

// qwenToolList is what the system prompt says about tools; nothing without any.
func qwenToolList(tools []json.RawMessage, form string) (string, error) {
	if len(tools) == 0 {
		return "", nil
	}
	out := qwenTools
	for i, tool := range tools {
		text, err := pythonJSON(tool)
		if err != nil {
			return "", errs.E("", errs.Invalid, "tool %d is no JSON: %w", i, err)
		}
		out += "\n" + text
	}
	return out + form, nil
}

func qwenTurn(b *strings.Builder, messages []Message, i int) error {
	m := messages[i]
	switch m.Role {
	case "system", "user":
		turn(b, m.Role, m.Content)
	case "assistant":
		return qwenAssistant(b, m)
	case "tool":
		qwenToolResult(b, messages, i)
	default:
		return errs.E("", errs.Invalid, "a message has the role %q; this model knows system, user, assistant and tool", m.Role)
	}
	return nil
}

func qwenAssistant(b *strings.Builder, m Message) error {
	if len(m.ToolCalls) == 0 {
		turn(b, m.Role, m.Content)
		return nil
	}
	b.WriteString("<|im_start|>" + m.Role)
	if m.Content != "" {
		b.WriteString("\n" + m.Content)
	}
	for _, c := range m.ToolCalls {
		arguments, err := pythonJSON(c.Arguments)
		if err != nil {
			return errs.E("", errs.Invalid, "the arguments of the call of %q are no JSON: %w", c.Name, err)
		}
		b.WriteString("\n<tool_call>\n{\"name\": \"" + c.Name + "\", \"arguments\": " + arguments + "}\n</tool_call>")
	}
	b.WriteString("<|im_end|>\n")
	return nil
}

// qwenToolResult puts results that follow each other into one turn of the user.
func qwenToolResult(b *strings.Builder, messages []Message, i int) {
	if i == 0 || messages[i-1].Role != "tool" {
		b.WriteString("<|im_start|>user")
	}
	b.WriteString("\n<tool_response>\n" + messages[i].Content + "\n</tool_response>")
	if i == len(messages)-1 || messages[i+1].Role != "tool" {
		b.WriteString("<|im_end|>\n")
	}
}
