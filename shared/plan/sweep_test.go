package plan

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// sweeping is a sweep of one edit over the prompt of the tests.
func sweeping(s *Sweep, e Edit, reads ...Read) *Plan {
	return &Plan{Runs: []Run{{Name: "s", Prompt: prompt, Edits: []Edit{e}, Sweep: s, Reads: reads}}}
}

// TestSweepOrder checks that variants are numbered as the axes are listed, each with its own part
// of the operand, by comparing them with edits written out.
func TestSweepOrder(t *testing.T) {
	env := tiny(t, "llama")
	d, T := env.Model.Config().Width, len(prompt.IDs)
	operand := Literal([]int{2, T, d}, ramp(2*T*d, 0.7))
	sites, layers, strengths := []hook.Site{hook.ResidPost, hook.MLPOut}, []int{2, 0}, []float64{1, -0.5, 2}
	end := Read{Name: "end", Site: hook.Logits, Positions: At(-1, 2)}
	var seen []Variant
	c := must(Check(sweeping(&Sweep{Sites: sites, Layers: Select{List: layers}, Positions: Positions{All: true}, Strengths: strengths}, Edit{Op: Add, Operand: operand}, end), env.Model, env.Tokens))(t)
	res := must(Execute(context.Background(), env, c, Observer{Variant: func(v Variant) { seen = append(seen, v) }}))(t)
	got := res.Tensors["s/end"]
	if want := []int{2, 2, T, 3, 2, env.Model.Config().Vocab}; !slices.Equal(got.Shape, want) {
		t.Fatalf("the shape is %v, want %v", got.Shape, want)
	}
	all := must(got.Float32())(t)
	n, size := 0, 2*env.Model.Config().Vocab
	for _, site := range sites {
		for li, l := range layers {
			for pos := range T {
				for _, s := range strengths {
					at := (li*T + pos) * d
					e := Edit{Site: site, Layers: One(l), Positions: At(pos), Op: Add, Strength: Strength(s), Operand: Literal(nil, operand.Values[at:at+d])}
					one := execute(t, env, &Plan{Runs: []Run{{Name: "r", Prompt: prompt, Edits: []Edit{e}, Reads: []Read{end}}}})
					if e := rowError(all[n*size:(n+1)*size], floats(t, one, "r/end")); e > 1e-4 {
						t.Fatalf("variant %d (%s, layer %d, position %d, strength %g) is off by %.2g", n, site, l, pos, s, e)
					}
					n++
				}
			}
		}
	}
	if s := res.Run("s").Sweep; s.Variants != n || len(s.Axes) != 4 || fmt.Sprint(s.Axes[1].Values) != "[2 0]" || len(s.Axes[2].Labels) != T {
		t.Errorf("the sweep is described as %+v", s)
	}
	slices.SortFunc(seen, func(a, b Variant) int { return a.Index - b.Index })
	if len(seen) != n || fmt.Sprint(seen[n-1].At) != fmt.Sprint([]int{1, 1, T - 1, 2}) || seen[1].Index != 1 {
		t.Errorf("%d variants were told of, the last as %+v", len(seen), seen[len(seen)-1])
	}
}

