package lab

import (
	"math"
	"strconv"
	"strings"

	"patchbay/shared/device"
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
}

const (
	fitChunk   = 8         // texts that are read between two events
	fitRidge   = 0.1       // the penalty, in shares of the mean squared length of a state less the mean
	fitWidth   = 4         // below this part of the source's width there are too few words for a map
	fitBytes   = 512 << 20 // of the states of all words, at most
	wordTokens = 6         // that a source writes, to know the word that it begins
)

// bridge is the map between the layers of two models.
type bridge struct {
	texts []fitText
	n     int        // words that it is fitted on; those of the other texts come after
	at    []fitLayer // by layer
	order []int      // of the shuffled pairs
}

// fitText is a text with the places that its words end at, in the tokens of each model.
type fitText struct {
	text     string
	from, to []int
}

// fitLayer is a layer of each model with their states at the words, and the map. Once it is fitted,
// states are less the mean of the fitted ones, and x are those that were kept out.
type fitLayer struct {
	x, y [][]float32 // [word][width]
	m    *ridge
	mean []float32 // of y
}

// target opens the model that gets the state, and chooses the layers: the same ones of one model, of
// two those at the same share of their depths. No layer is named twice.
func (s *scope) target() (err error) {
	n := s.b.Model.Config().Layers
	s.to, s.layers = s.b, everyLayer(n, s.p.Step)
	s.deep = s.layers
	if s.p.Other == "" || s.p.Other == s.b.Parity.Model {
		return nil
	}
	if s.b.Other == nil {
		return bad("no second model can be opened here: leave the target model empty")
	}
	if s.to, err = s.b.Other(s.ctx, s.p.Other); err != nil {
		return err
	}
	if d := s.to.Parity.Digest; d != "" && d == s.b.Parity.Digest {
		return nil
	}
	m := s.to.Model.Config().Layers
	few := min(n, m)
	s.layers, s.deep = nil, nil
	for _, i := range everyLayer(few, s.p.Step) {
		s.layers, s.deep = append(s.layers, alike(i, few, n)), append(s.deep, alike(i, few, m))
	}
	s.bridge = &bridge{at: make([]fitLayer, len(s.layers))}
	return s.choose()
}

// alike is the layer of n at the same share of the depth as layer i of few.
func alike(i, few, n int) int { return int(math.Round(float64((i+1)*n)/float64(few))) - 1 }

// choose takes texts of the fit, in an order of the seed, until there are words enough. A text that
// tells what a source asks is left out.
func (s *scope) choose() error {
	texts, g := s.p.Fit, s.bridge
	if len(texts) == 0 {
		texts = fitTexts(inPocket(s.b) || inPocket(s.to))
	}
	seen, words, counts := map[string]bool{}, 0, []int{}
	for _, i := range source(s.p.Seed).Perm(len(texts)) {
		t := fitText{text: texts[i]}
		for k := range s.sources {
			if strings.HasPrefix(t.text, s.sources[k].Source) {
				t.text = ""
			}
		}
		if err := s.words(&t, seen, s.p.Words-words); err != nil {
			return err
		}
		if n := len(t.from); n > 0 {
			g.texts, counts, words = append(g.texts, t), append(counts, n), words+n
		}
	}
	for _, n := range counts[:len(counts)*9/10] {
		g.n += n
	}
	g.order = source(s.p.Seed + 1).Perm(g.n)
	width := s.b.Model.Config().Width
	if need := max(16, width/fitWidth); g.n < need || words == g.n {
		return bad("the texts hold %d words, of which %d are left to fit the map on; a source of width %d needs %d, a quarter of it: give more words, or more texts", words, g.n, width, need)
	}
	if size := s.fitSize(words); size > fitBytes {
		return bad("the states of %d words in %d layers of both models take %d MiB; at most %d are kept: take fewer words, or a larger layer step", words, len(s.layers), size>>20, fitBytes>>20)
	}
	return nil
}

