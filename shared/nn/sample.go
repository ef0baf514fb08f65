package nn

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"patchbay/shared/errs"
)

// sampler draws tokens: temperature first, then the TopK largest, then of those the fewest
// whose probability reaches TopP, as transformers does. The same seed draws the same tokens.
type sampler struct {
	temperature, topP float64
	topK              int
	rng               *rand.Rand
}

// stream sets this use of a seed apart from others.
const stream = 0x70617463686261

func newSampler(o *GenerateOptions) (*sampler, error) {
	bad := func(format string, args ...any) (*sampler, error) {
		return nil, errs.E("nn.Generate", errs.Invalid, format, args...)
	}
	switch {
	case !finite(o.Temperature) || o.Temperature < 0:
		return bad("temperature is %g; it must be a number from 0 (greedy)", o.Temperature)
	case o.TopK < 0:
		return bad("top-k is %d; it must be 0 (no limit) or more", o.TopK)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return bad("top-p is %g; it must lie between 0 and 1 (no limit)", o.TopP)
	}
	s := &sampler{o.Temperature, o.TopP, o.TopK, rand.New(rand.NewPCG(uint64(o.Seed), stream))}
	if s.topP == 0 {
		s.topP = 1
	}
	return s, nil
}

func (s *sampler) greedy() bool { return s.temperature == 0 }

type candidate struct {
	id int32
	w  float64 // exp((logit-largest)/temperature)
}

// draw picks a token. It uses one random number whatever the limits.
func (s *sampler) draw(logits []float32) int32 {
	all, total := s.weigh(logits)
	u := s.rng.Float64()
	if s.topK > 0 && s.topK < len(all) {
		all, total = largest(all, s.topK)
	}
	if s.topP < 1 {
		all, total = nucleus(all, total, s.topP)
	}
	for _, c := range all {
		if u -= c.w / total; u < 0 {
			return c.id
		}
	}
	return all[len(all)-1].id // u was 1 but for rounding
}

func (s *sampler) weigh(logits []float32) (all []candidate, total float64) {
	top := float64(slices.Max(logits))
	all = make([]candidate, len(logits))
	for i, l := range logits {
		all[i] = candidate{int32(i), math.Exp((float64(l) - top) / s.temperature)}
		total += all[i].w
	}
	return all, total
}

// byWeight puts the likeliest first, equals by id.
func byWeight(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.w, a.w), cmp.Compare(a.id, b.id))
}

// largest keeps the k likeliest. Few candidates pass the bar of those found so far.
func largest(all []candidate, k int) (top []candidate, total float64) {
	top = make([]candidate, 0, 2*k)
	bar := -1.0
	for _, c := range all {
		if c.w <= bar {
			continue
		}
		if top = append(top, c); len(top) == 2*k {
			slices.SortFunc(top, byWeight)
			top = top[:k]
			bar = top[k-1].w
		}
	}
	slices.SortFunc(top, byWeight)
	top = top[:k]
	for _, c := range top {
		total += c.w
	}
	return top, total
}

// nucleus keeps the fewest likeliest that reach share p of the total.
func nucleus(all []candidate, total, p float64) ([]candidate, float64) {
	// Those below the bar hold less than 1-p together, so none of them can be needed.
	bar := (1 - p) * total / float64(len(all))
	var some []candidate
	for _, c := range all {
		if c.w >= bar {
			some = append(some, c)
		}
	}
	slices.SortFunc(some, byWeight)
	sum := 0.0
	for i, c := range some {
		if sum += c.w; sum >= p*total {
			return some[:i+1], sum
		}
	}
	return some, sum
}
