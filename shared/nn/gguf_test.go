package nn

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"patchbay/shared/device"
)

// hfToGGUF are the tensor names of llama.cpp for those of transformers, by family.
var hfToGGUF = map[string]map[string]string{
	"llama": {
		"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
		"post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
		"self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
		"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
		"pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
	},
	"gpt2": {
		"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "ln_2": "ffn_norm",
		"attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
	},
	"gpt_neox": {
		"embed_in": "token_embd", "embed_out": "output", "final_layer_norm": "output_norm", "input_layernorm": "attn_norm",
		"post_attention_layernorm": "ffn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
		"mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
	},
}

// asGGUF rewrites a tiny model as llama.cpp's converter would: names, metadata, permuted rows,
// norms with 1 added, matrices turned.
func asGGUF(t *testing.T, family string) *source {
	in, out := familySource(t, family), &source{format: "gguf", meta: map[string]any{}, tensors: map[string]stored{}}
	c, _, err := config(in)
	if err != nil {
		t.Fatal(err)
	}
	table := hfToGGUF[family]
	if table == nil {
		table = hfToGGUF["llama"]
	}
	for name, a := range in.tensors {
		x := must[[]float32](t)(a.floats())
		renamed, last := rename(name, table, c.Sandwich)
		if renamed == "" {
			t.Fatalf("no name for %s", name)
		}
		x, shape := convert(c, renamed, x, a.shape)
		out.tensors[renamed+last] = array32(x, shape)
	}
	metaGGUF(out.meta, c, family)
	return out
}

// rename splits a name into llama.cpp's name and ".weight" or ".bias".
func rename(name string, table map[string]string, sandwich bool) (renamed, last string) {
	for from, to := range table {
		if sandwich && from == "post_attention_layernorm" {
			to = "post_attention_norm"
		}
		for _, last := range []string{".weight", ".bias"} {
			for _, prefix := range []string{"", "model.", "transformer.", "gpt_neox."} {
				if name == prefix+from+last {
					return to, last
				}
				for l := range 3 {
					for _, blocks := range []string{"layers.", "h."} {
						if n := strconv.Itoa(l); name == prefix+blocks+n+"."+from+last {
							return "blk." + n + "." + to, last
						}
					}
				}
			}
		}
	}
	return "", ""
}

func convert(c *Config, name string, x []float32, shape []int) ([]float32, []int) {
	switch {
	case c.layout == conv1D && len(shape) == 2 && name != "token_embd" && name != "position_embd":
		return turn(x, shape[0], shape[1]), []int{shape[1], shape[0]}
	case c.NormPlus1 && len(shape) == 1:
		for i := range x {
			x[i]++
		}
	case (c.Arch == "llama" || c.Arch == "mistral") && (strings.HasSuffix(name, "attn_q") || strings.HasSuffix(name, "attn_k")):
		return permute(x, shape[0], c.HeadDim), shape
	case c.layout == packedByHead && strings.HasSuffix(name, "attn_qkv"):
		return unpack(x, c.Heads, c.HeadDim), shape
	}
	return x, shape
}

func turn(x []float32, rows, cols int) []float32 {
	out := make([]float32, len(x))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = x[r*cols+c]
		}
	}
	return out
}

// permute is llama.cpp's: reshape(heads, 2, e/2, cols) with the middle axes swapped.
func permute(x []float32, rows, e int) []float32 {
	out, cols := make([]float32, len(x)), len(x)/rows
	for h := range rows / e {
		for s := range 2 {
			for i := range e / 2 {
				copy(out[(h*e+2*i+s)*cols:][:cols], x[(h*e+s*e/2+i)*cols:][:cols])
			}
		}
	}
	return out
}

// unpack turns [heads, 3, e, cols] into [3, heads, e, cols].
func unpack(x []float32, heads, e int) []float32 {
	out, n := make([]float32, len(x)), len(x)/heads/3
	for h := range heads {
		for p := range 3 {
			copy(out[(p*heads+h)*n:][:n], x[(h*3+p)*n:][:n])
		}
	}
	return out
}

// array32 is a float32 matrix or vector in memory.
func array32(x []float32, shape []int) stored {
	s := array(x, shape...)
	if len(shape) == 2 {
		s.rows = &transposed{turn(x, shape[0], shape[1]), shape[1], shape[0]}
	}
	return s
}

func metaGGUF(m map[string]any, c *Config, family string) {
	arch := map[string]string{"llama3_rope": "llama", "mistral": "llama", "gemma3_text": "gemma3", "gpt_neox": "gptneox"}[family]
	if arch == "" {
		arch = family
	}
	m["general.architecture"] = arch
	k := arch + "."
	for key, v := range map[string]int{
		"block_count": c.Layers, "embedding_length": c.Width, "feed_forward_length": c.MLP, "context_length": c.Context,
		"attention.head_count": c.Heads, "attention.head_count_kv": c.KVHeads, "attention.key_length": c.HeadDim,
		"attention.value_length": c.HeadDim, "attention.sliding_window": c.Blocks[0].Window,
	} {
		m[k+key] = uint32(v)
	}
	if !c.Learned {
		m[k+"rope.dimension_count"], m[k+"rope.freq_base"] = uint32(c.Rotary), float32(c.Ropes[0].Base)
		if f := c.Ropes[0].Linear; f > 0 {
			m[k+"rope.scaling.type"], m[k+"rope.scaling.factor"] = "linear", float32(f)
		}
	}
	eps := "attention.layer_norm_rms_epsilon"
	if c.LayerNorm {
		eps = "attention.layer_norm_epsilon"
	}
	m[k+eps] = c.Eps
	if family == "gemma2" {
		m[k+"attn_logit_softcapping"], m[k+"final_logit_softcapping"] = c.AttnCap, c.FinalCap
	}
}

// The same tiny models, written as llama.cpp writes them, give the same numbers. (What GGUF
// does not say, llama.cpp and this package know by family: two of the tiny models differ there.)
func TestFamiliesGGUF(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range families {
			t.Run(family, func(t *testing.T) {
				src := asGGUF(t, family)
				want := openFamily(t, dev, family, "config.json")
				if s := want.cfg.Ropes; len(s) > 0 && s[0].Llama3 != nil {
					factors := make([]float32, want.cfg.Rotary/2)
					plain := Rope{Base: s[0].Base}.frequencies(want.cfg.Rotary)
					for i, f := range s[0].frequencies(want.cfg.Rotary) {
						factors[i] = float32(plain[i] / f)
					}
					src.tensors["rope_freqs.weight"] = array(factors, len(factors))
				}
				m := must[*Model](t)(load(context.Background(), dev, src, Options{}))
				defer m.Close()
				switch family {
				case "gemma2":
					m.cfg.AttnScale = want.cfg.AttnScale // scaled by 24 and not by the head's 16
				case "gemma3_text":
					for l := range m.blocks { // every third layer and not every sixth is full
						m.blocks[l].BlockConfig = want.blocks[l].BlockConfig
					}
				}
				ids := []int32{1, 5, 25, 125, 113, 53, 9, 45, 97, 101, 121, 93}
				compare(t, "logits", forward(t, m, ids, nil), forward(t, want, ids, nil), m.cfg.Vocab, 1e-5)
			})
		}
	})
}
