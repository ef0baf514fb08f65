package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// Model is a loaded transformer. Its methods that compute take turns: a second caller waits
// for the first, or for its own context.
type Model struct {
	cfg  Config
	dev  device.Device
	mode device.Mode
	max  int // longest sequence

	embed, pos device.Weight
	unembed    matrix
	final      norm
	blocks     []block
	ropes      []device.Buffer // cos, sin by position [max, rot]

	weights []device.Weight // all, for Close
	buffers []device.Buffer

	turn    chan struct{} // holds a token while someone computes; all below belongs to the holder
	pace    pace
	scratch scratch
	logits  device.Buffer // [rows, V] of the last pass, grown when needed
}

func newModel(dev device.Device, c Config, o Options) *Model {
	return &Model{cfg: c, dev: dev, mode: o.Mode, max: c.maxTokens(o.MaxTokens), turn: make(chan struct{}, 1), pace: newPace(dev)}
}

// Config is what the model is.
func (m *Model) Config() Config { return m.cfg }

// Device is where the model lives.
func (m *Model) Device() device.Device { return m.dev }

// Mode is the arithmetic it was loaded for.
func (m *Model) Mode() device.Mode { return m.mode }

// MaxTokens is the longest sequence that it can compute.
func (m *Model) MaxTokens() int { return m.max }

// Close frees all that the model holds on its device, but not caches. It waits for a running pass.
func (m *Model) Close() {
	m.turn <- struct{}{}
	m.scratch.free(m.dev)
	if m.logits != nil {
		m.dev.Free(m.logits)
		m.logits = nil
	}
	for _, b := range m.buffers {
		m.dev.Free(b)
	}
	for _, w := range m.weights {
		m.dev.Unload(w)
	}
	m.buffers, m.weights, m.blocks = nil, nil, nil
	<-m.turn
}

// acquire waits for the model's turn.
func (m *Model) acquire(ctx context.Context, op errs.Op) error {
	if err := ctx.Err(); err != nil {
		return cancelled(op, err)
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return cancelled(op, ctx.Err())
	}
	if m.blocks == nil {
		m.release()
		return errs.E(op, errs.Gone, "the model has been closed")
	}
	m.pace.resume()
	return nil
}

func (m *Model) release() { <-m.turn }

// alloc takes a buffer that lives as long as the model.
func (m *Model) alloc(n int) (device.Buffer, error) {
	b, err := m.dev.Alloc(n)
	if err == nil {
		m.buffers = append(m.buffers, b)
	}
	return b, err
}

// logitRows gives the buffer for rows of logits. A much larger one of before is given back.
func (m *Model) logitRows(rows int) (device.Buffer, error) {
	n := rows * m.cfg.Vocab
	if m.logits != nil && (m.logits.Len() < n || m.logits.Len() > max(4*n, rankRows*m.cfg.Vocab)) {
		m.dev.Free(m.logits)
		m.logits = nil
	}
	if m.logits == nil {
		b, err := m.dev.Alloc(n)
		if err != nil {
			return nil, errs.E("nn.logits", errs.Other, "logits of %d positions need %d bytes: %w", rows, 4*int64(n), err)
		}
		m.logits = b
	}
	return m.logits.Slice(0, n), nil
}
