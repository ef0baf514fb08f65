package token_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

func TestSpecials(t *testing.T) {
	tok := fromMeta(t, bpeMeta())
	tests := []struct {
		text    string
		special bool
		want    string
	}{
		{"b<|im_end|>", true, "b|<|im_end|>"},
		{"b<|im_end|>", false, "b|<|||i|m|_|e|n|d|||>"},
		{"b<tool>b", false, "b|<tool>|b"},
		{"b<tool>xb", false, "b|<tool>x|b"}, // the longest
		{"<<tool>", false, "<|<tool>"},
		{"<|im_end|><|im_end|>", true, "<|im_end|>|<|im_end|>"},
		{"<|im_end|", true, "<|||i|m|_|e|n|d||"},
	}
	for _, test := range tests {
		ids, err := tok.Encode(test.text, token.Options{Special: test.special})
		if err != nil {
			t.Fatal(err)
		}
		if got := joined(tok, ids); got != test.want {
			t.Errorf("%q (special %v) gives %s, want %s", test.text, test.special, got, test.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	tok := fromMeta(t, bpeMeta())
	_, err := tok.Encode(strings.Repeat("a", token.MaxText+1), token.Options{})
	checkError(t, "long text", err, errs.TooLarge, "4194304")
	_, err = tok.Encode("ab\x04", token.Options{})
	checkError(t, "byte without token", err, errs.Invalid, "byte 0x04")
}

func TestBOSOnce(t *testing.T) {
	tok := fromMeta(t, spmMeta())
	o := token.Options{BOS: true, Special: true}
	checkIDs(t, tok, "no BOS yet", "a", o, []int32{1, 260})
	checkIDs(t, tok, "BOS in the text", "<s>a", o, []int32{1, 260})
	checkIDs(t, tok, "empty", "", o, []int32{1})
	checkIDs(t, tok, "not asked", "a", token.Options{}, []int32{260})
}

func TestIDsOutsideTheVocabulary(t *testing.T) {
	tok := fromMeta(t, bpeMeta())
	for _, id := range []int32{-1, int32(tok.Size()), 1 << 30} {
		if tok.Bytes(id) != nil || tok.Text(id) != "" || tok.IsSpecial(id) || tok.Decode([]int32{id}) != "" || tok.Stream().Write(id) != "" {
			t.Errorf("id %d has a meaning", id)
		}
	}
}

func TestOne(t *testing.T) {
	tok := fromMeta(t, bpeMeta())
	for text, want := range map[string]string{"b": "b", "aa": "aa", " a": " a", " b": "b", "<|im_end|>": "<|im_end|>"} {
		id, err := tok.One(text)
		if err != nil || tok.Text(id) != want {
			t.Errorf("One(%q) is %q, %v; want %q", text, tok.Text(id), err, want)
		}
	}
	_, err := tok.One("bbq")
	checkError(t, "three tokens", err, errs.Invalid, `"bbq" is 3 tokens for this model, "b" + "b" + "q"`)
	_, err = tok.One("")
	checkError(t, "empty", err, errs.Invalid, "empty")
	_, err = tok.One(strings.Repeat("b", 100))
	checkError(t, "long", err, errs.Invalid, `"b" + ...`)
}

func TestText(t *testing.T) {
	tok := fromMeta(t, spmMeta())
	for id, want := range map[int32]string{3 + 0xe4: `\xE4`, 3 + 'a': "a", 0: "<unk>", 265: " a"} {
		if got := tok.Text(id); got != want {
			t.Errorf("text of %d is %q, want %q", id, got, want)
		}
	}
}

// TestStream feeds single bytes and checks that a character comes out whole, and only then.
func TestStream(t *testing.T) {
	const replaced = "\uFFFD"
	tests := []struct{ bytes, want string }{
		{"aé你😀", "a||é|||你||||😀"},
		{"\xe4a", "|" + replaced + "a"}, // the a shows that the character will never be whole
		{"\xffa", replaced + "|a"},
		{"\xc3\xc3\xa9", "|" + replaced + "|é"},
		{"\xf0\x9f", "||" + replaced}, // the rest at Flush
		{"\xc0\xaf", replaced + "|" + replaced},
	}
	tok := fromMeta(t, spmMeta())
	for _, test := range tests {
		s, out := tok.Stream(), []string{}
		for i := range len(test.bytes) {
			out = append(out, s.Write(3+int32(test.bytes[i])))
		}
		if rest := s.Flush(); rest != "" {
			out = append(out, rest)
		}
		if got := strings.Join(out, "|"); got != test.want {
			t.Errorf("%q comes out as %q, want %q", test.bytes, got, test.want)
		}
	}
}

// TestPathological would take hours if joining were quadratic.
func TestPathological(t *testing.T) {
	toks := map[string]*token.Tokenizer{"bpe": fromMeta(t, bpeMeta()), "spm": fromMeta(t, spmMeta())}
	for name, tok := range toks {
		for i, part := range []string{"a", "ab", "aa ", " ", "<", "<tool", "'"} {
			size := 1 << 20
			if i > 0 {
				size = 1 << 17
			}
			text := strings.Repeat(part, size/len(part))
			start := time.Now()
			ids, err := tok.Encode(text, token.Options{Special: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.Decode(ids); got != text {
				t.Errorf("%s: %d bytes of %q do not come back", name, size, part)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("%s: %d bytes of %q took %v", name, size, part, d)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := small(t, "qwen2")
	want, _ := tok.Encode("special tokens", token.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				checkIDs(t, tok, "concurrent", "special tokens", token.Options{}, want)
			}
		})
	}
	wg.Wait()
}
