package lab

import (
	"context"
	"strconv"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// NeuronParams are the parameters of the neuron lesson.
type NeuronParams struct {
	Part     string      `json:"part"` // "look", "find" or "ablate"
	Layer    int         `json:"layer"`
	Neuron   int         `json:"neuron"`
	Prompt   string      `json:"prompt"`
	Position int         `json:"position"` // negative from the end
	Answer   string      `json:"answer"`   // a token; empty: the likeliest
	Concept  string      `json:"concept"`  // of part find
	Marked   [][2]string `json:"marked"`   // text and label: a concept of one's own
	Texts    []string    `json:"texts"`    // to look for the neuron's top tokens in, beside the built-in ones
	To       string      `json:"to"`       // "zero" or "mean"
	Facts    [][2]string `json:"facts"`    // prompt and answer: part ablate takes the mean over these
	Method   string      `json:"method"`   // attribution: "together", "layers" or "gradient"
	Steps    int         `json:"steps"`    // of integrated gradients
	First    bool        `json:"first"`    // the first token counts too
	Seed     int64       `json:"seed"`
}

// NeuronResult is what one neuron does, or the neuron that was found.
type NeuronResult struct {
	Report
	Layer  int `json:"layer"`
	Neuron int `json:"neuron"`
	// Of part find, AUROCs: on the texts that the neuron was chosen on, on others, and of one chosen with
	// shuffled labels.
	Chosen Num `json:"chosen,omitempty"`
	Tested Num `json:"tested,omitempty"`
	Chance Num `json:"chance,omitempty"`
}

// The parts of the lesson.
const (
	partLook, partFind, partAblate = "look", "find", "ablate"
)

func neuron() *Experiment {
	about := neuronLesson()
	about.Name, about.Title = "neuron", "Neuron"
	about.Help = "One neuron of an MLP: its weighted sum, what excites it, what it is correlated with, and what happens without it."
	about.Source = "Goh et al. (2021), multimodal neurons in artificial neural networks; Dai et al. 2104.08696, knowledge neurons; Bills et al. (2023), language models can explain neurons"
	about.Params = neuronParams()
	return register(about, priceNeuron, runNeuron)
}

func neuronParams() []Param {
	return []Param{
		{Name: "part", Kind: Choice, Default: partLook, Choices: []string{partLook, partFind, partAblate}, Label: "Part", Help: "Look at one neuron, find the one that tells a concept best, or switch neurons off."},
		Param{Name: "layer", Kind: Int, Default: 3, Label: "Layer", Help: "The layer of the neuron."}.ranged(0, 999),
		Param{Name: "neuron", Kind: Int, Default: 1, Label: "Neuron", Help: "Its number in the layer."}.ranged(0, 1<<20-1),
		{Name: "prompt", Kind: Text, Default: "The capital of Poland is", Label: "Prompt", Help: "The text that the neuron is computed on, and whose next token is asked for."},
		Param{Name: "position", Kind: Int, Default: -1, Label: "Token", Help: "The token at which the sum is shown; negative numbers count from the end.", More: true}.ranged(-MaxResidualTokens, MaxResidualTokens-1),
		{Name: "answer", Kind: Token, Default: "", Label: "Answer", Help: "The token whose probability is watched; left empty, the likeliest.", More: true},
		{Name: "concept", Kind: Choice, Default: "french", Choices: append(append([]string{}, conceptNames...), "own", "several"), Label: "Concept", Help: "What to find a neuron for: a concept, your own marked texts, or several unrelated things at once."},
		{Name: "marked", Kind: Pairs, Default: [][2]string{}, Label: "Marked texts", Help: "Texts with a label each; the first label is the concept, all others are not.", More: true},
		{Name: "texts", Kind: Texts, Default: []string{}, Label: "Your texts", Help: "Texts of your own in which to look for the tokens that excite the neuron most.", More: true},
		{Name: "to", Kind: Choice, Default: "zero", Choices: []string{"zero", "mean"}, Label: "Switch off to", Help: "Put zero in place of the neuron, or its mean over other texts.", More: true},
		{Name: "facts", Kind: Pairs, Default: [][2]string{}, Label: "Facts", Help: "Prompts with their answers: part ablate takes the mean over those that the model knows.", More: true},
		{Name: "method", Kind: Choice, Default: "together", Choices: []string{"together", "layers", "gradient"}, Label: "Attribution", Help: "Integrated gradients with all MLPs turned up together, each layer by itself (Dai et al.; slow), or one gradient times the activation.", More: true},
		Param{Name: "steps", Kind: Int, Default: 20, Label: "Steps", Help: "How many steps the integral takes.", More: true}.ranged(1, 100),
		{Name: "first", Kind: Bool, Default: false, Label: "First token too", Help: "Count and switch off neurons at the first token as well, where many models keep very large values.", More: true},
		Param{Name: "seed", Kind: Int, Default: 0, Label: "Seed", Help: "Of the random neurons and the shuffled labels.", More: true}.ranged(0, 1<<53-1),
	}
}

// neuronRun is the work on one request.
type neuronRun struct {
	b    *Bench
	p    NeuronParams
	emit func(Event)
	out  NeuronResult
}

func (n *neuronRun) show(stage string) { showSoFar(n.emit, stage, 0, 0, &n.out) }

// unit names a neuron.
func unitName(layer, index int) string { return "L" + strconv.Itoa(layer) + "N" + strconv.Itoa(index) }

// where refuses a neuron that the model does not have.
func (n *neuronRun) where() error {
	c := n.b.Model.Config()
	switch {
	case n.p.Layer >= c.Layers:
		return errs.E("lab.neuron", errs.Invalid, "layer: it is %d; this model has the layers 0 to %d", n.p.Layer, c.Layers-1)
	case n.p.Neuron >= c.MLP:
		return errs.E("lab.neuron", errs.Invalid, "neuron: it is %d; a layer of this model has the neurons 0 to %d", n.p.Neuron, c.MLP-1)
	}
	n.out.Layer, n.out.Neuron = n.p.Layer, n.p.Neuron
	return nil
}

// ids are a text's tokens.
func (n *neuronRun) ids(name, text string) ([]int32, error) {
	ids, err := n.b.Tokens.Encode(text, token.Options{BOS: true})
	switch {
	case err != nil:
		return nil, errs.E("lab.neuron", errs.KindOf(err), "%s: %w", name, err)
	case text == "" || len(ids) == 0:
		return nil, errs.E("lab.neuron", errs.Invalid, "%s: it has no tokens; give the model something to read", name)
	case len(ids) > MaxResidualTokens:
		return nil, errs.E("lab.neuron", errs.TooLarge, "%s: it has %d tokens; this lesson takes at most %d", name, len(ids), MaxResidualTokens)
	}
	return ids, nil
}

func priceNeuron(b *Bench, p NeuronParams) (Price, error) {
	n := &neuronRun{b: b, p: p}
	switch p.Part {
	case partFind:
		return n.priceFind()
	case partAblate:
		return n.priceAblate()
	}
	return n.priceLook()
}

func runNeuron(ctx context.Context, b *Bench, p NeuronParams, emit func(Event)) (*NeuronResult, error) {
	n := &neuronRun{b: b, p: p, emit: emit}
	var err error
	switch p.Part {
	case partFind:
		err = n.find(ctx)
	case partAblate:
		err = n.ablate(ctx)
	default:
		err = n.look(ctx)
	}
	return &n.out, err
}
