package nn

import (
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// Config is what sets one family of transformers apart from another. It is read from a file's
// metadata; nothing else in the package asks for a family by name.
type Config struct {
	Arch    string // as the file names it: "llama", "gemma3"
	Layers  int
	Width   int // d, of the residual stream
	Heads   int // H, query heads
	KVHeads int // K, key/value heads; H is a multiple
	HeadDim int // e
	MLP     int // f
	Vocab   int // V
	Context int // positions the model was made for

	LayerNorm bool    // LayerNorm with centring and bias; else RMSNorm
	Eps       float32 // of every norm
	NormPlus1 bool    // the file stores w and means 1+w (Gemma in safetensors)
	Sandwich  bool    // a second norm after attention and after the MLP (Gemma)
	Parallel  bool    // attention and MLP both read the block's input (GPT-NeoX)
	QKNorm    bool    // RMSNorm of each query and key head before rope

	QKVBias, OutBias, MLPBias bool

	Gated bool // act(gate)*up; else act(up)
	Act   device.Act

	Learned    bool // learned position embeddings in place of rope
	Rotary     int  // how many elements of a head rope turns
	Ropes      []Rope
	Blocks     []BlockConfig // by layer
	EmbedScale float32       // multiplies the embedding; 0: nothing does
	AttnScale  float32       // multiplies q.k
	AttnCap    float32       // soft cap of attention scores; 0: none
	FinalCap   float32       // soft cap of logits; 0: none
	Tied       bool          // the embedding is the unembedding too

	layout layout
}

// BlockConfig is what may differ from layer to layer.
type BlockConfig struct {
	Window int // positions a query sees, its own included; 0: all
	Rope   int // index into Ropes
}

// layout is how the file stores matrices.
type layout uint8

const (
	plainLayout  layout = iota
	interleaved         // q and k rows permuted for interleaved rope (llama.cpp's llama)
	packedQKV           // q, k, v below each other in one matrix
	packedByHead        // q, k, v of each head below each other (GPT-NeoX in safetensors)
	conv1D              // packedQKV, and every matrix stored [in, out] (GPT-2 in safetensors)
)

// The largest numbers believed of a file. Far above any real model, they keep a hostile one
// from asking for absurd sizes.
const (
	maxLayers  = 1000
	maxWidth   = 1 << 17
	maxMLP     = 1 << 20
	maxHeads   = 1 << 12
	maxVocab   = 1 << 22
	maxContext = 1 << 24
)

func (c *Config) check() error {
	bad := func(format string, args ...any) error {
		return errs.E("nn.Config", errs.Invalid, "model configuration: "+format, args...)
	}
	for _, f := range []struct {
		name     string
		v, limit int
	}{
		{"layers", c.Layers, maxLayers}, {"width", c.Width, maxWidth}, {"attention heads", c.Heads, maxHeads},
		{"key/value heads", c.KVHeads, maxHeads}, {"head width", c.HeadDim, maxWidth}, {"MLP width", c.MLP, maxMLP},
		{"vocabulary", c.Vocab, maxVocab}, {"context", c.Context, maxContext},
	} {
		if f.v < 1 || f.v > f.limit {
			return bad("%s is %d; it must be 1 to %d", f.name, f.v, f.limit)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return bad("%d attention heads cannot share %d key/value heads evenly", c.Heads, c.KVHeads)
	case !c.Learned && (c.Rotary < 2 || c.Rotary%2 != 0 || c.Rotary > c.HeadDim):
		return bad("rope turns %d elements of heads of %d; it must be an even number up to the head's width", c.Rotary, c.HeadDim)
	case !(c.Eps > 0) || c.Eps > 1:
		return bad("norm epsilon is %g; it must lie between 0 and 1", c.Eps)
	case !finite(float64(c.AttnScale), float64(c.AttnCap), float64(c.FinalCap)):
		return bad("attention scale %g, soft caps %g and %g must be finite", c.AttnScale, c.AttnCap, c.FinalCap)
	}
	for l, b := range c.Blocks {
		if b.Window < 0 {
			return bad("the window of layer %d is %d; it cannot be negative", l, b.Window)
		}
	}
	for _, r := range c.Ropes {
		if !finite(r.Base, r.Linear) || r.Base <= 0 || r.Linear < 0 {
			return bad("rope base %g and scaling %g must be positive", r.Base, r.Linear)
		}
	}
	return nil
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// blocks makes the per-layer configuration: full says which layers see everything. Only they
// use Ropes[0] where there is a second, local one.
func (c *Config) blocks(window int, full func(layer int) bool) {
	c.Blocks = make([]BlockConfig, max(min(c.Layers, maxLayers), 0))
	for l := range c.Blocks {
		if !full(l) {
			c.Blocks[l] = BlockConfig{Window: window, Rope: len(c.Ropes) - 1}
		}
	}
}

// gemma sets what Gemma 2 and 3 share. Big is the layer count of the 27B model, whose scores
// are scaled by the width per head and not by the head's own.
func (c *Config) gemma(big int) {
	c.Sandwich, c.Gated, c.Act = true, true, device.GELUTanh
	c.EmbedScale = float32(math.Sqrt(float64(c.Width)))
	scale := c.HeadDim
	if c.Layers == big && c.Heads > 0 {
		scale = c.Width / c.Heads
	}
	c.AttnScale = rsqrt(float64(scale))
}

func rsqrt(x float64) float32 { return float32(1 / math.Sqrt(x)) }

// unknownArch refuses a model by the name of its architecture.
func unknownArch(name string) error {
	return errs.E("nn.Config", errs.Unsupported, "architecture %q is not supported; supported are llama (also Mistral), qwen2, qwen3, gemma2, gemma3, gpt2 and gpt-neox", name)
}
