package host

import (
	"context"
	"slices"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

// Opened is a model on the device.
type Opened struct {
	ID                   string
	Mode                 device.Mode
	Bench                *lab.Bench
	Layers, Width, Vocab int
	Speed                float64 // tokens per second of decoding
	// Close takes the model off the device; nil for nothing to do.
	Close func()
}

// LoadOptions say how a model is put on a device.
type LoadOptions struct {
	ID        string // what the parity is to call it
	Dir       string // of a model directory, where its tokenizer is; empty for a GGUF file
	Mode      device.Mode
	MaxTokens int     // longest context; 0: the engine's default
	SelfTest  float64 // of the device, for the parity
	Progress  func(lab.Event)
}

// ParseMode reads a numeric mode; empty is exact.
func ParseMode(name string) (device.Mode, error) {
	switch name {
	case "", device.Exact.String():
		return device.Exact, nil
	case device.Fast.String():
		return device.Fast, nil
	}
	return 0, errs.E("host.ParseMode", errs.Invalid, "%q is no numeric mode; there are exact and fast", name)
}

// bench gives a loaded model with the device held. Fetching happens before the device is taken:
// a download must not keep others waiting.
func (c *call) bench(id, modeName string) (*Opened, func(), error) {
	mode, err := ParseMode(modeName)
	if err != nil {
		return nil, nil, err
	}
	dev, err := c.h.device()
	if err != nil {
		return nil, nil, err
	}
	src, err := c.source(id, mode)
	if err != nil {
		return nil, nil, err
	}
	if src != nil {
		defer src.Close()
	}
	release, err := c.acquire()
	if err != nil {
		return nil, nil, err
	}
	o, err := c.onDevice(dev, src, id, mode)
	if err != nil {
		release()
		return nil, nil, err
	}
	return o, release, nil
}

// source opens the model's file, fetching it if need be; nil if the model is loaded already.
func (c *call) source(id string, mode device.Mode) (*weights.Model, error) {
	if c.h.find(id, mode) != nil {
		return nil, nil
	}
	unlock, err := c.h.open.lock(c.ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return c.h.o.Store.Open(c.ctx, id, c.emit)
}

// onDevice loads the model unless it is there. The caller holds the device.
func (c *call) onDevice(dev device.Device, src *weights.Model, id string, mode device.Mode) (*Opened, error) {
	if o := c.h.find(id, mode); o != nil {
		return o, nil
	}
	if src == nil { // it was loaded when asked, and had to go while this request waited
		var err error
		if src, err = c.h.o.Store.Open(c.ctx, id, nil); err != nil {
			return nil, err
		}
		defer src.Close()
	}
	need, err := c.h.o.Need(src, c.h.o.MaxTokens)
	if err != nil {
		return nil, err
	}
	if err := c.h.makeRoom(dev, id, need, c.held); err != nil {
		return nil, err
	}
	o, err := c.h.o.Load(c.ctx, dev, src, LoadOptions{ID: id, Mode: mode, MaxTokens: c.h.o.MaxTokens, SelfTest: c.h.Device().SelfTest, Progress: c.emit})
	if err != nil {
		return nil, err
	}
	o.ID, o.Mode = id, mode
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.loaded = append(c.h.loaded, o)
	c.h.speed = o.Speed
	c.h.tokens[id] = o.Bench.Tokens
	return o, nil
}

// find gives a loaded model and makes it the most recently used.
func (h *Host) find(id string, mode device.Mode) *Opened {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, o := range h.loaded {
		if o.ID == id && o.Mode == mode {
			h.loaded = append(slices.Delete(h.loaded, i, i+1), o)
			h.speed = o.Speed
			return o
		}
	}
	return nil
}

// unload takes models off the device. The caller holds the device.
func (h *Host) unload(which func(*Opened) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loaded = slices.DeleteFunc(h.loaded, func(o *Opened) bool {
		if which(o) && o.Close != nil {
			o.Close()
		}
		return which(o)
	})
}

// makeRoom unloads models, longest unused first, until size bytes more fit the bound. The same
// model in the other mode goes in any case: nobody needs it twice. What is held stays.
func (h *Host) makeRoom(dev device.Device, id string, size int64, held *Opened) error {
	h.unload(func(o *Opened) bool { return o.ID == id })
	if h.o.Memory <= 0 {
		return nil
	}
	for dev.Used()+size > h.o.Memory {
		victim := h.oldest(held)
		if victim == nil && held != nil {
			return errs.E("host.Load", errs.NoSpace, "model %s needs %d MiB and %d MiB are left beside %s, which the run needs too; choose smaller models, or the sidecar of a larger machine", id, size>>20, (h.o.Memory-dev.Used())>>20, held.ID)
		}
		if victim == nil {
			return errs.E("host.Load", errs.NoSpace, "model %s needs %d MiB and %d MiB are available; choose a smaller model, or the sidecar of a larger machine", id, size>>20, (h.o.Memory-dev.Used())>>20)
		}
		h.unload(func(o *Opened) bool { return o == victim })
	}
	return nil
}

func (h *Host) oldest(held *Opened) *Opened {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.loaded {
		if o != held {
			return o
		}
	}
	return nil
}

// note remembers how much the device holds; only who holds the device may ask it.
func (h *Host) note() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dev != nil {
		h.used = h.dev.Used()
	}
}

// tokenizer gives a model's tokenizer without loading the model.
func (h *Host) tokenizer(ctx context.Context, id string) (*token.Tokenizer, error) {
	h.mu.Lock()
	tok := h.tokens[id]
	h.mu.Unlock()
	if tok != nil {
		return tok, nil
	}
	src, err := h.o.Store.Open(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if tok, err = Tokenizer(src, ""); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens[id] = tok
	return tok, nil
}
