package vecfile

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"patchbay/shared/lab"
)

func joy() lab.Vector {
	return lab.Vector{Name: "joy", Model: "pocket", Digest: "2b73", Site: "hook_resid_post", Layer: 5, Values: lab.Floats{0.5, -1, 2, 0.25, 3, 7, -8, 1}, Made: "steer: mood"}
}

func files(t *testing.T, v lab.Vector) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	var err error
	if out["joy.safetensors"], err = Safetensors([]lab.Vector{v}); err != nil {
		t.Fatal(err)
	}
	if out["joy.gguf"], err = GGUF([]lab.Vector{v}, "llama", 8); err != nil {
		t.Fatal(err)
	}
	if out["joy.json"], err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is written is read back, whatever the format.
func TestRoundTrip(t *testing.T) {
	for name, raw := range files(t, joy()) {
		got, err := Read(name, raw)
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], joy()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	result := `{"result":{"vectors":[` + string(files(t, joy())["joy.json"]) + `]}}`
	if got, err := Read("outcome.json", []byte(result)); err != nil || !reflect.DeepEqual(got[0], joy()) {
		t.Errorf("an outcome: %v, %v", got, err)
	}
}

// A control vector may have directions for many layers; they come in order.
func TestSeveralLayers(t *testing.T) {
	a, b := joy(), joy()
	a.Layer, b.Site, b.Layer = 6, "hook_resid_pre", 3 // what enters block 3 is what block 2 left
	raw, err := GGUF([]lab.Vector{a, b}, "llama", 8)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read("x.gguf", raw)
	if err != nil || len(got) != 2 || got[0].Layer != 2 || got[1].Layer != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	raw, err = Safetensors([]lab.Vector{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = Read("x.safetensors", raw); err != nil || len(got) != 2 || got[0].Layer != 3 || got[0].Site != "hook_resid_pre" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadFilesAreRefusedInWords(t *testing.T) {
	for name, raw := range files(t, joy()) {
		for n := range raw {
			if got, err := Read(name, raw[:n]); err == nil {
				t.Errorf("%s cut to %d of %d bytes is read: %+v", name, n, len(raw), got)
			}
		}
	}
	nan := joy()
	nan.Values[2] = float32(math.NaN())
	if _, err := Safetensors([]lab.Vector{nan}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("NaN: %v", err)
	}
	for name, raw := range files(t, joy()) {
		one := bits(nil, []float32{2})
		at := strings.LastIndex(string(raw), string(one))
		if name == "joy.json" || at < 0 {
			continue
		}
		copy(raw[at:], bits(nil, nan.Values[2:3]))
		if _, err := Read(name, raw); err == nil || !strings.Contains(err.Error(), "number 2") {
			t.Errorf("%s with NaN: %v", name, err)
		}
	}
	first, odd := joy(), joy()
	first.Layer, odd.Site = 0, "attn.hook_z"
	for words, v := range map[string]lab.Vector{"after layers 1 to 7": first, "keep it in safetensors": odd} {
		if _, err := GGUF([]lab.Vector{v}, "llama", 8); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want words %q", err, words)
		}
	}
	for words, text := range map[string]string{
		"neither GGUF nor safetensors": "hello",
		"no vector":                    "{}",
		"base64":                       `{"name":"x","values":"AAA"}`,
		"layer -1":                     `{"name":"x","layer":-1,"values":"AACAPw=="}`,
	} {
		if _, err := Read("x.json", []byte(text)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want words %q", text, err, words)
		}
	}
	if _, err := Read("big", make([]byte, MaxBytes+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a file too large: %v", err)
	}
}

// Any bytes give vectors that could be written again, or an error.
func FuzzRead(f *testing.F) {
	for _, raw := range [][]byte{{}, []byte("GGUF"), []byte("{}")} {
		f.Add(raw)
	}
	s, _ := Safetensors([]lab.Vector{joy()})
	g, _ := GGUF([]lab.Vector{joy()}, "llama", 8)
	j, _ := json.Marshal(joy())
	f.Add(s)
	f.Add(g)
	f.Add(j)
	f.Fuzz(func(t *testing.T, raw []byte) {
		vs, err := Read("f", raw)
		if err != nil {
			return
		}
		if _, err := Safetensors(vs); err != nil {
			t.Errorf("%+v is read and cannot be written: %v", vs, err)
		}
	})
}
