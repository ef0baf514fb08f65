package lab

import (
	"context"
	"encoding/json"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/internal/strict"
	"patchbay/shared/plan"
)

// experiments are all techniques, in the order in which the page lists them. They are made by
// functions, not kept in variables: the page speaks of experiments without running any, and
// an initialiser would link the whole engine into it.
func experiments() []*Experiment {
	return []*Experiment{
		neuron(),
		steer(),
		icv(),
		algebra(),
		lens(),
		language(),
		residual(),
		patchscope(),
		backpatch(),
		generate(),
	}
}

// All describes every experiment.
func All() []About {
	all := experiments()
	list := make([]About, len(all))
	for i, e := range all {
		list[i] = e.About
	}
	return list
}

// Get finds an experiment by name, or errs.NotFound with the names there are.
func Get(name string) (*Experiment, error) {
	var names []string
	for _, e := range experiments() {
		if e.About.Name == name {
			return e, nil
		}
		names = append(names, e.About.Name)
	}
	return nil, errs.E("lab.Get", errs.NotFound, "there is no experiment %.60q; there are %s", name, strings.Join(names, ", "))
}

// Price is what a run is estimated to cost before it starts.
type Price = plan.Price

// register makes an experiment of typed functions. P is decoded from checked and completed
// parameters; price must not run the model.
func register[P, R any](about About, price func(b *Bench, p P) (Price, error), run func(ctx context.Context, b *Bench, p P, emit func(Event)) (R, error)) *Experiment {
	decode := func(raw json.RawMessage) (full json.RawMessage, p P, err error) {
		if full, err = Complete(about, raw); err == nil {
			err = strict.Decode("lab.Params", full, &p)
		}
		return full, p, err
	}
	return &Experiment{
		About: about,
		price: func(b *Bench, raw json.RawMessage) (Price, error) {
			_, p, err := decode(raw)
			if err != nil {
				return Price{}, err
			}
			return price(b, p)
		},
		run: func(ctx context.Context, b *Bench, raw json.RawMessage, emit func(Event)) (json.RawMessage, any, error) {
			full, p, err := decode(raw)
			if err != nil {
				return nil, nil, err
			}
			if emit == nil {
				emit = func(Event) {}
			}
			result, err := run(ctx, b, p, emit)
			return full, result, err
		},
	}
}

// Others are the further models that parameters name. Whoever makes the bench fetches them before the
// device is held.
func (e *Experiment) Others(params json.RawMessage) (ids []string) {
	var given map[string]json.RawMessage
	if json.Unmarshal(params, &given) != nil {
		return nil // the run will say what is wrong
	}
	for _, p := range e.About.Params {
		var id string
		if p.Kind == Second && json.Unmarshal(given[p.Name], &id) == nil && id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Price estimates what a run with these parameters costs on the bench. It checks them, and the
// prompt against the model, as Run does.
func (e *Experiment) Price(b *Bench, params json.RawMessage) (Price, error) {
	return e.price(b, params)
}
