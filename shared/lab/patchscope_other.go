package lab

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// Another model as the target (Ghandeharioun et al. 2024, section 4.4): an affine map from the source
// model's states to the target model's, fitted on the states of both at the ends of the same words.

// ScopeFit is how well the map between two models does on words that it was not fitted on.
type ScopeFit struct {
	Fitted    int       `json:"fitted"`    // words
	Held      int       `json:"held"`      // words of other texts
	Explained []float64 `json:"explained"` // [layer] share of the held-out states' variance (R²)
	Cosine    []float64 `json:"cosine"`    // [layer] mean, of mapped and true states less the mean state
	Shuffled  []float64 `json:"shuffled"`  // [layer] R² of the map fitted on shuffled pairs
	Near      []float64 `json:"near"`      // [layer] mean cosine of that map
}

const (
	fitChunk = 8 // texts that are read between two events
	// fitRidge is the penalty in shares of the mean squared length of a state less the mean.
	fitRidge = 0.1
	// fitWidth is the share of the source's width below which there are too few words for a map.
	fitWidth   = 4
	fitBytes   = 512 << 20 // of the states of all words, at most
	wordTokens = 6         // that a source writes, to know the word that it begins
)

// bridge is the map between the layers of two models.
type bridge struct {
	texts []fitText
	n     int           // words that the map is fitted on; the others come after
	x, y  [][][]float32 // [layer][word] states of the source model and of the target's
	maps  []*ridge      // [layer]
	mean  [][]float32   // [layer] of the target's fitted states, which are stored less it
	order []int         // of the shuffled pairs
}

// fitText is a text with the places that its words end at, in the tokens of each model.
type fitText struct {
	text     string
	from, to []int
}

// target opens the model that gets the state, and chooses the layers: the same ones of one model, of
// two those at the same share of their depths. No layer is named twice.
func (s *scope) target() error {
	n := s.b.Model.Config().Layers
	s.to, s.layers = s.b, everyLayer(n, s.p.Step)
	s.deep = s.layers
	if s.p.Other == "" || s.p.Other == s.b.Parity.Model {
		return nil
	}
	if s.b.Other == nil {
		return errs.E("lab.Params", errs.Unsupported, "no second model can be opened here: leave the target model empty")
	}
	to, err := s.b.Other(s.ctx, s.p.Other)
	if err != nil {
		return errs.E("lab.Params", errs.KindOf(err), "the target model: %w", err)
	}
	if s.to = to; to.Parity.Digest != "" && to.Parity.Digest == s.b.Parity.Digest {
		return nil
	}
	m := to.Model.Config().Layers
	s.layers, s.deep = nil, nil
	for _, i := range everyLayer(min(n, m), s.p.Step) {
		s.layers, s.deep = append(s.layers, alike(i, min(n, m), n)), append(s.deep, alike(i, min(n, m), m))
	}
	s.bridge, err = s.plans()
	return err
}

// alike is the layer of n at the same share of the depth as layer i of few.
func alike(i, few, n int) int { return int(math.Round(float64((i+1)*n)/float64(few))) - 1 }

// plans chooses the texts of the fit and finds their words in both models' tokens.
func (s *scope) plans() (*bridge, error) {
	texts := s.p.Fit
	if len(texts) == 0 {
		texts = fitTexts(inPocket(s.b) || inPocket(s.to))
	}
	g, seen, words := &bridge{}, map[string]bool{}, 0
	for _, i := range source(s.p.Seed).Perm(len(texts)) {
		if s.tested(texts[i]) {
			continue
		}
		t, err := s.words(texts[i], seen)
		if err != nil {
			return nil, err
		}
		n := min(len(t.from), s.p.Words-words)
		if t.from, t.to = t.from[:n], t.to[:n]; n > 0 {
			g.texts = append(g.texts, t)
		}
		if words += n; words == s.p.Words {
			break
		}
	}
	for _, t := range g.texts[:len(g.texts)*9/10] {
		g.n += len(t.from)
	}
	if size := s.fitBytes(words); size > fitBytes {
		return nil, errs.E("lab.Params", errs.TooLarge, "the states of %d words in %d layers of both models take %d MiB; at most %d are kept: take fewer words, or a larger layer step", words, len(s.layers), size>>20, fitBytes>>20)
	}
	need := max(16, s.b.Model.Config().Width/fitWidth)
	if g.n < need || words == g.n {
		return nil, errs.E("lab.Params", errs.Invalid, "the texts of the fit leave %d words to fit the map on, nine tenths of the texts that hold %d; a source of width %d needs at least %d, a quarter of it: give more words, or more texts", g.n, words, s.b.Model.Config().Width, need)
	}
	g.order = source(s.p.Seed + 1).Perm(g.n)
	return g, nil
}

