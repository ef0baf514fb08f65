// Package host answers the wire's requests: the engine behind the worker of a tab and behind a
// sidecar. It holds one device, the models loaded on it within a memory bound, and a fair queue
// of those who want to use it. It knows nothing of sockets or message ports: a Session takes
// messages and gives messages.
package host

import (
	"context"
	"encoding/json"
	"sync"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/token"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
)

// Store keeps model files by catalogue id.
type Store interface {
	// List gives the models that are here or can be had.
	List(ctx context.Context) ([]wire.ModelInfo, error)
	// Open opens a model. With progress a missing one is fetched first (stages "fetch" and
	// "verify", in bytes); without, it is errs.NotFound.
	Open(ctx context.Context, id string, progress func(lab.Event)) (*weights.Model, error)
	// Delete removes a model's file. A model that is not here is no error.
	Delete(ctx context.Context, id string) error
}

// Runner is an experiment: *lab.Experiment.
type Runner interface {
	Run(ctx context.Context, b *lab.Bench, params json.RawMessage, emit func(lab.Event)) (*lab.Outcome, error)
}

// Planner runs a plan on a bench and gives its result with the tensors to send.
type Planner func(ctx context.Context, b *lab.Bench, plan json.RawMessage, emit func(lab.Event)) (*wire.PlanResult, []wire.Tensor, error)

// Loader puts an opened model on a device.
type Loader func(ctx context.Context, dev device.Device, src *weights.Model, o LoadOptions) (*Opened, error)

// Options make a host. Store and Device are needed; what is nil below them has the real thing
// as its default and is replaced only by tests.
type Options struct {
	Place   string // "tab" or "sidecar"
	Version string
	Store   Store
	// Device makes the device; it is called once, when it is first needed.
	Device func() (device.Device, error)
	// Memory bounds the bytes of weights and buffers on the device; 0: no bound.
	Memory int64
	// MaxTokens is the longest context, in tokens; 0: the engine's default.
	MaxTokens int
	// Queue is how many requests one client may have waiting; 0: 4.
	Queue int

	Load     Loader
	Need     func(src *weights.Model, maxTokens int) (int64, error) // bytes on the device
	SelfTest func(device.Device) (float64, error)                   // largest row error against ref
	Find     func(name string) (Runner, error)
	Abouts   func() []lab.About
	Plan     Planner
}

// Host answers requests. All its methods may be called from any goroutine.
type Host struct {
	o    Options
	slot *slot
	open locks // one fetch of a model at a time

	mu     sync.Mutex // guards what follows; never held while waiting for slot
	dev    device.Device
	devErr error
	test   float64 // self-test error
	remark string  // what a person should know of the device
	speed  float64 // tokens per second of decoding, last measured
	used   int64   // dev.Used() when the device was last released
	loaded []*Opened
	tokens map[string]*token.Tokenizer // of models that need not be loaded
}

// New makes a host. Nothing is opened or loaded yet.
func New(o Options) *Host {
	if o.Queue == 0 {
		o.Queue = 4
	}
	o.defaults()
	return &Host{o: o, slot: newSlot(), tokens: map[string]*token.Tokenizer{}}
}

// Welcome describes this endpoint to a client that has just opened.
func (h *Host) Welcome(ctx context.Context) (wire.Welcome, error) {
	models, err := h.models(ctx)
	if err != nil {
		return wire.Welcome{}, err
	}
	if _, err := h.device(); err != nil {
		return wire.Welcome{}, err
	}
	return wire.Welcome{Place: h.o.Place, Version: h.o.Version, Device: h.Device(),
		Experiments: h.o.Abouts(), Models: models}, nil
}

// device makes the device once. A failure is kept: it is the machine's, not the request's.
func (h *Host) device() (device.Device, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dev != nil || h.devErr != nil {
		return h.dev, h.devErr
	}
	dev, err := h.o.Device()
	if err == nil {
		h.test, err = h.o.SelfTest(dev)
	}
	if err != nil && dev != nil && dev.Info().Name != "ref" {
		// It computes wrongly here: right and slow is better, and is said.
		h.remark = err.Error()
		dev, h.test, err = ref.New(), 0, nil
	}
	h.dev, h.devErr = dev, err
	return dev, err
}

// Device says what is known of the device now; zero until it is first needed.
func (h *Host) Device() wire.DeviceInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dev == nil {
		return wire.DeviceInfo{}
	}
	i := h.dev.Info()
	return wire.DeviceInfo{Name: i.Name, Detail: i.Detail, Threads: i.Threads, Used: h.used, SelfTest: h.test, Speed: h.speed, Note: h.remark}
}

func (h *Host) models(ctx context.Context) ([]wire.ModelInfo, error) {
	list, err := h.o.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range list {
		for _, o := range h.loaded {
			list[i].Loaded = list[i].Loaded || o.ID == list[i].ID
		}
	}
	return list, nil
}

func (h *Host) info(ctx context.Context, id string) (wire.ModelInfo, error) {
	list, err := h.models(ctx)
	if err != nil {
		return wire.ModelInfo{}, err
	}
	for _, m := range list {
		if m.ID == id {
			return m, nil
		}
	}
	return wire.ModelInfo{}, unknownModel(id)
}

func unknownModel(id string) error {
	return errs.E("host.Model", errs.NotFound, "there is no model %q here; the list of models says which there are", id)
}

// Close takes every model off the device and ends it. Sessions must be closed before.
func (h *Host) Close() {
	h.unload(func(*Opened) bool { return true })
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.dev.(interface{ Close() }); ok {
		d.Close() // its helper threads
	}
	h.dev, h.devErr = nil, errs.E("host.Device", errs.Gone, "the engine has been closed")
}