// TestSweepRefuses checks what cannot be swept, before anything is computed.
func TestSweepRefuses(t *testing.T) {
	zero := Edit{Site: hook.ResidPost, Layers: One(0), Op: Set, Operand: Scalar(0)}
	end := Read{Name: "end", Site: hook.Logits, Positions: At(-1), Reduce: Entropy}
	many := make([]float64, 50000)
	on := func(s *Sweep) *Plan {
		p := sweeping(s, zero, end)
		p.Runs[0].Prompt = Prompt{Text: "ababab"}
		return p
	}
	with := func(s *Sweep, change func(*Plan)) *Plan {
		p := on(s)
		change(p)
		return p
	}
	strengths := &Sweep{Strengths: []float64{1, 2}}
	for _, c := range []struct {
		name string
		p    *Plan
		want string
		kind errs.Kind
	}{
		{"a billion variants", on(&Sweep{Layers: All(), Positions: Positions{All: true}, Index: All(), Strengths: many}), "runs[0].sweep: the sweep has 8400000 variants; at most 262144 are allowed", errs.TooLarge},
		{"more than can be counted", on(&Sweep{Index: Select{List: make([]int, MaxSelect)}, Operands: make([]Operand, 4096), Strengths: many}), "runs[0].sweep: the sweep has 26843545600000 variants", errs.TooLarge},
		{"nothing", on(&Sweep{}), "runs[0].sweep: nothing is swept", errs.Invalid},
		{"no edits", with(strengths, func(p *Plan) { p.Runs[0].Edits = nil }), "runs[0].sweep: the run has no edits of its own to sweep", errs.Invalid},
		{"layer 999", on(&Sweep{Layers: One(999)}), "runs[0].sweep.layers: there is no layer 999", errs.Invalid},
		{"position 99", on(&Sweep{Positions: At(99)}), "runs[0].sweep.positions: there is no position 99; the prompt has 7 tokens", errs.Invalid},
		{"head 9", with(&Sweep{Heads: One(9)}, func(p *Plan) { p.Runs[0].Edits[0].Site = hook.Z }), "runs[0].edits[0].heads: there is no head 9", errs.Invalid},
		{"heads of a residual", on(&Sweep{Heads: All()}), "hook_resid_post has no heads", errs.Invalid},
		{"a site the family lacks", on(&Sweep{Sites: []hook.Site{hook.ResidPost, hook.QNormed}}), "runs[0].edits[0].site: this model (llama) has no site attn.hook_q_normed", errs.Unsupported},
		{"a site that can only be read", on(&Sweep{Sites: []hook.Site{hook.LN1Scale}}), "ln1.hook_scale can be read but not edited", errs.Unsupported},
		{"a strength that is no number", on(&Sweep{Strengths: []float64{1, inf()}}), "runs[0].sweep.strengths[1]: it is +Inf", errs.Invalid},
		{"an operand that is no number", on(&Sweep{Operands: []Operand{{Values: []float32{negInf}}}}), "runs[0].edits[0].operand.values[0]: it is -Inf", errs.Invalid},
		{"an operand that does not fit", on(&Sweep{Layers: All(), Operands: []Operand{*Literal([]int{2, 1, 8}, make([]float32, 16))}}), "does not fit", errs.Invalid},
		{"an edit that is not there", on(&Sweep{Edits: []int{1}, Strengths: []float64{1}}), "runs[0].sweep.edits[0]: the run has no edit 1", errs.Invalid},
		{"a read of a sweep", with(strengths, func(p *Plan) {
			p.Runs = append(p.Runs, Run{Name: "r", Prompt: p.Runs[0].Prompt, Edits: []Edit{{Site: hook.Embed, Op: Set, Operand: Of("s", "end")}}})
		}), `runs[1].edits[0].operand.reads[0].run: "s" is a sweep: it stands for many runs`, errs.Unsupported},
		{"a base that is a sweep", with(strengths, func(p *Plan) { p.Runs = append(p.Runs, Run{Name: "r", Base: "s"}) }), `runs[1].base: "s" is a sweep`, errs.Unsupported},
		{"its own answer", with(strengths, func(p *Plan) {
			p.Runs[0].Reads[0] = Read{Name: "p", Site: hook.Logits, Reduce: LogProb, Tokens: []TokenRef{{Answer: "s"}}}
		}), "runs[0].reads[0].tokens: each variant of a sweep has an answer of its own", errs.Invalid},
		{"gradients", with(strengths, func(p *Plan) {
			p.Runs[0].Reads = append(p.Runs[0].Reads, Read{Name: "g", Site: hook.Embed, GradientOf: "end"})
		}), "runs[0].reads[1].gradient_of: gradients are not swept", errs.Unsupported},
		{"generated rows", with(strengths, func(p *Plan) {
			p.Runs[0].Generation = &Generate{Count: 2}
			p.Runs[0].Reads[0] = Read{Name: "g", Site: hook.Embed, Phase: InGenerated}
		}), "runs[0].reads[0].phase: the variants of a sweep may generate different numbers", errs.Unsupported},
		{"too much to return", with(&Sweep{Layers: All(), Positions: Positions{All: true}, Strengths: many[:10000]}, func(p *Plan) {
			p.Runs[0].Reads[0] = Read{Name: "all", Site: hook.Logits}
		}), "runs[0].reads[0]: with this read the plan would return more than 67108864 numbers", errs.TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Check(c.p, paper(), words{})
			if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
				t.Errorf("got %v (%v), want %q (%v)", err, errs.KindOf(err), c.want, c.kind)
			}
		})
	}
}

func inf() float64 { return float64(-negInf) }

