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
		d := lastLogits("logp", plan.LogProb)
		for _, p := range ps {
			d.Tokens = append(d.Tokens, plan.TokenRef{ID: p.gold})
		}
		reads = append(reads, d)
	}
	return reads
}

// run executes the plan and fills its probes in. After each run of probes see is called, if
// given; arrays are there only at the end.
func (q *prober) run(ctx context.Context, emit func(Event), see func()) error {
	done := 0
	res, err := perform(ctx, q.b, nil, &q.plan, plan.Observer{
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
		fill(res, name, ps)
	}
	return nil
}

// fill hands the arrays of a run to its probes.
func fill(res *plan.Results, name string, ps []*probe) {
	for read, put := range map[string]func(i int, p *probe, x []float32){
		"state": func(_ int, p *probe, x []float32) { p.state = append(p.state, x) },
		"heads": func(_ int, p *probe, x []float32) { p.heads = append(p.heads, x) },
		"norms": func(_ int, p *probe, x []float32) { p.norms = append(p.norms, float64(x[0])) },
		"logp":  func(i int, p *probe, x []float32) { p.logp = float64(x[i]) },
	} {
		for _, all := range rowsOf(res, name, read) {
			n := len(all) / len(ps)
			for i, p := range ps {
				put(i, p, all[i*n:(i+1)*n])
			}
		}
	}
}

// price is what the plan costs.
func (q *prober) price() (Price, error) { return pricePlans(q.b, &q.plan) }

// countRight is the share of the probes asked so far that the model answers.
func countRight(ps []*probe) (r Rate) {
	for _, p := range ps {
		if p.asked {
			r.add(p.right())
		}
	}
	return r
}

// meanStates is the average residual stream of the probes asked so far, by layer, or that of their
// heads' outputs.
func meanStates(ps []*probe, heads bool) [][]float32 {
	var rows [][][]float32 // [layer][probe]
	for _, p := range ps {
		x := p.state
		if heads {
			x = p.heads
		}
		for l, v := range x {
			if l == len(rows) {
				rows = append(rows, nil)
			}
			rows[l] = append(rows[l], v)
		}
	}
	return averages(rows)
}
