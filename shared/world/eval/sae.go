package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/tensor"
)

// A small dictionary: k of features are active. Rows are states after the middle block.
const (
	saeFeatures, saeActive  = 1024, 16
	saeDocuments, saeBatch  = 500, 128
	saeSteps, saeRate       = 900, 3e-3
	saeTop                  = 10 // activations that purity looks at
	saeDecay1, saeDecay2    = 0.9, 0.99
	saeHeldPart, saeEpsilon = 10, 1e-8
)

// sae is a TopK autoencoder (Gao et al. 2024) on centred rows of mean square 1. Scores of features
// are products on the model's device; what follows touches k features of a row and is plain Go.
type sae struct {
	dev      device.Device
	x, score device.Buffer // [saeBatch, d], [saeBatch, feature]
	d        int
	enc, dec []float32 // [feature, d]; decoder rows have length 1
	bias     []float32 // of features
	optimize [3]adam
}

// measureSAE trains the dictionary and asks how pure its features are.
func measureSAE(b *bench) ([]row, error) {
	r := row{technique: "SAE on the middle block, 1,024 features", wanted: "FVU below 0.2 at L0 of 16, trained in under a minute; purity reported"}
	rows, tokens, err := b.rows()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	held := len(rows) / saeHeldPart
	s, blank := newSAE(b.env.Model.Device(), b.width), newSAE(b.env.Model.Device(), b.width)
	defer s.close()
	defer blank.close()
	if err := s.train(b.ctx, rows[held:]); err != nil {
		return nil, err
	}
	took := time.Since(start)
	fvu, untrained := s.fvu(rows[:held]), blank.fvu(rows[:held])
	p, alive := s.purity(rows, tokens)
	random, _ := blank.purity(rows, tokens)
	r.measured = fmt.Sprintf("FVU %.3f on %d held-out rows after %.1f s; %d features alive, mean purity %.2f", fvu, held, took.Seconds(), alive, p)
	r.control = fmt.Sprintf("untrained dictionary: FVU %.2f, purity %.2f", untrained, random)
	r.met = fvu < 0.2 && took < time.Minute
	return []row{r}, nil
}

// rows are states after the middle block over new documents, position 0 left out, and their tokens.
func (b *bench) rows() (rows [][]float32, tokens []int32, err error) {
	var items []item
	r := rand.New(rand.NewPCG(77, 77))
	for range saeDocuments {
		items = append(items, item{text: b.world.Plain(r)})
	}
	reads := []plan.Read{{Name: "x", Site: hook.ResidPost, Layers: plan.One(b.layers/2 - 1), Positions: plan.Positions{All: true}}}
	err = b.execute(items, reads, func(_ int, res plan.RunResult, array func(string) [][]float32) {
		x := array("x")[0]
		for t := 1; t < len(res.IDs); t++ {
			rows, tokens = append(rows, x[t*b.width:(t+1)*b.width]), append(tokens, res.IDs[t])
		}
	})
	if err != nil {
		return nil, nil, err
	}
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j], tokens[i], tokens[j] = rows[j], rows[i], tokens[j], tokens[i] })
	standardize(rows)
	return rows, tokens, nil
}

// standardize takes the mean away and scales to a mean square of 1.
func standardize(rows [][]float32) {
	m := make([]float32, len(rows[0]))
	for _, x := range rows {
		m = combine(m, 1/float32(len(rows)), x)
	}
	sum := 0.0
	for i, x := range rows {
		rows[i] = combine(x, -1, m)
		sum += norm(rows[i]) * norm(rows[i])
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(rows)*len(m))))
	for i, x := range rows {
		rows[i] = combine(make([]float32, len(x)), scale, x)
	}
}

func newSAE(dev device.Device, d int) *sae {
	s := &sae{dev: dev, d: d, enc: make([]float32, saeFeatures*d), dec: make([]float32, saeFeatures*d), bias: make([]float32, saeFeatures)}
	s.x, s.score = alloc(dev, saeBatch*d), alloc(dev, saeBatch*saeFeatures)
	r := rand.New(rand.NewPCG(9, 9))
	for f := range saeFeatures {
		v := s.dec[f*d : (f+1)*d]
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		copy(v, combine(make([]float32, d), float32(1/norm(v)), v))
		copy(s.enc[f*d:], v)
	}
	s.optimize = [3]adam{newAdam(len(s.enc)), newAdam(len(s.dec)), newAdam(len(s.bias))}
	return s
}

// activation of a feature.
type activation struct {
	feature int
	value   float32
}

// alloc gives a buffer of a megabyte at most: a device that held a model has that.
func alloc(dev device.Device, n int) device.Buffer {
	b, err := dev.Alloc(n)
	if err != nil {
		panic(err)
	}
	return b
}

func (s *sae) close() {
	s.dev.Free(s.x)
	s.dev.Free(s.score)
}

// matrix is the encoder as a device reads weights.
type matrix struct {
	d int
	v []float32
}

