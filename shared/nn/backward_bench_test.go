package nn

import (
	"context"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/simd"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
)

// BenchmarkBackward compares a pass over 16 tokens with recording it and going back to every
// residual stream, for one cotangent and for sixteen.
func BenchmarkBackward(b *testing.B) {
	dev, err := simd.New()
	if err != nil {
		b.Skip(err)
	}
	defer dev.Close()
	m := openModel(b, dev, refdata.Model(b, "smollm2-135m-instruct"))
	ids := make([]int32, 16)
	for i := range ids {
		ids[i] = int32(500 + 37*i)
	}
	seeds := make([][]Seed, 16)
	for c := range seeds {
		row := make([]float32, m.cfg.Vocab)
		row[1000+c], row[2000+c] = 1, -1
		seeds[c] = []Seed{{At: hook.Point{Site: hook.Logits}, Row: 15, Grad: put(b, dev, row)}}
	}
	ctx := context.Background()
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			must[device.Buffer](b)(m.Forward(ctx, Pass{IDs: ids, Logits: LastLogits}))
		}
	})
	tape := recordPass(b, m, Pass{IDs: ids})
	b.Run("record", func(b *testing.B) {
		for b.Loop() {
			must[*Tape](b)(m.Record(ctx, Pass{IDs: ids})).Free()
		}
	})
	for name, n := range map[string]int{"back": 1, "back16": 16} {
		b.Run(name, func(b *testing.B) {
			to := pass{}
			for b.Loop() {
				if err := m.Backward(ctx, tape, Back{Cotangents: seeds[:n], To: &to}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// pass wants every residual stream and looks at none.
type pass struct{}

func (pass) Wants(p hook.Point) bool                          { return p.Site == hook.ResidPre }
func (pass) At(context.Context, hook.Point, int, Value) error { return nil }
