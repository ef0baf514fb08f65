package token

import (
	"encoding/json"

	"patchbay/shared/errs"
)

// Configure adds what only tokenizer_config.json says, beside a tokenizer.json: the chat template,
// BOS and EOS. Call it before the tokenizer is shared between goroutines.
func (t *Tokenizer) Configure(tokenizerConfigJSON []byte) error {
	const op = "token.Configure"
	var c struct {
		BOS    hfToken `json:"bos_token"`
		EOS    hfToken `json:"eos_token"`
		AddBOS *bool   `json:"add_bos_token"`
		Chat   any     `json:"chat_template"` // a text, or a list of named ones, which is not known
	}
	if err := json.Unmarshal(tokenizerConfigJSON, &c); err != nil {
		return errs.E(op, errs.Invalid, "tokenizer_config.json cannot be read: %w", err)
	}
	if c.BOS != "" {
		id, err := t.named(string(c.BOS))
		if err != nil {
			return errs.E(op, errs.Other, "tokenizer_config.json cannot be used: %w", err)
		}
		t.bos = id
	}
	if c.AddBOS != nil {
		t.addBOS = *c.AddBOS && t.bos >= 0
	}
	if c.EOS != "" {
		id, err := t.named(string(c.EOS))
		if err != nil {
			return errs.E(op, errs.Other, "tokenizer_config.json cannot be used: %w", err)
		}
		others := t.eos
		t.eos = []int32{id}
		for _, id := range others {
			t.addEOS(id)
		}
	}
	text, _ := c.Chat.(string)
	t.chat, t.chatErr = recogniseChat(text)
	return nil
}

// hfToken is a token's text, which may be wrapped in an object.
type hfToken string

func (h *hfToken) UnmarshalJSON(data []byte) error {
	var in struct {
		Content string `json:"content"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &in)
		*h = hfToken(in.Content)
		return err
	}
	return json.Unmarshal(data, (*string)(h))
}
