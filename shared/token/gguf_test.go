package token_test

import (
	"fmt"
	"math"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// bpeMeta is a byte-level vocabulary of printable ASCII, the space (Ġ) and a few merges.
func bpeMeta() map[string]any {
	var tokens []string
	for c := '!'; c <= '~'; c++ {
		tokens = append(tokens, string(c))
	}
	tokens = append(tokens, "Ġ", "aa", "aaaa", "Ġa", "<|im_end|>", "<tool>", "<tool>x")
	types := make([]int32, len(tokens))
	for i := range types {
		types[i] = 1
	}
	n := len(types)
	types[n-3], types[n-2], types[n-1] = 3, 4, 4
	return map[string]any{
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2",
		"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types,
		"tokenizer.ggml.merges":       []string{"a a", "aa aa", "Ġ a"},
		"tokenizer.ggml.eos_token_id": uint32(n - 3),
	}
}

// spmMeta is a SentencePiece vocabulary: all bytes, a few letters and words.
func spmMeta() map[string]any {
	tokens, types, scores := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}, []float32{0, 0, 0}
	add := func(text string, kind int32, score float32) {
		tokens, types, scores = append(tokens, text), append(types, kind), append(scores, score)
	}
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), 6, 0)
	}
	for i, text := range []string{"▁", "a", "b", "c", "aa", "ab", "▁a", "bc", "abc", "aaaa", "▁b", "a▁b"} {
		add(text, 1, -float32(i))
	}
	add("\n\n", 4, 0)
	return map[string]any{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores, "tokenizer.ggml.token_type": types,
		"tokenizer.ggml.bos_token_id": uint32(1), "tokenizer.ggml.eos_token_id": uint32(2), "tokenizer.ggml.unknown_token_id": uint32(0),
		"tokenizer.ggml.add_space_prefix": false,
	}
}

