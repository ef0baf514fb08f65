package lab

import (
	"context"
	"math"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// streamParts are the vectors at the position, [layer][d].
type streamParts struct {
	embed       []float32
	attn, mlp   [][]float32 // what is added
	post        [][]float32 // what is there afterwards
	final       float64     // scale of the final norm, frozen
	normed, out []float32   // the final norm without and with its weight
}

// directParts are contributions to the score: logit differences.
type directParts struct {
	score    float64     // from the logits, soft cap undone
	embed    float64     // of the token itself, with its position where that is learned
	constant float64     // of the final norm's bias
	attn     []float64   // [layer]
	mlp      []float64   // [layer]
	heads    [][]float64 // [layer][head]
	bias     []float64   // [layer], of the output matrix
	sources  [][]float64 // [layer][position], the same attention by where it looked
}

// sum is that of all parts of the stream.
func (d *directParts) sum() float64 {
	s := d.embed + d.constant
	for l := range d.attn {
		s += d.attn[l] + d.mlp[l]
	}
	return s
}

// one is a plan of one run over the ids.
func (d *dissection) one(name string, edits []plan.Edit, sweep *plan.Sweep, reads ...plan.Read) *plan.Plan {
	return &plan.Plan{Runs: []plan.Run{{Name: name, Prompt: plan.Prompt{IDs: d.ids}, Edits: edits, Sweep: sweep, Reads: reads}}}
}

// readPlan reads all that flows into the position.
func (d *dissection) readPlan() *plan.Plan {
	here := func(name string, site hook.Site, layers plan.Select) plan.Read {
		return plan.Read{Name: name, Site: site, Layers: layers, Positions: plan.At(-1)}
	}
	reads := []plan.Read{
		here("embed", hook.ResidPre, plan.One(0)), here("attn", hook.AttnOut, plan.All()), here("mlp", hook.MLPOut, plan.All()), here("post", hook.ResidPost, plan.All()),
		here("heads", hook.Result, plan.All()), here("pattern", hook.Pattern, plan.All()), {Name: "v", Site: hook.V, Layers: plan.All()},
		here("scale", hook.LNFinalScale, plan.Select{}), here("normed", hook.LNFinalNormalized, plan.Select{}), here("out", hook.LNFinalOut, plan.Select{}),
		here("logits", hook.Logits, plan.Select{}),
	}
	if d.b.Model.Config().Sandwich {
		reads = append(reads, here("raw", hook.AttnRawOut, plan.All()))
	}
	return d.one("clean", nil, nil, reads...)
}

// slopePlan asks how the final norm's outcome moves the logits along a row of the vocabulary. Without a
// soft cap that is a matrix times a vector whatever the prompt, so a prompt of one token will do.
func (d *dissection) slopePlan(row []float32) *plan.Plan {
	p := d.one("slope", nil, nil,
		plan.Read{Name: "score", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.Projection, Operand: plan.Literal(nil, row)},
		plan.Read{Name: "normed", Site: hook.LNFinalNormalized, Positions: plan.At(-1), GradientOf: "score"},
		plan.Read{Name: "out", Site: hook.LNFinalOut, Positions: plan.At(-1), GradientOf: "score"})
	if d.b.Model.Config().FinalCap == 0 {
		p.Runs[0].Prompt.IDs = d.ids[len(d.ids)-1:]
	}
	return p
}

// take reads the parts and measures what each adds to the score.
func (d *dissection) take(ctx context.Context, emit func(Event)) error {
	res, err := d.execute(ctx, emit, d.readPlan())
	if err != nil {
		return err
	}
	get := func(read string) [][]float32 { return rowsOf(res, "clean", read) }
	d.stream = streamParts{get("embed")[0], get("attn"), get("mlp"), get("post"), float64(get("scale")[0][0]), get("normed")[0], get("out")[0]}
	d.logits = get("logits")[0]
	if d.answer < 0 {
		d.answer = int32(topPlace(d.logits))
	}
	if d.answer == d.against {
		return errs.E("lab.residual", errs.Invalid, "against: it is the answer itself; choose another token, or leave it empty for the mean over the vocabulary")
	}
	d.logprob = logSoftmax(d.logits, int(d.answer))
	dir, err := d.direction(ctx, emit)
	if err != nil {
		return err
	}
	for l := range d.stream.attn {
		d.direct.attn = append(d.direct.attn, dot(d.stream.attn[l], dir))
		d.direct.mlp = append(d.direct.mlp, dot(d.stream.mlp[l], dir))
	}
	d.direct.embed = dot(d.stream.embed, dir)
	return d.attention(ctx, get, dir)
}

// direction is what a vector in the stream adds to the score for each of its numbers: the final norm's
// weight and the unembedding, with the norm's scale frozen. It fills in score and constant.
func (d *dissection) direction(ctx context.Context, emit func(Event)) ([]float32, error) {
	row := d.row()
	res, err := d.execute(ctx, emit, d.slopePlan(row))
	if err != nil {
		return nil, err
	}
	size, c := norm(row), d.b.Model.Config()
	g, u := scaled(rowsOf(res, "slope", "normed")[0], float32(size)), rowsOf(res, "slope", "out")[0]
	d.direct.constant = size*dot(u, d.stream.out) - dot(g, d.stream.normed)
	if !c.LayerNorm {
		d.direct.constant = 0
		return scaled(g, float32(1/d.stream.final)), nil
	}
	middle := float32(0) // LayerNorm takes the mean of what is added away
	for _, x := range g {
		middle += x / float32(len(g))
	}
	for i := range g {
		g[i] -= middle
	}
	return scaled(g, float32(1/d.stream.final)), nil
}

// row is the score as a row over the vocabulary, and fills in the score itself. Where logits are capped
// (Gemma 2) the score is of those before the cap, which are a plain sum; the row undoes the cap's slope.
func (d *dissection) row() []float32 {
	row := make([]float32, len(d.logits))
	if d.against < 0 {
		for i := range row {
			row[i] = -1 / float32(len(row))
		}
	} else {
		row[d.against] = -1
	}
	row[d.answer]++
	d.direct.score = 0
	limit := float64(d.b.Model.Config().FinalCap)
	for i, w := range row {
		if limit == 0 {
			d.direct.score += float64(w) * float64(d.logits[i])
		} else if w != 0 {
			t := min(max(float64(d.logits[i])/limit, -1+1e-9), 1-1e-9)
			d.direct.score += float64(w) * limit * math.Atanh(t)
			row[i] = float32(float64(w) / max(1-t*t, 1e-7))
		}
	}
	return row
}

// attention splits what each attention adds by head, and by the position that it was fetched from.
func (d *dissection) attention(ctx context.Context, get func(string) [][]float32, dir []float32) error {
	c := d.b.Model.Config()
	var raw [][]float32
	if c.Sandwich {
		raw = get("raw")
	}
	dirs := make([][]float32, c.Layers)
	for l := range dirs {
		dirs[l] = dir
		if c.Sandwich { // a head's part goes through the norm behind attention, its scale frozen too
			dirs[l] = make([]float32, len(dir))
			for i, x := range raw[l] {
				if x != 0 {
					dirs[l][i] = dir[i] * d.stream.attn[l][i] / x
				}
			}
		}
	}
	readers, err := d.b.Model.HeadReaders(ctx, dirs)
	if err != nil {
		return err
	}
	heads, pattern, v := get("heads"), get("pattern"), get("v")
	for l := range dirs {
		of, left := make([]float64, c.Heads), d.direct.attn[l]
		for h := range of {
			of[h] = dot(heads[l][h*c.Width:(h+1)*c.Width], dirs[l])
			left -= of[h]
		}
		d.direct.heads, d.direct.bias = append(d.direct.heads, of), append(d.direct.bias, left)
		d.direct.sources = append(d.direct.sources, d.bySource(pattern[l], v[l], readers[l]))
	}
	return nil
}

// bySource adds, over the heads, how much of each position's values was taken and what it is worth:
// pattern [H, T], v [T, K, e], reader [H, e].
func (d *dissection) bySource(pattern, v, reader []float32) []float64 {
	c, T := d.b.Model.Config(), len(d.ids)
	e, group := c.HeadDim, c.Heads/c.KVHeads
	out := make([]float64, T)
	for h := range c.Heads {
		for s := range out {
			at := (s*c.KVHeads + h/group) * e
			out[s] += float64(pattern[h*T+s]) * dot(v[at:at+e], reader[h*e:(h+1)*e])
		}
	}
	return out
}

func (d *dissection) execute(ctx context.Context, emit func(Event), p *plan.Plan) (*plan.Results, error) {
	return perform(ctx, d.b, emit, p, plan.Observer{})
}
