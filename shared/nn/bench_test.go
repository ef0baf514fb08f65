package nn

import (
	"context"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/internal/refdata"
)

// BenchmarkSmolLM2 measures a prompt of 100 tokens and single steps after it, in tokens a second.
func BenchmarkSmolLM2(b *testing.B) {
	for _, d := range devices {
		dev, err := d.make()
		if err != nil {
			continue
		}
		m := openModel(b, dev, refdata.Model(b, "smollm2-135m-instruct"))
		cache := must[*Cache](b)(m.NewCache(m.max))
		ids := make([]int32, 100)
		pass := Pass{IDs: ids, Cache: cache, Logits: LastLogits}
		b.Run(d.name+"/prefill", func(b *testing.B) {
			for b.Loop() {
				cache.Truncate(0)
				must[device.Buffer](b)(m.Forward(context.Background(), pass))
			}
			b.ReportMetric(float64(len(ids)*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
		b.Run(d.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cache.Truncate(len(ids))
				must[device.Buffer](b)(m.Forward(context.Background(), Pass{IDs: ids[:1], Cache: cache, Logits: LastLogits}))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
		cache.Free()
	}
}
