package nn

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// bare hides a device's fused operations.
type bare struct{ device.Device }

// fused adds every fused operation to a device, made of its split ones, so that nn's use of
// them is tested where a device has none.
type fused struct{ device.Device }

func (f fused) Norm(dst, x, w, bias device.Buffer, T, n int, eps float32, center bool) {
	f.Normalize(dst, nil, x, T, n, eps, center)
	f.Affine(dst, dst, w, bias, T, n)
}

func (f fused) Attention(z, q, k, v device.Buffer, a device.Attn) {
	p, err := f.Alloc(a.Heads * a.T * a.S)
	if err != nil {
		panic(err)
	}
	defer f.Free(p)
	f.Scores(p, q, k, a)
	f.Softmax(p, p, a.Heads*a.T, a.S)
	f.Mix(z, p, v, a)
}

func (f fused) Gate(dst, gate, up device.Buffer, fn device.Act) {
	f.Act(dst, gate, fn)
	f.Mul(dst, dst, up)
}

func (f fused) MatMulAdd(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, mode device.Mode) {
	p, err := f.Alloc(T * w.Rows())
	if err != nil {
		panic(err)
	}
	defer f.Free(p)
	f.MatMul(p, x, T, w, bias, mode)
	f.Add(dst.Slice(0, p.Len()), dst.Slice(0, p.Len()), p)
}

// Fused operations, split ones, and looking at every site all give the same logits.
func TestFusedEqualsSplit(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
				want := forward(t, openFamily(t, bare{dev}, family, "config.json"), ids, nil)
				m := openFamily(t, fused{bare{dev}}, family, "config.json")
				compare(t, "fused by composition", forward(t, m, ids, nil), want, m.cfg.Vocab, 1e-6)
				m = openFamily(t, dev, family, "config.json")
				compare(t, "fused", forward(t, m, ids, nil), want, m.cfg.Vocab, 1e-5)
				compare(t, "every site seen", forward(t, m, ids, record(dev, everything)), want, m.cfg.Vocab, 1e-5)
				for _, p := range m.cfg.Sites() {
					if p.Layer == 1 || !inBlock(p) { // looking at one site splits just there
						rec := record(dev, func(name string) bool { return name == p.String() })
						compare(t, p.String()+" seen", forward(t, m, ids, rec), want, m.cfg.Vocab, 1e-5)
					}
				}
			})
		}
	})
}

func inBlock(p hook.Point) bool {
	a, _ := hook.Lookup(p.Site)
	return a.InBlock
}

// Every site that a model says it has is shown, in the order of computation and with the shape
// it says; no other is.
func TestSitesAreShown(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				rec := record(dev, func(name string) bool { return !strings.HasSuffix(name, "_input") })
				forward(t, m, []int32{1, 2, 3, 4, 5}, rec)
				var want []string
				for _, p := range m.cfg.Sites() {
					if strings.HasSuffix(string(p.Site), "_input") {
						continue // they make ln1's sites appear three times
					}
					want = append(want, p.String())
					shape, _, err := m.Site(p)
					if err != nil {
						t.Fatal(err)
					}
					for i, n := range shape {
						if n < 0 {
							shape[i] = 5
						}
					}
					if !slices.Equal(rec.shape[p.String()], shape) {
						t.Errorf("%s is shown as %v and described as %v", p, rec.shape[p.String()], shape)
					}
				}
				// A parallel block computes all of attention's sites before those of its MLP, as the order says.
				if !slices.Equal(rec.order, want) {
					t.Errorf("sites shown:\n%v\nsites described:\n%v", rec.order, want)
				}
			})
		}
	})
}

// A change at any site that says it can be changed changes the logits; one at a read-only
// site does not; and a change at a row leaves earlier rows alone.
func TestEditsFlow(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				ids := []int32{1, 2, 3, 4, 5, 6}
				want := forward(t, m, ids, nil)
				for _, p := range m.cfg.Sites() {
					_, editable, _ := m.Site(p)
					got := forward(t, m, ids, disturb(dev, p, len(ids)))
					changed, early := 0.0, 4*m.cfg.Vocab
					for i := range got {
						diff := math.Abs(float64(got[i] - want[i]))
						if changed = max(changed, diff); i < early && diff > 5e-5 { // fused and split differ by rounding
							t.Fatalf("%s: a change at position 4 changed an earlier row by %g", p, diff)
						}
					}
					if editable != (changed > 1e-4) {
						t.Errorf("%s: editable is %v and a change moved the logits by %g", p, editable, changed)
					}
				}
			})
		}
	})
}