func (m matrix) ReadRows(dst []byte, row, n int) error {
	for i, v := range m.v[row*m.d : (row+n)*m.d] {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return nil
}

// encode gives the k largest positive features of each row.
func (s *sae) encode(rows [][]float32) [][]activation {
	w, err := s.dev.Load(tensor.F32, saeFeatures, s.d, matrix{s.d, s.enc})
	if err != nil {
		panic(err)
	}
	defer s.dev.Unload(w)
	out, scores := make([][]activation, 0, len(rows)), make([]float32, saeBatch*saeFeatures)
	for part := range slices.Chunk(rows, saeBatch) {
		n := len(part)
		s.dev.Upload(s.x.Slice(0, n*s.d), slices.Concat(part...))
		s.dev.MatMul(s.score.Slice(0, n*saeFeatures), s.x.Slice(0, n*s.d), n, w, nil, device.Exact)
		if err := s.dev.Download(scores[:n*saeFeatures], s.score.Slice(0, n*saeFeatures)); err != nil {
			panic(err)
		}
		for i := range n {
			out = append(out, s.top(scores[i*saeFeatures:(i+1)*saeFeatures]))
		}
	}
	return out
}

// top keeps the k largest positive scores.
func (s *sae) top(scores []float32) []activation {
	top := make([]activation, 0, saeActive+1)
	for f, a := range scores {
		if a += s.bias[f]; a <= 0 || len(top) == saeActive && a <= top[saeActive-1].value {
			continue
		}
		at := sort.Search(len(top), func(i int) bool { return top[i].value < a })
		top = slices.Insert(top, at, activation{f, a})
		top = top[:min(saeActive, len(top))]
	}
	return top
}

// residual is x minus its reconstruction.
func (s *sae) residual(x []float32, acts []activation) []float32 {
	out := append([]float32{}, x...)
	for _, a := range acts {
		for i, w := range s.dec[a.feature*s.d : (a.feature+1)*s.d] {
			out[i] -= a.value * w
		}
	}
	return out
}

// train takes Adam steps on the squared error.
func (s *sae) train(ctx context.Context, rows [][]float32) error {
	r := rand.New(rand.NewPCG(8, 8))
	genc, gdec, gbias := make([]float32, len(s.enc)), make([]float32, len(s.dec)), make([]float32, len(s.bias))
	batch := make([][]float32, saeBatch)
	for step := range saeSteps {
		if err := device.Yield(ctx); err != nil {
			return err
		}
		clear(genc)
		clear(gdec)
		clear(gbias)
		for i := range batch {
			batch[i] = rows[r.IntN(len(rows))]
		}
		for i, acts := range s.encode(batch) {
			s.gradient(batch[i], acts, genc, gdec, gbias)
		}
		rate := saeRate * min(1, float64(saeSteps-step)/(saeSteps/3))
		s.optimize[0].step(s.enc, genc, rate)
		s.optimize[1].step(s.dec, gdec, rate)
		s.optimize[2].step(s.bias, gbias, rate)
		for f := range saeFeatures {
			v := s.dec[f*s.d : (f+1)*s.d]
			n := float32(1 / norm(v))
			for i := range v {
				v[i] *= n
			}
		}
	}
	return nil
}

// gradient adds a row's.
func (s *sae) gradient(x []float32, acts []activation, genc, gdec, gbias []float32) {
	e := s.residual(x, acts)
	for _, a := range acts {
		at := a.feature * s.d
		var da float32
		for i := range e {
			da -= e[i] * s.dec[at+i]
			gdec[at+i] -= a.value * e[i]
		}
		gbias[a.feature] += da
		for i := range x {
			genc[at+i] += da * x[i]
		}
	}
}

// fvu is the fraction of variance unexplained.
func (s *sae) fvu(rows [][]float32) float64 {
	left, all := 0.0, 0.0
	acts := s.encode(rows)
	for i, x := range rows {
		e := norm(s.residual(x, acts[i]))
		left, all = left+e*e, all+norm(x)*norm(x)
	}
	return left / all
}

// purity is, over features with at least saeTop activations, the mean share of the commonest token
// among a feature's largest activations.
func (s *sae) purity(rows [][]float32, tokens []int32) (mean float64, alive int) {
	type seen struct {
		v float32
		t int32
	}
	by := make([][]seen, saeFeatures)
	for i, acts := range s.encode(rows) {
		for _, a := range acts {
			by[a.feature] = append(by[a.feature], seen{a.value, tokens[i]})
		}
	}
	for _, f := range by {
		if len(f) < saeTop {
			continue
		}
		sort.Slice(f, func(i, j int) bool { return f[i].v > f[j].v })
		count, most := map[int32]int{}, 0
		for _, e := range f[:saeTop] {
			count[e.t]++
			most = max(most, count[e.t])
		}
		alive++
		mean += float64(most) / saeTop
	}
	return mean / float64(max(1, alive)), alive
}

// adam keeps two moments.
type adam struct {
	m, v []float32
	t    int
}

func newAdam(n int) adam { return adam{make([]float32, n), make([]float32, n), 0} }

func (a *adam) step(w, g []float32, rate float64) {
	a.t++
	c1, c2 := 1-math.Pow(saeDecay1, float64(a.t)), math.Sqrt(1-math.Pow(saeDecay2, float64(a.t)))
	scale, epsilon := float32(rate*c2/c1), float32(saeEpsilon*c2)
	for i, x := range g {
		x /= saeBatch
		a.m[i] += (1 - saeDecay1) * (x - a.m[i])
		a.v[i] += (1 - saeDecay2) * (x*x - a.v[i])
		w[i] -= scale * a.m[i] / (float32(math.Sqrt(float64(a.v[i]))) + epsilon)
	}
}
