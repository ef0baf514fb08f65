package nn

import (
	"context"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

// referenceModels are the models with goldens: catalogue id, name in the goldens, tolerance.
var referenceModels = []struct {
	id, name string
	tol      float64
	long     bool
}{
	{"smollm2-135m-instruct", "smollm2-135m", 1e-4, false},
	{"gemma3-270m", "gemma3-270m", 1e-4, false},
	{"qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-1.5b", 1e-3, true},
}

// skipLong leaves out what takes a plain device too long, unless it is asked for.
func skipLong(t *testing.T, dev device.Device, name string, long bool) {
	t.Helper()
	if (long || brief(dev) && name != "smollm2-135m") && !exhaustive() {
		t.Skip("set PATCHBAY_EXHAUSTIVE=1 for this model on this device")
	}
}

// brief reports whether only a part is run.
func brief(dev device.Device) bool { return dev.Info().Name == "ref" && !exhaustive() }

type promptInfo struct {
	IDs       []int32 `json:"ids"`
	Positions string  `json:"positions"`
	Top       [][2]float64
	NLL       []float64 `json:"nll"`
}

// Every stored site and the logits match the reference.
func TestReference(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, rm := range referenceModels {
			t.Run(rm.name, func(t *testing.T) {
				if rm.long && !exhaustive() {
					t.Skip("set PATCHBAY_EXHAUSTIVE=1 for the large model")
				}
				var info struct{ Prompts map[string]promptInfo }
				readJSON(t, &info, "forward_"+rm.name+".json")
				want := readGolden(t, "forward_"+rm.name+".safetensors")
				m := openModel(t, dev, refdata.Model(t, rm.id))
				for prompt, p := range info.Prompts {
					if prompt == "capital" || exhaustive() {
						t.Run(prompt, func(t *testing.T) { checkPrompt(t, m, prompt, p, want, rm.tol) })
					}
				}
			})
		}
	})
}

func checkPrompt(t *testing.T, m *Model, prompt string, p promptInfo, want golden, tol float64) {
	rec := record(m.dev, func(name string) bool { return want[prompt+"/"+name] != nil })
	logits := forward(t, m, p.IDs, rec)
	rec.got["logits"] = logits[len(logits)-m.cfg.Vocab:]
	worst, where := 0.0, ""
	for name, w := range want {
		site, ok := strings.CutPrefix(name, prompt+"/")
		if !ok || site == "ids" {
			continue
		}
		got, row := rec.got[site], m.cfg.Vocab
		if s := rec.shape[site]; site != "logits" {
			row = s[len(s)-1]
		}
		if p.Positions == "last" && len(got) > len(w) {
			got = got[len(got)-len(w):]
		}
		if e := compare(t, name, got, w, row, tol); e > worst {
			worst, where = e, site
		}
	}
	t.Logf("%d positions, largest row error %.2g at %s", len(p.IDs), worst, where)
}

// Mode fast keeps to its stated error: about 7e-5 in each matrix product, a thousandth or so of
// the logits after all layers.
func TestFastMode(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		if dev.Info().Name == "ref" {
			t.Skip("the reference device computes every mode exactly")
		}
		want := readGolden(t, "forward_smollm2-135m.safetensors")
		file := must[*weights.Model](t)(weights.Open(refdata.Model(t, "smollm2-135m-instruct")))
		t.Cleanup(func() { file.Close() })
		m := must[*Model](t)(Load(context.Background(), dev, file, Options{MaxTokens: 64, Mode: device.Fast}))
		t.Cleanup(m.Close)
		cache := must[*Cache](t)(m.NewCache(16))
		t.Cleanup(cache.Free)
		var logits device.Buffer
		for _, id := range want.ids("capital/ids") { // one at a time, as in chatting
			logits = must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: []int32{id}, Cache: cache, Logits: LastLogits}))
		}
		t.Logf("row error %.2g", compare(t, "logits", download(t, dev, logits), want["capital/logits"], m.cfg.Vocab, 5e-3))
	})
}
