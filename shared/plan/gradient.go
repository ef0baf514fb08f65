package plan

import (
	"context"
	"math"
	"slices"

	"patchbay/shared/device"
	"patchbay/shared/hook"
	"patchbay/shared/nn"
)

// slope is the work on the gradients of one run: seeds where its scalar reads begin, captures where
// gradients are wanted. The pass is recorded once more, with the edits and without the reads.
type slope struct {
	x     *executor
	ctx   context.Context
	r     *run
	o     *outcome
	own   *capture
	edits *backTaps
	want  map[hook.Point][]*harvest
	taken []device.Buffer
}

// harvest is a capture of the gradient of one of the scalar reads.
type harvest struct {
	of   int // which
	to   *capture
	late bool // of the value before edits
}

// gradients fills the captures of the reads that have gradient_of.
func (x *executor) gradients(ctx context.Context, r *run, own *capture, o *outcome) error {
	scalars := r.slopes()
	if len(scalars) == 0 {
		return nil
	}
	dev := x.env.Model.Device()
	t := &taps{dev: dev, prompt: len(r.ids), stops: map[hook.Point]*stop{}}
	if err := x.bind(ctx, r, t); err != nil {
		return err
	}
	s := &slope{x: x, ctx: ctx, r: r, o: o, own: own, edits: newBackTaps(t), want: map[hook.Point][]*harvest{}}
	defer s.free()
	s.edits.late = s.harvestLate
	for _, d := range r.reads {
		s.watch(d, scalars)
	}
	var cotangents [][]nn.Seed
	for _, d := range scalars {
		seeds, err := s.seeds(o.reads[d])
		if err != nil {
			return at(d.where, err)
		}
		cotangents = append(cotangents, seeds)
	}
	return s.run(cotangents)
}

func (s *slope) free() {
	for _, b := range s.taken {
		s.x.env.Model.Device().Free(b)
	}
}

// watch puts the captures of a gradient read at their points.
func (s *slope) watch(d *read, scalars []*read) {
	if d.of == nil {
		return
	}
	for i, l := range d.layers {
		p := hook.Point{Layer: l, Site: d.src.Site}
		s.want[p] = append(s.want[p], &harvest{slices.Index(scalars, d.of), s.o.reads[d].layers[i], d.src.Before && s.edits.Wants(p)})
	}
}

// run records the pass as far as the seeds lie, and goes back.
func (s *slope) run(cotangents [][]nn.Seed) error {
	m, layers := s.x.env.Model, 1
	for _, list := range cotangents {
		for _, seed := range list {
			switch about, _ := hook.Lookup(seed.At.Site); {
			case about.InBlock:
				layers = max(layers, seed.At.Layer+1)
			case seed.At.Site != hook.Embed && seed.At.Site != hook.PosEmbed:
				layers = s.x.c.cfg.Layers
			}
		}
	}
	pass := nn.Pass{IDs: s.r.ids, Taps: s.edits, Layers: layers}
	pass.Progress = func(done, _ int) { s.x.see.progress(s.r.name, "gradient", done, 2*layers) }
	tape, err := m.Record(s.ctx, pass)
	if err != nil {
		return err
	}
	defer tape.Free()
	return m.Backward(s.ctx, tape, nn.Back{Cotangents: cotangents, To: s, Progress: func(done, total int) {
		s.x.see.progress(s.r.name, "gradient", 2*layers-total+done, 2*layers)
	}})
}

// Wants implements nn.Gradients.
func (s *slope) Wants(p hook.Point) bool { return len(s.want[p]) > 0 }

// At implements nn.Gradients.
func (s *slope) At(_ context.Context, p hook.Point, cotangent int, v nn.Value) error {
	s.edits.cotangent = cotangent // Back comes right after
	return s.take(p, cotangent, v, false)
}

func (s *slope) harvestLate(p hook.Point, v nn.Value) error {
	return s.take(p, s.edits.cotangent, v, true)
}

