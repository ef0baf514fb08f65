package lab

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/plan"
	"patchbay/shared/token"
)

// LanguageParams are the parameters of the language of thought (Wendler et al. 2024): a word is to be
// translated, and at every layer the lens is asked for English and for the language wanted.
type LanguageParams struct {
	Pair  string   `json:"pair"`  // "French to Chinese" ...
	Word  string   `json:"word"`  // one word of the list; empty: the mean over all
	Items int      `json:"items"` // words at most
	Texts []string `json:"texts"` // own words: "eau, 水, water"
}

// LanguageResult has, for each word that is measured, its sets of tokens.
type LanguageResult struct {
	Report
	Prompt string         `json:"prompt"` // of the first word
	Words  []LanguageWord `json:"words"`
	At     int            `json:"at"`    // the layer after which English is furthest ahead of the target, or least behind
	Ahead  Rate           `json:"ahead"` // words in which it is ahead there
}

// LanguageWord is a word and the tokens that count as its beginnings.
type LanguageWord struct {
	Source  string   `json:"source"`
	Target  string   `json:"target"`
	English string   `json:"english"`
	Said    string   `json:"said"`    // the model's first token
	Right   bool     `json:"right"`   // it begins the target word
	Tokens  []string `json:"tokens"`  // counted for the target
	EnToks  []string `json:"en"`      // counted for English
	Dropped bool     `json:"dropped"` // the sets meet, so that the two languages cannot be told apart
}

func language() *Experiment {
	return register(About{
		Name:   "language",
		Title:  "Language of thought",
		Help:   "In which language does the model think while it translates? English and the wanted language at every layer, through the logit lens.",
		Source: "Wendler et al., Do Llamas Work in English? On the Latent Language of Multilingual Transformers (2024), section 3",
		Models: []string{"gemma3-270m", "qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-0.5b-instruct", "pocket", "smollm2-135m-instruct"},
		Lesson: languageLesson(),
		Params: []Param{
			{Name: "pair", Kind: Choice, Default: "French to Chinese", Choices: []string{"French to Chinese", "German to Chinese", "English to Chinese", "German to French", "Spanish to French", "Chinese to French", "English to French", "French to English", "Chinese to English", "Pocket opposites", "own words"}, Label: "Languages", Help: "From which language into which; Pocket knows French opposites."},
			{Name: "word", Kind: Text, Default: "", Label: "One word", Help: "A word of the list, in any of its languages; left empty, the mean over all words."},
			Param{Name: "items", Kind: Int, Default: 30, Label: "Words", Help: "How many words are used at most."}.ranged(1, 200),
			{Name: "texts", Kind: Texts, Default: []string{}, Label: "Own words", Help: "One line for each: source word, target word, English word, parted by commas. The first four are demonstrations.", More: true},
		},
		Presets: languagePresets(),
	}, priceLanguage, runLanguage)
}

// shots is how many demonstrations a prompt has, as in the paper.
const shots = 4

// thought is a measurement on its way.
type thought struct {
	b        *Bench
	p        LanguageParams
	own      [2]string // what the two languages call themselves; empty: an arrow between the words
	english  bool      // the target is English: compared with the source
	demos    string
	words    []latentWord
	one      bool
	layers   int
	measured int
}

// latentWord is a word with its sets and what was measured.
type latentWord struct {
	LanguageWord
	prompt  string
	sets    [4][]int32      // English, target, English of another word, source
	p       [4][]float64    // [set][layer]
	entropy []float64       // [layer] bits
	top     []plan.Item     // [layer]
	index   map[int32]int   // of a token in what is read
	tokens  []plan.TokenRef // what is read
}

// newThought makes the words and prompts of the parameters.
func newThought(b *Bench, p LanguageParams) (*thought, error) {
	t := &thought{b: b, p: p, layers: b.Model.Config().Layers}
	rows, err := t.rows()
	if err != nil {
		return nil, err
	}
	var sb strings.Builder
	for _, r := range rows[:shots] {
		sb.WriteString(t.line(r) + variants(r[1])[0] + t.after())
	}
	t.demos = sb.String()
	if rows, err = t.chosen(rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		w := latentWord{LanguageWord: LanguageWord{Source: variants(r[0])[0], Target: r[1], English: r[2]}}
		w.prompt = t.demos + t.line(r)
		if !t.own2() {
			w.prompt = strings.TrimSuffix(w.prompt, " ")
		}
		t.words = append(t.words, w)
	}
	return t, t.tokenSets()
}

func variants(word string) []string { return strings.Split(word, "/") }

// own2 says that the prompt names its languages.
func (t *thought) own2() bool { return t.own[0] != "" }

