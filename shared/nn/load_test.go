package nn

import (
	"context"
	"math"
	"strings"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/tensor"
	"patchbay/shared/weights"
)

// familySource opens a tiny model's file as the loader sees it.
func familySource(t testing.TB, family string) *source {
	t.Helper()
	file := must[*weights.Model](t)(weights.Open(refdata.Path(t, "families", family)))
	t.Cleanup(func() { file.Close() })
	return open(file)
}

// array is a float32 array in memory as a file's.
func array(x []float32, shape ...int) stored {
	return stored{tensor.F32, shape, &transposed{x, 0, 0}, func() ([]float32, error) { return append([]float32(nil), x...), nil }}
}

// Models that are wrong are refused with words that name what is wrong, and leave nothing behind.
func TestLoadRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name, family string
		spoil        func(s *source)
		kind         errs.Kind
		says         string
	}{
		{"unknown architecture", "llama", func(s *source) { s.meta["model_type"] = "mamba2" }, errs.Unsupported, `"mamba2"`},
		{"no architecture", "llama", func(s *source) { delete(s.meta, "model_type") }, errs.Unsupported, "not supported"},
		{"NaN in a norm", "llama", func(s *source) { s.set("model.norm.weight", 7, nan) }, errs.Invalid, "model.norm.weight"},
		{"infinity in a bias", "qwen2", func(s *source) {
			s.set("model.layers.1.self_attn.k_proj.bias", 0, float32(math.Inf(-1)))
		}, errs.Invalid, "element 0"},
		{"missing tensor", "gemma2", func(s *source) { delete(s.tensors, "model.layers.2.mlp.up_proj.weight") }, errs.Invalid, "layers.2.mlp.up_proj"},
		{"missing bias", "gpt2", func(s *source) { delete(s.tensors, "transformer.h.0.ln_1.bias") }, errs.Invalid, "ln_1.bias"},
		{"wrong shape", "qwen3", func(s *source) { s.meta["head_dim"] = 8.0 }, errs.Invalid, "[8] is needed"},
		{"integer weights", "llama", func(s *source) { s.retype("lm_head.weight", tensor.I32) }, errs.Unsupported, "I32"},
		{"negative layers", "llama", func(s *source) { s.meta["num_hidden_layers"] = -1.0 }, errs.Invalid, "layers is -1"},
		{"a billion layers", "gemma2", func(s *source) { s.meta["num_hidden_layers"] = 1e9 }, errs.Invalid, "layers is 1000000000"},
		{"half a head", "llama", func(s *source) { s.meta["num_attention_heads"] = 2.5 }, errs.Invalid, "num_attention_heads"},
		{"no heads", "llama", func(s *source) { s.meta["num_attention_heads"] = 0.0 }, errs.Invalid, "attention heads is 0"},
		{"heads that cannot be shared", "llama", func(s *source) { s.meta["num_key_value_heads"] = 3.0 }, errs.Invalid, "evenly"},
		{"a text for a number", "llama", func(s *source) { s.meta["hidden_size"] = "wide" }, errs.Invalid, "hidden_size"},
		{"no epsilon", "llama", func(s *source) { delete(s.meta, "rms_norm_eps") }, errs.Invalid, "epsilon"},
		{"unknown rope", "llama", func(s *source) { s.meta["rope_parameters"] = map[string]any{"rope_type": "yarn"} }, errs.Unsupported, `"yarn"`},
		{"unknown activation", "llama", func(s *source) { s.meta["hidden_act"] = "relu6" }, errs.Unsupported, `"relu6"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dev := familySource(t, c.family), ref.New()
			c.spoil(src)
			_, err := load(context.Background(), dev, src, Options{})
			if errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("gave %v: %v", errs.KindOf(err), err)
			}
			if dev.Used() != 0 {
				t.Errorf("%d bytes are still taken", dev.Used())
			}
		})
	}
}

func (s *source) set(name string, at int, v float32) {
	x, _ := s.tensors[name].floats()
	x[at] = v
	s.tensors[name] = array(x, len(x))
}

func (s *source) retype(name string, d tensor.DType) {
	t := s.tensors[name]
	t.dtype = d
	s.tensors[name] = t
}

// small is a device with little memory.
type small struct {
	*ref.Device
	limit int64
}

func (s small) Alloc(n int) (device.Buffer, error) {
	if s.Used()+4*int64(n) > s.limit {
		return nil, errs.E("small.Alloc", errs.NoSpace, "%d bytes are needed, %d are left", 4*n, s.limit-s.Used())
	}
	return s.Device.Alloc(n)
}

func (s small) Load(dt tensor.DType, rows, cols int, src device.RowReader) (device.Weight, error) {
	rb, _ := dt.RowBytes(cols)
	if s.Used()+int64(rows*rb) > s.limit {
		return nil, errs.E("small.Load", errs.NoSpace, "%d bytes are needed, %d are left", rows*rb, s.limit-s.Used())
	}
	return s.Device.Load(dt, rows, cols, src)
}

// A device too small for the model refuses at any point with the bytes needed, and is left empty;
// with as much as Need says, the model loads and runs.
func TestNoSpace(t *testing.T) {
	for _, family := range families {
		src := familySource(t, family)
		c, _, err := config(src)
		if err != nil {
			t.Fatal(err)
		}
		need := need(c, src, 64)
		for limit := int64(0); limit < need*2/3; limit += need / 40 {
			dev := small{ref.New(), limit}
			m, err := load(context.Background(), dev, src, Options{MaxTokens: 64})
			if err == nil {
				m.Close()
			} else if errs.KindOf(err) != errs.NoSpace || !strings.Contains(err.Error(), "needs") {
				t.Fatalf("%d bytes gave %v", limit, err)
			}
			if dev.Used() != 0 {
				t.Fatalf("%d bytes are still taken after a load into %d", dev.Used(), limit)
			}
		}
		dev := small{ref.New(), need}
		m := must[*Model](t)(load(context.Background(), dev, src, Options{MaxTokens: 64}))
		cache := must[*Cache](t)(m.NewCache(64))
		if _, err := m.Forward(context.Background(), Pass{IDs: make([]int32, 64), Cache: cache, Logits: LastLogits}); err != nil {
			t.Errorf("%s does not run in the %d bytes that it needs: %v", family, need, err)
		}
		t.Logf("%s: %d bytes needed, %d used", family, need, dev.Used())
		cache.Free()
		m.Close()
		if dev.Used() != 0 {
			t.Errorf("%d bytes are still taken after Close", dev.Used())
		}
	}
}

// Loading reports its progress to the end and can be stopped.
func TestLoadProgressAndCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dev, src := ref.New(), familySource(t, "gpt_neox")
	var last, total int64
	m := must[*Model](t)(load(ctx, dev, src, Options{Progress: func(d, t int64) { last, total = d, t }}))
	m.Close()
	if last != total || total == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	_, err := load(ctx, dev, src, Options{Progress: func(d, t int64) {
		if d > t/2 {
			cancel()
		}
	}})
	if errs.KindOf(err) != errs.Cancelled || dev.Used() != 0 {
		t.Errorf("a stopped load gave %v and left %d bytes", err, dev.Used())
	}
	if _, err := m.Forward(context.Background(), Pass{IDs: []int32{1}}); errs.KindOf(err) != errs.Gone {
		t.Errorf("a closed model gave %v", err)
	}
}
