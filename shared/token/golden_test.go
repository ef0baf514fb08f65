package token_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"patchbay/shared/internal/refdata"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

// golden is a tokenizer_NAME.json of the reference values.
type golden struct {
	VocabSize int   `json:"vocab_size"`
	AddBOS    bool  `json:"add_bos"`
	BOS       int32 `json:"bos"`
	EOS       int32 `json:"eos"`
	Cases     []struct {
		Name     string
		Text     string
		IDs      []int32
		IDsPlain []int32 `json:"ids_plain"`
		Decoded  *string
	}
	Chats []struct {
		Name     string
		Messages []token.Message
		Tools    []json.RawMessage
		Generate bool `json:"add_generation_prompt"`
		Text     string
		IDs      []int32
	}
	TokenBytes map[string]string `json:"token_bytes"`
}

var models = []struct{ name, id string }{
	{"smollm2-135m", "smollm2-135m-instruct"},
	{"gemma3-270m", "gemma3-270m"},
	{"qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-instruct"},
}

func load(t testing.TB, id string) *token.Tokenizer {
	t.Helper()
	m, err := weights.Open(refdata.Model(t, id))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	start := time.Now()
	tok, err := token.FromGGUF(m.Meta)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d tokens in %v", id, tok.Size(), time.Since(start))
	return tok
}

func TestGolden(t *testing.T) {
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			data, err := os.ReadFile(refdata.Path(t, "tokenizer_"+m.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(data, &g); err != nil {
				t.Fatal(err)
			}
			tok := load(t, m.id)
			checkFacts(t, &g, tok)
			checkCases(t, &g, tok)
			checkChats(t, &g, tok)
			checkBytes(t, &g, tok)
		})
	}
}

func checkFacts(t *testing.T, g *golden, tok *token.Tokenizer) {
	bos, _ := tok.BOS()
	if tok.Size() != g.VocabSize || tok.AddsBOS() != g.AddBOS || bos != g.BOS || tok.EOS()[0] != g.EOS {
		t.Errorf("size %d, adds BOS %v, BOS %d, EOS %v; want %d, %v, %d, %d",
			tok.Size(), tok.AddsBOS(), bos, tok.EOS(), g.VocabSize, g.AddBOS, g.BOS, g.EOS)
	}
	if tok.HasChat() != (len(g.Chats) > 0) {
		t.Errorf("HasChat is %v for %d chats", tok.HasChat(), len(g.Chats))
	}
}

func checkCases(t *testing.T, g *golden, tok *token.Tokenizer) {
	if len(g.Cases) == 0 {
		t.Error("no cases")
	}
	for _, c := range g.Cases {
		want := c.Text
		if c.Decoded != nil {
			want = *c.Decoded
		}
		if got := tok.Decode(c.IDs); got != want {
			t.Errorf("%s: decoded %q, want %q", c.Name, got, want)
		}
		if got := streamed(tok, c.IDs); got != want {
			t.Errorf("%s: streamed %q, want %q", c.Name, got, want)
		}
		plain := c.IDsPlain
		if plain == nil {
			plain = c.IDs
		}
		checkIDs(t, tok, c.Name, c.Text, token.Options{Special: true}, c.IDs)
		checkIDs(t, tok, c.Name+" plain", c.Text, token.Options{}, plain)
		if g.AddBOS {
			checkIDs(t, tok, c.Name+" with BOS", c.Text, token.Options{BOS: true}, append([]int32{g.BOS}, plain...))
		} else {
			checkIDs(t, tok, c.Name+" with BOS", c.Text, token.Options{BOS: true}, plain)
		}
	}
}

func checkIDs(t *testing.T, tok *token.Tokenizer, name, text string, o token.Options, want []int32) {
	t.Helper()
	got, err := tok.Encode(text, o)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if !slices.Equal(got, want) {
		t.Errorf("%s: %q gives %v, want %v", name, text, got, want)
	}
}

func streamed(tok *token.Tokenizer, ids []int32) string {
	s, out := tok.Stream(), ""
	for _, id := range ids {
		out += s.Write(id)
	}
	return out + s.Flush()
}

func checkChats(t *testing.T, g *golden, tok *token.Tokenizer) {
	for _, c := range g.Chats {
		text, err := tok.ChatTools(c.Messages, c.Tools, c.Generate)
		if err != nil {
			t.Errorf("chat %s: %v", c.Name, err)
			continue
		}
		if text != c.Text {
			t.Errorf("chat %s is\n%q, want\n%q", c.Name, text, c.Text)
		}
		checkIDs(t, tok, "chat "+c.Name, text, token.Options{BOS: true, Special: true}, c.IDs)
	}
}

func checkBytes(t *testing.T, g *golden, tok *token.Tokenizer) {
	for name, want := range g.TokenBytes {
		id, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(tok.Bytes(int32(id))); got != want {
			t.Errorf("bytes of %d are %s, want %s", id, got, want)
		}
	}
}