// fitSize is how many bytes the states of so many words take.
func (s *scope) fitSize(words int) int64 {
	return int64(4 * words * len(s.layers) * (s.b.Model.Config().Width + s.to.Model.Config().Width))
}

// words finds where at most n of the text's words end in the tokens of both models. A beginning that was
// seen before would be the same state again and is left out; so are words whose end is inside a token,
// and the first token, which is every text's resting place and much longer than the others.
func (s *scope) words(t *fitText, seen map[string]bool, n int) error {
	from, err := tokenEnds(s.b, t.text)
	if err != nil {
		return err
	}
	to, err := tokenEnds(s.to, t.text)
	if err != nil {
		return err
	}
	for end := 1; end <= len(t.text) && len(t.from) < n; end++ {
		if i, j := from[end], to[end]; i > 0 && j > 0 && wordEnds(t.text, end) && !seen[t.text[:end]] {
			seen[t.text[:end]] = true
			t.from, t.to = append(t.from, i), append(t.to, j)
		}
	}
	return nil
}

// wordEnds says whether a word ends before byte end: a letter or digit with none after it, or anything
// that is no space before one.
func wordEnds(text string, end int) bool {
	next := byte(' ')
	if end < len(text) {
		next = text[end]
	}
	return inWord(text[end-1]) && !inWord(next) && next != '\'' || text[end-1] > ' ' && next <= ' '
}

// inWord takes letters and digits, and whatever is not ASCII.
func inWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c >= 0x80
}

// tokenEnds are the places of a text's tokens, as plans read it, by the byte that they end before.
func tokenEnds(b *Bench, text string) (map[int]int, error) {
	ids, err := b.Tokens.Encode(text, token.Options{BOS: true})
	before := -len(text) // less what stands before the text
	for _, id := range ids {
		before += len(b.Tokens.Bytes(id))
	}
	ends, n := map[int]int{}, -before
	for i, id := range ids {
		n += len(b.Tokens.Bytes(id))
		ends[n] = i
	}
	return ends, err
}

// fitPlan reads some texts' states on one side, or what the target model would write after sources.
func fitPlan(texts []fitText, layers []int, source bool) *plan.Plan {
	p := &plan.Plan{}
	for i, t := range texts {
		at := t.to
		if source {
			at = t.from
		}
		read := plan.Read{Name: "state", Site: hook.ResidPost, Layers: plan.Select{List: layers}, Positions: plan.At(at...)}
		p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{Text: t.text}, Reads: []plan.Read{read}})
	}
	return p
}

// fit reads the texts in both models and fits a map for each layer.
func (s *scope) fit() error {
	g := s.bridge
	done, total := 0, len(g.texts)+len(g.at)*fitChunk
	for done < len(g.texts) {
		s.emit(Event{Stage: "fit", Done: done, Total: total})
		texts := g.texts[done:min(done+fitChunk, len(g.texts))]
		for _, from := range []bool{true, false} {
			if err := s.readFit(texts, from); err != nil {
				return err
			}
		}
		done += len(texts)
	}
	s.fitted = &ScopeFit{Fitted: g.n}
	for l := range g.at {
		s.emit(Event{Stage: "fit", Done: done + l*fitChunk, Total: total})
		if err := s.fitLayer(&g.at[l]); err != nil {
			return err
		}
	}
	return nil
}

// readFit adds the states of some texts' words.
func (s *scope) readFit(texts []fitText, source bool) error {
	b, layers := s.to, s.deep
	if source {
		b, layers = s.b, s.layers
	}
	res, err := perform(s.ctx, b, nil, fitPlan(texts, layers, source), plan.Observer{})
	if err != nil {
		return err
	}
	width := b.Model.Config().Width
	for i := range texts {
		for l, row := range rowsOf(res, strconv.Itoa(i), "state") {
			k := &s.bridge.at[l]
			for ; len(row) > 0; row = row[width:] {
				if source {
					k.x = append(k.x, row[:width])
				} else {
					k.y = append(k.y, row[:width])
				}
			}
		}
	}
	return nil
}

