package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
)

// rankRows is how many rows of logits are held at a time while ranking.
const rankRows = 32

// finish computes the final norm and the logits that the pass asks for.
func (r *run) finish(rows LogitRows) device.Buffer {
	d, inside := r.c.Width, r.wants(0, hook.LNFinalScale, hook.LNFinalNormalized, hook.LNFinalOut)
	if rows == NoLogits && r.wants(0, hook.Logits) {
		rows = LastLogits
	}
	n := min(rows.count(r.T), r.T)
	at := (r.T - n) * d // of the first row that needs logits
	if inside {
		r.normTapped(0, finalSites, r.s.n, r.x(), r.m.final)
	} else if n > 0 {
		r.norm(r.s.n.Slice(at, n*d), r.x().Slice(at, n*d), r.m.final, n, d)
	}
	if r.err != nil || n == 0 {
		return nil
	}
	out, err := r.m.logitRows(n)
	if err != nil {
		r.err = err
		return nil
	}
	r.logits(out, r.s.n.Slice(at, n*d), n)
	r.tapAt(0, hook.Logits, out, r.pos+r.T-n, n, r.c.Vocab)
	return out
}

// logits unembeds normed rows.
func (r *run) logits(out, normed device.Buffer, n int) {
	r.matmul(out, normed, n, r.m.unembed)
	if r.c.FinalCap > 0 {
		r.do(8*n*r.c.Vocab, func() { r.dev.SoftCap(out, out, r.c.FinalCap) })
	}
}

// tail is a run of only the final norm and the unembedding.
func (m *Model) tail(ctx context.Context) *run {
	return &run{ctx: ctx, m: m, dev: m.dev, c: &m.cfg, s: &m.scratch}
}

// Unembed applies the final norm, the unembedding and the final soft cap, if the model has one,
// to rows of a residual stream: resid [rows, d], out [rows, V].
func (m *Model) Unembed(ctx context.Context, resid device.Buffer, rows int, out device.Buffer) error {
	if err := m.acquire(ctx, "nn.Unembed"); err != nil {
		return err
	}
	defer m.release()
	r := m.tail(ctx)
	r.unembed(resid, rows, out)
	if r.err != nil {
		return r.failed()
	}
	return nil
}

// unembed works in pieces of at most chunk rows, as the scratch has room for them.
func (r *run) unembed(resid device.Buffer, rows int, out device.Buffer) {
	d, V := r.c.Width, r.c.Vocab
	for t, n := 0, 0; t < rows && r.err == nil; t += n {
		n = min(rows-t, chunk)
		if r.err = r.m.grow(n); r.err != nil {
			return
		}
		normed := r.s.n.Slice(0, n*d)
		r.norm(normed, resid.Slice(t*d, n*d), r.m.final, n, d)
		r.logits(out.Slice(t*V, n*V), normed, n)
	}
}

// Rank unembeds rows of a residual stream, resid [rows, d], and summarises each. Logits of only
// a few rows exist at a time, whatever the number. req.Final may hold the logits to compare with.
func (m *Model) Rank(ctx context.Context, resid device.Buffer, rows int, req device.RankRequest) ([]device.Ranking, error) {
	if err := m.acquire(ctx, "nn.Rank"); err != nil {
		return nil, err
	}
	defer m.release()
	out := make([]device.Ranking, rows)
	return out, m.rank(ctx, out, resid, req)
}

// RankGroups ranks resid [groups, size, d], such as the layers of each position, comparing
// every row with the last of its group. Each group is given to emit as it is done; emit must not
// use the model, which is busy.
func (m *Model) RankGroups(ctx context.Context, resid device.Buffer, groups, size int, req device.RankRequest, emit func(group int, rows []device.Ranking) error) error {
	if err := m.acquire(ctx, "nn.RankGroups"); err != nil {
		return err
	}
	defer m.release()
	final, err := m.dev.Alloc(m.cfg.Vocab)
	if err != nil {
		return errs.E("nn.RankGroups", errs.Other, "the logits to compare with: %w", err)
	}
	defer m.dev.Free(final)
	n := size * m.cfg.Width
	for g := range groups {
		rows := resid.Slice(g*n, n)
		r := m.tail(ctx)
		r.unembed(rows.Slice(n-m.cfg.Width, m.cfg.Width), 1, final)
		if r.err != nil {
			return r.failed()
		}
		req.Final = final
		out := make([]device.Ranking, size)
		if err := m.rank(ctx, out, rows, req); err != nil {
			return err
		}
		if err := emit(g, out); err != nil {
			return err
		}
	}
	return nil
}

// rank fills out, one for each row of resid.
func (m *Model) rank(ctx context.Context, out []device.Ranking, resid device.Buffer, req device.RankRequest) error {
	for _, id := range req.Tokens {
		if id < 0 || int(id) >= m.cfg.Vocab {
			return errs.E("nn.Rank", errs.Invalid, "token %d is outside the vocabulary of %d", id, m.cfg.Vocab)
		}
	}
	r, d := m.tail(ctx), m.cfg.Width
	for t := 0; t < len(out); t += rankRows {
		n := min(len(out)-t, rankRows)
		logits, err := m.logitRows(n)
		if err != nil {
			return err
		}
		r.unembed(resid.Slice(t*d, n*d), n, logits)
		r.summarise(out[t:t+n], logits, req)
		if r.err != nil {
			return r.failed()
		}
	}
	return nil
}

// summarise ranks rows of logits on the device, or else on the host, a few at a time.
func (r *run) summarise(out []device.Ranking, logits device.Buffer, req device.RankRequest) {
	V := r.c.Vocab
	cost := 40 * V // two passes with an exponential each
	for t, n := 0, 0; t < len(out) && r.err == nil; t += n {
		n = r.m.pace.rows(elements, len(out)-t, float64(cost))
		var err error
		r.do(n*cost, func() { err = r.rankTile(out[t:t+n], logits.Slice(t*V, n*V), req) })
		if r.err == nil {
			r.err = err
		}
	}
	for i := range out {
		if r.err == nil && !finite(float64(out[i].LogZ)) {
			r.err = notNumbers("nn.Rank")
		}
	}
}

func (r *run) rankTile(out []device.Ranking, logits device.Buffer, req device.RankRequest) error {
	if d, ok := r.dev.(device.Ranker); ok {
		return d.Rank(out, logits, len(out), r.c.Vocab, req)
	}
	var final []float32
	if req.Final != nil {
		final = make([]float32, r.c.Vocab)
		if err := r.dev.Download(final, req.Final); err != nil {
			return err
		}
	}
	row := make([]float32, r.c.Vocab)
	for i := range out {
		if err := r.dev.Download(row, logits.Slice(i*len(row), len(row))); err != nil {
			return err
		}
		out[i] = device.RankRow(row, req, final)
	}
	return nil
}

func notNumbers(op errs.Op) error {
	return errs.E(op, errs.Invalid, "the logits are not numbers: the model's weights or an edit hold NaN or infinite values")
}
