// Package token turns text into token ids and back, exactly as the models' own tokenizers do.
package token

import (
	"encoding/json"

	"patchbay/shared/errs"
)

// Message is one turn of a chat.
type Message struct {
	Role      string     `json:"role"` // "system", "user", "assistant"; "tool" where the template knows it
	Content   string     `json:"content"`
	ToolCalls []ToolCall `json:"tool_calls,omitempty"` // of an assistant
}

// ToolCall is a function that the assistant asked for.
type ToolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Options say how text is read.
type Options struct {
	BOS     bool // begin with the model's first token, if the model wants one
	Special bool // read the text of control tokens, such as <|im_end|>, as those tokens
}

// Tokenizer is a model's tokenizer, made from its GGUF metadata or tokenizer.json.
// It does not change after it is made, so any number of goroutines may use it.
type Tokenizer struct{ chat string }

// FromGGUF makes the tokenizer that a GGUF file's metadata describes.
func FromGGUF(meta map[string]any) (*Tokenizer, error) {
	return nil, errs.E("token.FromGGUF", errs.Unsupported, "not yet")
}

// FromJSON makes a tokenizer from a Hugging Face tokenizer.json.
func FromJSON(tokenizerJSON []byte) (*Tokenizer, error) {
	return nil, errs.E("token.FromJSON", errs.Unsupported, "not yet")
}

// Configure adds what only tokenizer_config.json says: chat template, first and last tokens.
func (t *Tokenizer) Configure(tokenizerConfigJSON []byte) error { return nil }

// Encode turns text into ids.
func (t *Tokenizer) Encode(text string, o Options) ([]int32, error) { return nil, nil }

// Decode turns ids into text; ids outside the vocabulary are passed over.
func (t *Tokenizer) Decode(ids []int32) string { return "" }

// Bytes are the bytes that an id stands for; nil for an id outside the vocabulary.
func (t *Tokenizer) Bytes(id int32) []byte { return nil }

// Text is an id's text for display: UTF-8 as it is, other bytes as \xNN.
func (t *Tokenizer) Text(id int32) string { return "" }

// Size is the number of ids.
func (t *Tokenizer) Size() int { return 0 }

// BOS is the token that a text begins with, and whether the model has one.
func (t *Tokenizer) BOS() (int32, bool) { return 0, false }

// EOS are the tokens that end an answer.
func (t *Tokenizer) EOS() []int32 { return nil }

// IsSpecial reports whether an id is a control token.
func (t *Tokenizer) IsSpecial(id int32) bool { return false }

// One gives the single token that a text is.
func (t *Tokenizer) One(text string) (int32, error) { return 0, nil }

// HasChat reports whether Chat works.
func (t *Tokenizer) HasChat() bool { return false }

// Chat renders a conversation as the model was trained to read it.
func (t *Tokenizer) Chat(messages []Message, generationPrompt bool) (string, error) { return "", nil }

// Stream decodes ids one at a time and never gives half a UTF-8 character.
type Stream struct{ t *Tokenizer }

// Stream begins an incremental decoding.
func (t *Tokenizer) Stream() *Stream { return &Stream{t} }

// Write takes the next id and gives the text that is now complete.
func (s *Stream) Write(id int32) string { return "" }

// Flush gives what is left, broken characters as U+FFFD.
func (s *Stream) Flush() string { return "" }
