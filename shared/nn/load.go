package nn

import (
	"context"
	"math"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// Options say how a model is loaded.
type Options struct {
	// MaxTokens is the longest sequence that will be asked for; 0 means DefaultMaxTokens. It
	// is never more than the model's own context.
	MaxTokens int
	Mode      device.Mode
	// Progress, if set, is called with bytes read so far and in all.
	Progress func(done, total int64)
}

// DefaultMaxTokens is the sequence length that a model is loaded for unless told otherwise.
const DefaultMaxTokens = 2048

// maxTokens is the longest sequence to prepare for when n is asked for.
func (c *Config) maxTokens(n int) int {
	if n <= 0 {
		n = DefaultMaxTokens
	}
	return min(n, c.Context)
}

type norm struct{ weight, bias device.Buffer }

type matrix struct {
	w    device.Weight
	bias device.Buffer // nil: none
}

type block struct {
	BlockConfig
	ln1, post1, ln2, post2 norm
	q, k, v, out           matrix
	qnorm, knorm           device.Buffer
	gate, up, down         matrix
}

// loader copies a file's tensors to the device. Its first error sticks.
type loader struct {
	ctx   context.Context
	src   *source
	names names
	m     *Model
	note  func(done, total int64)
	done  int64
	total int64
	read  map[string]bool // vectors counted in done
	err   error
}

func config(src *source) (*Config, names, error) {
	if src.format == "gguf" {
		c, err := configGGUF(src)
		return c, ggufNames, err
	}
	return describeHF(src)
}

func load(ctx context.Context, dev device.Device, src *source, o Options) (*Model, error) {
	c, names, err := config(src)
	if err != nil {
		return nil, err
	}
	m := newModel(dev, *c, o)
	l := &loader{ctx: ctx, src: src, names: names, m: m, note: o.Progress, read: map[string]bool{}}
	for _, t := range src.tensors {
		l.total += t.size()
	}
	l.all()
	if l.err == nil {
		l.progress(l.total - l.done) // tensors that nothing needed
		return m, nil
	}
	used := dev.Used()
	m.Close()
	if errs.KindOf(l.err) == errs.NoSpace {
		return nil, errs.E("nn.Load", errs.NoSpace, "the model needs %d bytes on the device for %d tokens (%d were taken when it was full): %w", need(c, src, m.max), m.max, used, l.err)
	}
	return nil, l.err
}

func (l *loader) all() {
	c, m, n := &l.m.cfg, l.m, &l.names
	m.embed = l.matrix(n.embed, c.Vocab, c.Width).w
	if c.Learned {
		m.pos = l.matrix(n.pos, c.Context, c.Width).w
	}
	m.unembed = matrix{w: m.embed}
	if !c.Tied {
		m.unembed = l.matrix(n.unembed, c.Vocab, c.Width)
	}
	m.final = l.norm(n.final)
	m.blocks = make([]block, c.Layers)
	for i := range m.blocks {
		if l.err == nil {
			l.block(i)
		}
	}
	for _, r := range c.Ropes {
		m.ropes = append(m.ropes, l.upload(r.table(m.max, c.Rotary)))
	}
	if l.err == nil {
		l.err = m.grow(1)
	}
}

func (l *loader) block(i int) {
	c, b, n := &l.m.cfg, &l.m.blocks[i], &l.names
	in := func(name string) string { return n.in(i, name) }
	qd, kd := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	b.BlockConfig = c.Blocks[i]
	b.ln1, b.ln2 = l.norm(in(n.ln1)), l.norm(in(n.ln2))
	if c.Sandwich {
		b.post1, b.post2 = l.norm(in(n.post1)), l.norm(in(n.post2))
	}
	if c.QKNorm {
		b.qnorm, b.knorm = l.scale(in(n.qnorm), c.HeadDim), l.scale(in(n.knorm), c.HeadDim)
	}
	b.q, b.k, b.v = l.projection(in(n.q), in(n.qkv), 0, qd), l.projection(in(n.k), in(n.qkv), 1, kd), l.projection(in(n.v), in(n.qkv), 2, kd)
	b.out = l.linear(in(n.out), c.Width, qd, c.OutBias)
	if c.Gated {
		b.gate = l.linear(in(n.gate), c.MLP, c.Width, c.MLPBias)
	}
	b.up, b.down = l.linear(in(n.up), c.MLP, c.Width, c.MLPBias), l.linear(in(n.down), c.Width, c.MLP, c.MLPBias)
}

// projection loads q, k or v, on its own or out of the packed matrix.
func (l *loader) projection(name, packed string, part, rows int) matrix {
	c := &l.m.cfg
	total := rows
	if c.layout >= packedQKV {
		name, total = packed, (c.Heads+2*c.KVHeads)*c.HeadDim
	}
	at := c.fileRow(part)
	m := l.rows(name+".weight", rows, total, c.Width, at)
	if c.QKVBias {
		all := l.floats(name+".bias", total)
		bias := all
		if at != nil && all != nil {
			bias = make([]float32, rows)
			for r := range bias {
				bias[r] = all[at(r)]
			}
		}
		m.bias = l.upload(bias)
	}
	return m
}

func (l *loader) linear(name string, rows, cols int, bias bool) matrix {
	m := l.matrix(name+".weight", rows, cols)
	if bias {
		m.bias = l.upload(l.floats(name+".bias", rows))
	}
	return m
}

func (l *loader) matrix(name string, rows, cols int) matrix {
	return l.rows(name, rows, rows, cols, nil)
}

// rows loads rows of the matrix [total, cols] under name, in the order that at gives.
func (l *loader) rows(name string, rows, total, cols int, at func(int) int) matrix {
	t, reader, dt := l.reader(name, total, cols)
	if l.err == nil && at != nil {
		var size int
		if size, l.err = dt.RowBytes(cols); l.err == nil {
			reader = newHeadReader(reader, l.m.cfg.HeadDim, size, at)
		}
	}
	if l.err != nil {
		return matrix{}
	}
	w, err := l.m.dev.Load(dt, rows, cols, reader)
	if err != nil {
		l.err = errs.E("nn.Load", errs.Other, "tensor %s: %w", name, err)
		return matrix{}
	}
	l.m.weights = append(l.m.weights, w)
	l.progress(t.size() * int64(rows) / int64(total))
	return matrix{w: w}
}

// reader opens the matrix [rows, cols] under name. GPT-2's linear layers, but not its
// embeddings, are stored the other way round: those are turned here.
func (l *loader) reader(name string, rows, cols int) (stored, device.RowReader, tensor.DType) {
	turned := l.m.cfg.layout == conv1D && name != l.names.embed && name != l.names.pos && name != l.names.unembed
	shape := []int{rows, cols}
	if turned {
		shape = []int{cols, rows}
	}
	t, ok := l.find(name, shape...)
	if ok {
		l.err = matrixType(name, t.dtype)
	}
	if l.err != nil || !turned {
		return t, t.rows, t.dtype
	}
	data, err := t.floats()
	l.err = err
	return t, &transposed{data, cols, rows}, tensor.F32
}

// find looks a tensor up and checks its shape.
func (l *loader) find(name string, shape ...int) (stored, bool) {
	if l.err != nil {
		return stored{}, false
	}
	t, ok := l.src.tensors[name]
	if !ok {
		l.err = errs.E("nn.Load", errs.Invalid, "the model file has no tensor %s, which %s needs", name, l.m.cfg.Arch)
		return t, false
	}
	same := len(t.shape) == len(shape)
	for i := range shape {
		same = same && t.shape[i] == shape[i]
	}
	if !same {
		l.err = errs.E("nn.Load", errs.Invalid, "tensor %s has shape %v where %v is needed", name, t.shape, shape)
	}
	return t, same
}

// floats reads a vector and refuses numbers that are not finite: one of them would spoil every
// activation after it.
func (l *loader) floats(name string, n int) []float32 {
	t, ok := l.find(name, n)
	if !ok {
		return nil
	}
	x, err := t.floats()
	if err != nil {
		l.err = err
		return nil
	}
	for i, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			l.err = errs.E("nn.Load", errs.Invalid, "tensor %s holds %g at element %d; weights must be finite", name, f, i)
			return nil
		}
	}
	if !l.read[name] { // the packed bias of q, k and v is read three times
		l.read[name] = true
		l.progress(t.size())
	}
	return x
}

