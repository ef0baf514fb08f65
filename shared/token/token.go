// Package token turns text into token ids and back, exactly as the models' own tokenizers do.
package token

// Message is one turn of a chat.
type Message struct {
	Role    string `json:"role"` // "system", "user", "assistant"
	Content string `json:"content"`
}

// Tokenizer is a model's tokenizer, made from its GGUF metadata or tokenizer.json.
type Tokenizer struct{}
