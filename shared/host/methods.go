package host

import (
	"context"
	"encoding/json"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// call is one request being answered.
type call struct {
	h      *Host
	s      *Session
	ctx    context.Context
	cancel context.CancelCauseFunc
	emit   func(lab.Event)
	held   *Opened // must stay on the device while another model comes
}

// methods are all that can be asked; docs/wire.md describes them.
var methods = map[string]func(*call, json.RawMessage) (any, []wire.Tensor, error){
	wire.MethodModels:   (*call).models,
	wire.MethodLoad:     (*call).load,
	wire.MethodDelete:   (*call).delete,
	wire.MethodTokenize: (*call).tokenize,
	wire.MethodRun:      (*call).run,
	wire.MethodPrice:    (*call).price,
	wire.MethodPlan:     (*call).plan,
	wire.MethodDevice:   (*call).device,
}

func (c *call) do(r wire.Request) (any, []wire.Tensor, error) {
	f, ok := methods[r.Method]
	if !ok {
		return nil, nil, errs.E("host.Do", errs.NotFound, "there is no method %q", r.Method)
	}
	return f(c, r.Params)
}

// read decodes a method's parameters.
func read(raw json.RawMessage, v any) error {
	if len(raw) == 0 {
		return errs.E("host.Do", errs.Invalid, "the request has no params")
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errs.E("host.Do", errs.Invalid, "the request's params do not read: %w", err)
	}
	return nil
}

func (c *call) models(json.RawMessage) (any, []wire.Tensor, error) {
	list, err := c.h.models(c.ctx)
	return wire.Models{Models: list}, nil, err
}

func (c *call) device(json.RawMessage) (any, []wire.Tensor, error) {
	if _, err := c.h.device(); err != nil {
		return nil, nil, err
	}
	return c.h.Device(), nil, nil
}

func (c *call) delete(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.LoadParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	unlock, err := c.h.open.lock(c.ctx, p.Model)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	release, err := c.acquire()
	if err != nil {
		return nil, nil, err
	}
	c.h.unload(func(o *Opened) bool { return o.ID == p.Model })
	release()
	if err := c.h.o.Store.Delete(c.ctx, p.Model); err != nil {
		return nil, nil, err
	}
	return c.models(nil)
}

func (c *call) load(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.LoadParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	o, release, err := c.bench(p.Model, p.Mode)
	if err != nil {
		return nil, nil, err
	}
	release()
	info, err := c.h.info(c.ctx, p.Model)
	if err != nil {
		return nil, nil, err
	}
	return wire.Loaded{Model: info, Parity: o.Bench.Parity, Device: c.h.Device(),
		Layers: o.Layers, Width: o.Width, Vocab: o.Vocab}, nil, nil
}

func (c *call) tokenize(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.TokenizeParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	tok, err := c.h.tokenizer(c.ctx, p.Model)
	if err != nil {
		return nil, nil, err
	}
	t, err := Tokenize(tok, p.Text, p.Chat)
	return t, nil, err
}

func (c *call) run(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.RunParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	e, err := c.h.o.Find(p.Experiment)
	if err != nil {
		return nil, nil, err
	}
	if err := c.fetch(e, p); err != nil {
		return nil, nil, err
	}
	o, release, err := c.bench(p.Model, p.Mode)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	out, err := e.Run(c.ctx, c.paired(o), p.Params, c.emit)
	if err != nil {
		return nil, nil, err
	}
	return out, nil, nil
}

// price estimates a run without the device: it must be known while another run has that. Only a
// loaded model can tell; to load one for its price would cost more than most runs.
func (c *call) price(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.RunParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	e, err := c.h.o.Find(p.Experiment)
	if err != nil {
		return nil, nil, err
	}
	mode, err := ParseMode(p.Mode)
	if err != nil {
		return nil, nil, err
	}
	pricer, ok := e.(interface {
		Price(*lab.Bench, json.RawMessage) (lab.Price, error)
	})
	o := c.h.find(p.Model, mode)
	if !ok || o == nil {
		return nil, nil, errs.E("host.Price", errs.NotFound, "a price is known of loaded models only, and %.60q is not loaded", p.Model)
	}
	b := *o.Bench
	b.Other = func(_ context.Context, id string) (*lab.Bench, error) { return c.outline(o, id) }
	out, err := pricer.Price(&b, p.Params)
	return out, nil, err
}

func (c *call) plan(raw json.RawMessage) (any, []wire.Tensor, error) {
	var p wire.PlanParams
	if err := read(raw, &p); err != nil {
		return nil, nil, err
	}
	o, release, err := c.bench(p.Model, p.Mode)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	start := time.Now()
	res, tensors, err := c.h.o.Plan(c.ctx, o.Bench, p.Plan, c.emit)
	if err != nil {
		return nil, nil, err
	}
	res.Seconds = time.Since(start).Seconds()
	return res, tensors, nil
}

// acquire waits for the device. The release also notes how much the device holds.
func (c *call) acquire() (func(), error) {
	release, err := c.h.slot.acquire(c.ctx, c.s, c.h.o.Queue, c.cancel)
	if err != nil {
		return nil, err
	}
	return func() {
		c.h.note()
		release()
	}, nil
}
