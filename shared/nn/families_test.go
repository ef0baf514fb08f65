package nn

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

var families = []string{"llama", "llama3_rope", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gpt2", "gpt_neox"}

// openFamily loads a tiny model, with the configuration in either spelling.
func openFamily(t testing.TB, dev device.Device, family, config string) *Model {
	t.Helper()
	file := must[*weights.Model](t)(weights.Open(refdata.Path(t, "families", family)))
	t.Cleanup(func() { file.Close() })
	b := must[[]byte](t)(os.ReadFile(refdata.Path(t, "families", family, config)))
	file.Meta = nil
	if err := json.Unmarshal(b, &file.Meta); err != nil {
		t.Fatal(err)
	}
	m := must[*Model](t)(Load(context.Background(), dev, file, Options{}))
	t.Cleanup(m.Close)
	return m
}

// Every family computes what transformers does, at every stored state, from either spelling of
// its configuration.
func TestFamilies(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			for _, config := range []string{"config.json", "config_v4.json"} {
				t.Run(family+"/"+config, func(t *testing.T) {
					m := openFamily(t, dev, family, config)
					want := readGolden(t, "families", family, "expected.safetensors")
					rec := record(dev, everything)
					rec.got["logits"] = forward(t, m, want.ids("ids"), rec)
					worst := 0.0
					for name, w := range want {
						if name == "ids" {
							continue
						}
						row := m.cfg.Width
						if name == "logits" {
							row = m.cfg.Vocab
						}
						worst = max(worst, compare(t, name, rec.got[name], w, row, 1e-4))
					}
					t.Logf("largest row error %.2g", worst)
				})
			}
		}
	})
}
