package nn

import (
	"context"
	"math"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// Push implements Pusher: every edit of everyEdit is its own transpose.
func (a *altered) Push(ctx context.Context, p hook.Point, tangent Value) error {
	return a.Back(ctx, p, tangent)
}

// Up and down are transposes of each other: <r, J u> = <J^T r, u>, from every editable site to
// the logits and to the last residual stream, with and without edits.
func TestTangentsAreTheTranspose(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			m := openFamily(t, dev, family, "config.json")
			ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")[:10]
			for name, taps := range map[string]altered{"plain": {}, "edited": everyEdit(&m.cfg, len(ids))} {
				taps.dev = dev
				t.Run(family+"/"+name, func(t *testing.T) { checkTranspose(t, m, recordPass(t, m, Pass{IDs: ids, Taps: &taps})) })
			}
		}
	})
}

func checkTranspose(t *testing.T, m *Model, tape *Tape) {
	r := random(tape.T*m.cfg.Vocab, 1)
	down := gather(t, m.dev, 1, everything)
	backward(t, m, tape, down, []Seed{{At: hook.Point{Site: hook.Logits}, Grad: put(t, m.dev, r)}})
	var points []hook.Point
	var tangents [][]Seed
	for _, p := range m.cfg.Sites() {
		if _, editable, _ := m.Site(p); editable && p.Site != hook.Logits {
			u := random(len(down.got[0][p.String()]), uint64(len(points)))
			points, tangents = append(points, p), append(tangents, []Seed{{At: p, Grad: put(t, m.dev, u)}})
		}
	}
	up := gather(t, m.dev, len(points), func(s string) bool { return s == "logits" })
	if err := m.Push(context.Background(), tape, Push{Tangents: tangents, To: up}); err != nil {
		t.Fatal(err)
	}
	for i, p := range points {
		u, g := download(t, m.dev, tangents[i][0].Grad), down.got[0][p.String()]
		a, b := inner(up.got[i]["logits"], r), inner(g, u)
		if size := math.Sqrt(inner(g, g) * inner(u, u)); !(math.Abs(a-b) <= 1e-4*size/math.Sqrt(float64(len(u)))+1e-6*size) {
			t.Errorf("%s: up %g, down %g", p, a, b)
		}
	}
}

// Edits that do not know how tangents pass them are refused.
func TestPushRefuses(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "llama", "config.json")
	a := everyEdit(&m.cfg, 4)
	a.dev = m.dev
	tape := recordPass(t, m, Pass{IDs: []int32{1, 2, 3, 4}, Taps: struct{ Edits }{&a}})
	err := m.Push(context.Background(), tape, Push{Tangents: [][]Seed{{}}, To: gather(t, m.dev, 1, everything)})
	if errs.KindOf(err) != errs.Unsupported {
		t.Errorf("edits without Push gave %v", err)
	}
}
