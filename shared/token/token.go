// Package token turns text into token ids and back, exactly as the models' own tokenizers do.
//
// Two kinds of vocabulary are known. Byte-level BPE (GPT-2, SmolLM2, Llama 3, Qwen2): a hand-written
// splitter per family cuts the text into words, see split_*.go, and the words' bytes are joined by
// ranked merges. SentencePiece BPE (Gemma, Llama 2): characters are joined by the score of what they
// make. Text is taken as it is: no Unicode normalisation, as GGUF tokenizers have it.
package token

import (
	"strings"
	"unicode/utf8"

	"patchbay/shared/errs"
)

// MaxText is the longest text that Encode takes, in bytes.
const MaxText = 4 << 20

// Options say how text is read.
type Options struct {
	BOS     bool // begin with the model's first token, if the model wants one and the text has none yet
	Special bool // read the text of control tokens, such as <|im_end|>, as those tokens
}

// Tokenizer is a model's tokenizer, made by FromGGUF or FromJSON.
// It does not change after that, so any number of goroutines may use it.
type Tokenizer struct {
	vocab   *vocab
	special *specials
	model   model
	bos     int32 // -1: none
	addBOS  bool
	eos     []int32 // every token that ends an answer, the model's own first

	spaceMark   bool // SentencePiece: U+2581 and the space are one character
	spacePrefix bool // SentencePiece: a text begins with a space that is not in it
	chat        chatTemplate
	chatErr     error // why chat is nil
}

// model cuts a text without special tokens into ids.
type model interface {
	// encode appends the ids of text. A piece without a token is an error.
	encode(ids []int32, text string, m *merger) ([]int32, error)
}

// Encode turns text into ids. Control tokens are recognised only with o.Special; user-defined
// tokens always. Text beyond MaxText is refused (TooLarge), as is a byte for which the vocabulary
// has no token (Invalid): SmolLM2 lacks a few control characters and bytes outside UTF-8.
func (t *Tokenizer) Encode(text string, o Options) ([]int32, error) {
	const op = "token.Encode"
	if len(text) > MaxText {
		return nil, errs.E(op, errs.TooLarge, "the text has %d bytes, more than the limit of %d: shorten it", len(text), MaxText)
	}
	if t.spaceMark {
		text = strings.ReplaceAll(text, spaceMark, " ")
	}
	ids := make([]int32, 0, len(text)/4+8)
	ids, err := t.encode(ids, text, o.Special)
	if err != nil {
		return nil, errs.E(op, errs.Invalid, "%w", err)
	}
	if o.BOS && t.addBOS && !(len(ids) > 0 && ids[0] == t.bos) {
		ids = append([]int32{t.bos}, ids...)
	}
	return ids, nil
}

func (t *Tokenizer) encode(ids []int32, text string, control bool) ([]int32, error) {
	m, err, prefix := &merger{}, error(nil), t.spacePrefix
	for len(text) > 0 {
		at, end, id := t.special.find(text, control)
		if plain := text[:at]; plain != "" {
			if prefix {
				plain = " " + plain
			}
			if ids, err = t.model.encode(ids, plain, m); err != nil {
				return nil, err
			}
		}
		if id >= 0 {
			ids = append(ids, id)
		}
		text, prefix = text[end:], t.spacePrefix
	}
	return ids, nil
}

// Decode turns ids into text, special tokens as they are spelt. Ids outside the vocabulary are
// passed over. The text of some ids alone may not be valid UTF-8; use Stream for display.
func (t *Tokenizer) Decode(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(t.vocab.at(id))
	}
	if t.spacePrefix {
		return t.dropPrefix(b.String(), ids)
	}
	return b.String()
}

// dropPrefix takes away the space that Encode put before the text, after a leading BOS.
func (t *Tokenizer) dropPrefix(text string, ids []int32) string {
	head := ""
	if len(ids) > 0 && t.IsSpecial(ids[0]) {
		head = t.vocab.at(ids[0])
	}
	return head + strings.TrimPrefix(text[len(head):], " ")
}

// Bytes are the bytes that an id stands for; nil for an id outside the vocabulary.
func (t *Tokenizer) Bytes(id int32) []byte {
	if !t.vocab.has(id) {
		return nil
	}
	return []byte(t.vocab.at(id))
}

// Text is an id's text for display: whole UTF-8 characters as they are, other bytes as \xNN.
func (t *Tokenizer) Text(id int32) string {
	s := t.vocab.at(id)
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b.WriteString(`\x` + hexByte(s[0]))
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func hexByte(b byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// Size is the number of ids: they run from 0 to Size()-1.
func (t *Tokenizer) Size() int { return t.vocab.size() }

// BOS is the token that a text begins with, and whether the model has one. Whether a prompt
// should begin with it is AddsBOS.
func (t *Tokenizer) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// AddsBOS reports whether a prompt begins with BOS (Gemma and Llama do, SmolLM2 and Qwen do not).
func (t *Tokenizer) AddsBOS() bool { return t.addBOS }

// EOS are the tokens that end an answer: the model's own and the ends of turns, as <|im_end|>.
func (t *Tokenizer) EOS() []int32 { return append([]int32(nil), t.eos...) }

// IsSpecial reports whether an id is a control token: one that is no text.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.vocab.kindOf(id).control() }
