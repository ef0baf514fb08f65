package nn

import (
	"context"
	"fmt"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// streams is the taps of a base run: it keeps the stream before every block, and after the last.
type streams struct {
	dev  device.Device
	last int
	bufs []device.Buffer
}

func (s *streams) Wants(p hook.Point) bool {
	return p.Site == hook.ResidPre || p.Site == hook.ResidPost && p.Layer == s.last
}

func (s *streams) At(_ context.Context, _ hook.Point, v Value) error {
	b, err := s.dev.Alloc(v.Buf.Len())
	if err == nil {
		s.dev.Copy(b, v.Buf)
		s.bufs = append(s.bufs, b)
	}
	return err
}

func (s *streams) free() {
	for _, b := range s.bufs {
		s.dev.Free(b)
	}
}

// branchy is a base run and parts that start all over it.
type branchy struct {
	m     *Model
	ids   []int32
	base  *Cache
	resid *streams
}

func newBranchy(t *testing.T, m *Model, ids []int32) *branchy {
	t.Helper()
	b := &branchy{m, ids, must[*Cache](t)(m.NewCache(len(ids))), &streams{dev: m.dev, last: m.cfg.Layers - 1}}
	t.Cleanup(b.base.Free)
	t.Cleanup(b.resid.free)
	if _, err := m.Forward(context.Background(), Pass{IDs: ids, Cache: b.base, Taps: b.resid}); err != nil {
		t.Fatal(err)
	}
	return b
}

// part starts at a layer and a position, from the base's own states.
func (b *branchy) part(layer, pos int, taps Taps) Part {
	p := Part{Enter: layer, Shared: pos, Taps: taps, Keep: len(b.ids) - pos}
	if layer == 0 {
		p.IDs = b.ids[pos:]
		return p
	}
	d := b.m.cfg.Width
	p.Resid = b.resid.bufs[layer].Slice(pos*d, p.Keep*d)
	return p
}

// bump adds to the stream at one position and layer, and records all else.
func bump(dev device.Device, m *Model, layer, pos int, want func(string) bool) *recorder {
	r := record(dev, want)
	r.edit = map[string]func(x []float32, at int){
		hook.Point{Layer: layer, Site: hook.AttnOut}.String(): func(x []float32, at int) {
			for i := range m.cfg.Width {
				if row := pos - at; row >= 0 && row < len(x)/m.cfg.Width {
					x[row*m.cfg.Width+i] += 0.3 * float32(i%5-2)
				}
			}
		},
	}
	return r
}

// In every family, parts that start anywhere and change what comes after give what a whole pass
// with the same change gives, at every site that anyone can see.
func TestBranchesEqualWholePasses(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			m := openFamily(t, dev, family, "config.json")
			ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
			t.Run(family, func(t *testing.T) {
				b, n, V := newBranchy(t, m, ids), len(ids), m.cfg.Vocab
				for name, want := range map[string]func(string) bool{"seen": everything, "unseen": nothing} {
					var parts []Part
					var wholes, taps []*recorder
					for l := range m.cfg.Layers {
						for _, pos := range []int{0, 1, n / 2, n - 1} {
							whole, own := bump(dev, m, l, pos, want), bump(dev, m, l, pos, want)
							whole.got["logits of all"] = forward(t, m, ids, whole)
							wholes, taps = append(wholes, whole), append(taps, own)
							parts = append(parts, b.part(l, pos, own))
						}
					}
					err := m.Branch(context.Background(), Batch{Base: b.base, Parts: parts, Logits: func(i int, logits device.Buffer) error {
						pos := parts[i].Shared
						compare(t, fmt.Sprintf("%s: logits from layer %d position %d", name, parts[i].Enter, pos), download(t, dev, logits), wholes[i].got["logits of all"][pos*V:], V, 2e-5)
						return nil
					}})
					if err != nil {
						t.Fatal(err)
					}
					for i, own := range taps {
						compareSites(t, wholes[i], own, parts[i])
					}
				}
			})
		}
	})
}

