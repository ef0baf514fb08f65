package token_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

var families = []string{"gpt2", "smollm", "llama3", "qwen2"}

func small(t testing.TB, family string) *token.Tokenizer {
	t.Helper()
	data, err := os.ReadFile("testdata/" + family + ".json")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestFromJSON compares with the Python package tokenizers: testdata/make_tokenizers.py.
func TestFromJSON(t *testing.T) {
	data, err := os.ReadFile("testdata/tokenizers.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][]struct {
		Text string
		IDs  []int32
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		tok := small(t, family)
		if tok.AddsBOS() != (family == "llama3") || tok.Size() != 601 {
			t.Errorf("%s: adds BOS %v, size %d", family, tok.AddsBOS(), tok.Size())
		}
		for _, c := range golden[family] {
			checkIDs(t, tok, family, c.Text, token.Options{BOS: true, Special: true}, c.IDs)
			if got := strings.TrimPrefix(tok.Decode(c.IDs), "<|start|>"); got != strings.TrimPrefix(c.Text, "<|start|>") {
				t.Errorf("%s: decoded %q, want %q", family, got, c.Text)
			}
		}
	}
}

func TestFromJSONRefuses(t *testing.T) {
	tests := []struct {
		name, from, to string
		kind           errs.Kind
		says           string
	}{
		{"other model", `"type":"BPE"`, `"type":"Unigram"`, errs.Unsupported, `"Unigram"; only BPE`},
		{"byte fallback", `"byte_fallback":false`, `"byte_fallback":true`, errs.Unsupported, "not byte-level"},
		{"other normalizer", `"normalizer":null`, `"normalizer":{"type":"Lowercase"}`, errs.Unsupported, `"Lowercase"`},
		{"other pre-tokenizer", `"pre_tokenizer":{"type":"ByteLevel"`, `"pre_tokenizer":{"type":"Metaspace"`, errs.Unsupported, "pre-tokenizer"},
		{"space before text", `"add_prefix_space":false`, `"add_prefix_space":true`, errs.Unsupported, "pre-tokenizer"},
		{"stripping token", `"lstrip":false`, `"lstrip":true`, errs.Unsupported, "strips spaces"},
		{"id below zero", `"<|start|>":0`, `"<|start|>":-5`, errs.Invalid, "ids are 0 to"},
		{"id too large", `"<|start|>":0`, `"<|start|>":99999999999`, errs.Invalid, "ids are 0 to"},
		{"id twice", `"<|start|>":0`, `"<|start|>":7`, errs.Invalid, "two tokens"},
		{"merge of nothing", `"merges":[`, `"merges":[["zq","qz"],`, errs.Invalid, "no token of the vocabulary"},
		{"no JSON", `{`, `[`, errs.Invalid, "cannot be read"},
	}
	data, err := os.ReadFile("testdata/gpt2.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		bad := strings.Replace(string(data), test.from, test.to, 1)
		if bad == string(data) {
			t.Errorf("%s: %q is not in the file", test.name, test.from)
			continue
		}
		_, err := token.FromJSON([]byte(bad))
		checkError(t, test.name, err, test.kind, test.says)
	}
}

func checkError(t *testing.T, name string, err error, kind errs.Kind, says string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
	} else if errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v error %q; want %v with %q", name, errs.KindOf(err), err, kind, says)
	}
}

func TestOldMerges(t *testing.T) {
	data, err := os.ReadFile("testdata/gpt2.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	model := file["model"].(map[string]any)
	var lines []string
	for _, m := range model["merges"].([]any) {
		lines = append(lines, m.([]any)[0].(string)+" "+m.([]any)[1].(string))
	}
	model["merges"] = lines
	data, _ = json.Marshal(file)
	old, err := token.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	const text = "special tokens and trainers"
	want, _ := small(t, "gpt2").Encode(text, token.Options{})
	checkIDs(t, old, "old merges", text, token.Options{}, want)
}

func TestConfigure(t *testing.T) {
	tok := small(t, "llama3")
	config, err := json.Marshal(map[string]any{
		"bos_token": map[string]any{"content": "<|im_end|>"}, "eos_token": "<|start|>", "add_bos_token": false,
		"chat_template": smollm2Template,
	})
	if err != nil {
		t.Fatal(err)
	}
	if tok.HasChat() {
		t.Error("a tokenizer.json alone has a chat template")
	}
	if err := tok.Configure(config); err != nil {
		t.Fatal(err)
	}
	if bos, _ := tok.BOS(); bos != 1 || tok.EOS()[0] != 0 || tok.AddsBOS() || !tok.HasChat() {
		t.Errorf("BOS %d, EOS %v, adds BOS %v, chat %v", bos, tok.EOS(), tok.AddsBOS(), tok.HasChat())
	}
	checkError(t, "unknown token", tok.Configure([]byte(`{"eos_token":"<nope>"}`)), errs.Invalid, `"<nope>"`)
	checkError(t, "no JSON", tok.Configure([]byte(`?`)), errs.Invalid, "cannot be read")
}
