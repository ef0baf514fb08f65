package lab

import (
	"math"
	"slices"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// scorer says how far the next word leans to one side; without words, how much likelier texts of
// one side are than those of the other.
type scorer struct {
	toward, away []plan.TokenRef // first tokens of the words; both empty: texts are compared
}

// newScorer turns the set's words into tokens. Those that open words of both sides count for neither.
func (s *steering) newScorer() (scorer, error) {
	a, err := s.firsts(s.set.toward)
	if err != nil {
		return scorer{}, err
	}
	b, err := s.firsts(s.set.away)
	if err != nil {
		return scorer{}, err
	}
	var c scorer
	for _, id := range a {
		if !slices.Contains(b, id) {
			c.toward = append(c.toward, plan.TokenRef{ID: id})
		}
	}
	for _, id := range b {
		if !slices.Contains(a, id) {
			c.away = append(c.away, plan.TokenRef{ID: id})
		}
	}
	if len(s.set.toward) > 0 && len(c.toward) == 0 || len(s.set.away) > 0 && len(c.away) == 0 {
		return c, errs.E("lab.steer", errs.Invalid, "toward, away: this model begins the words of both sides with the same tokens: choose other words")
	}
	return c, nil
}

// firsts are the first tokens of words. In running text a word stands after a space.
func (s *steering) firsts(words []string) ([]int32, error) {
	var out []int32
	for _, w := range words {
		if !(s.set.chat && s.b.Tokens.HasChat()) && w != "" && w[0] != ' ' {
			w = " " + w
		}
		ids, err := s.b.Tokens.Encode(w, token.Options{})
		if err != nil {
			return nil, errs.E("lab.steer", errs.Invalid, "the word %.40q: %w", w, err)
		}
		if len(ids) == 0 {
			return nil, errs.E("lab.steer", errs.Invalid, "the word %.40q has no tokens", w)
		}
		if !slices.Contains(out, ids[0]) {
			out = append(out, ids[0])
		}
	}
	return out, nil
}

// words says that it is words that count.
func (c scorer) words() bool { return len(c.toward) > 0 }

// reads ask for what the score is made of.
func (c scorer) reads() []plan.Read {
	if !c.words() {
		return []plan.Read{{Name: "score", Site: hook.Logits, Reduce: plan.CrossEntropy}}
	}
	r := plan.Read{Name: "score", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.Logits, Tokens: append(append([]plan.TokenRef{}, c.toward...), c.away...)}
	if len(c.away) == 0 {
		r.Reduce = plan.LogProb
	}
	return []plan.Read{r}
}

// of is the score of each variant: the read's numbers are [variant][token], or a cross-entropy each.
func (c scorer) of(values []float32) []float64 {
	width := max(1, len(c.toward)+len(c.away))
	out := make([]float64, len(values)/width)
	for i := range out {
		row := values[i*width : (i+1)*width]
		if !c.words() {
			out[i] = float64(row[0])
			continue
		}
		if len(c.away) == 0 {
			out[i] = logOdds(row)
			continue
		}
		for k, x := range row {
			if k < len(c.toward) {
				out[i] += float64(x) / float64(len(c.toward))
			} else {
				out[i] -= float64(x) / float64(len(c.away))
			}
		}
	}
	return out
}

// logOdds of any of the tokens against all others, from their log-probabilities (Arditi et al. 2024).
func logOdds(logprobs []float32) float64 {
	p := 0.0
	for _, x := range logprobs {
		p += math.Exp(float64(x))
	}
	p = min(max(p, 1e-12), 1-1e-12)
	return math.Log(p) - math.Log(1-p)
}

// steerTest is one thing that is scored: a prompt, or the two texts of a pair.
type steerTest []part

// part is a prompt whose score counts with a weight.
type part struct {
	prompt plan.Prompt
	weight float64
}

// tests are what a check or a sweep scores. A vector is added to prompts that take neither side;
// what it does when it is projected out shows on prompts of the first side, if there are such.
// Without words the two texts of each held-out pair are compared: the cross-entropy of the second
// less that of the first.
func (s *steering) tests() (out []steerTest) {
	if !s.words.words() {
		pairs := s.set.held
		if len(pairs) == 0 {
			pairs = s.set.pairs
		}
		for _, p := range pairs[:min(len(pairs), s.p.Items)] {
			out = append(out, steerTest{{s.wrap(p[0]), -1}, {s.wrap(p[1]), 1}})
		}
		return out
	}
	texts := s.set.tests
	if s.p.Operation == opProject && !s.set.mean && len(s.set.held) > 0 && s.set.flips == nil {
		texts = nil
		for _, p := range s.set.held[:min(len(s.set.held), s.p.Items)] {
			texts = append(texts, p[0])
		}
	}
	for i, t := range texts {
		weight := 1.0
		if f := s.set.flips; len(f) > 0 && f[i%len(f)] { // the second side's word is the first's right one
			weight = -1
		}
		out = append(out, steerTest{{s.wrap(t), weight}})
	}
	return out
}
