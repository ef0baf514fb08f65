// Package hosttest gives tests a host without a model: its experiments are functions, its
// store is a list. Sockets, sessions and limits can so be tested in milliseconds.
package hosttest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/lab"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
)

// Store has the one model "tiny".
type Store struct{}

// List implements host.Store.
func (Store) List(context.Context) ([]wire.ModelInfo, error) {
	return []wire.ModelInfo{{ID: "tiny", Name: "Tiny", Size: 100, Here: 100}}, nil
}

// Open implements host.Store.
func (Store) Open(_ context.Context, id string, _ func(lab.Event)) (*weights.Model, error) {
	if id != "tiny" {
		return nil, errs.E("hosttest.Open", errs.NotFound, "there is no model %q", id)
	}
	return &weights.Model{Format: "gguf", Size: 100}, nil
}

// Delete implements host.Store.
func (Store) Delete(context.Context, string) error { return nil }

// Runner is an experiment made of a function that gives its result.
type Runner func(ctx context.Context, params json.RawMessage, emit func(lab.Event)) (any, error)

// Run implements host.Runner.
func (r Runner) Run(ctx context.Context, b *lab.Bench, params json.RawMessage, emit func(lab.Event)) (*lab.Outcome, error) {
	res, err := r(ctx, params, emit)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(res)
	return &lab.Outcome{Experiment: "test", Params: params, Parity: b.Parity, Result: raw}, err
}

// Slow works in slices of a millisecond until it is cancelled, and sends on started when it
// has the device and on stopped when it gives it up.
func Slow(started, stopped chan<- struct{}) Runner {
	return func(ctx context.Context, _ json.RawMessage, emit func(lab.Event)) (any, error) {
		started <- struct{}{}
		defer func() { stopped <- struct{}{} }()
		for i := 0; ; i++ {
			if err := device.Yield(ctx); err != nil {
				return nil, fmt.Errorf("layer %d: %w", i, err)
			}
			emit(lab.Event{Stage: "layers", Done: i})
			time.Sleep(time.Millisecond)
		}
	}
}

// Count emits n parts of a result, pad bytes each, and gives n.
func Count(n, pad int) Runner {
	return func(ctx context.Context, _ json.RawMessage, emit func(lab.Event)) (any, error) {
		for i := range n {
			raw, _ := json.Marshal(map[string]any{"i": i, "pad": string(make([]byte, pad))})
			emit(lab.Event{Stage: "tokens", Done: i + 1, Total: n, Partial: raw})
			if err := device.Yield(ctx); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
}

// New makes a host of experiments by name. plan, which may be nil, answers plans.
func New(experiments map[string]Runner, plan host.Planner) *host.Host {
	return host.New(host.Options{
		Place: "sidecar", Version: "test", Store: Store{}, Plan: plan,
		Device:   func() (device.Device, error) { return ref.New(), nil },
		SelfTest: func(device.Device) (float64, error) { return 0, nil },
		Load: func(context.Context, device.Device, *weights.Model, host.LoadOptions) (*host.Opened, error) {
			return &host.Opened{Bench: &lab.Bench{Parity: lab.Parity{Model: "tiny"}}}, nil
		},
		Need: func(src *weights.Model, _ int) (int64, error) { return src.Size, nil },
		Find: func(name string) (host.Runner, error) {
			if r, ok := experiments[name]; ok {
				return r, nil
			}
			return nil, errs.E("lab.Get", errs.NotFound, "there is no experiment %q", name)
		},
		Abouts: func() []lab.About { return []lab.About{{Name: "test"}} },
	})
}