// disturb changes row 4 of T at a point. Different numbers are added to a row, for a norm would
// undo a constant.
func disturb(dev device.Device, p hook.Point, T int) *recorder {
	rec := record(dev, nothing)
	rec.edit = map[string]func([]float32, int){p.String(): func(x []float32, _ int) {
		rows, n := 1, len(x)/T
		if p.Site == hook.Pattern || p.Site == hook.AttnScores { // [H, T, S]: each head's row 4
			rows, n = len(x)/T/T, T
		}
		for h := range rows {
			row := x[(h*T+4)*n : (h*T+5)*n]
			for i := range row {
				row[i] += float32(1 + i%3)
			}
		}
	}}
	return rec
}

// Each head's result adds up to what attention writes, but for the bias.
func TestResultsAddUp(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "qwen3", "config.json")
		rec := record(dev, everything)
		forward(t, m, []int32{9, 8, 7}, rec)
		d, H := m.cfg.Width, m.cfg.Heads
		sum := make([]float32, 3*d)
		for i, v := range rec.got["blocks.1.attn.hook_result"] {
			sum[i/(H*d)*d+i%d] += v
		}
		compare(t, "results", sum, rec.got["blocks.1.hook_attn_out"], d, 1e-5)
	})
}

// resid_post of a layer and resid_pre of the next are one: changing either is the same.
func TestResidualHasTwoNames(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "llama", "config.json")
	ids := []int32{1, 2, 3, 4, 5, 6}
	post := forward(t, m, ids, disturb(m.dev, hook.Point{Layer: 0, Site: hook.ResidPost}, 6))
	pre := forward(t, m, ids, disturb(m.dev, hook.Point{Layer: 1, Site: hook.ResidPre}, 6))
	compare(t, "logits", pre, post, m.cfg.Vocab, 0)
}

// A pass from a stored residual at a layer, over the positions from p on, equals the full pass:
// what a planner needs in order to compute only what an edit can change.
func TestFromEqualsFull(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
				const layer, p = 1, 10
				d := m.cfg.Width
				base := must[*Cache](t)(m.NewCache(len(ids)))
				defer base.Free()
				rec := record(dev, everything)
				if _, err := m.Forward(context.Background(), Pass{IDs: ids, Cache: base, Taps: rec, Layers: 2}); err != nil {
					t.Fatal(err)
				}
				if rec.got["blocks.2.hook_resid_pre"] == nil || rec.got["blocks.2.ln1.hook_out"] != nil {
					t.Error("a pass of two layers should end with the residual before the third")
				}
				want := forward(t, m, ids, nil)
				mine := must[*Cache](t)(m.NewCache(len(ids)))
				defer mine.Free()
				if _, err := m.Forward(context.Background(), Pass{IDs: ids[:p], Cache: mine}); err != nil {
					t.Fatal(err)
				}
				resid := must[device.Buffer](t)(dev.Alloc((len(ids) - p) * d))
				defer dev.Free(resid)
				dev.Upload(resid, rec.got["blocks.1.hook_resid_pre"][p*d:])
				logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{Cache: mine, From: &From{layer, resid}, Logits: AllLogits}))
				compare(t, "logits", download(t, dev, logits), want[p*m.cfg.Vocab:], m.cfg.Vocab, 1e-5)
			})
		}
	})
}

// Sites that a family lacks, layers that are not there and names that do not exist are refused.
func TestSiteRefusals(t *testing.T) {
	dev := must[device.Device](t)(devices[0].make())
	for _, c := range []struct {
		family, name string
		kind         errs.Kind
	}{
		{"llama", "blocks.0.attn.hook_q_normed", errs.Unsupported},
		{"llama", "hook_pos_embed", errs.Unsupported},
		{"llama", "blocks.1.mlp.hook_out", errs.Unsupported},
		{"llama", "blocks.999.hook_resid_post", errs.Invalid},
		{"gpt2", "blocks.0.attn.hook_rot_q", errs.Unsupported},
		{"gpt2", "blocks.0.mlp.hook_pre_linear", errs.Unsupported},
		{"gpt_neox", "blocks.0.hook_resid_mid", errs.Unsupported},
	} {
		p := must[hook.Point](t)(hook.Parse(c.name))
		_, _, err := openFamily(t, dev, c.family, "config.json").Site(p)
		if errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), string(p.Site)) {
			t.Errorf("%s of %s gave %v", c.name, c.family, err)
		}
	}
}