func fromMeta(t testing.TB, meta map[string]any) *token.Tokenizer {
	t.Helper()
	tok, err := token.FromGGUF(meta)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestFromGGUFRefuses(t *testing.T) {
	const g = "tokenizer.ggml."
	big := make([]string, 1<<21+1)
	tests := []struct {
		name string
		meta map[string]any
		key  string
		to   any // nil: missing
		kind errs.Kind
		says string
	}{
		{"no model", bpeMeta(), "model", nil, errs.Invalid, "tokenizer.ggml.model is missing"},
		{"model is a number", bpeMeta(), "model", 7, errs.Invalid, "tokenizer.ggml.model is missing"},
		{"other model", bpeMeta(), "model", "bert", errs.Unsupported, `"bert"`},
		{"no splitter", bpeMeta(), "pre", nil, errs.Unsupported, "tokenizer.ggml.pre"},
		{"other splitter", bpeMeta(), "pre", "tekken", errs.Unsupported, `"tekken"`},
		{"no tokens", bpeMeta(), "tokens", nil, errs.Invalid, "tokenizer.ggml.tokens is missing"},
		{"tokens are numbers", bpeMeta(), "tokens", []int32{1}, errs.Invalid, "no list of texts"},
		{"empty vocabulary", bpeMeta(), "tokens", []string{}, errs.Invalid, "types"},
		{"too many tokens", spmMeta(), "tokens", big, errs.Invalid, "types"},
		{"fewer types", bpeMeta(), "token_type", []int32{1}, errs.Invalid, "1 types"},
		{"types are texts", bpeMeta(), "token_type", []string{"x"}, errs.Invalid, "whole numbers"},
		{"no merges", bpeMeta(), "merges", nil, errs.Invalid, "tokenizer.ggml.merges is missing"},
		{"merge of nothing", bpeMeta(), "merges", []string{"a a", "q zz"}, errs.Invalid, "merge 1"},
		{"merge into nothing", bpeMeta(), "merges", []string{"a b"}, errs.Invalid, "merge 0"},
		{"merge of one", bpeMeta(), "merges", []string{"a"}, errs.Invalid, "merge 0"},
		{"eos too large", bpeMeta(), "eos_token_id", uint32(1 << 31), errs.Invalid, "eos_token_id is 2147483648"},
		{"eos below zero", bpeMeta(), "eos_token_id", int32(-1), errs.Invalid, "eos_token_id is -1"},
		{"eos huge", bpeMeta(), "eos_token_id", uint64(math.MaxUint64), errs.Invalid, "ids are 0 to"},
		{"bos is a text", bpeMeta(), "bos_token_id", "<s>", errs.Invalid, "bos_token_id is <s>"},
		{"no scores", spmMeta(), "scores", nil, errs.Invalid, "tokenizer.ggml.scores is missing"},
		{"fewer scores", spmMeta(), "scores", []float32{1}, errs.Invalid, "1 scores"},
		{"unknown too large", spmMeta(), "unknown_token_id", uint32(5000), errs.Invalid, "unknown_token_id is 5000"},
	}
	for _, test := range tests {
		test.meta[g+test.key] = test.to
		if test.to == nil {
			delete(test.meta, g+test.key)
		}
		_, err := token.FromGGUF(test.meta)
		checkError(t, test.name, err, test.kind, test.says)
	}
}

func TestFromGGUFRefusesContents(t *testing.T) {
	edit := func(meta map[string]any, key string, at int, to any) map[string]any {
		switch list := meta["tokenizer.ggml."+key].(type) {
		case []string:
			list[at] = to.(string)
		case []int32:
			list[at] = to.(int32)
		case []float32:
			list[at] = to.(float32)
		}
		return meta
	}
	long := string(make([]byte, 5000))
	tests := []struct {
		name string
		meta map[string]any
		kind errs.Kind
		says string
	}{
		{"token twice", edit(bpeMeta(), "tokens", 3, "a"), errs.Invalid, `are both "a"`},
		{"special token twice", edit(bpeMeta(), "tokens", len(bpeMeta()["tokenizer.ggml.tokens"].([]string))-1, "<tool>"), errs.Invalid, `are both "<tool>"`},
		{"type 0", edit(bpeMeta(), "token_type", 3, int32(0)), errs.Invalid, "token_type[3] is 0"},
		{"type 7", edit(bpeMeta(), "token_type", 3, int32(7)), errs.Invalid, "types are 1 to 6"},
		{"long token", edit(bpeMeta(), "tokens", 3, long), errs.TooLarge, "token 3 has 5000 bytes"},
		{"byte misspelt", edit(spmMeta(), "tokens", 10, "<0xG1>"), errs.Invalid, "token 10"},
		{"score is no number", edit(spmMeta(), "scores", 10, float32(math.NaN())), errs.Invalid, "score of token 10"},
	}
	for _, test := range tests {
		_, err := token.FromGGUF(test.meta)
		checkError(t, test.name, err, test.kind, test.says)
	}
	meta := spmMeta()
	meta["tokenizer.ggml.tokens"] = make([]string, 1<<21+1)
	delete(meta, "tokenizer.ggml.token_type")
	_, err := token.FromGGUF(meta)
	checkError(t, "too many tokens", err, errs.TooLarge, "more than the limit of 2097152")
}

// TestSPM checks order by score, byte fallback and the space prefix on a vocabulary one can follow.
func TestSPM(t *testing.T) {
	tok := fromMeta(t, spmMeta())
	tests := []struct {
		text string
		want string // the tokens, joined by |
	}{
		{"abc", "abc"}, // ab before bc, and then ab and c make abc
		{"abbc", "ab|bc"},
		{"aab", "aa|b"}, // aa before ab
		{" ab", " |ab"}, // ab before " a"
		{"b b", "b| b"},
		{"a b", "a b"},     // a token with a space inside
		{"é", `\xC3|\xA9`}, // bytes
		{"\n\n\na", "\n\n|\n|a"},
		{"▁a", " a"},
	}
	for _, test := range tests {
		ids, err := tok.Encode(test.text, token.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := joined(tok, ids); got != test.want {
			t.Errorf("%q gives %s, want %s", test.text, got, test.want)
		}
	}
}

func joined(tok *token.Tokenizer, ids []int32) (out string) {
	for i, id := range ids {
		if i > 0 {
			out += "|"
		}
		out += tok.Text(id)
	}
	return out
}

func TestSpacePrefix(t *testing.T) {
	meta := spmMeta()
	meta["tokenizer.ggml.add_space_prefix"] = true
	tok := fromMeta(t, meta)
	ids, err := tok.Encode("abc", token.Options{BOS: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := joined(tok, ids); got != "<s>| |abc" {
		t.Errorf("tokens are %s", got)
	}
	if got := tok.Decode(ids); got != "<s>abc" {
		t.Errorf("decoded %q", got)
	}
}

func TestUnknownWithoutBytes(t *testing.T) {
	meta := map[string]any{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": []string{"<unk>", "a"},
		"tokenizer.ggml.scores": []float32{0, 0}, "tokenizer.ggml.token_type": []int32{2, 1}, "tokenizer.ggml.add_space_prefix": false,
	}
	_, err := fromMeta(t, meta).Encode("aé", token.Options{})
	checkError(t, "no byte and no unknown token", err, errs.Invalid, `"é" has no token`)
	meta["tokenizer.ggml.unknown_token_id"] = uint32(0)
	checkIDs(t, fromMeta(t, meta), "unknown token", "aéa", token.Options{}, []int32{1, 0, 1})
}
