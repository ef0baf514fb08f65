package plan

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

// state is what a base run leaves for its variants: keys and values, the residual stream before
// the blocks that they enter at, and what their reads see outside their cones.
type state struct {
	dev   device.Device
	cache *nn.Cache
	resid map[int]*kept // by block
	seen  map[string]*capture
}

// kept is a residual stream on the device, from a position on.
type kept struct {
	buf  device.Buffer
	from int
}

func (s *state) free() {
	if s.cache != nil {
		s.cache.Free()
	}
	for _, k := range s.resid {
		s.dev.Free(k.buf)
	}
}

// state runs the base of some variants, of which starts gives the first position of each block
// that is entered.
func (x *executor) state(ctx context.Context, group []*run, starts map[int]int) (*state, error) {
	m, origin := x.env.Model, *group[0]
	origin.edits = origin.edits[:origin.inherited]
	st := &state{dev: m.Device(), resid: map[int]*kept{}}
	t := newTaps(m.Device(), len(origin.ids))
	err := x.bind(ctx, &origin, t)
	if err == nil {
		err = st.room(m, &origin, starts)
	}
	if err != nil {
		st.free()
		return nil, err
	}
	for _, r := range group {
		seen := *r
		seen.edits = seen.edits[:seen.inherited]
		x.watch(&seen, t, &outcome{reads: map[*read]*reading{}})
	}
	st.seen = t.shared
	t.keep = map[hook.Point]*kept{}
	for enter, k := range st.resid {
		t.keep[hook.Point{Layer: enter - 1, Site: hook.ResidPost}] = k
	}
	if _, err := m.Forward(ctx, nn.Pass{IDs: origin.ids, Cache: st.cache, Taps: t, Logits: t.logits()}); err != nil {
		st.free()
		return nil, err
	}
	return st, nil
}

// room takes what the state needs on the device.
func (s *state) room(m *nn.Model, r *run, starts map[int]int) (err error) {
	if s.cache, err = m.NewCache(len(r.ids)); err != nil {
		return err
	}
	for enter, from := range starts {
		if enter == 0 {
			continue
		}
		buf, err := s.dev.Alloc((len(r.ids) - from) * m.Config().Width)
		if err != nil {
			return err
		}
		s.resid[enter] = &kept{buf, from}
	}
	return nil
}

// seed gives captures what the base run had where the variant cannot differ.
func (t *taps) seed(s *state) {
	for key, c := range t.shared {
		if base := s.seen[key]; base != nil {
			copy(c.rows, base.rows)
		}
	}
}
