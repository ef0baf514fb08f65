package lab

import (
	"context"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// probe is a prompt and what the model had at its last token.
type probe struct {
	item pair
	ids  []int32
	gold int32 // the first token of the answer

	asked bool        // the rest is there
	top   int32       // what the model says
	state [][]float32 // [layer][width], the residual stream after each block, if asked for
	heads [][]float32 // [layer][heads * head width], if asked for
	logp  float64     // of the answer, if asked for
	norms []float64   // [layer], the length of what each MLP adds, if asked for
}

func (p *probe) right() bool { return p.top == p.gold }

// newProbe tokenises demonstrations and an open query.
func newProbe(b *Bench, f shotFormat, demos []pair, item pair) (*probe, error) {
	encode := func(text string) ([]int32, error) {
		ids, err := b.Tokens.Encode(text, token.Options{BOS: true})
		if err != nil {
			err = errs.E("lab.tasks", errs.KindOf(err), "%.40q with the answer %.40q: %w", item.x, item.y, err)
		}
		return ids, err
	}
	ids, err := encode(f.prompt(demos, item.x))
	if err != nil {
		return nil, err
	}
	open, err := encode(f.prompt(nil, item.x)) // the answer begins as it does without examples
	if err != nil {
		return nil, err
	}
	whole, err := encode(f.prompt(nil, item.x) + " " + item.y)
	if err != nil {
		return nil, err
	}
	if n := common(open, whole); n < len(open) || len(whole) == n {
		return nil, errs.E("lab.tasks", errs.Invalid, "the answer %.40q to %.40q has no token of its own in this model: begin it with a letter", item.y, item.x)
	}
	return &probe{item: item, ids: ids, gold: whole[len(open)]}, nil
}

// probesOf asks each item after the same demonstrations.
func probesOf(b *Bench, f shotFormat, demos, items []pair) (out []*probe, err error) {
	for _, it := range items {
		p, err := newProbe(b, f, demos, it)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// common is how many ids two prompts begin with together.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// prober makes a plan of probes. Prompts of one length that begin alike are variants of one run:
// their common beginning (the demonstrations) is computed once, and the rest of each is put in
// place at the embedding, which is the same as having it in the prompt.
type prober struct {
	b    *Bench
	plan plan.Plan
	of   map[string][]*probe // by run: its variants
}

func newProber(b *Bench) *prober { return &prober{b: b, of: map[string][]*probe{}} }

// wants are the arrays that probes bring back, beside the likeliest token.
type wants struct{ state, heads, logp, norms bool }

// wordsLimit is how many tokens of queries one run embeds.
const wordsLimit = 256

// add appends probes. Names are unique in a plan.
func (q *prober) add(name string, ps []*probe, w wants) {
	for len(ps) > 0 {
		n := len(ps[0].ids)
		var same, rest []*probe
		shared := n - 1
		for _, p := range ps {
			next := min(shared, common(ps[0].ids, p.ids))
			if len(p.ids) != n || (len(same)+1)*(n-next) > max(wordsLimit, n-next) {
				rest = append(rest, p)
				continue
			}
			same, shared = append(same, p), next
		}
		q.group(name+" "+strconv.Itoa(len(q.plan.Runs)), same, shared, w)
		ps = rest
	}
}

// group appends a run for probes of one length of which the first tokens are shared.
func (q *prober) group(name string, ps []*probe, shared int, w wants) {
	q.of[name] = ps
	run := plan.Run{Name: name, Prompt: plan.Prompt{IDs: ps[0].ids}, Reads: q.reads(ps, w)}
	if len(ps) > 1 {
		run.Edits, run.Sweep = q.queries(name, ps, shared)
	}
	q.plan.Runs = append(q.plan.Runs, run)
}

// queries embeds what differs and sweeps it over the end of the prompt.
func (q *prober) queries(name string, ps []*probe, shared int) ([]plan.Edit, *plan.Sweep) {
	words := plan.Run{Name: name + " words"}
	sweep := &plan.Sweep{}
	n := len(ps[0].ids) - shared
	for i, p := range ps {
		words.Prompt.IDs = append(words.Prompt.IDs, p.ids[shared:]...)
		read := plan.Read{Name: strconv.Itoa(i), Site: hook.Embed, Positions: plan.At(span(i*n, n)...)}
		words.Reads = append(words.Reads, read)
		sweep.Operands = append(sweep.Operands, *plan.Of(words.Name, read.Name))
	}
	q.plan.Runs = append(q.plan.Runs, words)
	return []plan.Edit{{Site: hook.Embed, Op: plan.Set, Positions: plan.At(span(shared, n)...), Operand: plan.Scalar(0)}}, sweep
}

// span lists n numbers from the first on.
func span(first, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}

func (q *prober) reads(ps []*probe, w wants) []plan.Read {
	reads := []plan.Read{topRead()}
	if w.state {
		reads = append(reads, plan.Read{Name: "state", Site: hook.ResidPost, Layers: plan.All(), Positions: plan.At(-1)})
	}
	if w.heads {
		reads = append(reads, plan.Read{Name: "heads", Site: hook.Z, Layers: plan.All(), Positions: plan.At(-1)})
	}
	if w.norms {
		reads = append(reads, plan.Read{Name: "norms", Site: hook.MLPOut, Layers: plan.All(), Positions: plan.At(-1), Reduce: plan.Norm})
	}
	if w.logp {
		d := plan.Read{Name: "logp", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogProb}
		for _, p := range ps {
			d.Tokens = append(d.Tokens, plan.TokenRef{ID: p.gold})
		}
		reads = append(reads, d)
	}
	return reads
}

// topRead is what the model says after the prompt.
func topRead() plan.Read {
	return plan.Read{Name: "top", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.TopK, K: 1}
}

// run executes the plan and fills its probes in. After each run of probes see is called, if
// given; arrays are there only at the end.
func (q *prober) run(ctx context.Context, emit func(Event), see func()) error {
	c, err := check(q.b, &q.plan)
	if err != nil {
		return err
	}
	done := 0
	res, err := execute(ctx, q.b, c, emit, plan.Observer{
		Progress: func(plan.Progress) {},
		Finished: func(r plan.RunResult) {
			done++
			emit(Event{Stage: "prefill", Done: done, Total: len(q.plan.Runs)})
			for i, p := range q.of[r.Name] {
				p.top, p.asked = r.Reads[0].Top[0][i][0].ID, true
			}
			if see != nil && len(q.of[r.Name]) > 0 {
				see()
			}
		},
	})
	if err != nil {
		return err
	}
	for name, ps := range q.of {
		if err := fill(res, name, ps); err != nil {
			return err
		}
	}
	return nil
}

// fill hands the arrays of a run to its probes.
func fill(res *plan.Results, name string, ps []*probe) error {
	for read, put := range map[string]func(i int, p *probe, x []float32){
		"state": func(_ int, p *probe, x []float32) { p.state = append(p.state, x) },
		"heads": func(_ int, p *probe, x []float32) { p.heads = append(p.heads, x) },
		"norms": func(_ int, p *probe, x []float32) { p.norms = append(p.norms, float64(x[0])) },
		"logp":  func(i int, p *probe, x []float32) { p.logp = float64(x[i]) },
	} {
		layers, err := arrays(res, name, read)
		if err != nil {
			return err
		}
		for _, all := range layers {
			n := len(all) / len(ps)
			for i, p := range ps {
				put(i, p, all[i*n:(i+1)*n])
			}
		}
	}
	return nil
}

// arrays are a read's numbers by layer; nothing if the run has no such read.
func arrays(res *plan.Results, run, read string) (layers [][]float32, err error) {
	d := res.Read(run, read)
	if d == nil {
		return nil, nil
	}
	for _, t := range d.Tensors {
		a := res.Tensors[t]
		x, err := a.Float32()
		if err != nil {
			return nil, errs.E("lab.tasks", errs.Other, "%s: %w", t, err)
		}
		layers = append(layers, x)
	}
	return layers, nil
}

// price is what the plan costs.
func (q *prober) price() (Price, error) { return priceTasks(q.b, &q.plan) }

// priceTasks adds up plans that run one after the other.
func priceTasks(b *Bench, plans ...*plan.Plan) (sum Price, err error) {
	for _, p := range plans {
		c, err := check(b, p)
		if err != nil {
			return sum, err
		}
		one := c.Price(b.Model.Device().Info())
		sum.FLOPs, sum.Seconds, sum.Bytes = sum.FLOPs+one.FLOPs, sum.Seconds+one.Seconds, max(sum.Bytes, one.Bytes)
	}
	return sum, nil
}

// countRight is the share of the probes asked so far that the model answers.
func countRight(ps []*probe) (r Rate) {
	for _, p := range ps {
		if p.asked {
			r.add(p.right())
		}
	}
	return r
}

// meanStates is the average residual stream of the probes asked so far, by layer.
func meanStates(ps []*probe) [][]float32 {
	return meanOf(ps, func(p *probe) [][]float32 { return p.state })
}

func meanOf(ps []*probe, of func(*probe) [][]float32) [][]float32 {
	out := make([][]float32, len(of(ps[0])))
	for l := range out {
		var rows [][]float32
		for _, p := range ps {
			if x := of(p); x != nil {
				rows = append(rows, x[l])
			}
		}
		out[l] = average(rows)
	}
	return out
}

// likeAll are random directions of the same lengths, a new one for each layer.
func likeAll(v [][]float32, seed int64) [][]float32 {
	out := make([][]float32, len(v))
	for l := range v {
		out[l] = randomLike(v[l], seed+int64(l))
	}
	return out
}

// flat is a literal operand of one vector for each layer.
func flat(v [][]float32, layers []int) *plan.Operand {
	var out []float32
	for _, l := range layers {
		out = append(out, v[l]...)
	}
	return plan.Literal([]int{len(layers), 1, len(v[0])}, out)
}
