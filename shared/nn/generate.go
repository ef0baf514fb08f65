package nn

import (
	"context"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// GenerateOptions say how text is continued. The zero value of every field but Count is sensible.
type GenerateOptions struct {
	Count       int     // new tokens at most
	Temperature float64 // 0: greedy
	TopK        int     // 0: no limit
	TopP        float64 // 0 and 1: no limit
	Seed        int64
	// Stop, if set, ends generation at a token, which is the last step.
	Stop func(id int32) bool
	// Taps see the pass over the prompt and every step after it; Value.Pos tells which.
	Taps Taps
	// OnToken, if set, is called for each step as it is made; its error ends generation.
	OnToken func(Step) error
	// Progress, if set, is called after each layer of the prompt's pass.
	Progress func(layer, layers int)
	// Cache, if set, holds earlier positions, has room for the new ones and is kept.
	Cache *Cache
}

// Step is one new token.
type Step struct {
	Index  int
	ID     int32
	P      float32 // probability of the token before temperature and limits
	Second int32   // the token with the second largest logit, or the largest if ID is not that
	Margin float32 // largest logit minus the second largest
}

// Generated is what generation made.
type Generated struct {
	Steps []Step
	Stop  string // why it ended: "count", "stop" (GenerateOptions.Stop) or "context" (no room left)
}

// Generate continues ids. What has been made so far is returned with the error if there is one.
// Errors: those of Forward and of OnToken; errs.Invalid for options out of range and for logits
// that are not numbers.
func Generate(ctx context.Context, m *Model, ids []int32, o GenerateOptions) (*Generated, error) {
	out := &Generated{Stop: "count"}
	s, err := newSampler(&o)
	if err != nil {
		return out, err
	}
	if o.Count < 1 {
		return out, errs.E("nn.Generate", errs.Invalid, "%d tokens are asked for; at least one is needed", o.Count)
	}
	cache := o.Cache
	if cache == nil {
		if len(ids) > m.max {
			return out, errs.E("nn.Generate", errs.TooLarge, "a prompt of %d tokens is too long: this model is loaded for %d (its own context is %d)", len(ids), m.max, m.cfg.Context)
		}
		if cache, err = m.NewCache(max(min(len(ids)+o.Count-1, m.max), 1)); err != nil {
			return out, err
		}
		defer cache.Free()
	}
	pass := Pass{IDs: ids, Cache: cache, Taps: o.Taps, Logits: LastLogits, Progress: o.Progress}
	for i := range o.Count {
		step, err := m.step(ctx, pass, s)
		if err != nil {
			return out, err
		}
		step.Index = i
		out.Steps = append(out.Steps, step)
		if o.OnToken != nil {
			if err := o.OnToken(step); err != nil {
				return out, err
			}
		}
		if o.Stop != nil && o.Stop(step.ID) {
			out.Stop = "stop"
			break
		}
		if i+1 < o.Count && cache.Len == cache.Cap {
			out.Stop = "context"
			break
		}
		pass.IDs, pass.Progress = []int32{step.ID}, nil
	}
	return out, nil
}

// step runs one pass and chooses a token from its logits, in one turn of the model.
func (m *Model) step(ctx context.Context, p Pass, s *sampler) (Step, error) {
	if err := m.acquire(ctx, "nn.Generate"); err != nil {
		return Step{}, err
	}
	defer m.release()
	logits, err := m.forward(ctx, p)
	if err != nil {
		return Step{}, err
	}
	return m.choose(ctx, logits, s)
}

// choose takes the next token from one row of logits.
func (m *Model) choose(ctx context.Context, logits device.Buffer, s *sampler) (Step, error) {
	if s.greedy() {
		return m.greedy(ctx, logits)
	}
	row := make([]float32, m.cfg.Vocab)
	if err := m.dev.Download(row, logits); err != nil {
		return Step{}, err
	}
	r := device.RankRow(row, device.RankRequest{K: 2}, nil)
	if !finite(float64(r.LogZ)) {
		return Step{}, notNumbers("nn.Generate")
	}
	step := best(r)
	if id := s.draw(row); id != step.ID {
		step.ID, step.Second = id, step.ID
		step.P = float32(math.Exp(float64(row[id]) - float64(r.LogZ)))
	}
	return step, nil
}

// greedy takes the largest logit. The device ranks, so that the vocabulary need not travel.
func (m *Model) greedy(ctx context.Context, logits device.Buffer) (Step, error) {
	r, out := m.tail(ctx), make([]device.Ranking, 1)
	r.summarise(out, logits, device.RankRequest{K: 2})
	if r.err != nil {
		return Step{}, r.failed()
	}
	return best(out[0]), nil
}

func best(r device.Ranking) Step {
	s := Step{ID: r.IDs[0], P: float32(math.Exp(float64(r.LogProbs[0]))), Second: r.IDs[0]}
	if len(r.IDs) > 1 {
		s.Second, s.Margin = r.IDs[1], r.LogProbs[0]-r.LogProbs[1]
	}
	return s
}