// fitBytes is what the states of so many words take.
func (s *scope) fitBytes(words int) int {
	return 4 * words * len(s.layers) * (s.b.Model.Config().Width + s.to.Model.Config().Width)
}

// tested says that a text tells what a source asks.
func (s *scope) tested(text string) bool {
	return slices.ContainsFunc(s.sources, func(x scopedSource) bool { return strings.HasPrefix(text, x.Source) })
}

// words finds where the text's words end in the tokens of both models. A beginning that was seen before
// would be the same state again and is left out; so are words whose end is inside a token, and the
// first token, which is every text's resting place and much longer than the others.
func (s *scope) words(text string, seen map[string]bool) (t fitText, err error) {
	t.text = text
	a, err := tokenEnds(s.b, text)
	if err != nil {
		return t, err
	}
	b, err := tokenEnds(s.to, text)
	if err != nil {
		return t, err
	}
	for end := 1; end <= len(text); end++ {
		if wordEnds(text, end) {
			i, j := slices.Index(a, end), slices.Index(b, end)
			if i > 0 && j > 0 && !seen[text[:end]] {
				seen[text[:end]] = true
				t.from, t.to = append(t.from, i), append(t.to, j)
			}
		}
	}
	return t, nil
}

// wordEnds says whether a word ends before byte end: a letter with none after it, or anything that is no
// space before one.
func wordEnds(text string, end int) bool {
	last, _ := utf8.DecodeLastRuneInString(text[:end])
	next, size := utf8.DecodeRuneInString(text[end:])
	return unicode.IsLetter(last) && !unicode.IsLetter(next) && next != '\'' || !unicode.IsSpace(last) && (size == 0 || unicode.IsSpace(next))
}

// tokenEnds are the places of a text's tokens as plans read it, in bytes from its beginning: the ends.
func tokenEnds(b *Bench, text string) ([]int, error) {
	ids, err := b.Tokens.Encode(text, token.Options{BOS: true})
	if err != nil {
		return nil, err
	}
	ends, n := make([]int, len(ids)), 0
	for i, id := range ids {
		n += len(b.Tokens.Bytes(id))
		ends[i] = n
	}
	for i := range ends {
		ends[i] -= n - len(text) // what stands before it
	}
	return ends, nil
}

// fitPlan reads some texts' states on one side.
func (s *scope) fitPlan(texts []fitText, layers []int, places func(fitText) []int) *plan.Plan {
	p := &plan.Plan{}
	for i, t := range texts {
		p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{Text: t.text}, Reads: []plan.Read{
			{Name: "state", Site: hook.ResidPost, Layers: plan.Select{List: layers}, Positions: plan.At(places(t)...)}}})
	}
	return p
}

func ofSource(t fitText) []int { return t.from }
func ofTarget(t fitText) []int { return t.to }

// fit reads the texts in both models and fits a map for each layer.
func (s *scope) fit() error {
	g := s.bridge
	g.x, g.y = make([][][]float32, len(s.layers)), make([][][]float32, len(s.layers))
	for i := 0; i < len(g.texts); i += fitChunk {
		s.emit(Event{Stage: "fit", Done: i, Total: len(g.texts) + len(s.layers)*fitChunk})
		texts := g.texts[i:min(i+fitChunk, len(g.texts))]
		if err := s.readFit(g.x, s.b, texts, s.fitPlan(texts, s.layers, ofSource)); err != nil {
			return err
		}
		if err := s.readFit(g.y, s.to, texts, s.fitPlan(texts, s.deep, ofTarget)); err != nil {
			return err
		}
	}
	for l := range s.layers {
		s.emit(Event{Stage: "fit", Done: len(g.texts) + l*fitChunk, Total: len(g.texts) + len(s.layers)*fitChunk})
		m, err := newRidge(s.ctx, g.x[l][:g.n], fitRidge)
		if err != nil {
			return err
		}
		g.x[l] = g.x[l][g.n:]
		mean := average(g.y[l][:g.n])
		centre(g.y[l], mean)
		g.maps, g.mean = append(g.maps, m), append(g.mean, mean)
	}
	return s.check()
}

