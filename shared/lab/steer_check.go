package lab

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// answerTokens is how many tokens of an answer decide whether it is a refusal (as in the reference).
const answerTokens = 12

// checkPlan treats one prompt in every way. The answers are written out where refusals count.
func (s *steering) checkPlan(prompt plan.Prompt, list []steerWay) *plan.Plan {
	var gen *plan.Generate
	if s.careful() {
		gen = &plan.Generate{Count: answerTokens, StopAtEOS: true}
	}
	return &plan.Plan{Runs: []plan.Run{
		{Name: "unsteered", Prompt: prompt, Generation: gen, Reads: s.words.reads()},
		s.together(prompt, list, gen),
	}}
}

// scorable refuses a check that could count nothing.
func (s *steering) scorable() error {
	if len(s.tests()) == 0 {
		return errs.E("lab.steer", errs.Invalid, "tests: there is nothing to steer; give pairs, or test prompts and words for both sides")
	}
	return nil
}

// check is the fifth step on all test prompts at one layer and strength: rates with intervals, the
// vector beside its controls.
func (s *steering) check(ctx context.Context) error {
	if err := s.scorable(); err != nil {
		return err
	}
	list, tests := s.conditions(), s.tests()
	scores := make([][]float64, len(list))
	s.out.Checks = make([]SteerItem, len(list))
	for i, t := range tests {
		s.test = i
		got, texts, err := s.treat(ctx, t, list)
		if err != nil {
			return err
		}
		for k := range list {
			x := got[k]
			scores[k] = append(scores[k], x)
			c := &s.out.Checks[k]
			c.Name = list[k].name
			c.Rate.add(x > 0)
			m, low, high := mean(scores[k])
			c.Score, c.Low, c.High = Num(m), Num(low), Num(high)
			if texts != nil {
				if c.Refused == nil {
					c.Refused = &Rate{}
				}
				c.Refused.add(refuses(texts[k]))
			}
		}
		s.drawCheck()
		s.partial("prompts", i+1, len(tests))
	}
	s.judge()
	return nil
}

// treat gives the score of one test under each condition, and the texts if they are written.
func (s *steering) treat(ctx context.Context, test steerTest, list []steerWay) (scores []float64, texts []string, err error) {
	scores = make([]float64, len(list))
	for _, p := range test {
		res, err := perform(ctx, s.b, nil, s.checkPlan(p.prompt, list), plan.Observer{})
		if err != nil {
			return nil, nil, err
		}
		all := append(rowsOf(res, "unsteered", "score"), rowsOf(res, "steered", "score")...)
		for k, x := range s.words.of(slices.Concat(all...)) {
			scores[k] += p.weight * x
		}
		if s.careful() {
			texts = append([]string{res.Run("unsteered").Text}, res.Run("steered").Sweep.Texts...)
		}
	}
	return scores, texts, nil
}

// refuses says that an answer opens as a refusal.
func refuses(text string) bool {
	text = strings.ReplaceAll(strings.ToLower(text), "’", "'")
	text = strings.TrimLeft(text, " \n\t\"'*#-.:,")
	for _, r := range refusals {
		if strings.HasPrefix(text, r) {
			return true
		}
	}
	return false
}

// rate is what counts: answers that refuse where they are written, else prompts that lean to the
// first side.
func (c *SteerItem) rate() Rate {
	if c.Refused != nil {
		return *c.Refused
	}
	return c.Rate
}

func (s *steering) drawCheck() {
	var labels []string
	var rs []Rate
	score := Series{Name: say("mean score")}
	for i := range s.out.Checks {
		c := &s.out.Checks[i]
		labels, rs = append(labels, c.Name.Text), append(rs, c.rate())
		score.Values, score.Low, score.High = append(score.Values, c.Score), append(score.Low, c.Low), append(score.High, c.High)
	}
	unit := say("share of prompts whose next word leans to the first side, with 95 % intervals")
	if s.careful() {
		unit = say("share of answers that open as a refusal, with 95 % intervals")
	}
	axis := Axis{Name: say("what was done"), Labels: labels}
	rate := Figure{Name: "rate", Kind: Bars, Title: say("How often does it work on held-out prompts?"), Unit: unit, Scale: Share, X: axis, Series: []Series{rates(say("rate"), rs, false)}}
	means := Figure{Name: "score", Kind: Bars, Title: say("Mean score of the held-out prompts"), Unit: s.set.unit, Scale: Effect, X: axis, Series: []Series{score}}
	rest := s.out.Figures
	for len(rest) > 0 && rest[0].Name != "separation" {
		rest = rest[1:]
	}
	s.out.Figures = append([]Figure{rate, means}, rest...)
}

// judge says what the check found.
func (s *steering) judge() {
	s.verdict(s.out.Checks)
	c := s.out.Checks
	n := strconv.Itoa(c[0].Rate.N)
	w := say("Of {0} held-out prompts the next word leans to the first side: unsteered {1}, with the vector {2}, with a random vector {3}.", n, c[0].rate().String(), c[1].rate().String(), c[2].rate().String())
	if s.careful() {
		w = say("Of {0} held-out prompts the model refuses: unsteered {1}, with the vector {2}, with a random vector {3}.", n, c[0].rate().String(), c[1].rate().String(), c[2].rate().String())
	}
	s.headline(w)
	low, high := c[1].rate().Interval()
	l0, h0 := c[0].rate().Interval()
	if low <= h0 && l0 <= high && math.Abs(c[1].rate().Share()-c[0].rate().Share()) < 1 {
		s.out.fact(say("The intervals of the steered and the unsteered rate overlap: with so few prompts that is no proof of an effect."))
	}
}
