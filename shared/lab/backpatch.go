package lab

import (
	"context"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

// BackpatchParams are the parameters of back-patching (Biran et al. 2024): the state after a late layer
// takes the place of an earlier one's, at the same position, and the model goes on from there.
type BackpatchParams struct {
	Set      string   `json:"set"`      // a built-in list, or own
	Question string   `json:"question"` // one question; empty: the list
	Bridge   string   `json:"bridge"`   // of the one question
	Answer   string   `json:"answer"`   // of the one question
	Phrase   string   `json:"phrase"`   // of the one question: the words that stand for the bridge
	At       string   `json:"at"`       // "last" token or end of the "phrase"
	Shots    bool     `json:"shots"`    // demonstrations before every question
	Items    int      `json:"items"`    // questions asked at most
	Most     int      `json:"most"`     // failing questions patched at most
	Step     int      `json:"step"`     // every so many layers
	Count    int      `json:"count"`    // tokens in which the answer must stand; 1: it must be the next one
	Texts    []string `json:"texts"`    // own: first relation | of what | bridge | second relation | answer
}

// BackpatchResult says what copying late states to early layers rescues.
type BackpatchResult struct {
	Report
	Layers []int     `json:"layers"`
	Items  []HopItem `json:"items"`
}

// HopItem is a question with what became of it.
type HopItem struct {
	Question string `json:"question"`
	Bridge   string `json:"bridge"`
	Answer   string `json:"answer"`
	Said     string `json:"said"`  // by the model as it is
	First    bool   `json:"first"` // the first hop alone is right,
	Second   bool   `json:"second"`
	Right    bool   `json:"right"`    // and the composed question
	Shortcut bool   `json:"shortcut"` // the answer comes without the bridge
	Rescued  int    `json:"rescued"`  // by so many pairs of layers
	Wrong    int    `json:"wrong"`    // and by so many with another question's states
	Pairs    int    `json:"pairs"`    // of so many that were tried; 0: not patched
}

func backpatch() *Experiment {
	return register(About{
		Name:   "backpatch",
		Title:  "Back-patching",
		Help:   "Two hops of thought: when is each made, and does a failing question come right if a late state is copied back to an early layer?",
		Source: "Biran et al., Hopping Too Late: Exploring the Limitations of Large Language Models on Multi-Hop Queries (2024), sections 4 to 6",
		Models: []string{"gemma3-270m", "qwen2.5-coder-1.5b-instruct", "pocket", "smollm2-135m-instruct"},
		Lesson: hopLesson(),
		Params: []Param{
			{Name: "set", Kind: Choice, Default: "landmarks", Choices: []string{"landmarks", "languages", "authors", "Pocket", "Pocket homes", "own"}, Label: "Questions", Help: "A list of two-hop questions: capitals or languages by landmarks, countries by books, Pocket's world, or your own."},
			{Name: "question", Kind: Text, Default: "", Label: "One question", Help: "A question of yours, broken off before its answer; left empty, the whole list is asked."},
			{Name: "answer", Kind: Text, Default: "", Label: "Its answer", Help: "The right answer of the one question."},
			{Name: "bridge", Kind: Text, Default: "", Label: "Its bridge", Help: "What the first hop of the one question leads to; it may be left empty.", More: true},
			{Name: "phrase", Kind: Text, Default: "", Label: "Bridge's words", Help: "The words of the one question that stand for the bridge.", More: true},
			{Name: "at", Kind: Choice, Default: "last", Choices: []string{"last", "phrase"}, Label: "Position", Help: "Where states are copied: at the last token, or where the words for the bridge end."},
			{Name: "shots", Kind: Bool, Default: true, Label: "Examples first", Help: "Three solved examples stand before each question of a list that is not Pocket's or your own."},
			Param{Name: "items", Kind: Int, Default: 24, Label: "Questions asked", Help: "How many questions of the list are asked at most."}.ranged(1, 2000),
			Param{Name: "most", Kind: Int, Default: 8, Label: "Questions patched", Help: "How many of the failing ones are patched at most."}.ranged(1, 2000),
			Param{Name: "step", Kind: Int, Default: 2, Label: "Layer step", Help: "Every so many layers give and take states."}.ranged(1, 16),
			Param{Name: "count", Kind: Int, Default: 1, Label: "Answer within", Help: "In how many tokens the answer must stand; at 1 its first token must come next."}.ranged(1, 20),
			{Name: "texts", Kind: Texts, Default: []string{}, Label: "Own questions", Help: "One a line: first relation | of what | bridge | second relation | answer, a * where the relation takes what it is asked of.", More: true},
		},
		Presets: hopPresets(),
	}, priceBackpatch, runBackpatch)
}

// chain is a two-hop question.
type chain struct {
	HopItem
	first, second string // the hops alone, as prompts
	phrase        string // the words that stand for the bridge
	short         [2]string
	bridges       []string // spellings
	answers       []string
}

// newChain composes two relations.
func newChain(prefix, r1, e1, e2, r2, e3 string) chain {
	phrase := strings.Replace(r1, "*", e1, 1)
	put := func(what string) string {
		return prefix + strings.ReplaceAll(strings.Replace(r2, "*", what, 1), "  ", " ") + " is"
	}
	c := chain{phrase: phrase, bridges: variants(e2), answers: variants(e3)}
	c.Question, c.Bridge, c.Answer = put(phrase), e2, e3
	c.first, c.second = prefix+strings.ToUpper(phrase[:1])+phrase[1:]+" is", put(c.bridges[0])
	c.short = [2]string{put(e1), put(strings.ReplaceAll(r1, "*", ""))}
	return c
}

// hops is a measurement on its way.
type hops struct {
	b      *Bench
	p      BackpatchParams
	ctx    context.Context
	emit   func(Event)
	prefix string
	chains []chain
	layers []int
	memo   map[string]reply

	asked    int      // chains whose hops have been asked
	failing  []*chain // that are to be patched
	resolves [4][]Rate
	right    [2][]Rate // [own or wrong query][pair]
	any      [2]Rate
	tried    int

	one   [2][]plan.Item // [own or wrong][pair] of the one question: what comes next,
	oneP  [2][]float64   // and the answer's probability
	texts [2][]string
}

// reply is what the model says to a prompt.
type reply struct {
	top  plan.Item
	text string
}

func newHops(b *Bench, p BackpatchParams) (*hops, error) {
	h := &hops{b: b, p: p, layers: everyLayer(b.Model.Config().Layers, p.Step), memo: map[string]reply{}}
	if p.Shots {
		h.prefix = hopShots[p.Set]
	}
	if len(h.layers) < 2 {
		return nil, errs.E("lab.Params", errs.Invalid, "with a step of %d only one of the model's %d layers is used; a pair needs two", p.Step, b.Model.Config().Layers)
	}
	err := h.list()
	if err == nil && p.Question != "" {
		err = h.single()
	}
	if err != nil {
		return nil, err
	}
	for i := range h.chains {
		c := &h.chains[i]
		if err := asked(b, "the question", c.Question, h.at(c)); err != nil {
			return nil, err
		}
	}
	for i := range h.resolves {
		h.resolves[i] = make([]Rate, len(h.layers))
	}
	for i := range h.right {
		h.right[i] = make([]Rate, len(h.pairs()))
	}
	return h, nil
}

// at is the place in a question where states are copied, as place reads it.
func (h *hops) at(c *chain) string {
	if h.p.At == "phrase" {
		return c.phrase
	}
	return ""
}

// list makes the chains.
func (h *hops) list() error {
	if h.p.Set == "own" {
		for i, line := range h.p.Texts {
			f := strings.Split(line, "|")
			if len(f) != 5 {
				return errs.E("lab.Params", errs.Invalid, "line %d of the own questions has %d parts; it must have five, parted by |: first relation, of what, bridge, second relation, answer", i+1, len(f))
			}
			for k := range f {
				if f[k] = strings.TrimSpace(f[k]); f[k] == "" {
					return errs.E("lab.Params", errs.Invalid, "part %d of line %d of the own questions is empty", k+1, i+1)
				}
			}
			h.chains = append(h.chains, newChain(h.prefix, f[0], f[1], f[2], f[3], f[4]))
		}
	} else {
		form, field := hopForms[h.p.Set], 2
		if h.p.Set == "languages" {
			field = 3
		}
		for _, line := range splitLines(hopLists[h.p.Set]) {
			f := strings.Split(line, "|")
			h.chains = append(h.chains, newChain(h.prefix, form[0], f[0], f[1], form[1], f[field]))
		}
	}
	if len(h.chains) < 2 {
		return errs.E("lab.Params", errs.Invalid, "there are %d own questions; at least two are needed, since another one's states are the control", len(h.chains))
	}
	h.chains = h.chains[:min(len(h.chains), max(2, h.p.Items))]
	return nil
}

// single puts the one question before the list, of which the control is taken.
func (h *hops) single() error {
	if h.p.Answer == "" {
		return errs.E("lab.Params", errs.Invalid, "the one question has no answer: say what would be right")
	}
	if h.p.At == "phrase" && h.p.Phrase == "" {
		return errs.E("lab.Params", errs.Invalid, "say which words of the question stand for the bridge, or copy at the last token")
	}
	c := chain{phrase: h.p.Phrase, answers: variants(h.p.Answer)}
	c.Question, c.Bridge, c.Answer = h.prefix+h.p.Question, h.p.Bridge, h.p.Answer
	if h.p.Bridge != "" {
		c.bridges = variants(h.p.Bridge)
	}
	h.chains = append([]chain{c}, h.chains...)
	return nil
}

// pairs lists the pairs of a late layer and an early one, by their places among the layers.
func (h *hops) pairs() (list [][2]int) {
	for from := 1; from < len(h.layers); from++ {
		for to := range from {
			list = append(list, [2]int{from, to})
		}
	}
	return list
}

// says reports whether a reply begins with, or holds, one of the answers.
func (h *hops) says(r reply, answers []string) bool {
	if h.p.Count > 1 {
		return said(r.text, answers)
	}
	for _, a := range answers {
		if id, err := opening(h.b, " "+a); err == nil && id == r.top.ID {
			return true
		}
	}
	return false
}

// run is a prompt with its next token, and its text where answers may come later.
func (h *hops) run(name, prompt string) plan.Run {
	r := plan.Run{Name: name, Prompt: plan.Prompt{Text: prompt}}
	h.reads(&r)
	return r
}

func (h *hops) reads(r *plan.Run) {
	r.Reads = []plan.Read{topRead()}
	if h.p.Count > 1 {
		r.Generation = &plan.Generate{Count: h.p.Count}
	}
}

func replyOf(res *plan.Results, run string) reply {
	r := reply{res.Read(run, "top").Top[0][0][0], res.Run(run).Text}
	if r.text == "" {
		r.text = r.top.Text
	}
	return r
}

// ask puts prompts to the model that have not been asked yet.
func (h *hops) ask(prompts ...string) error {
	p := &plan.Plan{}
	var names []string
	for _, t := range prompts {
		if _, ok := h.memo[t]; !ok {
			p.Runs, names = append(p.Runs, h.run(strconv.Itoa(len(names)), t)), append(names, t)
			h.memo[t] = reply{}
		}
	}
	if len(names) == 0 {
		return nil
	}
	res, err := perform(h.ctx, h.b, nil, p, plan.Observer{})
	if err != nil {
		return err
	}
	for i, t := range names {
		h.memo[t] = replyOf(res, strconv.Itoa(i))
	}
	return nil
}

// filter asks a question and its hops, and keeps it if both hops are right, the composition is wrong
// and the answer does not come without the bridge.
func (h *hops) filter(c *chain) error {
	if err := h.ask(c.first, c.second, c.Question); err != nil {
		return err
	}
	c.First, c.Second = h.says(h.memo[c.first], c.bridges), h.says(h.memo[c.second], c.answers)
	c.Said, c.Right = h.memo[c.Question].text, h.says(h.memo[c.Question], c.answers)
	h.asked++
	if !c.First || !c.Second || c.Right {
		return nil
	}
	if err := h.ask(c.short[0], c.short[1]); err != nil {
		return err
	}
	c.Shortcut = h.says(h.memo[c.short[0]], c.answers) || h.says(h.memo[c.short[1]], c.answers)
	if !c.Shortcut {
		h.failing = append(h.failing, c)
	}
	return nil
}

// another finds a question with another bridge and another answer: its states are the control.
func (h *hops) another(c *chain) *chain {
	at := 0
	for i := range h.chains {
		if &h.chains[i] == c {
			at = i
		}
	}
	for k := 1; k < len(h.chains); k++ {
		o := &h.chains[(at+k*5+len(h.chains)/2)%len(h.chains)]
		if o != c && !said(o.Bridge, c.bridges) && !said(o.Answer, c.answers) && !said(c.Answer, o.answers) {
			return o
		}
	}
	return nil
}

func priceBackpatch(b *Bench, p BackpatchParams) (Price, error) {
	h, err := newHops(b, p)
	if err != nil {
		return Price{}, err
	}
	c := &h.chains[0]
	pairs, err := pricePlans(b, h.square(c))
	if err != nil {
		return Price{}, err
	}
	if p.Question != "" {
		return together(Price{}, pairs, 1), nil
	}
	ask, err := pricePlans(b, &plan.Plan{Runs: []plan.Run{h.run("0", c.first), h.run("1", c.second), h.run("2", c.Question)}})
	sum := together(together(Price{}, ask, float64(len(h.chains))), pairs, float64(min(p.Most, len(h.chains)/2)))
	return sum, err
}

// square is a sweep that costs what the pairs of a question and of its control cost: every layer into
// every layer is twice the pairs.
func (h *hops) square(c *chain) *plan.Plan {
	r := h.run("square", c.Question)
	r.Edits = []plan.Edit{{Site: hook.ResidPost, Positions: place(h.at(c)), Op: plan.Set}}
	r.Sweep = &plan.Sweep{Layers: plan.Select{List: h.layers}}
	for range h.layers {
		r.Sweep.Operands = append(r.Sweep.Operands, *plan.Scalar(0))
	}
	return planOf(r)
}