// readFit adds the states of some texts' words, cut out of [layer][words*width].
func (s *scope) readFit(into [][][]float32, b *Bench, texts []fitText, p *plan.Plan) error {
	res, err := perform(s.ctx, b, nil, p, plan.Observer{})
	if err != nil {
		return err
	}
	width := b.Model.Config().Width
	for i := range texts {
		for l, row := range rowsOf(res, strconv.Itoa(i), "state") {
			into[l] = slices.AppendSeq(into[l], slices.Chunk(row, width))
		}
	}
	return nil
}

// move maps a state of the source's l-th layer into the target's t-th, by the map and by the one that
// was fitted on shuffled pairs.
func (g *bridge) move(l, t int, z []float32) (moved, mixed []float32) {
	w := g.maps[l].weights(z)
	return blend(g.mean[t], g.y[t], w, nil), blend(g.mean[t], g.y[t], w, g.order)
}

// check measures the maps on the words that were kept out. Variance counts around the mean of the
// words that were fitted on.
func (s *scope) check() error {
	g := s.bridge
	f := &ScopeFit{Fitted: g.n, Held: len(g.x[0])}
	for l := range s.layers {
		var all, left, wrong, cos, near float64
		for i, x := range g.x[l] {
			if err := device.Yield(s.ctx); err != nil {
				return err
			}
			moved, mixed := g.move(l, l, x)
			y, moved, mixed := g.y[l][g.n+i], plus(moved, g.mean[l], -1), plus(mixed, g.mean[l], -1)
			a, b := plus(y, moved, -1), plus(y, mixed, -1)
			all, left, wrong = all+dot(y, y), left+dot(a, a), wrong+dot(b, b)
			cos, near = cos+cosine(y, moved)/float64(f.Held), near+cosine(y, mixed)/float64(f.Held)
		}
		f.Explained, f.Shuffled = append(f.Explained, 1-left/all), append(f.Shuffled, 1-wrong/all)
		f.Cosine, f.Near = append(f.Cosine, cos), append(f.Near, near)
		g.x[l] = nil // the map has what it needs
	}
	s.fitted = f
	return nil
}

// translate finds the word that a source begins and its first token in the target model, and asks that
// model what it would write after the source itself.
func (s *scope) translate(x *scopedSource, text string) (err error) {
	x.Word = firstWord(text)
	if x.goal, err = opening(s.to, x.Word); err != nil {
		return err
	}
	res, err := perform(s.ctx, s.to, nil, planOf(plan.Run{Name: "reader", Prompt: plan.Prompt{Text: x.Source}, Reads: []plan.Read{topRead()}}), plan.Observer{})
	if err != nil {
		return err
	}
	if top := res.Read("reader", "top").Top[0][0][0]; len(x.Want) == 0 {
		s.reader.add(top.ID == x.goal)
	} else {
		s.reader.add(s.guessed(x, top))
	}
	return nil
}

// firstWord is the beginning of a text up to the end of its first word: space, if any, and letters or
// digits, else whatever comes before the next space.
func firstWord(text string) string {
	in := false
	for i, r := range text {
		is := unicode.IsLetter(r) || unicode.IsDigit(r)
		if in && !is {
			return text[:i]
		}
		in = in || is
	}
	return text
}

// priceOther is what the fit and the other model's readings of the sources cost. The arithmetic of the
// fit runs in Go, at about a billion operations a second.
func (s *scope) priceOther() (Price, error) {
	g := s.bridge
	sum, err := pricePlans(s.b, s.fitPlan(g.texts, s.layers, ofSource))
	if err != nil {
		return sum, err
	}
	var readers []plan.Run
	for i := range s.sources {
		readers = append(readers, plan.Run{Name: "r" + strconv.Itoa(i), Prompt: plan.Prompt{Text: s.sources[i].Source}, Reads: []plan.Read{topRead()}})
	}
	there, err := pricePlans(s.to, s.fitPlan(g.texts, s.deep, ofTarget), planOf(readers...))
	n, d, e := float64(g.n), float64(s.b.Model.Config().Width), float64(s.to.Model.Config().Width)
	moves := n/9 + float64(len(s.sources))
	if s.p.Grid {
		moves += float64(len(s.sources) * len(s.layers))
	}
	flops := float64(len(s.layers)) * (n*n*(n/3+d) + moves*(2*n*n+2*n*d+4*n*e))
	return together(together(sum, there, 1), Price{FLOPs: flops, Seconds: flops / 1e9, Bytes: int64(s.fitBytes(g.n))}, 1), err
}
