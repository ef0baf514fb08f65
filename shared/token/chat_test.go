package token_test

import (
	"encoding/json"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// smollm2Template is tokenizer.chat_template of SmolLM2-Instruct.
const smollm2Template = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}" +
	"{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}" +
	"{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
	"{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

func withTemplate(t *testing.T, template string) *token.Tokenizer {
	t.Helper()
	meta := spmMeta()
	meta["tokenizer.chat_template"] = template
	tok, err := token.FromGGUF(meta)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestChatRefuses(t *testing.T) {
	hello := []token.Message{{Role: "user", Content: "Hello"}}
	smol := withTemplate(t, smollm2Template)
	tests := []struct {
		name     string
		tok      *token.Tokenizer
		messages []token.Message
		tools    []json.RawMessage
		kind     errs.Kind
		says     string
	}{
		{"no template", withTemplate(t, ""), hello, nil, errs.Unsupported, "no chat template"},
		{"unknown template", withTemplate(t, "{{ messages }}"), hello, nil, errs.Unsupported, "not one of those that Patchbay knows"},
		{"no message", smol, nil, nil, errs.Invalid, "at least one message"},
		{"unknown role", smol, []token.Message{{Role: "robot"}}, nil, errs.Invalid, `"robot"`},
		{"tools", smol, hello, []json.RawMessage{[]byte("{}")}, errs.Unsupported, "no place for tools"},
		{"tool call", smol, []token.Message{{Role: "assistant", ToolCalls: make([]token.ToolCall, 1)}}, nil, errs.Unsupported, "calls a tool"},
	}
	for _, test := range tests {
		_, err := test.tok.ChatTools(test.messages, test.tools, true)
		checkError(t, test.name, err, test.kind, test.says)
	}
	if withTemplate(t, "{{ messages }}").HasChat() {
		t.Error("HasChat for an unknown template")
	}
}

func TestChat(t *testing.T) {
	got, err := withTemplate(t, smollm2Template).Chat([]token.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Content: " hi "}}, true)
	want := "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n"
	if err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestToolCallSpellings(t *testing.T) {
	for _, text := range []string{
		`{"name":"f","arguments":{"a":1}}`,
		`{"type":"function","function":{"name":"f","arguments":{"a":1}}}`,
	} {
		var c token.ToolCall
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Name != "f" || string(c.Arguments) != `{"a":1}` {
			t.Errorf("%s gives %+v, %v", text, c, err)
		}
	}
}
