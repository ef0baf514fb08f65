package token

import (
	"iter"
	"math"
	"slices"
	"strings"

	"patchbay/shared/errs"
)

// FromGGUF makes the tokenizer that a GGUF file's metadata describes (keys tokenizer.*). Arrays are
// []string, []float32, []int32 or []uint32, numbers of any integer type. It keeps nothing of meta.
// Models "gpt2" with the splitters smollm, gpt-2, llama-bpe and qwen2, and "llama" are known;
// others are Unsupported, and metadata that contradicts itself is Invalid.
func FromGGUF(meta map[string]any) (*Tokenizer, error) {
	t, err := fromGGUF(reader{meta: meta})
	if err != nil {
		return nil, errs.E("token.FromGGUF", errs.Other, "the file's tokenizer cannot be used: %w", err)
	}
	return t, nil
}

func fromGGUF(r reader) (*Tokenizer, error) {
	switch name := r.text("tokenizer.ggml.model"); name {
	case "gpt2":
		return r.tokenizer(r.bpe)
	case "llama":
		return r.tokenizer(r.spm)
	case "":
		return nil, errs.E("", errs.Invalid, "tokenizer.ggml.model is missing")
	default:
		return nil, errs.E("", errs.Unsupported, "its kind %q is not known; known are gpt2 and llama", name)
	}
}

// tokenizer reads what both kinds have; fill adds the vocabulary and the model.
func (r reader) tokenizer(fill func(*Tokenizer) error) (*Tokenizer, error) {
	t := &Tokenizer{bos: -1}
	if err := fill(t); err != nil {
		return nil, err
	}
	var err error
	if t.bos, err = r.id(t.vocab, "tokenizer.ggml.bos_token_id"); err != nil {
		return nil, err
	}
	t.addBOS = r.flag("tokenizer.ggml.add_bos_token", t.addBOS) && t.bos >= 0
	for _, name := range []string{"eos", "eot", "eom"} {
		id, err := r.id(t.vocab, "tokenizer.ggml."+name+"_token_id")
		if err != nil {
			return nil, err
		}
		t.addEOS(id)
	}
	t.addKnownEOS()
	t.chat, t.chatErr = recogniseChat(r.text("tokenizer.chat_template"))
	return t, nil
}

// splitters are the values of tokenizer.ggml.pre, with llama.cpp's other names for the same thing.
var splitters = map[string]splitter{
	"smollm": splitSmolLM, "starcoder": splitSmolLM, "refact": splitSmolLM, "command-r": splitSmolLM,
	"gpt-2": splitGPT2, "phi-2": splitGPT2, "olmo": splitGPT2, "mpt": splitGPT2,
	"llama-bpe": splitLlama3, "llama3": splitLlama3, "llama-v3": splitLlama3,
	"qwen2": splitQwen2, "deepseek-r1-qwen": splitQwen2,
}

func (r reader) bpe(t *Tokenizer) error {
	pre := r.text("tokenizer.ggml.pre")
	if pre == "" && r.text("general.architecture") == "gpt2" {
		pre = "gpt-2" // files older than the key
	}
	split, ok := splitters[pre]
	if !ok {
		return errs.E("", errs.Unsupported, "its splitter %q (tokenizer.ggml.pre) is not known; known are smollm, gpt-2, llama-bpe and qwen2", pre)
	}
	err := r.vocabulary(t, func(all []byte, text string, k kind) []byte {
		if k == normal {
			return appendLetterBytes(all, text)
		}
		return append(all, text...)
	})
	if err != nil {
		return err
	}
	merges, err := r.strings("tokenizer.ggml.merges")
	if err != nil {
		return err
	}
	llama3 := splitsLikeLlama3(pre)
	t.addBOS = llama3
	t.model, err = newBPE(t.vocab, t.special, split, llama3, len(merges), pairs(merges))
	return err
}

func splitsLikeLlama3(pre string) bool {
	return pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3"
}

// pairs reads merges, "left right". A line without a space joins with nothing, which newBPE refuses.
func pairs(merges []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, m := range merges {
			left, right, _ := strings.Cut(m, " ")
			if !yield(left, right) {
				return
			}
		}
	}
}

