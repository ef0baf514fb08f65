package plan

// stack collects what the variants of a sweep gave, in the order of their numbers.
type stack struct {
	r         *run
	reads     map[*read]*reading
	generated [][]int32
	texts     []string
	stops     []string
}

// SweepResult is what a sweep's axes were, and what its variants generated, in their order.
type SweepResult struct {
	Axes      []Axis    `json:"axes"`
	Variants  int       `json:"variants"`
	Generated [][]int32 `json:"generated,omitempty"`
	Texts     []string  `json:"texts,omitempty"`
	Stops     []string  `json:"stops,omitempty"`
}

// Variant is what one run of a sweep gave.
type Variant struct {
	Run       string       `json:"run"`
	Index     int          `json:"index"`
	At        []int        `json:"at"` // its place on each axis
	Generated []int32      `json:"generated,omitempty"`
	Text      string       `json:"text,omitempty"`
	Stop      string       `json:"stop,omitempty"`
	Reads     []ReadResult `json:"reads,omitempty"`
}

func newStack(r *run) *stack {
	s := &stack{r: r, reads: map[*read]*reading{}}
	if r.gen != nil {
		s.generated, s.texts, s.stops = make([][]int32, r.sweep.n), make([]string, r.sweep.n), make([]string, r.sweep.n)
	}
	return s
}

// put takes in variant v.
func (s *stack) put(v int, o *outcome) {
	for d, rd := range o.reads {
		all := s.reads[d]
		if all == nil {
			all = s.room(rd)
			s.reads[d] = all
		}
		for i, x := range rd.values {
			copy(all.values[i][v*len(x):], x)
			if rd.top != nil {
				copy(all.top[i][v*len(rd.top[i]):], rd.top[i])
			}
		}
	}
	if s.r.gen != nil {
		s.generated[v], s.texts[v], s.stops[v] = o.generated, o.text, o.stop
	}
}

// room is a reading for all variants, of which rd is one.
func (s *stack) room(rd *reading) *reading {
	n := s.r.sweep.n
	all := &reading{d: rd.d, tokens: rd.tokens, shape: append(s.r.sweep.shape(), rd.shape...)}
	for i, x := range rd.values {
		all.layers = append(all.layers, &capture{pos: rd.layers[i].pos})
		all.values = append(all.values, make([]float32, n*len(x)))
		if rd.top != nil {
			all.top = append(all.top, make([][]Item, n*len(rd.top[i])))
		}
	}
	return all
}

// outcome is the sweep's own.
func (s *stack) outcome() *outcome {
	return &outcome{reads: s.reads, sweep: &SweepResult{s.r.sweep.axes, s.r.sweep.n, s.generated, s.texts, s.stops}}
}

// variantResult describes one variant to an observer.
func (x *executor) variantResult(r *run, v int, o *outcome) Variant {
	out := Variant{Run: r.name, Index: v, Generated: o.generated, Text: o.text, Stop: o.stop}
	for i, at := range r.sweep.coords(v) {
		if r.sweep.swept[i] {
			out.At = append(out.At, at)
		}
	}
	for _, d := range r.reads {
		one := o.reads[d].result(r.name, nil)
		one.Tensors = nil
		out.Reads = append(out.Reads, one)
	}
	return out
}
