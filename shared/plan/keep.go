package plan

import (
	"context"

	"patchbay/shared/device"
)

// unembed gives the logits [V] of one row of the residual stream.
func (x *executor) unembed(ctx context.Context, row []float32) ([]float32, error) {
	dev, V := x.env.Model.Device(), x.c.cfg.Vocab
	buf, err := dev.Alloc(len(row) + V)
	if err != nil {
		return nil, err
	}
	defer dev.Free(buf)
	in, out := buf.Slice(0, len(row)), buf.Slice(len(row), V)
	dev.Upload(in, row)
	if err := x.env.Model.Unembed(ctx, in, 1, out); err != nil {
		return nil, err
	}
	logits := make([]float32, V)
	return logits, dev.Download(logits, out)
}

// keep holds what later needs of the run's own output: the logits that kl of later runs
// compares with, or of this one where they cannot be had from the residual stream, and the
// answer.
func (x *executor) keep(ctx context.Context, r *run, own *capture, o *outcome) (err error) {
	if own == nil {
		return nil
	}
	last := len(r.ids) - 1
	for i, p := range own.pos {
		logits := own.rows[i*own.width : (i+1)*own.width]
		kept := r.kept[p]
		if !r.direct() {
			if !kept && !(r.answers && p == last) {
				continue
			}
			if logits, err = x.unembed(ctx, logits); err != nil {
				return err
			}
		}
		if kept || r.direct() {
			o.kept[p] = logits
		}
		if r.answers && p == last {
			best, err := rankRow(logits, device.RankRequest{K: 1}, nil)
			if err != nil {
				return err
			}
			o.answer = best.IDs[0]
		}
	}
	return nil
}

// answer fills in the tokens that runs have answered.
func (x *executor) answer(rd *reading, r *run, o *outcome) {
	for i, t := range rd.d.src.Tokens {
		switch {
		case t.Answer == "":
		case t.Answer == r.name:
			rd.tokens[i] = o.answer
		default:
			rd.tokens[i] = x.outcomeOf(t.Answer).answer
		}
	}
}

func (x *executor) outcomeOf(name string) *outcome {
	for r, o := range x.done {
		if r.name == name {
			return o
		}
	}
	return nil
}
