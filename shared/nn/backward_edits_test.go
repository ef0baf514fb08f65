package nn

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// everyEdit is an edit of each kind at each kind of site, with the way back: set cuts, scale
// scales, add lets pass, a projection projects.
func everyEdit(c *Config, T int) altered {
	a := altered{edit: map[string]func([]float32){}, back: map[string]func([]float32){}}
	on := func(l int, s hook.Site, edit, back func([]float32)) {
		name := hook.Point{Layer: l, Site: s}.String()
		a.edit[name], a.back[name] = edit, back
	}
	set := func(from, to int, v float32) (f, b func([]float32)) {
		return func(x []float32) {
			for i := from; i < to; i++ {
				x[i] = v * float32(i%7-2) // a norm of equal numbers would have no sensible slope
			}
		}, func(g []float32) { clear(g[from:to]) }
	}
	scale := func(s float32) (f, b func([]float32)) {
		by := func(x []float32) {
			for i := range x {
				x[i] *= s
			}
		}
		return by, by
	}
	add := func(v float32) (f, b func([]float32)) {
		return func(x []float32) {
			for i := range x {
				x[i] += v
			}
		}, func([]float32) {}
	}
	w := c.Width
	f, b := set(2*w, 3*w, 0.5)
	on(1, hook.ResidPre, f, b)
	f, b = scale(0.5)
	on(1, hook.Z, f, b)
	f, b = set(3*c.MLP, 3*c.MLP+5, 0.1)
	on(1, hook.MLPPost, f, b)
	f, b = add(0.25)
	on(0, hook.ResidPost, f, b)
	f, b = set(0, 2*w, 0.3)
	on(1, hook.AttnOut, f, b)
	f, b = set(T*T+3*T, T*T+4*T, 0.2)
	on(1, hook.Pattern, f, b)
	f, b = scale(1.5)
	on(2, hook.AttnScores, f, b)
	f, b = set(w, 3*w, -0.4)
	on(2, hook.KInput, f, b)
	f, b = scale(-0.7)
	on(2, hook.LN2Normalized, f, b)
	f, b = project(random(w, 5))
	on(2, hook.MLPOut, f, b)
	f, b = project(random(w, 6))
	a.edit["ln_final.hook_normalized"], a.back["ln_final.hook_normalized"] = f, b
	f, b = scale(0.8)
	a.edit["logits"], a.back["logits"] = f, b
	return a
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// project removes a direction from each row; the way back does the same.
func project(u []float32) (f, b func([]float32)) {
	by := func(x []float32) {
		n := len(u)
		for r := 0; r < len(x); r += n {
			s := inner(x[r:r+n], u) / inner(u, u)
			for i := range u {
				x[r+i] -= float32(s) * u[i]
			}
		}
	}
	return by, by
}

// Gradients pass through edits as the pass itself does.
func TestGradientsUnderEdits(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range []string{"llama", "gemma2", "gpt2", "gpt_neox", "qwen3"} {
			t.Run(family, func(t *testing.T) {
				m := openFamily(t, dev, family, "config.json")
				ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")[:10]
				checkSlopes(t, m, ids, everyEdit(&m.cfg, len(ids)), m.cfg.Sites())
			})
		}
	})
}

// A set row stops the gradient; an added vector does not.
func TestSetCutsAddPasses(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "llama", "config.json")
		ids, w := []int32{1, 2, 3, 4}, m.cfg.Width
		grad := func(edit, back func([]float32)) []float32 {
			name := "blocks.1.hook_resid_post"
			a := &altered{dev: dev, edit: map[string]func([]float32){name: edit}, back: map[string]func([]float32){name: back}}
			to := gather(t, dev, 1, func(s string) bool { return s == "blocks.1.hook_resid_mid" })
			tape := recordPass(t, m, Pass{IDs: ids, Taps: a})
			backward(t, m, tape, to, []Seed{{At: hook.Point{Layer: 2, Site: hook.ResidPost}, Grad: put(t, dev, random(4*w, 3))}})
			return to.got[0]["blocks.1.hook_resid_mid"]
		}
		all := grad(func(x []float32) { fill(x, 1) }, func(g []float32) { clear(g) })
		if inner(all, all) != 0 {
			t.Error("a gradient passed a site that was set")
		}
		if added := grad(func(x []float32) { x[0]++ }, func([]float32) {}); inner(added, added) == 0 {
			t.Error("no gradient passed a site that was added to")
		}
	})
}