// line opens a word's line: the answer is to follow.
func (t *thought) line(r [3]string) string {
	if t.own2() {
		return t.own[0] + ": \"" + variants(r[0])[0] + "\" - " + t.own[1] + ": \""
	}
	return variants(r[0])[0] + " -> "
}

func (t *thought) after() string {
	if t.own2() {
		return "\"\n"
	}
	return "\n"
}

// rows lists the words as source, target and English, the demonstrations first.
func (t *thought) rows() (rows [][3]string, err error) {
	switch t.p.Pair {
	case "own words":
		return ownWords(t.p.Texts)
	case "Pocket opposites":
		for _, l := range splitLines(languageOpposites) {
			f := strings.Fields(l)
			rows = append(rows, [3]string{f[0], f[1], f[2]})
		}
	default:
		from, to, _ := strings.Cut(t.p.Pair, " to ")
		i, j := column(from), column(to)
		t.own, t.english = [2]string{languageColumns[i].own, languageColumns[j].own}, j == 0
		for _, l := range splitLines(languageWords) {
			f := strings.Fields(l)
			en := f[0]
			if t.english {
				en = f[i] // what English is compared with
			}
			rows = append(rows, [3]string{f[i], f[j], en})
		}
	}
	n := len(rows) - shots
	return append(slices.Clone(rows[n:]), rows[:n]...), nil
}

func column(name string) int {
	for i, c := range languageColumns {
		if c.name == name {
			return i
		}
	}
	return 0
}

// ownWords reads lines of a source word, a target word and an English word.
func ownWords(texts []string) (rows [][3]string, err error) {
	for i, l := range texts {
		f := strings.Split(l, ",")
		for k := range f {
			f[k] = strings.TrimSpace(f[k])
		}
		if len(f) != 3 || f[0] == "" || f[1] == "" || f[2] == "" {
			return nil, errs.E("lab.Params", errs.Invalid, "line %d of the own words is %.60q; it must be a source word, a target word and an English word, parted by commas", i+1, l)
		}
		rows = append(rows, [3]string(f))
	}
	if len(rows) <= shots {
		return nil, errs.E("lab.Params", errs.Invalid, "there are %d own words; at least %d are needed: %d are demonstrations", len(rows), shots+1, shots)
	}
	return rows, nil
}

// chosen takes the words that are measured: one, or as many as wanted.
func (t *thought) chosen(rows [][3]string) ([][3]string, error) {
	if t.p.Word == "" {
		rows = rows[shots:]
		return rows[:min(len(rows), t.p.Items)], nil
	}
	t.one = true
	for i, r := range rows {
		for _, w := range r {
			if !slices.Contains(variants(w), t.p.Word) {
				continue
			}
			if i < shots {
				return nil, errs.E("lab.Params", errs.Invalid, "%.40q stands in the demonstrations; choose another word", t.p.Word)
			}
			return [][3]string{r, rows[shots+(i-shots+7)%(len(rows)-shots)]}, nil // and another one, as the control
		}
	}
	return nil, errs.E("lab.Params", errs.NotFound, "the list has no word %.40q; it has for instance %s, %s and %s", t.p.Word, rows[shots][0], rows[len(rows)/2][0], rows[len(rows)-1][0])
}

// tokenSets finds the tokens that can begin each word, and drops the words whose two sets meet.
func (t *thought) tokenSets() error {
	for i := range t.words {
		w := &t.words[i]
		for k, text := range map[int]string{0: w.English, 1: w.Target, 3: w.Source} {
			set, err := beginnings(t.b, variants(text))
			if err != nil {
				return err
			}
			w.sets[k] = set
		}
		w.Dropped = meet(w.sets[0], w.sets[1])
		w.EnToks, w.Tokens = t.texts(w.sets[0]), t.texts(w.sets[1])
	}
	for i := range t.words {
		t.words[i].sets[2] = t.other(i)
		t.words[i].reads()
	}
	if t.one && t.words[0].Dropped {
		return errs.E("lab.Params", errs.Invalid, "the tokens that begin %.40q and %.40q meet, so that the two languages cannot be told apart; choose another word", t.words[0].English, t.words[0].Target)
	}
	return nil
}

// beginnings are the tokens that a text starting with one of the words can start with: each prefix
// of a word that is one token, with and without a space before it, and the first token that the
// tokenizer makes of the word, which may be the first byte of a character.
func beginnings(b *Bench, words []string) (set []int32, err error) {
	add := func(id int32) {
		if !slices.Contains(set, id) {
			set = append(set, id)
		}
	}
	for _, w := range words {
		for _, space := range []string{"", " "} {
			for i := range w {
				end := i + len(string([]rune(w[i:])[:1]))
				ids, err := b.Tokens.Encode(space+w[:end], token.Options{})
				if err == nil && len(ids) == 1 {
					add(ids[0])
				}
			}
		}
		id, err := opening(b, w)
		if err != nil {
			return nil, err
		}
		add(id)
	}
	return set, nil
}

