package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// Continuation is a part of a batch that goes on, token by token, and how.
type Continuation struct {
	Part
	GenerateOptions // Taps, Progress and Cache mean nothing: the part has its own taps
}

// GenerateBranches continues the parts of a batch, every step of all of them as one pass. Each part
// ends as its own options say. Base is as in Batch; parts are in the order of the blocks that they
// start at. What has been made so far is returned with the error if there is one.
func GenerateBranches(ctx context.Context, m *Model, base *Cache, parts []Continuation) ([]*Generated, error) {
	out := make([]*Generated, len(parts))
	samplers := make([]*sampler, len(parts))
	live := make([]growing, len(parts))
	rows := 0
	for i := range parts {
		p := &parts[i]
		var err error
		if samplers[i], err = newSampler(&p.GenerateOptions); err != nil {
			return out, err
		}
		if p.Count < 1 {
			return out, errs.E("nn.GenerateBranches", errs.Invalid, "%d tokens are asked for; at least one is needed", p.Count)
		}
		out[i] = &Generated{Stop: "count"}
		live[i] = growing{i, p.Part}
		live[i].Keep, live[i].Row = max(p.Keep, 1), rows
		rows += p.rows(m.cfg.Width) + p.Count - 1
	}
	own, err := m.NewRows(rows)
	if err != nil {
		return out, err
	}
	defer own.Free()
	for i := 0; len(live) > 0; i++ {
		steps, err := m.stepParts(ctx, base, own, live, samplers)
		if err != nil {
			return out, err
		}
		if live, err = m.goOn(live, steps, parts, out, i); err != nil {
			return out, err
		}
	}
	return out, nil
}

// growing is a part that has not ended; at is its place among all.
type growing struct {
	at int
	Part
}

// stepParts runs one pass of the parts and chooses a token for each, in one turn of the model.
func (m *Model) stepParts(ctx context.Context, base, own *Cache, live []growing, samplers []*sampler) ([]Step, error) {
	if err := m.acquire(ctx, "nn.GenerateBranches"); err != nil {
		return nil, err
	}
	defer m.release()
	b := &Batch{Base: base, Own: own, Last: true, Parts: make([]Part, len(live))}
	for i := range live {
		b.Parts[i] = live[i].Part
	}
	steps := make([]Step, len(live))
	b.Logits = func(i int, logits device.Buffer) (err error) {
		steps[i], err = m.choose(ctx, logits, samplers[live[i].at])
		return err
	}
	return steps, m.branch(ctx, b)
}

// goOn tells of the n-th tokens and gives the parts that have not ended with them.
func (m *Model) goOn(live []growing, steps []Step, parts []Continuation, out []*Generated, n int) ([]growing, error) {
	left := live[:0]
	for i, g := range live {
		o, made, step := &parts[g.at], out[g.at], steps[i]
		step.Index = n
		made.Steps = append(made.Steps, step)
		if o.OnToken != nil {
			if err := o.OnToken(step); err != nil {
				return nil, err
			}
		}
		g.Past += g.rows(m.cfg.Width)
		g.Resid, g.IDs, g.Keep = nil, []int32{step.ID}, 1
		switch {
		case o.Stop != nil && o.Stop(step.ID):
			made.Stop = "stop"
		case n+1 == o.Count:
		case g.Shared+g.Past == m.max:
			made.Stop = "context"
		default:
			left = append(left, g)
		}
	}
	return left, nil
}
