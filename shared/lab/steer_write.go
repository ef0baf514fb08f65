package lab

import (
	"context"
	"math"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// writePlan lets the model write on the prompt under a condition.
func (s *steering) writePlan(c steerWay) *plan.Plan {
	count := s.p.Count
	if s.hides(c) {
		count = min(count, openings)
	}
	var reads []plan.Read
	if s.words.words() {
		reads = s.words.reads()
	}
	return &plan.Plan{Runs: []plan.Run{{
		Name: "text", Prompt: s.prompt(), Generation: &plan.Generate{Count: count, StopAtEOS: true},
		Edits: s.edited(c), Reads: reads,
	}}}
}

// hides says that under this condition something harmful may be written: then only its opening is.
// That is so for harmful prompts, and wherever the vector of refusal is taken away.
func (s *steering) hides(c steerWay) bool {
	return s.harmful || s.careful() && c.vector != nil && (s.p.Operation != opAdd || c.sign < 0)
}

// suspect judges the prompt by the vector itself: one whose state lies nearer to the harmful side
// of the pairs than to the harmless one counts as harmful, and so does every prompt where the
// vector was brought along.
func (s *steering) suspect(ctx context.Context) error {
	if s.harmful = s.careful(); !s.harmful || s.p.Vector != nil {
		return nil
	}
	at, _, err := s.read(ctx, s.prompt(), make([]float64, s.b.Model.Config().Layers))
	if err != nil {
		return err
	}
	middle := 0.0
	for i := range s.pairs.a {
		middle += dot(plus(s.pairs.a[i][s.layer], s.pairs.b[i][s.layer], 1), s.v[s.layer]) / float64(2*len(s.pairs.a))
	}
	s.harmful = dot(at[s.layer], s.v[s.layer]) > middle
	return nil
}

// write is the fifth step on one prompt: side by side with the unsteered text and the controls.
func (s *steering) write(ctx context.Context) error {
	if err := s.suspect(ctx); err != nil {
		return err
	}
	list := s.conditions()
	if s.careful() && !s.harmful { // so far only its opening was written
		s.out.Passages, s.out.Checks = nil, nil
	}
	for _, c := range list[len(s.out.Passages):] {
		if err := s.passage(ctx, c); err != nil {
			return err
		}
	}
	if s.careful() {
		s.out.fact(say("Where the refusal may be gone, only the opening words are written: what would follow could do harm."))
	}
	if s.words.words() {
		s.verdict(s.out.Checks)
	}
	return nil
}

// passage writes one text; each token is told as it comes.
func (s *steering) passage(ctx context.Context, c steerWay) error {
	i, of := len(s.out.Passages), len(s.conditions())
	s.out.Passages = append(s.out.Passages, Passage{Name: c.name, Prompt: s.shown(), Steps: []GenerateStep{}, Control: c.control, Hidden: s.hides(c)})
	p := &s.out.Passages[len(s.out.Passages)-1]
	see := plan.Observer{
		Token: func(_ string, t plan.Token) {
			p.Steps = append(p.Steps, stepOf(s.b, t))
			p.Text += t.Chunk
			s.partial("texts", i, of)
		},
	}
	res, err := perform(ctx, s.b, nil, s.writePlan(c), see)
	if err != nil {
		return err
	}
	run := res.Run("text")
	p.Text = run.Text
	item := SteerItem{Name: c.name, Score: Num(math.NaN()), Low: Num(math.NaN()), High: Num(math.NaN())}
	if s.words.words() {
		x := s.words.of(rowsOf(res, "text", "score")[0])[0]
		item.Score = Num(x)
		item.Rate.add(x > 0)
	}
	s.out.Checks = append(s.out.Checks, item)
	if err := s.note(ctx, p, run, item.Score); err != nil {
		return err
	}
	s.scores()
	s.partial("texts", i+1, of)
	return nil
}

// note says what the score is and how surprising the text is to the unsteered model: a text that
// the steering has wrecked is far less likely.
func (s *steering) note(ctx context.Context, p *Passage, run *plan.RunResult, score Num) error {
	n, k := len(run.IDs), len(run.Generated)
	if k == 0 {
		w := say("The model ends its answer at once.")
		p.Note = &w
		return nil
	}
	res, err := perform(ctx, s.b, nil, planOf(plan.Run{
		Name: "again", Prompt: plan.Prompt{IDs: append(append([]int32{}, run.IDs...), run.Generated...)},
		Reads: []plan.Read{{Name: "ce", Site: hook.Logits, Positions: plan.At(span(n-1, k)...), Reduce: plan.CrossEntropy}},
	}), plan.Observer{})
	if err != nil {
		return err
	}
	ce := decimal(numberOf(res, "again", "ce"), 2)
	w := say("{0} nats a token to the unsteered model", ce)
	if score.Known() {
		w = say("score {0}; {1} nats a token to the unsteered model", decimal(float64(score), 2), ce)
	}
	p.Note = &w
	return nil
}

// shown is the prompt as the person gave it.
func (s *steering) shown() string { return s.prompt().Text }

// scores draws the next word's score under each condition so far, as the first picture.
func (s *steering) scores() {
	if !s.words.words() {
		return
	}
	f := Figure{
		Name: "score", Kind: Bars, Title: say("What does the next word lean to?"), Unit: s.set.unit, Scale: Effect,
		X: Axis{Name: say("what was done")}, Series: []Series{{Name: say("score of the next word")}},
	}
	for _, c := range s.out.Checks {
		f.X.Labels = append(f.X.Labels, c.Name.Text)
		f.Series[0].Values = append(f.Series[0].Values, c.Score)
	}
	s.first(f)
}

// first puts a figure in front, in place of an earlier state of itself.
func (s *steering) first(f Figure) {
	if len(s.out.Figures) > 0 && s.out.Figures[0].Name == f.Name {
		s.out.Figures[0] = f
		return
	}
	s.out.Figures = append([]Figure{f}, s.out.Figures...)
}

// headline puts a sentence in front.
func (s *steering) headline(w Words) { s.out.Facts = append([]Words{w}, s.out.Facts...) }

// verdict compares the random vector's effect with the vector's: that is what the student predicted.
func (s *steering) verdict(list []SteerItem) {
	if len(list) < 3 {
		return
	}
	moved, other := float64(list[1].Score-list[0].Score), float64(list[2].Score-list[0].Score)
	answer := 2
	switch share := math.Abs(other) / math.Max(math.Abs(moved), 1e-9); {
	case share >= 0.5:
		answer = 0
	case share >= 0.15:
		answer = 1
	}
	s.out.Answer = &answer
	s.headline(say("The vector moves the score from {0} to {1}; a random vector of the same length moves it to {2}.", decimal(float64(list[0].Score), 2), decimal(float64(list[1].Score), 2), decimal(float64(list[2].Score), 2)))
}