// compareSites compares the rows that a part saw with those of the whole pass.
func compareSites(t *testing.T, whole, own *recorder, p Part) {
	t.Helper()
	for name, got := range own.got {
		at, _ := hook.Parse(name)
		about, _ := hook.Lookup(at.Site)
		shape, want := own.shape[name], whole.got[name]
		width := shape[len(shape)-1]
		if about.Shape == hook.Square {
			T, n := whole.shape[name][1], shape[1]
			var rows []float32
			for h := range shape[0] {
				rows = append(rows, want[(h*T+T-n)*width:(h*T+T)*width]...)
			}
			want = rows
		} else if want != nil {
			want = want[len(want)-len(got):]
		}
		compare(t, fmt.Sprintf("%s from layer %d position %d", name, p.Enter, p.Shared), got, want, width, 2e-5)
	}
}

// Parts that go on token by token, each from its own rows, give what whole passes over their texts give.
func TestBranchesGoOn(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range []string{"llama", "mistral", "gemma3_text", "gpt2"} {
			m := openFamily(t, dev, family, "config.json")
			ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")[:9]
			b := newBranchy(t, m, ids)
			own := must[*Cache](t)(m.NewRows(100))
			var parts []Part
			var texts [][]int32
			rows := 0
			for l := range m.cfg.Layers + 1 {
				p := b.part(l, 8-l, nil)
				p.Row, p.Keep = rows, 1
				rows += p.rows(m.cfg.Width) + 4
				parts, texts = append(parts, p), append(texts, ids)
			}
			for step := range 4 {
				var wholes [][]float32
				for _, text := range texts {
					whole := forward(t, m, text, nil)
					wholes = append(wholes, whole[len(whole)-m.cfg.Vocab:])
				}
				err := m.Branch(context.Background(), Batch{Base: b.base, Own: own, Parts: parts, Logits: func(i int, logits device.Buffer) error {
					compare(t, fmt.Sprintf("%s: step %d of part %d", family, step, i), download(t, dev, logits), wholes[i], m.cfg.Vocab, 2e-5)
					return nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				for i := range parts {
					p := &parts[i]
					p.Past += p.rows(m.cfg.Width)
					next := int32(7*step + i)
					p.Resid, p.IDs, texts[i] = nil, []int32{next}, append(append([]int32(nil), texts[i]...), next)
				}
			}
			own.Free()
		}
	})
}

// Batches that do not fit together are refused before anything is computed.
func TestBranchRefuses(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "gpt2", "config.json")
	b := newBranchy(t, m, []int32{1, 2, 3, 4})
	long := make([]int32, 64)
	for name, c := range map[string]struct {
		batch Batch
		kind  errs.Kind
	}{
		"no parts":            {Batch{}, errs.Invalid},
		"no rows":             {Batch{Parts: []Part{{}}}, errs.Invalid},
		"out of order":        {Batch{Base: b.base, Parts: []Part{b.part(2, 1, nil), b.part(1, 1, nil)}}, errs.Invalid},
		"more than the base":  {Batch{Base: b.base, Parts: []Part{{Shared: 5, IDs: long[:1]}}}, errs.Invalid},
		"nothing to share":    {Batch{Parts: []Part{{Shared: 1, IDs: long[:1]}}}, errs.Invalid},
		"too long":            {Batch{Base: b.base, Parts: []Part{{Shared: 4, IDs: long}}}, errs.TooLarge},
		"a past of nothing":   {Batch{Base: b.base, Parts: []Part{{Past: 2, IDs: long[:1]}}}, errs.Invalid},
		"a token of another":  {Batch{Parts: []Part{{IDs: []int32{128}}}}, errs.Invalid},
		"more than its rows":  {Batch{Parts: []Part{{IDs: long[:1], Keep: 2}}}, errs.Invalid},
		"after the end":       {Batch{Base: b.base, Layers: 1, Parts: []Part{b.part(2, 1, nil)}}, errs.Invalid},
		"more layers than is": {Batch{Layers: 4, Parts: []Part{{IDs: long[:1]}}}, errs.Invalid},
	} {
		if err := m.Branch(context.Background(), c.batch); errs.KindOf(err) != c.kind {
			t.Errorf("%s gave %v", name, err)
		}
	}
}
