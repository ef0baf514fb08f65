package host

import (
	"context"
	"encoding/json"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/nn"
	"patchbay/shared/wire"
)

// A run may name a further model. It is fetched before the device is held, put on the device beside
// the first when the experiment asks for it, and stays there as every model does: until its room is
// needed.

// fetch has the further models of a run in the store.
func (c *call) fetch(e Runner, p wire.RunParams) error {
	names, ok := e.(interface {
		Others(json.RawMessage) []string
	})
	if !ok {
		return nil
	}
	mode, err := ParseMode(p.Mode)
	if err != nil {
		return err
	}
	for _, id := range names.Others(p.Params) {
		src, err := c.source(id, mode)
		if err != nil {
			return err
		}
		if src != nil {
			src.Close()
		}
	}
	return nil
}

// paired is the bench of a loaded model for one run, with a way to those beside it. The caller holds
// the device.
func (c *call) paired(o *Opened) *lab.Bench {
	b := *o.Bench
	b.Other = func(_ context.Context, id string) (*lab.Bench, error) {
		if id == o.ID {
			return o.Bench, nil
		}
		dev, err := c.h.device()
		if err != nil {
			return nil, err
		}
		c.held = o
		other, err := c.onDevice(dev, nil, id, o.Mode)
		c.held = nil
		c.h.find(o.ID, o.Mode) // the speed that is shown is that of the first
		if err != nil {
			return nil, err
		}
		return other.Bench, nil
	}
	return &b
}

// outline is a further model as a price needs it: what it is, without its weights if they are not
// loaded. It must be in the store.
func (c *call) outline(o *Opened, id string) (*lab.Bench, error) {
	if other := c.h.find(id, o.Mode); other != nil {
		c.h.find(o.ID, o.Mode)
		return other.Bench, nil
	}
	src, err := c.h.o.Store.Open(c.ctx, id, nil)
	if err != nil {
		return nil, errs.E("host.Price", errs.KindOf(err), "what a run with %.60q takes is known once it is here: %w", id, err)
	}
	defer src.Close()
	m, err := nn.Outline(o.Bench.Model.Device(), src, nn.Options{MaxTokens: c.h.o.MaxTokens, Mode: o.Mode})
	if err != nil {
		return nil, err
	}
	tok, err := c.h.tokenizer(c.ctx, id)
	if err != nil {
		return nil, err
	}
	return &lab.Bench{Model: m, Tokens: tok, Parity: lab.Parity{Model: id, Digest: string(src.Digest)}}, nil
}