func meet(a, b []int32) bool {
	return slices.ContainsFunc(a, func(id int32) bool { return slices.Contains(b, id) })
}

// other is the English set of another word that has nothing in common with this one's sets: the
// control. nil: there is none.
func (t *thought) other(i int) []int32 {
	w := &t.words[i]
	for k := 1; k < len(t.words); k++ {
		o := t.words[(i+k)%len(t.words)].sets[0]
		if !meet(o, w.sets[0]) && !meet(o, w.sets[1]) {
			return o
		}
	}
	return nil
}

func (t *thought) texts(set []int32) []string {
	out := make([]string, len(set))
	for i, id := range set {
		out[i] = t.b.Tokens.Text(id)
	}
	return out
}

// reads numbers the tokens of a word's sets.
func (w *latentWord) reads() {
	w.index = map[int32]int{}
	for _, set := range w.sets {
		for _, id := range set {
			if _, ok := w.index[id]; !ok {
				w.index[id] = len(w.tokens)
				w.tokens = append(w.tokens, plan.TokenRef{ID: id})
			}
		}
	}
}

// measuredWords are those whose sets do not meet; of one word, that word.
func (t *thought) kept() (list []*latentWord) {
	for i := range t.words {
		if w := &t.words[i]; !w.Dropped && !(t.one && i > 0) {
			list = append(list, w)
		}
	}
	return list
}

// plan reads some words' tokens through the lens of every layer.
func (t *thought) plan(words []*latentWord) *plan.Plan {
	p := &plan.Plan{}
	for i, w := range words {
		read := func(name string, reduce plan.Reduce) plan.Read {
			return plan.Read{Name: name, Site: hook.ResidPost, Layers: plan.All(), Positions: plan.At(-1), Reduce: reduce}
		}
		lp, top := read("p", plan.LogProb), read("top", plan.TopK)
		lp.Tokens, top.K = w.tokens, 1
		p.Runs = append(p.Runs, plan.Run{Name: strconv.Itoa(i), Prompt: plan.Prompt{Text: w.prompt}, Reads: []plan.Read{lp, top, read("entropy", plan.Entropy)}})
	}
	return p
}

func priceLanguage(b *Bench, p LanguageParams) (Price, error) {
	t, err := newThought(b, p)
	if err != nil || len(t.kept()) == 0 {
		return Price{}, err
	}
	return pricePlans(b, t.plan(t.kept()))
}

func runLanguage(ctx context.Context, b *Bench, p LanguageParams, emit func(Event)) (*LanguageResult, error) {
	t, err := newThought(b, p)
	if err != nil {
		return nil, err
	}
	words := t.kept()
	if len(words) == 0 {
		return nil, errs.E("lab.language", errs.Invalid, "no word is left: the tokens that begin each word meet those that begin its English; choose languages that are written differently")
	}
	for t.measured < len(words) {
		n := min(len(words), t.measured+min(4, 1+t.measured))
		if err := t.measure(ctx, words[t.measured:n]); err != nil {
			return nil, err
		}
		if t.measured = n; n < len(words) {
			showSoFar(emit, "words", n, len(words), t.result(words[:n]))
		}
	}
	return t.result(words), nil
}

// measure runs some words.
func (t *thought) measure(ctx context.Context, words []*latentWord) error {
	res, err := perform(ctx, t.b, nil, t.plan(words), plan.Observer{})
	if err != nil {
		return err
	}
	for i, w := range words {
		run := strconv.Itoa(i)
		lp, entropy := rowsOf(res, run, "p"), rowsOf(res, run, "entropy")
		for l := range lp {
			w.layer(lp[l], entropy[l][0], res.Read(run, "top").Top[l][0][0])
		}
		said := w.top[len(w.top)-1]
		w.Said, w.Right = said.Text, slices.Contains(w.sets[1], said.ID)
	}
	return nil
}

// layer takes in one layer's log-probabilities [token], its entropy in nats and its first guess.
func (w *latentWord) layer(lp []float32, entropy float32, top plan.Item) {
	for k, set := range w.sets {
		sum := 0.0
		for _, id := range set {
			sum += math.Exp(float64(lp[w.index[id]]))
		}
		if set == nil {
			sum = math.NaN()
		}
		w.p[k] = append(w.p[k], sum)
	}
	w.entropy = append(w.entropy, float64(entropy)/math.Ln2)
	w.top = append(w.top, top)
}