// take adds the gradient to the captures that want it: the sites of ln1 may be shown in parts.
func (s *slope) take(p hook.Point, cotangent int, v nn.Value, late bool) error {
	var host, buf []float32
	for _, h := range s.want[p] {
		if h.of != cotangent || h.late != late {
			continue
		}
		about, _ := hook.Lookup(p.Site)
		lay := layoutOf(v.Shape, about.Shape == hook.Square)
		if host == nil {
			host, buf = make([]float32, v.Buf.Len()), make([]float32, lay.width)
			if err := s.edits.dev.Download(host, v.Buf); err != nil {
				return err
			}
		}
		h.add(host, lay, v.Pos, buf)
	}
	return nil
}

func (h *harvest) add(host []float32, lay layout, pos int, buf []float32) {
	one := &capture{heads: h.to.heads, index: h.to.index, width: h.to.width, rows: make([]float32, h.to.width)}
	for row := range lay.T {
		i, ok := h.to.at[pos+row]
		if !ok {
			continue
		}
		one.take(spot{x: host, lay: lay, row: row}, 0, buf)
		for j, g := range one.rows {
			h.to.rows[i*h.to.width+j] += g
		}
	}
}

// upload puts numbers on the device until the run's gradients are done.
func (s *slope) upload(x []float32) (device.Buffer, error) {
	dev := s.x.env.Model.Device()
	b, err := dev.Alloc(len(x))
	if err == nil {
		s.taken = append(s.taken, b)
		dev.Upload(b, x)
	}
	return b, err
}

// seeds are where the gradient of a scalar read begins.
func (s *slope) seeds(rd *reading) ([]nn.Seed, error) {
	if rd.d.lens() {
		return s.lensSeeds(rd)
	}
	g, err := s.direction(rd)
	if err != nil {
		return nil, err
	}
	d, c := rd.d, rd.layers[0]
	p := hook.Point{Layer: d.layers[0], Site: d.about.Site}
	shape, _, err := s.x.env.Model.Site(p)
	if err != nil {
		return nil, err
	}
	if d.about.Shape == hook.Square {
		lay := layoutOf([]int{shape[0], len(s.r.ids), len(s.r.ids)}, true)
		full := make([]float32, lay.heads*lay.strideHd)
		for i, pos := range c.pos {
			scatter(full, lay, pos, c, g[i*c.width:(i+1)*c.width])
		}
		b, err := s.upload(full)
		return []nn.Seed{{At: p, Grad: b, Before: d.src.Before}}, err
	}
	var seeds []nn.Seed
	for i, pos := range c.pos {
		lay := layoutOf(append([]int{1}, shape[1:]...), false)
		full := make([]float32, lay.strideT)
		scatter(full, lay, 0, c, g[i*c.width:(i+1)*c.width])
		b, err := s.upload(full)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, nn.Seed{At: p, Row: pos, Grad: b, Before: d.src.Before})
	}
	return seeds, nil
}

// scatter puts the chosen elements of a row where they were taken from.
func scatter(full []float32, lay layout, row int, c *capture, g []float32) {
	each := len(g) / lay.heads
	if c.heads != nil {
		each = len(g) / len(c.heads)
	}
	spot{x: full, lay: lay, row: row, heads: c.heads, index: c.index}.each(make([]float32, lay.width), func(n int, x []float32) {
		copy(x, g[n*each:(n+1)*each])
	})
}

