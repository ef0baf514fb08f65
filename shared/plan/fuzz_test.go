package plan

import (
	"encoding/json"
	"testing"

	"patchbay/shared/device"
)

// FuzzPlan checks that no plan, however made, makes decoding or checking panic, and that what
// is accepted survives a round trip and has a price.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(complete))
	for _, s := range []string{
		`{"runs":[{"name":"a","prompt":"ab","edits":[{"site":"attn.hook_attn_scores","layers":"all","op":"mask","keys":0}]}]}`,
		`{"runs":[{"name":"a","prompt":"ab","generation":{"count":3},"reads":[{"name":"r","site":"attn.hook_pattern","layers":0,"phase":"all","keys":[0]}]}]}`,
		`{"runs":[{"name":"a","prompt":"ab","reads":[{"name":"r","site":"hook_resid_post","layers":[0,2],"reduce":"mean"}]},{"name":"b","base":"a","edits":[{"site":"hook_resid_post","layers":[0,2],"op":"norm_add","strength":-2,"operand":{"reads":[{"run":"a","read":"r"}]}}]}]}`,
		`{"runs":[{"name":"a","prompt":{"ids":[1,2]},"reads":[{"name":"k","site":"logits","reduce":"kl","to":"a"},{"name":"c","site":"hook_mlp_out","layers":0,"reduce":"cross_entropy"}]}]}`,
		`{"runs":[{"name":"a","prompt":"aba","edits":[{"site":"attn.hook_k","layers":1,"heads":1,"index":[0],"positions":{"text":"a","occurrence":-1,"which":"all"},"op":"affine","operand":{"shape":[1,1],"values":[2]},"bias":1}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		c, err := Check(p, paper(), words{})
		if err != nil {
			return
		}
		if price := c.Price(device.Info{FLOPS: 1e9}); !(price.FLOPs >= 0) || price.Bytes < 0 || !(price.Seconds >= 0) {
			t.Errorf("the price is %+v", price)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("an accepted plan cannot be written: %v", err)
		}
		if _, err := Parse(out); err != nil {
			t.Fatalf("an accepted plan cannot be read again: %v\n%s", err, out)
		}
	})
}
