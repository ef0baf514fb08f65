package plan

import (
	"context"
	"slices"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

const (
	deviceTokens = 64  // more are looked up in whole rows of logits on the host
	batchRows    = 512 // rows of residual on the device at a time
	hostRows     = 8   // rows of logits on the host at a time
)

// job is one row to be summarised over the vocabulary, for every read that looks at it.
type job struct {
	row    []float32 // of the residual stream [d], or of logits [V]
	logits bool
	own    []float32 // kl: the run's own final residual at the position
	kept   []float32 // kl: logits to compare with
	pos    int
	tokens []int32 // in out.TokenLP and out.Rank
	k      int
	whole  bool // the whole vocabulary counts, not just the tokens' logits
	uses   []use
	few    []float32 // logits of the tokens, where the whole does not count
	out    device.Ranking
}

type use struct {
	rd    *reading
	layer int // index
	row   int
}

type jobKey struct {
	point  hook.Point
	before bool
	pos    int
}

// jobs gathers the rows of all vocabulary reductions, each row once unless two reads compare
// it with different distributions.
func (x *executor) jobs(r *run, o *outcome, own *capture) []*job {
	var list []*job
	byKey := map[jobKey][]*job{}
	for _, d := range r.reads {
		if !d.lens() {
			continue
		}
		rd := o.reads[d]
		x.answer(rd, r, o)
		for i, c := range rd.layers {
			p := hook.Point{Layer: d.layers[i], Site: d.src.Site}
			if p.Site == hook.Logits {
				p, _ = x.c.final(r)
			}
			for row, pos := range c.pos {
				n := &job{row: c.rows[row*c.width : (row+1)*c.width], logits: p.Site == hook.Logits, pos: pos}
				x.compare(n, r, d, row, o, own)
				key := jobKey{p, d.src.Before, pos}
				j := merge(byKey[key], n)
				if j == nil {
					j = n
					byKey[key] = append(byKey[key], n)
					list = append(list, n)
				}
				j.want(rd, row)
				j.uses = append(j.uses, use{rd, i, row})
			}
		}
	}
	return list
}

// compare sets what kl compares the row with.
func (x *executor) compare(j *job, r *run, d *read, row int, o *outcome, own *capture) {
	switch {
	case d.to == nil:
	case d.to.at != r.at:
		j.kept = x.done[d.to].kept[d.toPos[row]]
	case r.direct():
		j.kept = o.kept[d.toPos[row]]
	default:
		i := own.at[d.toPos[row]]
		j.own = own.rows[i*own.width : (i+1)*own.width]
	}
}

// merge finds a job of the same row that the new one can join, and lets it take over the
// comparison if it had none.
func merge(jobs []*job, n *job) *job {
	same := func(a, b []float32) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
	for _, j := range jobs {
		free := n.own == nil && n.kept == nil
		if free || same(j.own, n.own) && same(j.kept, n.kept) {
			return j
		}
		if j.own == nil && j.kept == nil {
			j.own, j.kept = n.own, n.kept
			return j
		}
	}
	return nil
}

func (j *job) want(rd *reading, row int) {
	j.k = max(j.k, rd.d.src.K)
	j.whole = j.whole || rd.d.src.Reduce != Logits && rd.d.src.Reduce != LogitDiff
	for _, id := range rd.tokens {
		j.token(id)
	}
	if rd.d.src.Reduce == CrossEntropy {
		j.token(rd.d.next[row])
	}
}

// token gives the index of a token among those asked for, asking for it if need be.
func (j *job) token(id int32) int {
	i := slices.Index(j.tokens, id)
	if i < 0 {
		i = len(j.tokens)
		j.tokens = append(j.tokens, id)
	}
	return i
}

// vocabulary runs the jobs: with few tokens on the device, where only summaries travel; else
// through rows of logits on the host.
func (x *executor) vocabulary(ctx context.Context, r *run, o *outcome, own *capture) ([]*job, error) {
	jobs := x.jobs(r, o, own)
	return jobs, x.rank(ctx, r.name, jobs)
}

// rank runs jobs, and tells how far it is under the name of a run, if there is one.
func (x *executor) rank(ctx context.Context, run string, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	b := &board{x: x, ctx: ctx, run: run, total: len(jobs)}
	var few, rest []*job
	for _, j := range jobs {
		if !j.whole && !j.logits && len(j.tokens) <= deviceTokens {
			few = append(few, j)
		} else {
			rest = append(rest, j)
		}
	}
	if err := b.few(few); err != nil {
		return err
	}
	b.req = common(rest)
	var free, self, kept, host []*job
	for _, j := range rest {
		switch {
		case j.logits || len(b.req.Tokens) > deviceTokens:
			host = append(host, j)
		case j.own != nil:
			self = append(self, j)
		case j.kept != nil:
			kept = append(kept, j)
		default:
			free = append(free, j)
		}
	}
	for _, part := range []struct {
		jobs []*job
		do   func([]*job) error
	}{{free, b.free}, {self, b.own}, {kept, b.kept}, {host, b.host}} {
		if err := part.do(part.jobs); err != nil {
			return err
		}
	}
	return nil
}

// common is one request that serves all jobs.
func common(jobs []*job) device.RankRequest {
	var all job
	for _, j := range jobs {
		all.k = max(all.k, j.k)
		for _, id := range j.tokens {
			if all.token(id); len(all.tokens) > deviceTokens {
				return device.RankRequest{K: all.k, Tokens: all.tokens}
			}
		}
	}
	return device.RankRequest{K: all.k, Tokens: all.tokens}
}

// board runs jobs on the model's device.
type board struct {
	x           *executor
	ctx         context.Context
	run         string
	req         device.RankRequest
	done, total int
}

func (b *board) finish(jobs []*job, out []device.Ranking) {
	for i, j := range jobs {
		j.tokens, j.out = b.req.Tokens, out[i]
	}
	b.tell(len(jobs))
}

func (b *board) tell(n int) {
	if b.done += n; b.run != "" {
		b.x.see.progress(b.run, "layers", b.done, b.total)
	}
}

// few takes the logits of a few tokens, without the rest of the vocabulary.
func (b *board) few(jobs []*job) error {
	m := b.x.env.Model
	for len(jobs) > 0 {
		n := 1
		for n < len(jobs) && n < batchRows && slices.Equal(jobs[n].tokens, jobs[0].tokens) {
			n++
		}
		rows, err := b.upload(jobs[:n])
		if err != nil {
			return err
		}
		out, err := m.TokenLogits(b.ctx, rows, n, jobs[0].tokens)
		m.Device().Free(rows)
		if err != nil {
			return err
		}
		k := len(jobs[0].tokens)
		for i, j := range jobs[:n] {
			j.few = out[i*k : (i+1)*k]
		}
		b.tell(n)
		jobs = jobs[n:]
	}
	return nil
}

// upload puts rows on the device, extra ones last.
func (b *board) upload(jobs []*job) (device.Buffer, error) {
	var all []float32
	for _, j := range jobs {
		all = append(all, j.row...)
	}
	buf, err := b.x.env.Model.Device().Alloc(len(all))
	if err == nil {
		b.x.env.Model.Device().Upload(buf, all)
	}
	return buf, err
}

// free ranks rows that are compared with nothing.
func (b *board) free(jobs []*job) error {
	for len(jobs) > 0 {
		part := jobs[:min(len(jobs), batchRows)]
		jobs = jobs[len(part):]
		if err := b.rank(part, nil); err != nil {
			return err
		}
	}
	return nil
}

func (b *board) rank(part []*job, final device.Buffer) error {
	rows, err := b.upload(part)
	if err != nil {
		return err
	}
	defer b.x.env.Model.Device().Free(rows)
	req := b.req
	req.Final = final
	out, err := b.x.env.Model.Rank(b.ctx, rows, len(part), req)
	if err == nil {
		b.finish(part, out)
	}
	return err
}

// own ranks rows that are compared with the run's own output at their position. All positions
// with equally many rows go together, position by position.
func (b *board) own(jobs []*job) error {
	slices.SortStableFunc(jobs, func(x, y *job) int { return x.pos - y.pos })
	for len(jobs) > 0 {
		size := groupSize(jobs)
		n := size
		for n < len(jobs) && n+size <= max(batchRows, size) && groupSize(jobs[n:]) == size {
			n += size
		}
		if err := b.groups(jobs[:n], size); err != nil {
			return err
		}
		jobs = jobs[n:]
	}
	return nil
}

func groupSize(jobs []*job) int {
	n := 1
	for n < len(jobs) && jobs[n].pos == jobs[0].pos && &jobs[n].own[0] == &jobs[0].own[0] {
		n++
	}
	return n
}

func (b *board) groups(jobs []*job, size int) error {
	var rows []*job
	for at := 0; at < len(jobs); at += size {
		rows = append(rows, jobs[at:at+size]...)
		rows = append(rows, &job{row: jobs[at].own})
	}
	buf, err := b.upload(rows)
	if err != nil {
		return err
	}
	defer b.x.env.Model.Device().Free(buf)
	return b.x.env.Model.RankGroups(b.ctx, buf, len(jobs)/size, size+1, b.req, func(g int, out []device.Ranking) error {
		b.finish(jobs[g*size:(g+1)*size], out)
		return nil
	})
}

// kept ranks rows that are compared with logits kept from another run.
func (b *board) kept(jobs []*job) error {
	dev := b.x.env.Model.Device()
	slices.SortStableFunc(jobs, func(x, y *job) int { return x.pos - y.pos })
	for len(jobs) > 0 {
		n := 1
		for n < len(jobs) && n < batchRows && &jobs[n].kept[0] == &jobs[0].kept[0] {
			n++
		}
		final, err := dev.Alloc(len(jobs[0].kept))
		if err != nil {
			return err
		}
		dev.Upload(final, jobs[0].kept)
		err = b.rank(jobs[:n], final)
		dev.Free(final)
		if err != nil {
			return err
		}
		jobs = jobs[n:]
	}
	return nil
}

// host summarises rows of logits on the host, each with its own tokens.
func (b *board) host(jobs []*job) error {
	for len(jobs) > 0 {
		part := jobs[:min(len(jobs), hostRows)]
		jobs = jobs[len(part):]
		if err := device.Yield(b.ctx); err != nil {
			return err
		}
		for _, j := range part {
			logits, err := b.logits(j)
			if err != nil {
				return err
			}
			final := j.kept
			if j.own != nil {
				if final, err = b.x.unembed(b.ctx, j.own); err != nil {
					return err
				}
			}
			if j.out, err = rankRow(logits, device.RankRequest{K: j.k, Tokens: j.tokens}, final); err != nil {
				return err
			}
		}
		b.tell(len(part))
	}
	return nil
}

// rankRow is device.RankRow for logits that an edit may have broken.
func rankRow(logits []float32, req device.RankRequest, final []float32) (device.Ranking, error) {
	if i := slices.IndexFunc(logits, func(x float32) bool { return x != x }); i >= 0 {
		return device.Ranking{}, errs.E("plan.Execute", errs.Invalid, "the logits are not numbers: the model's weights or an edit hold NaN or infinite values")
	}
	return device.RankRow(logits, req, final), nil
}

func (b *board) logits(j *job) ([]float32, error) {
	if j.logits {
		return j.row, nil
	}
	return b.x.unembed(b.ctx, j.row)
}