// direction is the gradient of a reduction that does not look at the vocabulary, to what it was given.
func (s *slope) direction(rd *reading) ([]float32, error) {
	c := rd.layers[0]
	g := make([]float32, len(c.rows))
	switch rd.d.src.Reduce {
	case Mean:
		for i := range g {
			g[i] = 1 / float32(len(c.pos))
		}
	case Norm:
		if l := length(c.rows); l > 0 {
			for i, v := range c.rows {
				g[i] = float32(float64(v) / l)
			}
		}
	case Projection:
		dirs, err := s.x.vectors(s.ctx, rd.d.v)
		if err != nil {
			return nil, err
		}
		if len(dirs[0]) != len(g) {
			return nil, bad(rd.d.where+".operand", "a gradient is of one number; the projection has %d directions", len(dirs[0])/len(g))
		}
		if l := length(dirs[0]); l > 0 {
			for i, v := range dirs[0] {
				g[i] = float32(float64(v) / l)
			}
		}
	default:
		fill(g, 1)
	}
	return g, nil
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// lensSeeds are the seeds of a reduction over the vocabulary: at the logits, or at a residual
// site whose own path to the vocabulary is the lens.
func (s *slope) lensSeeds(rd *reading) (seeds []nn.Seed, err error) {
	s.x.answer(rd, s.r, s.o)
	d, c := rd.d, rd.layers[0]
	p := hook.Point{Layer: d.layers[0], Site: d.about.Site}
	for i, pos := range c.pos {
		row := c.rows[i*c.width : (i+1)*c.width]
		logits := row
		if p.Site != hook.Logits || !s.r.direct() {
			if logits, err = s.x.unembed(s.ctx, row); err != nil {
				return nil, err
			}
		}
		final, err := s.final(rd, i)
		if err != nil {
			return nil, err
		}
		g, own := vocabSlope(rd, i, logits, final)
		seed, err := s.vocabSeed(p, pos, g, row)
		if err != nil {
			return nil, err
		}
		seed.Before = d.src.Before
		seeds = append(seeds, seed)
		if own != nil && d.to == s.r {
			seed, err := s.vocabSeed(hook.Point{Site: hook.Logits}, d.toPos[i], own, nil)
			if err != nil {
				return nil, err
			}
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// final is the logits that kl compares row i with, or nil.
func (s *slope) final(rd *reading, i int) ([]float32, error) {
	if rd.d.to == nil {
		return nil, nil
	}
	var j job
	s.x.compare(&j, s.r, rd.d, i, s.o, s.own)
	if j.own != nil {
		return s.x.unembed(s.ctx, j.own)
	}
	return j.kept, nil
}

// vocabSeed is a gradient to a row of logits, taken through the lens to the site p if that is not the logits.
func (s *slope) vocabSeed(p hook.Point, pos int, g, row []float32) (nn.Seed, error) {
	seed := nn.Seed{At: p, Row: pos}
	var err error
	if p.Site == hook.Logits {
		seed.Grad, err = s.upload(g)
		return seed, err
	}
	if seed.Grad, err = s.upload(make([]float32, len(row))); err != nil {
		return seed, err
	}
	dev := s.x.env.Model.Device()
	tmp, err := dev.Alloc(len(g) + len(row)) // large, and done with at once
	if err != nil {
		return seed, err
	}
	defer dev.Free(tmp)
	grad, in := tmp.Slice(0, len(g)), tmp.Slice(len(g), len(row))
	dev.Upload(grad, g)
	dev.Upload(in, row)
	return seed, s.x.env.Model.UnembedBack(s.ctx, seed.Grad, grad, in, 1)
}

// vocabSlope is the gradient of a reduction to the logits of row i, and of kl to those it compares with.
func vocabSlope(rd *reading, i int, logits, final []float32) (g, own []float32) {
	g = make([]float32, len(logits))
	p := softmax(logits)
	minus := func(s float64) {
		for j, v := range p {
			g[j] = float32(-s * v)
		}
	}
	switch rd.d.src.Reduce {
	case Logits:
		g[rd.tokens[0]] = 1
	case LogitDiff:
		g[rd.tokens[0]]++
		g[rd.tokens[1]]--
	case LogProb:
		minus(1)
		g[rd.tokens[0]]++
	case CrossEntropy:
		n := float64(len(rd.layers[0].pos))
		minus(-1 / n)
		g[rd.d.next[i]] -= float32(1 / n)
	case Entropy:
		h := 0.0
		for _, v := range p {
			h -= v * log(v)
		}
		for j, v := range p {
			g[j] = float32(-v * (log(v) + h))
		}
	case KL: // of q = final against p
		q, kl := softmax(final), 0.0
		own = make([]float32, len(g))
		for j, v := range q {
			kl += v * (log(v) - log(p[j]))
		}
		for j, v := range q {
			g[j] = float32(p[j] - v)
			own[j] = float32(v * (log(v) - log(p[j]) - kl))
		}
	}
	return g, own
}

func softmax(x []float32) []float64 {
	m, sum := float64(slices.Max(x)), 0.0
	p := make([]float64, len(x))
	for i, v := range x {
		p[i] = math.Exp(float64(v) - m)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// log is the logarithm of a probability, of which 0 weighs nothing.
func log(p float64) float64 { return math.Log(max(p, 1e-300)) }
