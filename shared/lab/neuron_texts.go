package lab

import (
	"context"
	"math"
	"slices"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

const (
	textPiece  = 64      // tokens of a long text that are read at a time
	textTokens = 20000   // tokens of all texts together
	chunkSize  = 3 << 20 // activations that a plan brings back
	topRows    = 12      // texts shown
	peakBefore = 6       // tokens shown in front of the peak
	peakBehind = 3       // and after it
)

// textKind says what a text is to a concept.
type textKind uint8

const (
	isConcept textKind = iota // of the concept
	isNear                    // near to it: the same frame without the concept
	isOther                   // something else
)

// neuronText is a text with the neuron's largest activation in it.
type neuronText struct {
	ids     []int32
	concept int // its place in the set's concepts; -1: none
	kind    textKind
	peak    float32
	at      int       // where
	acts    []float32 // of the one neuron, by token; the first token is not counted
}

// textList are the texts that neurons are tried on.
type textList struct {
	concepts []string
	kin      []string
	texts    []neuronText
}

// textSet are the built-in texts, more of the concept that is asked for, and the person's own.
func (n *neuronRun) textSet(focus string) (*textList, error) {
	s := &textList{}
	for i, c := range conceptsOf(n.b) {
		s.concepts, s.kin = append(s.concepts, c.name), append(s.kin, c.kin)
		of, near := otherTexts, otherNear
		if c.name == focus {
			of, near = focusTexts, focusNear
		}
		if err := s.add(n.b, c.of(of), i, isConcept); err != nil {
			return nil, err
		}
		if err := s.add(n.b, c.near(near), i, isNear); err != nil {
			return nil, err
		}
	}
	if err := s.add(n.b, plainTexts(n.b), -1, isOther); err != nil {
		return nil, err
	}
	if err := s.own(n.b, n.p.Marked); err != nil {
		return nil, err
	}
	return s, s.add(n.b, n.p.Texts, -1, isOther)
}

// own adds marked texts as one more concept: the first label is the concept, the others are near to it.
func (s *textList) own(b *Bench, marked [][2]string) error {
	if len(marked) == 0 {
		return nil
	}
	var in, out []string
	for _, m := range marked {
		if m[1] == marked[0][1] {
			in = append(in, m[0])
		} else {
			out = append(out, m[0])
		}
	}
	if len(in) < 2 || len(out) < 2 {
		return errs.E("lab.neuron", errs.Invalid, "marked: %d texts have the label %.40q and %d another one; at least two of each are needed to tell them apart", len(in), marked[0][1], len(out))
	}
	s.concepts, s.kin = append(s.concepts, marked[0][1]), append(s.kin, "")
	if err := s.add(b, in, len(s.concepts)-1, isConcept); err != nil {
		return err
	}
	return s.add(b, out, len(s.concepts)-1, isNear)
}

// add appends texts, long ones in pieces. A text without a second token is left out: the first token is never counted.
func (s *textList) add(b *Bench, texts []string, concept int, k textKind) error {
	for _, text := range texts {
		ids, err := b.Tokens.Encode(text, token.Options{BOS: true})
		if err != nil {
			return errs.E("lab.neuron", errs.KindOf(err), "the text %.40q: %w", text, err)
		}
		for len(ids) > 1 {
			piece := ids[:min(len(ids), textPiece)]
			s.texts = append(s.texts, neuronText{ids: piece, concept: concept, kind: k})
			ids = ids[len(piece):]
		}
	}
	total := 0
	for _, t := range s.texts {
		total += len(t.ids)
	}
	if total > textTokens {
		return errs.E("lab.neuron", errs.TooLarge, "texts: with the built-in ones they have %d tokens; at most %d are read", total, textTokens)
	}
	return nil
}

// textPlans read neurons at all tokens but the first, a chunk of the texts each.
func (n *neuronRun) textPlans(s *textList, layers, index plan.Select) (plans []*plan.Plan) {
	c := n.b.Model.Config()
	row := c.Layers * c.MLP
	if !layers.All {
		row = len(layers.List)
	}
	p, size := &plan.Plan{}, 0
	for i, t := range s.texts {
		if size += row * len(t.ids); len(p.Runs) > 0 && size > chunkSize || len(p.Runs) == plan.MaxRuns/2 {
			plans, p, size = append(plans, p), &plan.Plan{}, row*len(t.ids)
		}
		p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{IDs: t.ids}, Reads: []plan.Read{
			{Name: "n", Site: hook.MLPPost, Layers: layers, Index: index, Positions: plan.At(span(1, len(t.ids)-1)...)}}})
	}
	return append(plans, p)
}

// eachText runs the plans and gives each text's activations [layer][position * neurons].
func (n *neuronRun) eachText(ctx context.Context, plans []*plan.Plan, see func(i int, acts [][]float32)) error {
	done, total := 0, 0
	for _, p := range plans {
		total += len(p.Runs)
	}
	for _, p := range plans {
		res, err := perform(ctx, n.b, nil, p, plan.Observer{Finished: func(plan.RunResult) {
			done++
			n.emit(Event{Stage: "texts", Done: done, Total: total})
		}})
		if err != nil {
			return err
		}
		for _, r := range p.Runs {
			i, _ := strconv.Atoi(r.Name)
			see(i, rowsOf(res, r.Name, "n"))
		}
	}
	return nil
}

// peaks finds one neuron's largest activation in each text.
func (n *neuronRun) peaks(ctx context.Context, s *textList, layer, index int) error {
	return n.eachText(ctx, n.textPlans(s, plan.One(layer), plan.One(index)), func(i int, acts [][]float32) {
		at := topPlace(acts[0])
		s.texts[i].peak, s.texts[i].at, s.texts[i].acts = acts[0][at], at+1, acts[0]
	})
}