// TestSweepPrice checks that a price counts cones, and that it grows with them.
func TestSweepPrice(t *testing.T) {
	end := Read{Name: "end", Site: hook.Logits, Positions: At(-1), Reduce: LogitDiff, Tokens: []TokenRef{{ID: 1}, {ID: 2}}}
	edit := Edit{Site: hook.ResidPre, Layers: One(0), Positions: At(0), Op: Set, Operand: Scalar(0)}
	price := func(s *Sweep) Price {
		p := sweeping(s, edit, end)
		p.Runs[0].Prompt = Prompt{Text: "a text of some length"}
		return must(Check(p, paper(), words{}))(t).Price(device.Info{FLOPS: 1e9})
	}
	low, high := price(&Sweep{Strengths: make([]float64, 100)}), price(&Sweep{Layers: One(2), Strengths: make([]float64, 100)})
	late, more := price(&Sweep{Positions: At(-1), Strengths: make([]float64, 100)}), price(&Sweep{Strengths: make([]float64, 200)})
	if !(high.FLOPs < low.FLOPs/2 && late.FLOPs < low.FLOPs/5 && more.FLOPs > 1.9*low.FLOPs && more.FLOPs < 2*low.FLOPs) {
		t.Errorf("priced: from the bottom %g, from layer 2 %g, at the last position %g, twice as many %g", low.FLOPs, high.FLOPs, late.FLOPs, more.FLOPs)
	}
	if more.Seconds <= low.Seconds || more.Bytes < low.Bytes || low.Bytes <= 0 {
		t.Errorf("priced %+v and %+v", low, more)
	}
}

// TestSweepIsBounded runs ten thousand variants, and sees what they take on the device and the host.
func TestSweepIsBounded(t *testing.T) {
	env := tiny(t, "llama")
	env.Memory = 4 << 20
	watch := &peak{Device: env.Model.Device()}
	edit := Edit{Site: hook.AttnOut, Op: Add, Operand: Scalar(0.1)}
	end := Read{Name: "end", Site: hook.Logits, Positions: At(-1), Reduce: LogitDiff, Tokens: []TokenRef{{ID: 1}, {ID: 2}}}
	strengths := make([]float64, 600)
	for i := range strengths {
		strengths[i] = float64(i) / 100
	}
	c := must(Check(sweeping(&Sweep{Layers: All(), Positions: Positions{All: true}, Strengths: strengths}, edit, end), env.Model, env.Tokens))(t)
	base := watch.Used()
	done := 0
	see := Observer{Progress: func(p Progress) {
		if p.Stage == "variants" {
			done = p.Done
			watch.high = max(watch.high, watch.Used()-base)
		}
	}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	res := must(Execute(context.Background(), env, c, see))(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := res.Run("s").Sweep.Variants; done != n || n < 10000 {
		t.Errorf("%d variants of %d were told of", done, n)
	}
	if watch.high > env.Memory {
		t.Errorf("%d bytes were taken on the device; the bound is %d", watch.high, env.Memory)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 8<<20 {
		t.Errorf("%d bytes are kept for results of %d numbers", kept, done)
	}
	runtime.KeepAlive(res)
}

type peak struct {
	device.Device
	high int64
}

// TestSweepCancel cancels sweeps in their midst: at once they end, and all that they took is given back.
func TestSweepCancel(t *testing.T) {
	env := tiny(t, "llama")
	edit := Edit{Site: hook.AttnOut, Op: Add, Operand: Scalar(0.1)}
	end := Read{Name: "end", Site: hook.Logits, Positions: At(-1), Reduce: Entropy}
	p := sweeping(&Sweep{Layers: All(), Positions: Positions{All: true}, Strengths: make([]float64, 300)}, edit, end)
	p.Runs = append(p.Runs, Run{Name: "g", Prompt: prompt, Edits: []Edit{edit}, Sweep: &Sweep{Layers: All()}, Generation: &Generate{Count: 20}})
	c := must(Check(p, env.Model, env.Tokens))(t)
	must(Execute(context.Background(), env, c, Observer{}))(t)
	used, routines := env.Model.Device().Used(), runtime.NumGoroutine()
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond} {
		ctx, cancel := context.WithCancel(context.Background())
		var at time.Time
		time.AfterFunc(after, func() { at = time.Now(); cancel() })
		_, err := Execute(ctx, env, c, Observer{})
		if err == nil {
			cancel()
			continue // it was done before
		}
		if late := time.Since(at); errs.KindOf(err) != errs.Cancelled || late > 100*time.Millisecond {
			t.Errorf("cancelled after %v: %v, %v later", after, err, late)
		}
		if now := env.Model.Device().Used(); now > used {
			t.Errorf("cancelled after %v: %d bytes are in use, %d before", after, now, used)
		}
	}
	time.Sleep(10 * time.Millisecond)
	if n := runtime.NumGoroutine(); n > routines {
		t.Errorf("%d goroutines, %d before", n, routines)
	}
}