// fitLayer fits a map and measures it on the words that were kept out. Variance counts around the mean
// of the words that were fitted on.
func (s *scope) fitLayer(k *fitLayer) (err error) {
	n, f := s.bridge.n, s.fitted
	if k.m, err = newRidge(s.ctx, k.x[:n], fitRidge); err != nil {
		return err
	}
	k.mean = average(k.y[:n])
	centre(k.y, k.mean)
	k.x = k.x[n:]
	f.Held = len(k.x)
	var all, left, wrong, cos float64
	for i, x := range k.x {
		if err := device.Yield(s.ctx); err != nil {
			return err
		}
		y, w := k.y[n+i], k.m.weights(x)
		moved := blend(k.y, w, nil)
		all, left, wrong = all+dot(y, y), left+apart(y, moved), wrong+apart(y, blend(k.y, w, s.bridge.order))
		cos += cosine(y, moved) / float64(f.Held)
	}
	f.Explained, f.Shuffled, f.Cosine = append(f.Explained, 1-left/all), append(f.Shuffled, 1-wrong/all), append(f.Cosine, cos)
	return nil
}

// apart is the squared distance of two vectors.
func apart(a, b []float32) float64 {
	d := plus(a, b, -1)
	return dot(d, d)
}

// move maps a state of the source's l-th layer into the target's t-th, by the map and by the one that
// was fitted on shuffled pairs. Within one model it stays what it is.
func (s *scope) move(l, t int, z []float32) (moved, mixed []float32) {
	g := s.bridge
	if g == nil {
		return z, z
	}
	w, k := g.at[l].m.weights(z), &g.at[t]
	return plus(k.mean, blend(k.y, w, nil), 1), plus(k.mean, blend(k.y, w, g.order), 1)
}

// translate finds the word that a source begins and its first token in the target model, and asks that
// model what it would write after the source itself.
func (s *scope) translate(x *scopedSource, text string) (err error) {
	end := 0
	for end < len(text) && (!inWord(text[end]) || end+1 < len(text) && inWord(text[end+1])) {
		end++
	}
	x.Word = text[:min(end+1, len(text))]
	if x.goal, err = opening(s.to, x.Word); err != nil {
		return err
	}
	res, err := perform(s.ctx, s.to, nil, planOf(plan.Run{Name: "reader", Prompt: plan.Prompt{Text: x.Source}, Reads: []plan.Read{topRead()}}), plan.Observer{})
	if err == nil {
		top := res.Read("reader", "top").Top[0][0][0]
		s.reader.add(s.named(x, top))
	}
	return err
}

// named says that a token of the target's is what was wanted, or begins it.
func (s *scope) named(x *scopedSource, first plan.Item) bool {
	if len(x.Want) == 0 {
		return first.ID == x.goal
	}
	return s.guessed(x, first)
}

// priceOther is what the fit and the other model's readings of the sources cost. The arithmetic of the
// fit runs in Go, at about a billion operations a second.
func (s *scope) priceOther() (Price, error) {
	g := s.bridge
	sum, err := pricePlans(s.b, fitPlan(g.texts, s.layers, true))
	if err != nil {
		return sum, err
	}
	texts := g.texts
	for i := range s.sources {
		texts = append(texts, fitText{text: s.sources[i].Source, to: []int{0}})
	}
	there, err := pricePlans(s.to, fitPlan(texts, s.deep, false))
	n, d, e := float64(g.n), float64(s.b.Model.Config().Width), float64(s.to.Model.Config().Width)
	moves := n/9 + float64(len(s.sources))
	flops := float64(len(g.at)) * (n*n*(n/3+d) + moves*(2*n*n+2*n*d+4*n*e))
	return together(together(sum, there, 1), Price{FLOPs: flops, Seconds: flops / 1e9, Bytes: s.fitSize(g.n)}, 1), err
}
