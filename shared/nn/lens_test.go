package nn

import (
	"context"
	"math"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
)

// collect copies the last row of every layer's output into one buffer [layers, d].
type collect struct {
	m   *Model
	out device.Buffer
}

func (c collect) Wants(p hook.Point) bool { return p.Site == hook.ResidPost }

func (c collect) At(_ context.Context, p hook.Point, v Value) error {
	d := c.m.cfg.Width
	c.m.dev.Copy(c.out.Slice(p.Layer*d, d), v.Buf.Slice(v.Buf.Len()-d, d))
	return nil
}

// The lens gives the reference's five best of every layer, and its last row is the model's own
// output, at no distance from itself.
func TestLensReference(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, rm := range referenceModels {
			t.Run(rm.name, func(t *testing.T) {
				skipLong(t, dev, rm.name, rm.long)
				var info struct {
					Prompts map[string]struct {
						IDs    []int32
						Layers []struct{ Top [][2]float64 }
					}
				}
				readJSON(t, &info, "lens_"+rm.name+".json")
				m := openModel(t, dev, refdata.Model(t, rm.id))
				for name, p := range info.Prompts {
					if name != "capital" && brief(dev) {
						continue
					}
					rows := lens(t, m, p.IDs)
					for l, row := range rows {
						checkTop(t, name, l, row, p.Layers[l].Top, 10*rm.tol)
					}
					if kl := rows[len(rows)-1].KL; kl > 1e-6 {
						t.Errorf("the last layer is %g from itself", kl)
					}
				}
			})
		}
	})
}

func lens(t *testing.T, m *Model, ids []int32) []device.Ranking {
	t.Helper()
	out := must[device.Buffer](t)(m.dev.Alloc(m.cfg.Layers * m.cfg.Width))
	defer m.dev.Free(out)
	must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: ids, Taps: collect{m, out}}))
	var rows []device.Ranking
	err := m.RankGroups(context.Background(), out, 1, m.cfg.Layers, device.RankRequest{K: 5}, func(_ int, r []device.Ranking) error {
		rows = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkTop compares a ranking; neighbours closer than tol may change places.
func checkTop(t *testing.T, prompt string, layer int, got device.Ranking, want [][2]float64, tol float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got.LogProbs[i]) - w[1]); d > tol {
			t.Errorf("%s layer %d: log-probability %d is %g where %g is needed", prompt, layer, i, got.LogProbs[i], w[1])
		}
		if got.IDs[i] != int32(w[0]) && !(i > 0 && want[i-1][1]-w[1] < tol) && !(i+1 < len(want) && w[1]-want[i+1][1] < tol) {
			t.Errorf("%s layer %d: token %d is %d where %v is needed", prompt, layer, i, got.IDs[i], w[0])
		}
	}
}

// Ranking many rows in tiles equals ranking each by itself.
func TestRankTiles(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "gemma2", "config.json")
		rows := 2*rankRows + 3
		x := make([]float32, rows*m.cfg.Width)
		for i := range x {
			x[i] = float32(math.Sin(float64(i * i)))
		}
		buf := must[device.Buffer](t)(dev.Alloc(len(x)))
		defer dev.Free(buf)
		dev.Upload(buf, x)
		req := device.RankRequest{K: 3, Tokens: []int32{5, 127}}
		all := must[[]device.Ranking](t)(m.Rank(context.Background(), buf, rows, req))
		out := must[device.Buffer](t)(dev.Alloc(rows * m.cfg.Vocab))
		defer dev.Free(out)
		if err := m.Unembed(context.Background(), buf, rows, out); err != nil {
			t.Fatal(err)
		}
		logits := download(t, dev, out)
		for i, got := range all {
			want := device.RankRow(logits[i*m.cfg.Vocab:(i+1)*m.cfg.Vocab], req, nil)
			if got.IDs[0] != want.IDs[0] || got.Rank[1] != want.Rank[1] || math.Abs(float64(got.TokenLP[0]-want.TokenLP[0])) > 1e-4 {
				t.Errorf("row %d: %+v where %+v is needed", i, got, want)
			}
		}
		if _, err := m.Rank(context.Background(), buf, 1, device.RankRequest{Tokens: []int32{128}}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("a token outside the vocabulary gave %v", err)
		}
	})
}
