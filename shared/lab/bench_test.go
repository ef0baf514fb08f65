package lab

import (
	"encoding/json"
	"strings"
	"testing"
)

// BenchmarkLens measures the lens beside the price that was asked for it.
func BenchmarkLens(b *testing.B) {
	bench := bench(b, models[0].id)
	e := must(Get("lens"))(b)
	for name, params := range map[string]map[string]any{
		"last":   {"positions": "last"},
		"all":    {"positions": "all"},
		"all100": {"positions": "all", "prompt": strings.Repeat("The capital of Poland is Warsaw. ", 14)},
	} {
		raw := json.RawMessage(marshal(b, params))
		price := must(e.Price(bench, raw))(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(e.Run(b.Context(), bench, raw, nil))(b)
			}
			b.ReportMetric(price.Seconds*1e9, "priced-ns/op")
			b.ReportMetric(price.FLOPs*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkGenerate measures decoding through a plan.
func BenchmarkGenerate(b *testing.B) {
	bench := bench(b, models[0].id)
	e := must(Get("generate"))(b)
	for name, edits := range map[string]string{
		"clean":  `[]`,
		"edited": `[{"site": "hook_resid_post", "layers": 15, "op": "scale", "strength": 0.9}]`,
	} {
		raw := json.RawMessage(`{"count": 32, "stop_at_eos": false, "edits": ` + edits + `}`)
		price := must(e.Price(bench, raw))(b)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				must(e.Run(b.Context(), bench, raw, nil))(b)
			}
			b.ReportMetric(price.Seconds*1e9, "priced-ns/op")
			b.ReportMetric(32*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
