package nn

import (
	"context"
	"math"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

// BenchmarkSmolLM2 measures a prompt of 100 tokens, and steps of greedy generation after it. The milliseconds of
// the fastest step say more on a shared machine than the mean.
func BenchmarkSmolLM2(b *testing.B) {
	for _, d := range devices {
		dev, err := d.make()
		if err != nil {
			continue
		}
		for _, mode := range []device.Mode{device.Exact, device.Fast} {
			b.Run(d.name+"/"+mode.String(), func(b *testing.B) { benchModel(b, dev, mode) })
		}
	}
}

func benchModel(b *testing.B, dev device.Device, mode device.Mode) {
	file := must[*weights.Model](b)(weights.Open(refdata.Model(b, "smollm2-135m-instruct")))
	defer file.Close()
	m := must[*Model](b)(Load(context.Background(), dev, file, Options{MaxTokens: 256, Mode: mode}))
	defer m.Close()
	cache := must[*Cache](b)(m.NewCache(m.max))
	defer cache.Free()
	ids := make([]int32, 100)
	pass := Pass{IDs: ids, Cache: cache, Logits: LastLogits}
	b.Run("prefill", func(b *testing.B) {
		for b.Loop() {
			cache.Truncate(0)
			must[device.Buffer](b)(m.Forward(context.Background(), pass))
		}
		b.ReportMetric(float64(len(ids)*b.N)/b.Elapsed().Seconds(), "tokens/s")
	})
	b.Run("decode", func(b *testing.B) { benchDecode(b, m, cache, ids) })
}

func benchDecode(b *testing.B, m *Model, cache *Cache, ids []int32) {
	b.ReportAllocs()
	least := math.Inf(1)
	for b.Loop() {
		cache.Truncate(0)
		last := time.Now()
		each := func(s Step) error {
			now := time.Now()
			if s.Index > 0 {
				least = min(least, now.Sub(last).Seconds())
			}
			last = now
			return nil
		}
		o := GenerateOptions{Count: 33, Cache: cache, OnToken: each}
		must[*Generated](b)(Generate(context.Background(), m, ids, o))
	}
	b.ReportMetric(1e3*least, "ms/token")
}