// scale loads the weight of an RMSNorm.
func (l *loader) scale(name string, n int) device.Buffer {
	x := l.floats(name+".weight", n)
	if l.m.cfg.NormPlus1 {
		for i := range x {
			x[i]++
		}
	}
	return l.upload(x)
}

func (l *loader) norm(name string) norm {
	c := &l.m.cfg
	n := norm{weight: l.scale(name, c.Width)}
	if c.LayerNorm {
		n.bias = l.upload(l.floats(name+".bias", c.Width))
	}
	return n
}

func (l *loader) upload(x []float32) device.Buffer {
	if l.err != nil {
		return nil
	}
	b, err := l.m.alloc(len(x))
	if l.err = err; err != nil {
		return nil
	}
	l.m.dev.Upload(b, x)
	return b
}

// progress reports and lets the rest of the program run; reading a model takes seconds.
func (l *loader) progress(n int64) {
	l.done += n
	if l.note != nil {
		l.note(l.done, l.total)
	}
	if err := device.Yield(l.ctx); err != nil && l.err == nil {
		l.err = cancelled("nn.Load", err)
	}
}

func cancelled(op errs.Op, err error) error {
	return errs.E(op, errs.Cancelled, "stopped: %w", err)
}

// need estimates the bytes that a model takes on the device: its weights as stored (GPT-2's
// turned ones as float32), rope tables, scratch, and one cache of max tokens.
func need(c *Config, src *source, max int) int64 {
	var n int64
	for _, t := range src.tensors {
		if t.dtype == tensor.F32 || len(t.shape) == 2 && c.layout != conv1D {
			n += t.size()
			continue
		}
		elems, bytes := t.dtype.Block()
		n += t.size() / int64(bytes) * int64(elems) * 4
	}
	n += 4 * int64(len(c.Ropes)) * int64(max) * int64(c.Rotary)
	rows := min(max, chunk)
	n += 4 * int64(scratchSize(c, rows)+tileSize(min(c.Heads*rows*max, scoreTile))+c.Vocab)
	return n + cacheBytes(c, max)
}
