package nn

import (
	"context"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// TokenLogits gives the logits of a few tokens for rows of a residual stream, resid [rows, d]:
// [rows, len(ids)]. It decodes just those rows of the unembedding, so that a difference of two
// logits does not cost a whole vocabulary. The sums are taken on the host.
func (m *Model) TokenLogits(ctx context.Context, resid device.Buffer, rows int, ids []int32) ([]float32, error) {
	for _, id := range ids {
		if id < 0 || int(id) >= m.cfg.Vocab {
			return nil, errs.E("nn.TokenLogits", errs.Invalid, "token %d is outside the vocabulary of %d", id, m.cfg.Vocab)
		}
	}
	if err := m.acquire(ctx, "nn.TokenLogits"); err != nil {
		return nil, err
	}
	defer m.release()
	d := m.cfg.Width
	w, err := m.dev.Alloc(len(ids) * d)
	if err != nil {
		return nil, errs.E("nn.TokenLogits", errs.Other, "the rows of %d tokens: %w", len(ids), err)
	}
	defer m.dev.Free(w)
	r, table := m.tail(ctx), make([]float32, len(ids)*d)
	r.do(len(table), func() { r.dev.Gather(w, m.unembed.w, ids) })
	r.download(table, w)
	bias := r.biases(ids)
	out := make([]float32, 0, rows*len(ids))
	for t, n := 0, 0; t < rows && r.err == nil; t += n {
		n = min(rows-t, chunk)
		if r.err = m.grow(n); r.err != nil {
			break
		}
		normed, host := r.s.n.Slice(0, n*d), make([]float32, n*d)
		r.norm(normed, resid.Slice(t*d, n*d), m.final, n, d)
		r.download(host, normed)
		r.do(2*n*len(table), func() { out = m.dots(out, host, table, bias) })
	}
	if r.err != nil {
		return nil, r.failed()
	}
	for _, x := range out {
		if !finite(float64(x)) {
			return nil, notNumbers("nn.TokenLogits")
		}
	}
	return out, nil
}

func (r *run) download(dst []float32, src device.Buffer) {
	if r.err == nil {
		r.err = r.dev.Download(dst, src)
	}
}

// biases are the unembedding's for the tokens, or nothing.
func (r *run) biases(ids []int32) []float32 {
	out := make([]float32, len(ids))
	for i, id := range ids {
		if b := r.m.unembed.bias; b != nil {
			r.download(out[i:i+1], b.Slice(int(id), 1))
		}
	}
	return out
}

// dots appends the logits of normed rows against the rows of the table.
func (m *Model) dots(out, rows, table, bias []float32) []float32 {
	d, limit := m.cfg.Width, float64(m.cfg.FinalCap)
	for t := 0; t < len(rows); t += d {
		for i, b := range bias {
			w, sum := table[i*d:(i+1)*d], float64(b)
			for j, x := range rows[t : t+d] {
				sum += float64(x) * float64(w[j])
			}
			if limit > 0 {
				sum = limit * math.Tanh(sum/limit)
			}
			out = append(out, float32(sum))
		}
	}
	return out
}