// excites shows what excites a neuron, and how well it tells the concepts.
func (n *neuronRun) excites(ctx context.Context, s *textList, layer, index int) error {
	if err := n.peaks(ctx, s, layer, index); err != nil {
		return err
	}
	name := unitName(layer, index)
	order := descending(len(s.texts), func(i int) float64 { return float64(s.texts[i].peak) })
	n.out.figure(n.topFigure(s, order, name))
	jobs, tells := s.groups(name), s.tells(name)
	n.out.figure(jobs)
	n.out.figure(tells)
	n.topFacts(s, order, name)
	return nil
}

// topFigure shows the texts in which the neuron is most excited, the token in question in the middle.
func (n *neuronRun) topFigure(s *textList, order []int, name string) Figure {
	f := Figure{Name: "top", Kind: Grid, Title: say("The tokens that excite {0} most, in context", name), Unit: say("activation"), Scale: Effect,
		X: Axis{Name: say("tokens from the peak")}, Y: Axis{Name: say("text")}, Best: &[2]int{peakBefore, 0}}
	for x := -peakBefore; x <= peakBehind; x++ {
		f.X.Labels = append(f.X.Labels, strconv.Itoa(x))
	}
	for place, i := range s.varied(order) {
		t := &s.texts[i]
		words, cells := make([]string, peakBefore+1+peakBehind), make([]Num, peakBefore+1+peakBehind)
		for x := range cells {
			cells[x] = Num(math.NaN())
			if at := t.at + x - peakBefore; at >= 0 && at < len(t.ids) {
				if words[x] = n.b.Tokens.Text(t.ids[at]); at > 0 {
					cells[x] = Num(t.acts[at-1])
				}
			}
		}
		f.Texts, f.Cells, f.Y.Labels = append(f.Texts, words), append(f.Cells, cells), append(f.Y.Labels, strconv.Itoa(place+1))
	}
	slices.Reverse(f.Texts) // the first row is at the bottom
	slices.Reverse(f.Cells)
	slices.Reverse(f.Y.Labels)
	f.Best[1] = len(f.Cells) - 1
	return f
}

// varied are the first texts of the order, at most two for each token at the peak, so that a neuron's
// second job is seen too.
func (s *textList) varied(order []int) (out []int) {
	seen := map[int32]int{}
	for _, i := range order {
		id := s.texts[i].ids[s.texts[i].at]
		if seen[id]++; seen[id] <= 2 && len(out) < topRows {
			out = append(out, i)
		}
	}
	return out
}

// of are the peaks of the texts that pass.
func (s *textList) of(pass func(t *neuronText) bool) []float32 {
	var out []float32
	for i := range s.texts {
		if t := &s.texts[i]; pass(t) {
			out = append(out, t.peak)
		}
	}
	return out
}

// groups is the mean peak of every concept's texts: a neuron with several jobs stands up in several.
func (s *textList) groups(name string) Figure {
	f := Figure{Name: "jobs", Kind: Bars, Title: say("How far each kind of text excites {0}", name), Unit: say("mean of the largest activation"), Scale: Effect, X: Axis{Name: say("texts")}}
	with, without := Series{Name: say("of the concept")}, Series{Name: say("near to it"), Control: true}
	for i, c := range s.concepts {
		f.X.Labels = append(f.X.Labels, c)
		for k, series := range []*Series{&with, &without} {
			series.put(mean(doubles(s.of(func(t *neuronText) bool { return t.concept == i && t.kind == textKind(k) }))))
		}
	}
	f.Series = []Series{with, without}
	return f
}

// tell is how well the peaks tell concept i: against everything else, and against everything else but
// the near misses.
func (s *textList) tell(i int) (all, easy float64) {
	in := s.of(func(t *neuronText) bool { return t.concept == i && t.kind == isConcept })
	out := s.of(func(t *neuronText) bool { return t.concept != i || t.kind != isConcept })
	far := s.of(func(t *neuronText) bool { return t.kind == isOther || t.kind == isConcept && t.concept != i })
	return auroc(in, out), auroc(in, far)
}

func (s *textList) tells(name string) Figure {
	f := Figure{Name: "concepts", Kind: Bars, Title: say("How well {0} tells each concept", name), Unit: say("AUROC: 50 % is chance"), Scale: Share, X: Axis{Name: say("concept"), Labels: s.concepts}}
	all, easy := Series{Name: say("with near misses")}, Series{Name: say("without them"), Control: true}
	for i := range s.concepts {
		a, e := s.tell(i)
		all.Values, easy.Values = append(all.Values, Num(a)), append(easy.Values, Num(e))
	}
	f.Series = []Series{all, easy}
	return f
}

func (n *neuronRun) topFacts(s *textList, order []int, name string) {
	first := &s.texts[order[0]]
	n.out.fact(say("Of {0} texts the one that excites {1} most does so at {2}: {3}.", strconv.Itoa(len(s.texts)), name, quoted(n.b, first.ids[first.at]), decimal(float64(first.peak), 2)))
	best, at := 0.0, 0
	for i := range s.concepts {
		if a, _ := s.tell(i); a > best {
			best, at = a, i
		}
	}
	_, easy := s.tell(at)
	n.out.fact(say("The concept that it tells best is {0}: AUROC {1} with near misses among the others, {2} without them.", s.concepts[at], decimal(best, 3), decimal(easy, 3)))
	jobs := 0
	for i := range s.concepts {
		m, _, _ := mean(doubles(s.of(func(t *neuronText) bool { return t.concept == i && t.kind == isConcept })))
		if m > float64(first.peak)/2 {
			jobs++
		}
	}
	n.out.fact(say("{0} of {1} kinds of text excite it to half of that on average.", strconv.Itoa(jobs), strconv.Itoa(len(s.concepts))))
}
