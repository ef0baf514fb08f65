package token_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"patchbay/shared/token"
)

// FuzzRoundTrip checks that no text loses anything on the way to ids and back, broken UTF-8
// included, and that a stream gives whole characters only.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "It's 12345\n\n  x\r\n", "caf\u0301 你好😀\u3000", "a<|im_end|>b<tool>", "\xff\xe4\xbd '\xc5", "aaaa aaa", "\u2581"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	toks := map[string]*token.Tokenizer{"spm": fromMeta(f, spmMeta())}
	for _, family := range families {
		toks[family] = small(f, family)
	}
	f.Fuzz(func(t *testing.T, text string, special bool) {
		for name, tok := range toks {
			want := text
			if name == "spm" {
				want = strings.ReplaceAll(text, "\u2581", " ")
			}
			ids, err := tok.Encode(text, token.Options{Special: special})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := tok.Decode(ids); got != want {
				t.Errorf("%s: %q comes back as %q", name, text, got)
			}
			if got := streamed(tok, ids); !utf8.ValidString(got) || utf8.ValidString(want) && got != want {
				t.Errorf("%s: %q is streamed as %q", name, text, got)
			}
		}
	})
}

// FuzzFromGGUF changes metadata here and there. Whatever is accepted must also work.
func FuzzFromGGUF(f *testing.F) {
	f.Add(true, uint16(3), "a", uint16(3), int32(1), int64(5), float32(-1), "a a", "qwen2")
	f.Add(false, uint16(10), "<0x0G>", uint16(0), int32(6), int64(-1), float32(2), "", "default")
	f.Add(true, uint16(95), "Ġ", uint16(95), int32(4), int64(1)<<40, float32(0), "Ġ", "llama-bpe")
	f.Fuzz(func(t *testing.T, bpe bool, tokenAt uint16, text string, typeAt uint16, kind int32, id int64, score float32, merge, pre string) {
		meta := spmMeta()
		if bpe {
			meta = bpeMeta()
		}
		const g = "tokenizer.ggml."
		tokens := meta[g+"tokens"].([]string)
		tokens[int(tokenAt)%len(tokens)] = text
		types := meta[g+"token_type"].([]int32)
		types[int(typeAt)%len(types)] = kind
		if bpe {
			meta[g+"merges"] = append(meta[g+"merges"].([]string), merge)
			meta[g+"pre"] = pre
		} else {
			scores := meta[g+"scores"].([]float32)
			scores[int(tokenAt)%len(scores)] = score
			meta[g+"unknown_token_id"] = id
		}
		meta[g+"eos_token_id"] = id
		tok, err := token.FromGGUF(meta)
		if err != nil {
			return
		}
		use(t, tok, text+" aab <tool>\n\n"+merge)
	})
}

func use(t *testing.T, tok *token.Tokenizer, text string) {
	for _, o := range []token.Options{{}, {BOS: true, Special: true}} {
		ids, err := tok.Encode(text, o)
		if err != nil {
			continue
		}
		for _, id := range append(ids, tok.EOS()...) {
			if id < 0 || int(id) >= tok.Size() {
				t.Errorf("%q gives id %d of %d", text, id, tok.Size())
			}
		}
		tok.Decode(ids)
		streamed(tok, ids)
	}
	tok.One(text)
}

// FuzzFromJSON feeds bytes that need not be a tokenizer.json.
func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}`))
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":5},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"},"added_tokens":[{"id":1,"content":"<x>","special":true}],"post_processor":{"single":[{"SpecialToken":{"id":"<x>"}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tok, err := token.FromJSON(data); err == nil {
			use(t, tok, "ab <x> \xff")
		}
	})
}