// Several cotangents over one tape give what each gives alone, and are linear.
func TestManyCotangents(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "gemma3_text", "config.json")
		ids := make([]int32, 40) // 7 cotangents make two groups
		for i := range ids {
			ids[i] = int32(i*7) % 128
		}
		n := len(ids) * m.cfg.Width
		tape, last := recordPass(t, m, Pass{IDs: ids}), hook.Point{Layer: 2, Site: hook.ResidPost}
		var many [][]Seed
		sum := make([]float32, n)
		for c := range 7 {
			x := random(n, uint64(c))
			for i := range sum {
				sum[i] += x[i]
			}
			many = append(many, []Seed{{At: last, Grad: put(t, dev, x)}})
		}
		want := func(s string) bool { return s == "blocks.0.hook_resid_pre" || s == "blocks.1.attn.hook_pattern" }
		together, alone := gather(t, dev, 7, want), gather(t, dev, 1, want)
		backward(t, m, tape, together, many...)
		backward(t, m, tape, alone, []Seed{{At: last, Grad: put(t, dev, sum)}})
		for name, w := range alone.got[0] {
			total := make([]float32, len(w))
			for c := range 7 {
				for i, v := range together.got[c][name] {
					total[i] += v
				}
			}
			if e := gradError(t, name, total, w); e > 1e-5 {
				t.Errorf("%s: seven cotangents differ from their sum by %.2g", name, e)
			}
		}
	})
}

// A device without operations for the way back gets the host's, and however small the pieces
// are, the numbers are the same.
func TestGradientsHoweverCut(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range []string{"mistral", "gemma2", "gpt_neox"} {
			ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
			var got []map[string][]float32
			inside := func(s string) bool { return s != "blocks.1.attn.hook_pattern" && s != "blocks.1.attn.hook_attn_scores" }
			for i, d := range []device.Device{dev, crawl{dev}, dev} {
				m := openFamily(t, d, family, "config.json")
				want := everything
				if i == 2 {
					want = inside
				}
				to := gather(t, dev, 1, want)
				backward(t, m, recordPass(t, m, Pass{IDs: ids}), to, []Seed{{At: hook.Point{Site: hook.Logits}, Grad: put(t, dev, random(len(ids)*m.cfg.Vocab, 4))}})
				got = append(got, to.got[0])
			}
			for name, w := range got[0] {
				for i, other := range got[1:] {
					if i == 1 && !inside(name) {
						continue
					}
					if e := gradError(t, name, other[name], w); e > 2e-5 {
						t.Errorf("%s %s: differs by %.2g", family, name, e)
					}
				}
			}
		}
	})
}

// What reaches the residual stream through each projection and past attention adds up to all.
func TestGradientPartsAddUp(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range []string{"llama", "gemma3_text", "gpt2"} {
			m := openFamily(t, dev, family, "config.json")
			ids := []int32{3, 1, 4, 1, 5, 9, 2, 6}
			n, to := len(ids)*m.cfg.Width, gather(t, dev, 1, everything)
			backward(t, m, recordPass(t, m, Pass{IDs: ids}), to, []Seed{{At: hook.Point{Layer: 2, Site: hook.ResidPost}, Grad: put(t, dev, random(n, 8))}})
			g, sum := to.got[0], make([]float32, n)
			for _, s := range []string{"hook_q_input", "hook_k_input", "hook_v_input", "hook_resid_mid"} {
				for i, v := range g["blocks.1."+s] {
					sum[i] += v
				}
			}
			if e := gradError(t, "sum", sum, g["blocks.1.hook_resid_pre"]); e > 1e-5 {
				t.Errorf("%s: the parts differ from the whole by %.2g", family, e)
			}
			// Of a norm, scale * df/dscale is minus the gradient along what it scales.
			values := record(dev, everything)
			forward(t, m, ids, values)
			for _, ln := range []string{"blocks.1.ln1.", "blocks.0.ln2."} {
				x, dx := values.got[ln+"hook_normalized"], g[ln+"hook_normalized"]
				along, scaled := inner(dx, x), inner(g[ln+"hook_scale"], values.got[ln+"hook_scale"])
				if math.Abs(along+scaled) > 1e-5*math.Sqrt(inner(x, x)*inner(dx, dx)) {
					t.Errorf("%s %shook_scale: %g where %g is needed", family, ln, scaled, -along)
				}
			}
			if w := m.cfg.Width; !slices.Equal(g["blocks.1.attn.hook_result"][:w], g["blocks.1.attn.hook_result"][w:2*w]) {
				t.Errorf("%s: heads that are summed have different gradients", family)
			}
		}
	})
}

