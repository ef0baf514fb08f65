//go:build !tab

package nn

import (
	"strings"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// configHF reads a config.json of transformers, in the spelling of version 4 (rope_theta,
// rope_scaling) or 5 (rope_parameters).
func configHF(src *source) (*Config, error) {
	m := &meta{m: src.meta}
	if m.str("", "model_type") == "gemma3" && m.has("text_config") {
		m = m.sub("text_config") // the text part of the model that also sees
	}
	c := &Config{
		Arch:   m.str("", "model_type"),
		Layers: m.int(0, "num_hidden_layers", "n_layer"), Width: m.int(0, "hidden_size", "n_embd"),
		Heads: m.int(0, "num_attention_heads", "n_head"), Vocab: m.int(0, "vocab_size"),
		Context: m.int(0, "max_position_embeddings", "n_positions", "n_ctx"),
		Eps:     float32(m.float(0, "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon")),
	}
	c.MLP = m.int(4*c.Width, "intermediate_size", "n_inner")
	c.KVHeads = m.int(c.Heads, "num_key_value_heads")
	if c.Heads > 0 {
		c.HeadDim = m.int(c.Width/c.Heads, "head_dim")
	}
	c.Rotary, c.AttnScale = c.HeadDim, rsqrt(float64(c.HeadDim))
	c.QKVBias, c.MLPBias = m.bool(false, "attention_bias"), m.bool(false, "mlp_bias")
	c.OutBias = c.QKVBias
	_, names := namesHF(src) // files leave out what is their family's default: then the tensor tells
	c.Tied = m.bool(!src.has(names.unembed), "tie_word_embeddings")
	c.Gated = true
	if err := c.activationHF(m); err != nil {
		return nil, err
	}
	if err := c.familyHF(m); err != nil {
		return nil, err
	}
	if m.err != nil {
		return nil, m.err
	}
	return c, c.check()
}

func (c *Config) activationHF(m *meta) error {
	name := m.str("silu", "hidden_activation", "hidden_act", "activation_function")
	act, ok := map[string]device.Act{
		"silu": device.SiLU, "swish": device.SiLU, "gelu_pytorch_tanh": device.GELUTanh, "gelu_new": device.GELUTanh,
		"gelu_fast": device.GELUTanh, "gelu": device.GELU, "relu": device.ReLU,
	}[name]
	if !ok {
		return errs.E("nn.Config", errs.Unsupported, "activation function %q is not supported", name)
	}
	c.Act = act
	return nil
}

// familyHF sets what the model type implies.
func (c *Config) familyHF(m *meta) error {
	var err error
	act := c.Act
	switch c.Arch {
	case "llama", "mistral":
		err = c.ropesHF(m, false)
	case "qwen2":
		c.QKVBias, c.OutBias = true, false
		err = c.ropesHF(m, false)
	case "qwen3":
		c.QKNorm = true
		err = c.ropesHF(m, false)
	case "gemma2":
		c.gemmaHF(m)
		c.AttnCap = float32(m.float(50, "attn_logit_softcapping"))
		c.FinalCap = float32(m.float(30, "final_logit_softcapping"))
		c.nullCaps(m)
		err = c.ropesHF(m, false)
	case "gemma3_text":
		c.gemmaHF(m)
		c.QKNorm = true
		c.AttnCap = float32(m.float(0, "attn_logit_softcapping"))
		c.FinalCap = float32(m.float(0, "final_logit_softcapping"))
		err = c.ropesHF(m, true)
	case "gpt2":
		c.gpt2()
		c.Act, c.layout = act, conv1D
		if m.bool(false, "scale_attn_by_inverse_layer_idx") {
			return errs.E("nn.Config", errs.Unsupported, "attention scaled by the layer's number is not supported")
		}
	case "gpt_neox":
		c.neox(m.bool(true, "use_parallel_residual"))
		c.Act, c.layout = act, packedByHead
		share := m.sub("rope_parameters").float(m.float(0.25, "rotary_pct", "partial_rotary_factor"), "partial_rotary_factor")
		c.Rotary = int(float64(c.HeadDim) * share)
		err = c.ropesHF(m, false)
	default:
		return unknownArch(c.Arch)
	}
	c.blocks(c.windowHF(m), c.fullHF(m))
	return err
}

func (c *Config) gemmaHF(m *meta) {
	act := c.Act
	c.gemma(0)
	c.Act, c.NormPlus1 = act, true
	c.AttnScale = rsqrt(m.float(256, "query_pre_attn_scalar"))
}

// nullCaps: a cap that the file has as null is off, one that it leaves out is the family's.
func (c *Config) nullCaps(m *meta) {
	if v, ok := m.m["attn_logit_softcapping"]; ok && v == nil {
		c.AttnCap = 0
	}
	if v, ok := m.m["final_logit_softcapping"]; ok && v == nil {
		c.FinalCap = 0
	}
}

func (c *Config) windowHF(m *meta) int {
	if c.Arch == "qwen2" || c.Arch == "qwen3" {
		if !m.bool(false, "use_sliding_window") {
			return 0
		}
	}
	return m.int(0, "sliding_window")
}

// fullHF tells which layers see the whole context.
func (c *Config) fullHF(m *meta) func(int) bool {
	if types := m.strings("layer_types"); types != nil {
		return func(l int) bool { return l >= len(types) || types[l] == "full_attention" }
	}
	switch c.Arch {
	case "gemma2":
		return func(l int) bool { return l%2 == 1 }
	case "gemma3_text":
		n := max(m.int(6, "sliding_window_pattern", "_sliding_window_pattern"), 1)
		return func(l int) bool { return (l+1)%n == 0 }
	case "qwen2", "qwen3":
		n := m.int(0, "max_window_layers")
		return func(l int) bool { return l < n }
	}
	return func(int) bool { return !m.has("sliding_window") }
}

// ropesHF reads the rotation frequencies; local adds those of Gemma 3's sliding layers.
func (c *Config) ropesHF(m *meta, local bool) error {
	theta := m.float(10000, "rope_theta", "rotary_emb_base")
	params := m.sub("rope_parameters") // version 5
	if full := params.sub("full_attention"); len(full.m) > 0 {
		params = full
	}
	if len(params.m) == 0 {
		params = m.sub("rope_scaling") // version 4
	}
	r, err := ropeHF(params, theta)
	c.Ropes = []Rope{r}
	if !local || err != nil {
		return err
	}
	sliding := m.sub("rope_parameters").sub("sliding_attention")
	r, err = ropeHF(sliding, m.float(10000, "rope_local_base_freq"))
	c.Ropes = append(c.Ropes, r)
	return err
}

func ropeHF(p *meta, theta float64) (Rope, error) {
	r := Rope{Base: p.float(theta, "rope_theta")}
	switch kind := p.str("default", "rope_type", "type"); kind {
	case "default":
	case "linear":
		r.Linear = p.float(1, "factor")
	case "llama3":
		r.Llama3 = &Llama3Rope{
			Factor: p.float(8, "factor"), Low: p.float(1, "low_freq_factor"), High: p.float(4, "high_freq_factor"),
			Original: p.float(8192, "original_max_position_embeddings"),
		}
	default:
		return r, errs.E("nn.Config", errs.Unsupported, "rope scaling %q is not supported", kind)
	}
	return r, p.err
}

// describeHF gives a safetensors model its configuration and the names of its tensors.
func describeHF(src *source) (*Config, names, error) {
	c, err := configHF(src)
	_, n := namesHF(src)
	return c, n, err
}

// namesHF gives the names of a safetensors model. Its tensors stand under a prefix that
// depends on how it was saved ("model.", "transformer.", none); the embedding shows which.
func namesHF(src *source) (prefix string, n names) {
	arch, _ := src.meta["model_type"].(string)
	switch arch {
	case "gpt2":
		n = gpt2Names
	case "gpt_neox":
		n = neoxNames
	default:
		n = llamaNames
	}
	if strings.HasPrefix(arch, "gemma") {
		n.post1, n.ln2, n.post2 = n.ln2, "pre_feedforward_layernorm", "post_feedforward_layernorm"
	}
	for name := range src.tensors {
		if p, ok := strings.CutSuffix(name, n.embed); ok {
			prefix = p
		}
	}
	n.embed, n.final, n.block = prefix+n.embed, prefix+n.final, prefix+n.block
	if n.pos != "" {
		n.pos = prefix + n.pos
	}
	if outer := strings.TrimSuffix(prefix, "model."); src.has(outer + n.unembed) {
		n.unembed = outer + n.unembed
	}
	return prefix, n
}
