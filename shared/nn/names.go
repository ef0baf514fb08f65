package nn

import (
	"strconv"
	"strings"
)

// names are the tensor names of a file: of the whole model, and of a block after its prefix.
// A matrix's weight and bias share a name up to the last word.
type names struct {
	embed, pos, unembed, final string
	block                      string // with # for the layer

	ln1, q, k, v, qkv, qnorm, knorm, out, post1 string
	ln2, gate, up, down, post2                  string
}

func (n *names) in(layer int, name string) string {
	return strings.Replace(n.block, "#", strconv.Itoa(layer), 1) + name
}

var ggufNames = names{
	embed: "token_embd.weight", pos: "position_embd.weight", unembed: "output.weight", final: "output_norm", block: "blk.#.",
	ln1: "attn_norm", q: "attn_q", k: "attn_k", v: "attn_v", qkv: "attn_qkv", qnorm: "attn_q_norm", knorm: "attn_k_norm",
	out: "attn_output", post1: "post_attention_norm",
	ln2: "ffn_norm", gate: "ffn_gate", up: "ffn_up", down: "ffn_down", post2: "post_ffw_norm",
}

var llamaNames = names{
	embed: "embed_tokens.weight", unembed: "lm_head.weight", final: "norm", block: "layers.#.",
	ln1: "input_layernorm", q: "self_attn.q_proj", k: "self_attn.k_proj", v: "self_attn.v_proj",
	qnorm: "self_attn.q_norm", knorm: "self_attn.k_norm", out: "self_attn.o_proj",
	ln2: "post_attention_layernorm", gate: "mlp.gate_proj", up: "mlp.up_proj", down: "mlp.down_proj",
}

var gpt2Names = names{
	embed: "wte.weight", pos: "wpe.weight", unembed: "lm_head.weight", final: "ln_f", block: "h.#.",
	ln1: "ln_1", qkv: "attn.c_attn", out: "attn.c_proj", ln2: "ln_2", up: "mlp.c_fc", down: "mlp.c_proj",
}

var neoxNames = names{
	embed: "embed_in.weight", unembed: "embed_out.weight", final: "final_layer_norm", block: "layers.#.",
	ln1: "input_layernorm", qkv: "attention.query_key_value", out: "attention.dense",
	ln2: "post_attention_layernorm", up: "mlp.dense_h_to_4h", down: "mlp.dense_4h_to_h",
}