// A seed at an inner site, a tape of a part of the model, and a lens reading as a seed.
func TestSeedsAnywhere(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		m := openFamily(t, dev, "gemma2", "config.json")
		ids := []int32{3, 1, 4, 1, 5}
		w, T, V := m.cfg.Width, len(ids), m.cfg.Vocab
		whole := recordPass(t, m, Pass{IDs: ids})
		part := recordPass(t, m, Pass{From: &From{1, whole.Resid(1)}, Layers: 2})
		name := "blocks.1.hook_resid_pre"
		only := func(s string) bool { return s == name }
		seed := []Seed{{At: hook.Point{Layer: 1, Site: hook.MLPPre}, Row: 2, Grad: put(t, dev, random(2*m.cfg.MLP, 1))}}
		a, b := gather(t, dev, 1, only), gather(t, dev, 1, only)
		backward(t, m, whole, a, seed)
		backward(t, m, part, b, seed)
		if e := gradError(t, name, b.got[0][name], a.got[0][name]); e > 1e-6 {
			t.Errorf("a part of the model gives gradients that differ by %.2g", e)
		}
		logits := random(2*V, 2)
		a, b = gather(t, dev, 1, only), gather(t, dev, 1, only)
		backward(t, m, whole, a, []Seed{{At: hook.Point{Site: hook.Logits}, Row: 3, Grad: put(t, dev, logits)}})
		resid := put(t, dev, make([]float32, 2*w))
		if err := m.UnembedBack(context.Background(), resid, put(t, dev, logits), whole.Resid(3).Slice(3*w, 2*w), 2); err != nil {
			t.Fatal(err)
		}
		backward(t, m, whole, b, []Seed{{At: hook.Point{Layer: 2, Site: hook.ResidPost}, Row: 3, Grad: resid}})
		if e := gradError(t, name, b.got[0][name], a.got[0][name]); e > 1e-5 {
			t.Errorf("the lens gives gradients that differ from those of the logits by %.2g", e)
		}
		for why, bad := range map[string]Seed{
			"read-only":   {At: hook.Point{Layer: 1, Site: hook.LN1Scale}, Grad: resid},
			"a layer off": {At: hook.Point{Layer: 2, Site: hook.MLPOut}, Grad: resid},
			"too long":    {At: hook.Point{Layer: 1, Site: hook.MLPOut}, Row: T - 1, Grad: resid},
			"crooked":     {At: hook.Point{Layer: 1, Site: hook.MLPOut}, Grad: resid.Slice(0, w+1)},
			"past":        {At: hook.Point{Site: hook.LNFinalOut}, Grad: resid},
			"embedding":   {At: hook.Point{Site: hook.Embed}, Grad: resid},
		} {
			if err := m.Backward(context.Background(), part, Back{Cotangents: [][]Seed{{bad}}, To: b}); err == nil {
				t.Errorf("a seed that is %s was accepted", why)
			}
		}
	})
}

// A pass that could not be gone back through is refused.
func TestRecordRefuses(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "llama", "config.json")
	cache := must[*Cache](t)(m.NewCache(8))
	defer cache.Free()
	for _, p := range []Pass{{IDs: []int32{1}, Cache: cache}, {IDs: []int32{1}, Taps: record(m.dev, everything)}, {IDs: []int32{999}}} {
		if _, err := m.Record(context.Background(), p); err == nil {
			t.Errorf("%+v was recorded", p)
		}
	}
}

// A cancelled descent ends within a slice and leaves nothing on the device.
func TestCancelBackward(t *testing.T) {
	dev := &slow{Device: must[device.Device](t)(devices[0].make()), rate: 1e7, said: 1e7}
	m := openFamily(t, dev, "llama", "config.json")
	ids := make([]int32, 40)
	tape := recordPass(t, m, Pass{IDs: ids})
	seed := put(t, dev, random(len(ids)*m.cfg.Width, 1))
	used := dev.Used()
	ctx, cancel := context.WithCancel(context.Background())
	dev.calls, dev.onCall = 0, func(n int) {
		if n == 7 {
			dev.since = 0
			cancel()
		}
	}
	start := time.Now()
	err := m.Backward(ctx, tape, Back{Cotangents: [][]Seed{{{At: hook.Point{Layer: 2, Site: hook.ResidPost}, Grad: seed}}}, To: gather(t, dev, 1, everything)})
	if errs.KindOf(err) != errs.Cancelled {
		t.Fatalf("a cancelled descent gave %v after %v", err, time.Since(start))
	}
	if dev.since > sliceTime {
		t.Errorf("the device worked on for %v after the cancel", dev.since)
	}
	if left := dev.Used() - used; left > 4*int64(scratchSize(&m.cfg, len(ids))) {
		t.Errorf("%d bytes were left", left)
	}
	dev.onCall = nil
	backward(t, m, tape, gather(t, dev, 1, func(s string) bool { return s == "hook_embed" }), []Seed{{At: hook.Point{Layer: 2, Site: hook.ResidPost}, Grad: seed}})
}
