package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// configGGUF reads the configuration of a GGUF file. Biases and a separate unembedding are
// there when their tensors are: GGUF has no keys for them.
func configGGUF(src *source) (*Config, error) {
	arch, _ := src.meta["general.architecture"].(string)
	m := &meta{m: src.meta}
	k := func(s string) string { return arch + "." + s }
	c := &Config{
		Arch:   arch,
		Layers: m.int(0, k("block_count")), Width: m.int(0, k("embedding_length")),
		Heads: m.int(0, k("attention.head_count")), MLP: m.int(0, k("feed_forward_length")),
		Context: m.int(0, k("context_length")),
		Eps:     float32(m.float(0, k("attention.layer_norm_rms_epsilon"), k("attention.layer_norm_epsilon"))),
	}
	c.KVHeads = m.int(c.Heads, k("attention.head_count_kv"))
	if c.Heads > 0 {
		c.HeadDim = m.int(c.Width/c.Heads, k("attention.key_length"))
	}
	if v := m.int(c.HeadDim, k("attention.value_length")); v != c.HeadDim {
		return nil, errs.E("nn.Config", errs.Unsupported, "heads have keys of %d and values of %d elements; they must be equal", c.HeadDim, v)
	}
	c.AttnScale = rsqrt(float64(c.HeadDim))
	c.Rotary = m.int(c.HeadDim, k("rope.dimension_count"))
	if emb, ok := src.tensors["token_embd.weight"]; ok && len(emb.shape) == 2 {
		c.Vocab = emb.shape[0]
	}
	_, untied := src.tensors["output.weight"]
	c.Tied = !untied
	c.QKVBias, c.OutBias, c.MLPBias = src.has("blk.0.attn_q.bias"), src.has("blk.0.attn_output.bias"), src.has("blk.0.ffn_up.bias")
	if err := c.familyGGUF(m, k); err != nil {
		return nil, err
	}
	if err := c.ropeGGUF(m, k, src); err != nil {
		return nil, err
	}
	if m.err != nil {
		return nil, m.err
	}
	return c, c.check()
}

// familyGGUF sets what the architecture's name implies.
func (c *Config) familyGGUF(m *meta, k func(string) string) error {
	window := m.int(0, k("attention.sliding_window"))
	all, none := func(int) bool { return true }, func(int) bool { return window == 0 }
	c.Gated, c.Act = true, device.SiLU
	c.Ropes = []Rope{{Base: m.float(10000, k("rope.freq_base"))}}
	switch c.Arch {
	case "llama":
		c.layout = interleaved
		c.blocks(window, none)
	case "qwen2":
		c.QKVBias = true
		c.blocks(0, all)
	case "qwen3":
		c.QKNorm = true
		c.blocks(0, all)
	case "gemma2":
		c.gemma(46)
		c.AttnCap = float32(m.float(50, k("attn_logit_softcapping")))
		c.FinalCap = float32(m.float(30, k("final_logit_softcapping")))
		c.blocks(window, func(l int) bool { return window == 0 || l%2 == 1 })
	case "gemma3":
		c.gemma(62)
		c.QKNorm = true
		c.FinalCap = float32(m.float(0, k("final_logit_softcapping")))
		c.Ropes = append(c.Ropes, Rope{Base: 10000}) // of the local layers; no file says so
		c.blocks(window, func(l int) bool { return l%6 == 5 })
	case "gpt2":
		c.gpt2()
		c.layout = packedQKV
		c.blocks(0, all)
	case "gptneox":
		c.neox(m.bool(true, k("use_parallel_residual")))
		c.layout = packedQKV
		c.blocks(0, all)
	default:
		return unknownArch(c.Arch)
	}
	return nil
}

// ropeGGUF reads the scaling of the first rope; local layers are never scaled.
func (c *Config) ropeGGUF(m *meta, k func(string) string, src *source) error {
	if c.Learned {
		return nil
	}
	if c.layout == interleaved && c.Rotary != c.HeadDim {
		return errs.E("nn.Config", errs.Unsupported, "rope over %d of %d elements is not supported for llama GGUF files", c.Rotary, c.HeadDim)
	}
	r := &c.Ropes[0]
	switch kind := m.str("none", k("rope.scaling.type")); kind {
	case "none":
		r.Linear = m.float(1, k("rope.scale_linear")) // the key of old files
	case "linear":
		r.Linear = m.float(1, k("rope.scaling.factor"))
	default:
		return errs.E("nn.Config", errs.Unsupported, "rope scaling %q is not supported", kind)
	}
	if t, ok := src.tensors["rope_freqs.weight"]; ok {
		factors, err := t.floats()
		if err != nil {
			return err
		}
		if len(factors) != c.Rotary/2 {
			return errs.E("nn.Config", errs.Invalid, "rope_freqs.weight has %d elements where %d are needed", len(factors), c.Rotary/2)
		}
		r.Factors = factors
	}
	return nil
}

func (c *Config) gpt2() {
	c.LayerNorm, c.Learned, c.Gated, c.Act = true, true, false, device.GELUTanh
	c.QKVBias, c.OutBias, c.MLPBias = true, true, true
	c.Rotary, c.Ropes = 0, nil
}

func (c *Config) neox(parallel bool) {
	c.LayerNorm, c.Parallel, c.Gated, c.Act = true, parallel, false, device.GELU
	c.QKVBias, c.OutBias, c.MLPBias = true, true, true
}
