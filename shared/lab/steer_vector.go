package lab

import (
	"context"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// readLayers are the layers whose states are wanted: one text needs the chosen one only.
func (s *steering) readLayers() []int {
	if s.p.Show == "write" {
		return []int{s.layer}
	}
	return span(0, s.b.Model.Config().Layers)
}

// picky says that pairs are used only if the model refuses the first side and not the second
// (Arditi et al. 2024): what it does not tell apart itself makes no direction.
func (s *steering) picky() bool { return len(s.words.toward) > 0 && len(s.words.away) == 0 }

// fewest is how many pairs must remain for the others to be dropped.
const fewest = 6

// statePlan reads one text's residual stream.
func (s *steering) statePlan(prompt plan.Prompt) *plan.Plan {
	read := plan.Read{Name: "x", Site: hook.ResidPost, Layers: plan.Select{List: s.readLayers()}}
	reads := []plan.Read{read}
	if s.picky() {
		reads = append(reads, s.words.reads()...)
	}
	return &plan.Plan{Runs: []plan.Run{{Name: "text", Prompt: prompt, Reads: reads}}}
}

// read runs one text and gives its state by layer (nil where it is not wanted) at its last token or
// as the mean over all but the first, and adds the mean norm of the others' states to sum; and the
// score of its next word, where that counts.
func (s *steering) read(ctx context.Context, prompt plan.Prompt, sum []float64) (at [][]float32, score float64, err error) {
	res, err := perform(ctx, s.b, nil, s.statePlan(prompt), plan.Observer{})
	if err != nil {
		return nil, 0, err
	}
	n := len(res.Run("text").IDs)
	if n < 2 {
		return nil, 0, errs.E("lab.steer", errs.Invalid, "the text %.60q is a single token, and the first token is left out of averages: make it longer", prompt.Text)
	}
	width := s.b.Model.Config().Width
	at = make([][]float32, s.b.Model.Config().Layers)
	all := rowsOf(res, "text", "x")
	for i, l := range s.readLayers() {
		v := all[i]
		var rows [][]float32
		for i := 1; i < n; i++ {
			rows = append(rows, v[i*width:(i+1)*width])
			sum[l] += norm(rows[i-1]) / float64(n-1)
		}
		if at[l] = rows[n-2]; s.set.mean {
			at[l] = average(rows)
		}
	}
	if s.picky() {
		score = s.words.of(rowsOf(res, "text", "score")[0])[0]
	}
	return at, score, nil
}

// twoSides are the states of pairs' texts: [text][layer][width].
type twoSides struct{ a, b [][][]float32 }

// make goes through the first four steps: it reads both sides of the pairs, averages, subtracts
// and purifies; and it measures how well the vector tells held-out pairs apart.
func (s *steering) make(ctx context.Context) error {
	pairs, held, neutral := s.readings()
	texts := append(append(pairs, held...), neutral...)
	s.norms = make([]float64, s.b.Model.Config().Layers)
	var all [][][]float32
	var scores []float64
	for i, t := range texts {
		at, score, err := s.read(ctx, s.wrap(t), s.norms)
		if err != nil {
			return err
		}
		all, scores = append(all, at), append(scores, score)
		s.emit(Event{Stage: "states", Done: i + 1, Total: len(texts)})
	}
	for l := range s.norms {
		s.norms[l] /= float64(len(texts))
	}
	np, nh := len(pairs)/2, len(held)/2
	s.pairs, s.held = twoSides{all[:np], all[np : 2*np]}, twoSides{all[2*np : 2*np+nh], all[2*np+nh : 2*np+2*nh]}
	s.neutral = all[2*np+2*nh:]
	if s.picky() {
		s.pick(scores[:np], scores[np:2*np])
	}
	if s.v = s.directions(s.pairs); s.p.Vector == nil {
		s.shuffled = s.directions(s.shuffle(0))
	}
	if norm(s.v[s.layer]) == 0 {
		return errs.E("lab.steer", errs.Invalid, "the two sides do not differ at layer %d: there is no direction to make; choose other pairs, or another layer", s.layer)
	}
	s.describe()
	s.keep()
	return nil
}

// pick drops the pairs that the model itself does not tell apart, if enough remain.
func (s *steering) pick(a, b []float64) {
	var kept twoSides
	for i := range a {
		if a[i] > 0 && b[i] < 0 {
			kept.a, kept.b = append(kept.a, s.pairs.a[i]), append(kept.b, s.pairs.b[i])
		}
	}
	n, of := strconv.Itoa(len(kept.a)), strconv.Itoa(len(a))
	if len(kept.a) < fewest {
		s.out.fact(say("The model refuses the first side and not the second in only {0} of {1} pairs, so the vector is made of all of them.", n, of))
		return
	}
	s.pairs, s.out.Kept, s.out.Of = kept, len(kept.a), len(a)
	s.out.fact(say("The vector is made of the {0} of {1} pairs of which the model refuses the first side and not the second.", n, of))
}

// readings are the texts to read: pairs, held-out pairs, and neutral prompts, where they are needed.
func (s *steering) readings() (pairs, held, neutral []string) {
	both := func(list [][2]string) (out []string) {
		for side := range 2 {
			for _, p := range list {
				out = append(out, p[side])
			}
		}
		return out
	}
	if s.p.Vector == nil {
		pairs = both(s.set.pairs)
	}
	if s.p.Show != "write" {
		held = both(s.set.held)
	}
	if s.p.Purify == "neutral" || s.p.Vector != nil {
		neutral = s.set.tests
	}
	if len(pairs)+len(neutral) == 0 {
		neutral = []string{s.prompt().Text}
	}
	return pairs, held, neutral
}

// directions are the vectors of all layers that were read.
func (s *steering) directions(p twoSides) [][]float32 {
	out := make([][]float32, s.b.Model.Config().Layers)
	for _, l := range s.readLayers() {
		if s.p.Vector != nil {
			out[l] = s.p.Vector.Values
			continue
		}
		out[l] = s.purify(p, l)
	}
	return out
}

// difference is the mean of side A less that of side B at a layer.
func difference(p twoSides, l int) []float32 {
	out := make([]float32, len(p.a[0][l]))
	for i := range p.a {
		for k := range out {
			out[k] += (p.a[i][l][k] - p.b[i][l][k]) / float32(len(p.a))
		}
	}
	return out
}

// shuffle takes the labels from the texts: half of the pairs, drawn by the seed and the draw's
// number, change sides, and each text gets another partner.
func (s *steering) shuffle(draw int64) twoSides {
	n, r := len(s.pairs.a), source(s.p.Seed*64+draw+1)
	out := twoSides{slices.Clone(s.pairs.a), make([][][]float32, n)}
	b := slices.Clone(s.pairs.b)
	for _, i := range r.Perm(n)[:(n+1)/2] {
		out.a[i], b[i] = b[i], out.a[i]
	}
	for i, j := range r.Perm(n) {
		out.b[i] = b[j]
	}
	return out
}

// purify subtracts, and is the fourth step: the part shared with neutral prompts is taken out, or
// the first principal component of the differences (uncentred, as their signs are arbitrary; Zou
// et al. 2023) takes the mean's place, at the mean's length along it.
func (s *steering) purify(p twoSides, l int) []float32 {
	v := difference(p, l)
	switch s.p.Purify {
	case "neutral":
		var rows [][]float32
		for _, x := range s.neutral {
			rows = append(rows, x[l])
		}
		if m := average(rows); norm(m) > 0 {
			return plus(v, m, float32(-dot(v, m)/dot(m, m)))
		}
	case "pc1":
		return firstComponent(v, p, l)
	}
	return v
}

// firstComponent finds the direction along which the differences are longest, by power iteration from
// their mean. Which side a pair's difference points to does not matter to it.
func firstComponent(v []float32, p twoSides, l int) []float32 {
	u := v
	for range 50 {
		next := make([]float32, len(v))
		for i := range p.a {
			d := plus(p.a[i][l], p.b[i][l], -1)
			next = plus(next, d, float32(dot(d, u)))
		}
		n := norm(next)
		if n == 0 {
			return v
		}
		u = scaled(next, float32(1/n))
	}
	return scaled(u, float32(dot(u, v)))
}

// random is a vector of no meaning, as long as the layer's own.
// Each test prompt gets another one, so that no single draw decides a rate.
func (s *steering) random(l int) []float32 {
	return randomLike(s.v[l], (s.p.Seed*MaxItems+int64(s.test))*1024+int64(l))
}

// length is what is added at a layer: the strength in residual norms, or the difference's own; of
// a vector made here never more than maxTimes the difference.
func (s *steering) length(l int, strength float64) float64 {
	own := norm(s.v[l])
	if strength == 0 {
		return own
	}
	asked := math.Abs(strength) * s.norms[l]
	if s.p.Vector == nil {
		return min(asked, maxTimes*own)
	}
	return asked
}

// describe says how long the vector is, what purifying did, and how well each layer's direction
// tells held-out pairs apart.
func (s *steering) describe() {
	x := s.held
	if len(x.a) == 0 {
		x = s.pairs
	}
	if s.p.Show != "write" && len(x.a) > 0 {
		s.out.Figures = append(s.out.Figures, s.separation(x))
	}
	own, put, usual := norm(s.v[s.layer]), s.length(s.layer, s.p.Strength), s.norms[s.layer]
	s.out.Strength = put / usual
	if s.p.Operation != opProject {
		s.out.fact(say("The vector is {0} times as long as a usual state after layer {1}; what is put in is {2} times as long.", decimal(own/usual, 2), strconv.Itoa(s.layer), decimal(put/usual, 2)))
	}
	if s.p.Purify != "none" && s.p.Vector == nil {
		raw := difference(s.pairs, s.layer)
		s.out.fact(say("Purified, the vector keeps {0} of its length; its cosine with what it was is {1}.", percent(own/norm(raw)), decimal(cosine(raw, s.v[s.layer]), 2)))
	}
	switch {
	case s.shuffled == nil:
	case s.p.Purify == "pc1":
		s.out.fact(say("The first component needs no labels: made of texts with shuffled labels it has cosine {0} with the vector.", decimal(cosine(s.v[s.layer], s.shuffled[s.layer]), 2)))
	default:
		s.out.fact(say("Shuffling the labels of so few pairs leaves something over by chance: the shuffled vector has cosine {0} with the vector.", decimal(cosine(s.v[s.layer], s.shuffled[s.layer]), 2)))
	}
	if s.p.Strength*usual > put*1.001 {
		s.out.fact(say("The strength was cut to {0} times the difference: beyond that the text only breaks.", decimal(maxTimes, 0)))
	}
}

// shuffles is how many shufflings of the labels a curve of controls averages.
const shuffles = 8

// ranks is, by layer, how often the direction puts the first side of two texts above the second.
func ranks(v [][]float32, x twoSides) []float64 {
	out := make([]float64, len(v))
	for l := range v {
		var p, n []float32
		for i := range x.a {
			p, n = append(p, float32(dot(x.a[i][l], v[l]))), append(n, float32(dot(x.b[i][l], v[l])))
		}
		out[l] = auroc(p, n)
	}
	return out
}

// separation is the area under the curve of both sides' projections, by layer, beside shuffled labels.
func (s *steering) separation(x twoSides) Figure {
	auc := ranks(s.v, x)
	f := Figure{
		Name: "separation", Kind: Lines, Title: say("Does the vector tell the two sides apart?"), Unit: say("area under the ROC curve (0.5 is chance)"), Scale: Share,
		X: layerAxis(span(0, len(auc))), Best: &[2]int{s.layer, 0},
		Series: []Series{{Name: say("vector"), Values: Nums(auc)}},
	}
	layer := strconv.Itoa(s.layer)
	if s.shuffled == nil {
		s.out.fact(say("The vector that was brought ranks {0} of opposite texts rightly at layer {1}.", percent(auc[s.layer]), layer))
		return f
	}
	other := make([]float64, len(auc))
	for draw := range shuffles {
		for l, a := range ranks(s.directions(s.shuffle(int64(draw))), x) {
			other[l] += a / shuffles
		}
	}
	f.Series = append(f.Series, Series{Name: say("shuffled labels"), Values: Nums(other), Control: true})
	n := strconv.Itoa(len(x.a))
	w := say("On {0} held-out pairs the vector of layer {1} ranks {2} of opposite texts rightly; vectors of shuffled labels {3}.", n, layer, percent(auc[s.layer]), percent(other[s.layer]))
	if len(s.held.a) == 0 {
		w = say("On the very {0} pairs that it was made of the vector ranks {1} of opposite texts rightly; with six pairs or more some are held out.", n, percent(auc[s.layer]))
	}
	s.out.fact(w)
	return f
}

// keep hands out what was made.
func (s *steering) keep() {
	if s.p.Vector != nil {
		return
	}
	name := s.p.Set
	if len(s.p.Pairs) > 0 {
		name = setOwn
	}
	made := "steer: " + name + ", difference of means over " + strconv.Itoa(len(s.pairs.a)) + " pairs"
	if s.p.Purify != "none" {
		made += ", purified (" + s.p.Purify + ")"
	}
	s.out.Vectors = []Vector{{
		Name: name, Model: s.b.Parity.Model, Digest: s.b.Parity.Digest, Site: string(hook.ResidPost), Layer: s.layer, Values: s.v[s.layer], Made: made,
	}}
}