func (r reader) spm(t *Tokenizer) error {
	err := r.vocabulary(t, func(all []byte, text string, k kind) []byte {
		if k == byteToken {
			b, _ := byteOf(text)
			return append(all, b...)
		}
		return appendSpaced(all, text)
	})
	if err != nil {
		return err
	}
	for id, k := range t.vocab.kind {
		if k == byteToken && t.vocab.at(int32(id)) == "" {
			return errs.E("", errs.Invalid, "token %d is a byte but is not spelt <0xNN>", id)
		}
	}
	scores, err := r.floats("tokenizer.ggml.scores")
	if err != nil {
		return err
	}
	unk, err := r.id(t.vocab, "tokenizer.ggml.unknown_token_id")
	if err != nil {
		return err
	}
	t.addBOS, t.spaceMark = true, true
	t.spacePrefix = r.flag("tokenizer.ggml.add_space_prefix", true)
	t.model, err = newSPM(t.vocab, scores, unk)
	return err
}

// vocabulary reads tokens and their types; plain appends the bytes of a token that the file spells as text.
func (r reader) vocabulary(t *Tokenizer, plain func(all []byte, text string, k kind) []byte) error {
	tokens, err := r.strings("tokenizer.ggml.tokens")
	if err != nil {
		return err
	}
	kinds, err := r.kinds("tokenizer.ggml.token_type", len(tokens))
	if err != nil {
		return err
	}
	t.vocab, err = newVocab(len(tokens), func(all []byte, id int) ([]byte, kind) {
		return plain(all, tokens[id], kinds[id]), kinds[id]
	})
	if err != nil {
		return err
	}
	t.special, err = newSpecials(t.vocab)
	return err
}

// turnEnds are the texts of control tokens that end an answer whatever the file says.
var turnEnds = []string{
	"<|im_end|>", "<end_of_turn>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>",
}

func (t *Tokenizer) addKnownEOS() {
	for _, text := range turnEnds {
		if id, ok := t.special.ids[text]; ok {
			t.addEOS(id)
		}
	}
}

func (t *Tokenizer) addEOS(id int32) {
	if id >= 0 && !slices.Contains(t.eos, id) {
		t.eos = append(t.eos, id)
	}
}

// reader reads metadata; a value of another type counts as missing where there is a default.
type reader struct{ meta map[string]any }

func (r reader) text(key string) string { s, _ := r.meta[key].(string); return s }

func (r reader) flag(key string, def bool) bool {
	if b, ok := r.meta[key].(bool); ok {
		return b
	}
	return def
}

func (r reader) strings(key string) ([]string, error) {
	s, ok := r.meta[key].([]string)
	if !ok {
		return nil, errs.E("", errs.Invalid, "%s is missing or no list of texts", key)
	}
	return s, nil
}

func (r reader) floats(key string) ([]float32, error) {
	f, ok := r.meta[key].([]float32)
	if !ok {
		return nil, errs.E("", errs.Invalid, "%s is missing or no list of numbers", key)
	}
	return f, nil
}

// kinds reads n token types; without the key all tokens are normal.
func (r reader) kinds(key string, n int) ([]kind, error) {
	out := make([]kind, n)
	for i := range out {
		out[i] = normal
	}
	var err error
	switch types := r.meta[key].(type) {
	case nil:
	case []int32:
		err = convertKinds(out, types, key)
	case []uint32:
		err = convertKinds(out, types, key)
	default:
		err = errs.E("", errs.Invalid, "%s is no list of whole numbers", key)
	}
	return out, err
}

func convertKinds[T int32 | uint32](out []kind, types []T, key string) error {
	if len(types) != len(out) {
		return errs.E("", errs.Invalid, "there are %d tokens and %d types", len(out), len(types))
	}
	for i, v := range types {
		if v < T(normal) || v > T(byteToken) {
			return errs.E("", errs.Invalid, "%s[%d] is %d; types are 1 to 6", key, i, v)
		}
		out[i] = kind(v)
	}
	return nil
}

// id reads a token's id; -1 without the key. One outside the vocabulary is an error.
func (r reader) id(v *vocab, key string) (int32, error) {
	value, ok := r.meta[key]
	if !ok {
		return -1, nil
	}
	n, ok := whole(value)
	if !ok || n < 0 || n >= int64(v.size()) {
		return -1, errs.E("", errs.Invalid, "%s is %v; ids are 0 to %d", key, value, v.size()-1)
	}
	return int32(n), nil
}

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case uint8:
		return int64(n), true
	case int8:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	case int:
		return int64(n), true
	}
	return 0, false
}
