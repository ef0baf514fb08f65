package plan

import (
	"slices"

	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

// cone is what a run's own edits can change: the blocks from enter on (the number of layers: only
// what comes after the last), at the positions from pos on.
type cone struct{ enter, pos int }

// cone finds it. Edits of generated tokens alone leave the prompt as it is; its last row is
// then all that generating needs.
func (c *Compiled) cone(r *run) cone {
	last := len(r.ids) - 1
	k := cone{c.cfg.Layers, last}
	for _, e := range r.edits[r.inherited:] {
		if e.phase == InGenerated {
			continue
		}
		for _, l := range e.layers {
			k.enter = min(k.enter, c.enters(hook.Point{Layer: l, Site: e.src.Site}))
		}
		if e.pos == nil {
			k.pos = 0
		} else {
			k.pos = min(k.pos, slices.Min(e.pos))
		}
		if e.about.Shape == hook.Vocab || !e.about.InBlock && e.about.Site != hook.Embed && e.about.Site != hook.PosEmbed {
			k.pos = 0 // the output is taken after what the base run ends with
		}
	}
	return k
}

// enters is the first block that must be computed again when the point has changed.
func (c *Compiled) enters(p hook.Point) int {
	about, _ := hook.Lookup(p.Site)
	switch {
	case p.Site == hook.ResidPost:
		return p.Layer + 1
	case about.InBlock:
		return p.Layer
	case p.Site == hook.Embed || p.Site == hook.PosEmbed:
		return 0
	}
	return c.cfg.Layers
}

// branch makes a part of a batch of the variant's cone.
func (t *taps) branch(r *run, k cone, st *state, width, depth int) nn.Part {
	p := nn.Part{Enter: k.enter, Shared: k.pos, Taps: t}
	p.Keep = min(max(len(r.ids)-max(t.keeps(depth), k.pos), 0), len(r.ids)-k.pos)
	if k.enter == 0 {
		p.IDs = r.ids[k.pos:]
		return p
	}
	kept := st.resid[k.enter]
	p.Resid = kept.buf.Slice((k.pos-kept.from)*width, (len(r.ids)-k.pos)*width)
	return p
}

// keeps is the first position whose row is needed after the last of depth blocks.
func (t *taps) keeps(depth int) int {
	first := t.prompt
	for p, s := range t.stops {
		about, _ := hook.Lookup(p.Site)
		if about.InBlock && (p.Site != hook.ResidPost || p.Layer != depth-1) {
			continue
		}
		for _, list := range [2][]*capture{s.before, s.after} {
			for _, c := range list {
				for pos := range c.at {
					first = min(first, pos)
				}
			}
		}
	}
	return first
}

// enterAt prepares the taps for a pass that begins at block enter with what the base run left
// before it: there only the run's own edits are still to be made.
func (t *taps) enterAt(enter int) {
	if enter == 0 {
		return
	}
	t.enter = hook.Point{Layer: enter - 1, Site: hook.ResidPost}
	all := t.stops[t.enter]
	if all == nil {
		return
	}
	t.entry = &stop{after: all.after}
	for _, b := range all.edits {
		if b.own {
			t.entry.edits = append(t.entry.edits, b)
		}
	}
}
