package lab

import (
	"context"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

const (
	looksPerfect = 0.99 // an AUROC from which a neuron looks perfect
	ownLabel     = "own"
	severalOf    = "several"
)

// census is every neuron's largest activation in every text.
type census struct {
	s    *textList
	acts [][]float32 // [text][layer*F + neuron]
	f    int         // neurons of a layer
}

func (n *neuronRun) priceFind() (Price, error) {
	s, err := n.textSet(n.p.Concept)
	if err != nil {
		return Price{}, err
	}
	if _, err := n.concept(s); err != nil {
		return Price{}, err
	}
	return pricePlans(n.b, n.textPlans(s, plan.All(), plan.Select{})...)
}

// concept is the place of the concept that is asked for, -1 for several at once.
func (n *neuronRun) concept(s *textList) (int, error) {
	switch n.p.Concept {
	case severalOf:
		return -1, nil
	case ownLabel:
		if len(n.p.Marked) == 0 {
			return 0, errs.E("lab.neuron", errs.Invalid, "marked: mark texts of your own first, each with a label; the first label is the concept")
		}
		return len(s.concepts) - 1, nil
	}
	i := slices.Index(s.concepts, n.p.Concept)
	if i < 0 {
		return 0, errs.E("lab.neuron", errs.Invalid, "concept: there are no texts about %q for this model's world; there are texts about %v", n.p.Concept, s.concepts)
	}
	return i, nil
}

// find looks through the whole model for the neuron that tells a concept best.
func (n *neuronRun) find(ctx context.Context) error {
	s, err := n.textSet(n.p.Concept)
	if err != nil {
		return err
	}
	at, err := n.concept(s)
	if err != nil {
		return err
	}
	c, err := n.takeCensus(ctx, s)
	if err != nil {
		return err
	}
	best := 0
	if at < 0 {
		best, err = n.several(ctx, c)
	} else {
		best, err = n.best(ctx, c, at)
	}
	if err != nil {
		return err
	}
	n.out.Layer, n.out.Neuron = best/c.f, best%c.f
	n.show("found")
	if err := n.excites(ctx, s, n.out.Layer, n.out.Neuron); err != nil {
		return err
	}
	return n.without(ctx)
}

func (n *neuronRun) takeCensus(ctx context.Context, s *textList) (*census, error) {
	g := n.b.Model.Config()
	c := &census{s: s, acts: make([][]float32, len(s.texts)), f: g.MLP}
	err := n.eachText(ctx, n.textPlans(s, plan.All(), plan.Select{}), func(i int, acts [][]float32) {
		row := make([]float32, g.Layers*g.MLP)
		for l, v := range acts {
			top := row[l*g.MLP : (l+1)*g.MLP]
			copy(top, v)
			for at := g.MLP; at < len(v); at += g.MLP {
				for k, x := range v[at : at+g.MLP] {
					top[k] = max(top[k], x)
				}
			}
		}
		c.acts[i] = row
	})
	return c, err
}

// sides are the texts of a half: of the concept, near misses, and all else. Every other text is in the
// other half, and so is every other word.
type textSides struct{ in, near, far []int }

func (c *census) half(concept, half int) (x textSides) {
	var seen [3]int
	for i, t := range c.s.texts {
		k := isOther
		if t.concept == concept {
			k = t.kind
		}
		if t.kind == isNear && t.concept != concept {
			k = isOther
		}
		seen[k]++
		if seen[k]%2 == half {
			continue
		}
		switch k {
		case isConcept:
			x.in = append(x.in, i)
		case isNear:
			x.near = append(x.near, i)
		default:
			x.far = append(x.far, i)
		}
	}
	return x
}

func (c *census) column(texts []int, k int, into []float32) []float32 {
	into = into[:0]
	for _, i := range texts {
		into = append(into, c.acts[i][k])
	}
	return into
}

// score is the AUROC of neuron k on the texts.
func (c *census) score(x textSides, k int, near bool) float64 {
	out := c.column(x.far, k, nil)
	if near {
		out = append(out, c.column(x.near, k, nil)...)
	}
	return auroc(c.column(x.in, k, nil), out)
}

// search scores every neuron, and counts those that look perfect by layer.
func (c *census) search(ctx context.Context, x textSides, near bool) (scores []float64, byLayer []float64, err error) {
	scores, byLayer = make([]float64, len(c.acts[0])), make([]float64, len(c.acts[0])/c.f)
	for k := range scores {
		if k%c.f == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if scores[k] = c.score(x, k, near); scores[k] >= looksPerfect {
			byLayer[k/c.f]++
		}
	}
	return scores, byLayer, nil
}

// best searches on one half of the texts, tests on the other, and counts what the search would have
// found without near misses, and with shuffled labels.
func (n *neuronRun) best(ctx context.Context, c *census, at int) (int, error) {
	train, test := c.half(at, 0), c.half(at, 1)
	if len(train.in) == 0 || len(test.in) == 0 {
		return 0, errs.E("lab.neuron", errs.Invalid, "concept: %q has too few texts to search on one half and test on the other", c.s.concepts[at])
	}
	scores, layers, err := c.search(ctx, train, true)
	if err != nil {
		return 0, err
	}
	_, easy, err := c.search(ctx, train, false)
	if err != nil {
		return 0, err
	}
	mixedTrain := train.dealt(n.p.Seed)
	mixed, chance, err := c.search(ctx, mixedTrain, true)
	if err != nil {
		return 0, err
	}
	k, lucky := c.widest(train, scores), c.widest(mixedTrain, mixed)
	n.findFigures(layers, easy, chance)
	name, total := unitName(k/c.f, k%c.f), strconv.Itoa(len(scores))
	o := &n.out
	o.Chosen, o.Tested, o.Chance = Num(scores[k]), Num(c.score(test, k, true)), Num(c.score(test.dealt(n.p.Seed+1), lucky, true))
	o.fact(say("{0} tells {1} best: AUROC {2} on the texts it was chosen on, {3} on others with other words.", name, c.s.concepts[at], decimal(float64(o.Chosen), 3), decimal(float64(o.Tested), 3)))
	n.out.fact(say("Of {0} neurons {1} look perfect (AUROC 0.99 or more) without near misses; with them {2} are left. One example of a concept is not enough to name a neuron.", total, totalOf(easy), totalOf(layers)))
	n.out.fact(say("With shuffled labels {0} neurons look perfect on the first half; the best of those has AUROC {1} on the other.", totalOf(chance), decimal(float64(o.Chance), 3)))
	return k, nil
}

func totalOf(byLayer []float64) string {
	s := 0.0
	for _, x := range byLayer {
		s += x
	}
	return decimal(s, 0)
}

// dealt deals the texts of a half to the same sides by chance.
func (x textSides) dealt(seed int64) textSides {
	all := slices.Concat(x.in, x.near, x.far)
	source(seed).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	a, b := len(x.in), len(x.in)+len(x.near)
	return textSides{all[:a], all[a:b], all[b:]}
}

// widest is, of the neurons that look perfect (or of the best, if none does), the one with the widest gap
// between the concept and the rest, in units of the rest's spread.
func (c *census) widest(x textSides, scores []float64) int {
	top := min(slices.Max(scores), looksPerfect)
	best, at := math.Inf(-1), 0
	for k, s := range scores {
		if s < top {
			continue
		}
		in, out := c.column(x.in, k, nil), c.column(slices.Concat(x.near, x.far), k, nil)
		if gap := (quantile(in, 0.25) - quantile(out, 0.95)) / (deviation(out) + 1e-6); gap > best {
			best, at = gap, k
		}
	}
	return at
}

func (n *neuronRun) findFigures(layers, easy, chance []float64) {
	n.out.figure(Figure{Name: "perfect", Kind: Lines, Title: say("Neurons that look perfect, by layer"), Unit: say("neurons with AUROC 0.99 or more"), Scale: Amount,
		X: layerAxis(span(0, len(layers))), Series: []Series{
			{Name: say("without near misses"), Values: Nums(easy)}, {Name: say("with near misses"), Values: Nums(layers)}, {Name: say("shuffled labels"), Values: Nums(chance), Control: true}}})
}

// several finds a neuron with two unrelated jobs: its two best concepts, of different kin, each stand out
// from all the rest.
func (n *neuronRun) several(ctx context.Context, c *census) (int, error) {
	m := len(c.s.concepts)
	of := make([][]int, m+1) // texts by concept, all else last
	for i, t := range c.s.texts {
		at := m
		if t.kind == isConcept {
			at = t.concept
		}
		of[at] = append(of[at], i)
	}
	best, at, one, two := textJobs{low: -1}, 0, 0, 0
	for k := range c.acts[0] {
		if k%c.f == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		a, b := c.twoBest(of[:m], k)
		if j := c.jobs(of, a, b, k, best.low); j.low > best.low {
			best, at, one, two = j, k, a, b
		}
	}
	n.out.fact(say("{0} has two jobs: from all texts about other things it tells {1} with AUROC {2} and {3} with AUROC {4}. It is the best of {5} neurons at this.",
		unitName(at/c.f, at%c.f), c.s.concepts[one], decimal(best.a, 3), c.s.concepts[two], decimal(best.b, 3), strconv.Itoa(len(c.acts[0]))))
	return at, nil
}

// textJobs is how well a neuron tells each of two concepts from the rest, and the worse of both.
type textJobs struct{ a, b, low float64 }

// jobs scores neuron k, and gives up where the first concept is no better than need.
func (c *census) jobs(of [][]int, a, b, k int, need float64) (j textJobs) {
	var rest []float32
	for i, texts := range of {
		if i != a && i != b {
			rest = append(rest, c.column(texts, k, nil)...)
		}
	}
	if j.b = auroc(c.column(of[b], k, nil), rest); j.b <= need {
		return textJobs{low: -1}
	}
	j.a = auroc(c.column(of[a], k, nil), rest)
	j.low = min(j.a, j.b)
	return j
}

// twoBest are the concept with the largest mean activation of neuron k, and the best of other kin.
func (c *census) twoBest(of [][]int, k int) (a, b int) {
	means := make([]float64, len(of))
	for i, texts := range of {
		for _, t := range texts {
			means[i] += float64(c.acts[t][k]) / float64(len(texts))
		}
	}
	order := descending(len(of), func(i int) float64 { return means[i] })
	for _, b := range order[1:] {
		if kin := c.s.kin; kin[b] == "" || kin[b] != kin[order[0]] {
			return order[0], b
		}
	}
	return order[0], order[1]
}
