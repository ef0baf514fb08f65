package lab

import (
	"context"
	"math"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// SteerParams are the parameters of steering: representation engineering in its five steps.
type SteerParams struct {
	Show      string      `json:"show"` // "write", "check" or "sweep"
	Set       string      `json:"set"`
	Prompt    string      `json:"prompt"`    // empty: the set's own example
	Operation string      `json:"operation"` // "add", "subtract" or "project out"
	Layer     int         `json:"layer"`     // -1: the layer at 0.62 of the depth, or the imported vector's own
	Strength  float64     `json:"strength"`  // in units of the mean residual norm at the layer; 0: as long as the difference is
	Count     int         `json:"count"`
	Position  string      `json:"position"` // "auto", "last" or "mean"
	Apply     string      `json:"apply"`    // "all" or "last": to which tokens it is added
	Purify    string      `json:"purify"`   // "none", "neutral" or "pc1"
	Pairs     [][2]string `json:"pairs"`
	Tests     []string    `json:"tests"`
	Turned    []string    `json:"turned"` // tests for which toward and away change places
	Toward    []string    `json:"toward"`
	Away      []string    `json:"away"`
	Chat      bool        `json:"chat"`
	Vector    *Vector     `json:"vector"`
	Items     int         `json:"items"`
	Seed      int64       `json:"seed"`
}

// The operations.
const (
	opAdd, opSubtract, opProject = "add", "subtract", "project out"
)

// maxSteer is the largest strength in units of the residual norm: beyond it no model here wrote
// words any more (docs/lessons/steer.md).
const maxSteer = 1

// maxTimes is the largest strength in units of the difference that the vector is: on every model
// tried, four times it and more gave broken text.
const maxTimes = 4

// openings is how many tokens of a text are shown where more could do harm.
const openings = 6

// SteerResult is a lesson's report with the numbers behind its pictures.
type SteerResult struct {
	Report
	Layer    int         `json:"layer"`
	Strength float64     `json:"strength"` // in units of the mean residual norm there
	Checks   []SteerItem `json:"checks"`   // unsteered first, then the vector, then the controls
}

// SteerItem is what one condition did to the test prompts, or to the one prompt.
type SteerItem struct {
	Name    Words `json:"name"`
	Rate    Rate  `json:"rate"` // of prompts whose score is above 0
	Score   Num   `json:"score"`
	Low     Num   `json:"low"`
	High    Num   `json:"high"`
	Refused *Rate `json:"refused,omitempty"` // of answers that open as a refusal when they are written out
}

func steer() *Experiment {
	return register(About{
		Name:   "steer",
		Title:  "Steering",
		Help:   "Make a direction out of contrast pairs, then add it to the model's thoughts, take it away or project it out while the model writes.",
		Source: "Zou et al., representation engineering (2023); Rimsky et al., contrastive activation addition (2023); Arditi et al., refusal is mediated by a single direction (2024)",
		Params: steerParams(),
		Lesson: &Lesson{
			Idea:    "Show a model many pairs of texts that differ in one respect, and average the difference of its states: what is left is a direction for that respect. Added to every token it pushes the model that way; projected out, the model may no longer be able to express it. A vector is only worth something if a random one of the same length does less.",
			Predict: "The vector and a random vector of the same length are put in the same place. What will the random one do?",
			Guesses: [3]string{"as much as the vector", "something, but less than half", "next to nothing"},
			Fails:   steerFails,
		},
		Models:  []string{"pocket", "qwen2.5-coder-0.5b-instruct", "gemma3-270m", "qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"},
		Presets: steerPresets(),
	}, priceSteer, runSteer)
}

func steerParams() []Param {
	return []Param{
		{Name: "set", Kind: Choice, Default: setRefusal, Choices: []string{setRefusal, setFlattery, setHonesty, setMood, setFrench, setOwn}, Label: "Contrast", Help: "Which pairs the vector is made of; own takes the pairs below."},
		{Name: "operation", Kind: Choice, Default: opAdd, Choices: []string{opAdd, opSubtract, opProject}, Label: "Operation", Help: "Add the vector after the layer, subtract it, or remove its direction from everything that is written to the stream."},
		Param{Name: "strength", Kind: Float, Default: 0, Label: "Strength", Help: "Length of what is added, in units of the mean residual norm at the layer; 0 takes the difference as it is, and four times that is the most: beyond it the text falls to pieces."}.ranged(0, maxSteer),
		Param{Name: "layer", Kind: Int, Default: -1, Label: "Layer", Help: "After which layer; -1 chooses the one at 0.62 of the depth, where it worked best on most models."}.ranged(-1, 1023),
		Param{Name: "prompt", Kind: Text, Default: "", Label: "Prompt", Help: "The text to continue or the question to answer; left empty, an example of the set."},
		{Name: "show", Kind: Choice, Default: "write", Choices: []string{"write", "check", "sweep"}, Label: "Show", Help: "Write on one prompt side by side, check the rate on held-out prompts, or sweep over layers and strengths."},
		Param{Name: "count", Kind: Int, Default: 24, Label: "New tokens", Help: "New tokens at most.", More: true}.ranged(1, 128),
		{Name: "purify", Kind: Choice, Default: "none", Choices: []string{"none", "neutral", "pc1"}, Label: "Purify", Help: "Remove what the vector shares with the mean state of neutral prompts, or keep the first principal component of the differences.", More: true},
		{Name: "position", Kind: Choice, Default: "auto", Choices: []string{"auto", "last", "mean"}, Label: "Read at", Help: "Take the state of each text at its last token or averaged over its tokens; the first token is always left out of averages.", More: true},
		{Name: "apply", Kind: Choice, Default: "all", Choices: []string{"all", "last"}, Label: "Put in at", Help: "Add the vector to every token that is read or written, or to the last token of the prompt alone.", More: true},
		Param{Name: "items", Kind: Int, Default: 12, Label: "Test prompts", Help: "How many held-out prompts are steered in a check or a sweep.", More: true}.ranged(2, 64),
		{Name: "pairs", Kind: Pairs, Default: [][2]string{}, Label: "Own pairs", Help: "Your own contrast: texts of the first side and of the second; they are used in place of the set.", More: true},
		{Name: "tests", Kind: Texts, Default: []string{}, Label: "Own test prompts", Help: "Prompts that take neither side, for own pairs; left empty, the second side of the held-out pairs.", More: true},
		{Name: "turned", Kind: Texts, Default: []string{}, Label: "Turned test prompts", Help: "More test prompts, for which the words for and against change places.", More: true},
		{Name: "toward", Kind: Texts, Default: []string{}, Label: "Words for", Help: "Words that count for the first side when they come next, for own pairs.", More: true},
		{Name: "away", Kind: Texts, Default: []string{}, Label: "Words against", Help: "Words that count for the second side, for own pairs.", More: true},
		{Name: "chat", Kind: Bool, Default: false, Label: "Own pairs are questions", Help: "Put own pairs and prompts in the model's chat template, if it has one.", More: true},
		{Name: "vector", Kind: Dir, Default: nil, Label: "Vector", Help: "A vector that was kept or imported, used in place of one made from the pairs.", More: true},
		Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Draws the random vector and the shuffled labels.", More: true}.ranged(0, 1<<53-1),
	}
}

// steering is a run on its way: the checked choices, then the vectors by layer.
type steering struct {
	b     *Bench
	p     SteerParams
	set   steerSet
	layer int
	at    int // the layer that was chosen; a sweep moves on to the best one
	out   *SteerResult
	emit  func(Event)

	pairs, held twoSides
	neutral     [][][]float32 // [text][layer][width]

	norms    []float64   // mean residual norm after each layer, first token left out
	v        [][]float32 // [layer][width], the purified difference of means
	shuffled [][]float32 // the same of shuffled labels; nil for an imported vector
	test     int         // which test prompt is being steered
	words    scorer
	harmful  bool // the prompt of a refusal lesson may be answered with something harmful
}

// newSteering checks what can be checked without running the model.
func newSteering(b *Bench, p SteerParams, emit func(Event)) (*steering, error) {
	s := &steering{b: b, p: p, emit: emit, out: &SteerResult{Checks: []SteerItem{}}}
	cfg := b.Model.Config()
	if p.Vector != nil {
		if err := p.Vector.fits(b); err != nil {
			return nil, err
		}
	}
	if p.Layer >= cfg.Layers {
		return nil, errs.E("lab.steer", errs.Invalid, "layer: there is no layer %d; this model has the layers 0 to %d", p.Layer, cfg.Layers-1)
	}
	switch s.layer = p.Layer; {
	case p.Layer < 0 && p.Vector != nil:
		s.layer = p.Vector.Layer
	case p.Layer < 0:
		s.layer = int(math.Round(0.62 * float64(cfg.Layers)))
	}
	s.layer = min(s.layer, cfg.Layers-1)
	if err := s.choose(); err != nil {
		return nil, err
	}
	s.at, s.out.Layer = s.layer, s.layer
	return s, nil
}

// choose takes the set, built in or brought.
func (s *steering) choose() (err error) {
	if s.p.Set == setOwn || len(s.p.Pairs) > 0 {
		if s.set, err = ownSet(s.p); err != nil {
			return err
		}
	} else {
		var ok bool
		if s.set, ok = builtIn(s.p.Set, inPocket(s.b)); !ok {
			return errs.E("lab.steer", errs.Unsupported, "set: Pocket writes no French; try gemma3-270m for it, or refusal, flattery, honesty or mood on Pocket")
		}
	}
	if s.p.Position != "auto" {
		s.set.mean = s.p.Position == "mean"
	}
	s.set.tests = s.set.tests[:min(len(s.set.tests), s.p.Items)]
	if s.words, err = s.newScorer(); err == nil && !s.words.words() {
		s.set.unit = say("nats a token by which texts of the first side are likelier than those of the second")
	}
	return err
}

// ownSet makes a set of a person's pairs: every third is held out, if there are enough.
func ownSet(p SteerParams) (steerSet, error) {
	s := steerSet{chat: p.Chat, mean: !p.Chat, toward: p.Toward, away: p.Away, unit: steerUnits(setOwn)}
	if len(p.Pairs) == 0 && p.Vector == nil {
		return s, errs.E("lab.steer", errs.Invalid, "pairs: own pairs are wanted, and there are none: give some, choose one of the built-in sets, or give a vector")
	}
	if (len(p.Toward) == 0) != (len(p.Away) == 0) {
		return s, errs.E("lab.steer", errs.Invalid, "toward, away: give words for both sides or for neither; there are %d and %d", len(p.Toward), len(p.Away))
	}
	for i, pair := range p.Pairs {
		if pair[0] == pair[1] {
			return s, errs.E("lab.steer", errs.Invalid, "pairs: both sides of pair %d are %.60q: a contrast needs two different texts", i+1, pair[0])
		}
		if len(p.Pairs) >= 6 && i%3 == 2 {
			s.held = append(s.held, pair)
		} else {
			s.pairs = append(s.pairs, pair)
		}
	}
	for i := range max(len(p.Tests), len(p.Turned)) {
		for k, list := range [][]string{p.Tests, p.Turned} {
			if i < len(list) {
				s.tests, s.flips = append(s.tests, list[i]), append(s.flips, k == 1)
			}
		}
	}
	if len(s.tests) == 0 {
		for _, pair := range s.held {
			s.tests = append(s.tests, pair[1])
		}
	}
	if len(s.tests) == 0 {
		for _, pair := range s.pairs {
			s.tests = append(s.tests, pair[1])
		}
	}
	return s, nil
}

// wrap is a text as the model reads it.
func (s *steering) wrap(text string) plan.Prompt {
	if s.set.chat && s.b.Tokens.HasChat() {
		return plan.Prompt{Text: text, Chat: true}
	}
	if s.set.form != "" && !strings.HasSuffix(text, s.set.form[strings.Index(s.set.form, "X")+1:]) {
		text = strings.Replace(s.set.form, "X", text, 1)
	}
	return plan.Prompt{Text: text}
}

// prompt is the one that is written on.
func (s *steering) prompt() plan.Prompt {
	if s.p.Prompt != "" {
		return s.wrap(s.p.Prompt)
	}
	if len(s.set.tests) == 0 {
		return s.wrap("I think that")
	}
	return s.wrap(s.set.tests[0])
}

// careful says that the lesson is about refusal: what is written may be something harmful.
func (s *steering) careful() bool {
	if v := s.p.Vector; v != nil && strings.Contains(strings.ToLower(v.Name+v.Made), setRefusal) {
		return true
	}
	return s.p.Set == setRefusal && len(s.p.Pairs) == 0
}

func priceSteer(b *Bench, p SteerParams) (Price, error) {
	s, err := newSteering(b, p, nil)
	if err != nil {
		return Price{}, err
	}
	return s.price()
}

func runSteer(ctx context.Context, b *Bench, p SteerParams, emit func(Event)) (*SteerResult, error) {
	s, err := newSteering(b, p, emit)
	if err != nil {
		return nil, err
	}
	s.harmful = s.careful() // until the prompt has been judged
	if p.Show == "write" {
		if err := s.passage(ctx, s.conditions()[0]); err != nil { // needs no vector: something to read at once
			return nil, err
		}
	}
	if err := s.make(ctx); err != nil {
		return nil, err
	}
	switch p.Show {
	case "check":
		err = s.check(ctx)
	case "sweep":
		err = s.sweep(ctx)
	default:
		err = s.write(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.out, nil
}

// partial sends what there is so far.
func (s *steering) partial(stage string, done, total int) {
	showSoFar(s.emit, stage, done, total, s.out)
}
