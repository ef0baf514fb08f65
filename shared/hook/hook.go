// Package hook names the activation sites of a transformer, as TransformerLens names them:
// "blocks.3.hook_resid_post", "blocks.0.attn.hook_pattern", "ln_final.hook_normalized".
//
// Sites have a total order, that of computation: an edit changes only later sites.
package hook

import (
	"strconv"
	"strings"

	"patchbay/shared/errs"
)

// Site is a kind of activation, without its layer: "hook_resid_post", "attn.hook_pattern".
type Site string

// The sites, in the order in which one layer computes them.
const (
	Embed    Site = "hook_embed"     // [T, d]
	PosEmbed Site = "hook_pos_embed" // [T, d], learned positions only

	ResidPre      Site = "hook_resid_pre" // [T, d]
	QInput        Site = "hook_q_input"   // [T, d], the residual as q's norm reads it
	KInput        Site = "hook_k_input"
	VInput        Site = "hook_v_input"
	LN1Scale      Site = "ln1.hook_scale"      // [T, 1], read-only
	LN1Normalized Site = "ln1.hook_normalized" // [T, d], before the weight
	LN1Out        Site = "ln1.hook_out"        // [T, d], after the weight
	Q             Site = "attn.hook_q"         // [T, H, e], bias included, before qk-norm and rope
	K             Site = "attn.hook_k"         // [T, K, e]
	V             Site = "attn.hook_v"         // [T, K, e]
	QNormed       Site = "attn.hook_q_normed"  // families with qk-norm only
	KNormed       Site = "attn.hook_k_normed"
	RotQ          Site = "attn.hook_rot_q" // after rope; families with rope only
	RotK          Site = "attn.hook_rot_k"
	AttnScores    Site = "attn.hook_attn_scores" // [H, T, S], scaled, soft-capped, -Inf where masked
	Pattern       Site = "attn.hook_pattern"     // [H, T, S]
	Z             Site = "attn.hook_z"           // [T, H, e]
	Result        Site = "attn.hook_result"      // [T, H, d], read-only
	AttnRawOut    Site = "attn.hook_out"         // [T, d], sandwich norm only: before the post-norm
	AttnOut       Site = "hook_attn_out"         // [T, d], what is added to the residual
	ResidMid      Site = "hook_resid_mid"        // [T, d], absent in parallel blocks
	LN2Scale      Site = "ln2.hook_scale"        // [T, 1], read-only
	LN2Normalized Site = "ln2.hook_normalized"
	LN2Out        Site = "ln2.hook_out"
	MLPPre        Site = "mlp.hook_pre"        // [T, f]
	MLPPreLinear  Site = "mlp.hook_pre_linear" // [T, f], gated MLPs only
	MLPPost       Site = "mlp.hook_post"       // [T, f]
	MLPRawOut     Site = "mlp.hook_out"        // [T, d], sandwich norm only
	MLPOut        Site = "hook_mlp_out"        // [T, d], what is added to the residual
	ResidPost     Site = "hook_resid_post"     // [T, d]

	LNFinalScale      Site = "ln_final.hook_scale" // [T, 1], read-only
	LNFinalNormalized Site = "ln_final.hook_normalized"
	LNFinalOut        Site = "ln_final.hook_out"
	Logits            Site = "logits" // [T, V]
)

// Shape is the kind of shape a site's activation has.
type Shape uint8

// The shapes. T positions, d model width, H query heads, K key/value heads, e head width, f MLP width.
const (
	Resid   Shape = iota // [T, d]
	Scalar               // [T, 1]
	Heads                // [T, H, e]
	KVHeads              // [T, K, e]
	Square               // [H, T, S]
	HeadsD               // [T, H, d]
	Neurons              // [T, f]
	Vocab                // [T, V]
)

// About is what is known of a site whatever the model.
type About struct {
	Site     Site
	Shape    Shape
	InBlock  bool // has a layer
	ReadOnly bool
	order    int
}

var table = func() map[Site]About {
	m := map[Site]About{}
	add := func(inBlock bool, shape Shape, sites ...Site) {
		for _, s := range sites {
			ro := s == Result || strings.HasSuffix(string(s), "hook_scale")
			m[s] = About{s, shape, inBlock, ro, len(m)}
		}
	}
	add(false, Resid, Embed, PosEmbed)
	add(true, Resid, ResidPre, QInput, KInput, VInput)
	add(true, Scalar, LN1Scale)
	add(true, Resid, LN1Normalized, LN1Out)
	add(true, Heads, Q)
	add(true, KVHeads, K, V)
	add(true, Heads, QNormed)
	add(true, KVHeads, KNormed)
	add(true, Heads, RotQ)
	add(true, KVHeads, RotK)
	add(true, Square, AttnScores, Pattern)
	add(true, Heads, Z)
	add(true, HeadsD, Result)
	add(true, Resid, AttnRawOut, AttnOut, ResidMid)
	add(true, Scalar, LN2Scale)
	add(true, Resid, LN2Normalized, LN2Out)
	add(true, Neurons, MLPPre, MLPPreLinear, MLPPost)
	add(true, Resid, MLPRawOut, MLPOut, ResidPost)
	add(false, Scalar, LNFinalScale)
	add(false, Resid, LNFinalNormalized, LNFinalOut)
	add(false, Vocab, Logits)
	return m
}()

// Lookup tells about a site, or errs.NotFound with its name.
func Lookup(s Site) (About, error) {
	a, ok := table[s]
	if !ok {
		return About{}, errs.E("hook.Lookup", errs.NotFound, "there is no site %q; sites are named as in TransformerLens, such as hook_resid_post or attn.hook_pattern", string(s))
	}
	return a, nil
}

// All lists every site in order of computation.
func All() []About {
	out := make([]About, len(table))
	for _, a := range table {
		out[a.order] = a
	}
	return out
}

// Point is a site of one layer. Layer is 0 and means nothing for sites outside the blocks.
type Point struct {
	Layer int
	Site  Site
}

// String is the TransformerLens name.
func (p Point) String() string {
	if a, ok := table[p.Site]; ok && !a.InBlock {
		return string(p.Site)
	}
	return "blocks." + strconv.Itoa(p.Layer) + "." + string(p.Site)
}

// Before reports whether p is computed before q.
func (p Point) Before(q Point) bool {
	if a, b := p.stage(), q.stage(); a != b {
		return a < b
	}
	return table[p.Site].order < table[q.Site].order
}

func (p Point) stage() int {
	a := table[p.Site]
	switch {
	case a.InBlock:
		return p.Layer
	case p.Site == Embed || p.Site == PosEmbed:
		return -1
	}
	return 1 << 30
}

// Parse reads a full name, "blocks.3.hook_resid_post" or "ln_final.hook_scale".
func Parse(name string) (Point, error) {
	rest, inBlock := strings.CutPrefix(name, "blocks.")
	if !inBlock {
		a, err := Lookup(Site(name))
		if err == nil && a.InBlock {
			err = errs.E("hook.Parse", errs.Invalid, "site %q needs a layer: blocks.LAYER.%s", name, name)
		}
		return Point{Site: Site(name)}, err
	}
	num, site, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(num)
	if err != nil || layer < 0 {
		return Point{}, errs.E("hook.Parse", errs.Invalid, "%q is not a layer number in %q", num, name)
	}
	a, err := Lookup(Site(site))
	if err == nil && !a.InBlock {
		err = errs.E("hook.Parse", errs.Invalid, "site %q belongs to no layer", site)
	}
	return Point{layer, Site(site)}, err
}
