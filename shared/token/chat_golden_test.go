package token

import (
	"encoding/json"
	"os"
	"testing"

	"patchbay/shared/internal/refdata"
)

// TestChatGolden renders the reference chats without the models' files: TestGolden does it with them.
func TestChatGolden(t *testing.T) {
	for name, digest := range map[string]string{
		"smollm2-135m":       "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
		"qwen2.5-coder-1.5b": "d5495a1e5db0611132a97e46a65dbb64a642a499421228b9c8b93229097fa9a4",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(refdata.Path(t, "tokenizer_"+name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var golden struct {
				Chats []struct {
					Name     string
					Messages []Message
					Tools    []json.RawMessage
					Generate bool `json:"add_generation_prompt"`
					Text     string
				}
			}
			if err := json.Unmarshal(data, &golden); err != nil || len(golden.Chats) == 0 {
				t.Fatalf("%d chats, %v", len(golden.Chats), err)
			}
			tok := &Tokenizer{chat: templates[digest]}
			for _, c := range golden.Chats {
				got, err := tok.ChatTools(c.Messages, c.Tools, c.Generate)
				if err != nil || got != c.Text {
					t.Errorf("%s is\n%q, %v; want\n%q", c.Name, got, err, c.Text)
				}
			}
		})
	}
}

func TestQwenChatRefuses(t *testing.T) {
	tok := &Tokenizer{chat: qwenChat("{", "}")}
	call := ToolCall{Name: "f", Arguments: json.RawMessage("{")}
	for name, m := range map[string]Message{
		"unknown role":  {Role: "robot"},
		"bad arguments": {Role: "assistant", Content: "so", ToolCalls: []ToolCall{call}},
	} {
		if got, err := tok.Chat([]Message{m}, false); err == nil {
			t.Errorf("%s gives %q", name, got)
		}
	}
	if _, err := tok.ChatTools([]Message{{Role: "user"}}, []json.RawMessage{[]byte("nope")}, false); err == nil {
		t.Error("a tool that is no JSON is taken")
	}
}

func TestWhole(t *testing.T) {
	for _, v := range []any{uint8(7), int8(7), uint16(7), int16(7), uint32(7), int32(7), uint64(7), int64(7), 7} {
		if n, ok := whole(v); n != 7 || !ok {
			t.Errorf("%T gives %d, %v", v, n, ok)
		}
	}
}
