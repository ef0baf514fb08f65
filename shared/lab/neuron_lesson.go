package lab

import "encoding/json"

// neuronLesson are the lesson's words and examples.
func neuronLesson() About {
	return About{
		Lesson: &Lesson{
			Idea:    "A neuron adds up its inputs, each times a weight, and passes the sum through an activation function. Some neurons answer to one thing a person can name, such as the neuron for Donald Trump in CLIP (Goh et al. 2021), or the grandmother cell that Jerry Lettvin joked about in 1969. But correlation is cheap among tens of thousands of neurons: the test is what happens when it is switched off.",
			Predict: "Set one neuron to zero at every token. What happens to the model's answer?",
			Guesses: [3]string{"Hardly anything: less than 0.1 nats", "It gets less or more likely, but the same token stays first", "Another token takes its place"},
			Fails:   "A neuron that tells a concept perfectly need not matter: on SmolLM2 zeroing the month neuron changes a capital by 0.00 nats, and the loss on other texts by 0.0002. A search through tens of thousands of neurons always finds something: on Pocket the best neuron for animals has AUROC 0.90 on the words it was chosen on and 0.50, chance, on others. Fifty neurons by attribution cost 7 to 9 nats on SmolLM2, but where the first token counts too a part of that is no knowledge: many models keep very large values there, and without them the whole text falls apart.",
		},
		Models: []string{"pocket", "smollm2-135m-instruct", "gemma3-270m", "qwen2.5-coder-0.5b-instruct"},
		Presets: []Preset{
			{Name: "look", Title: "One neuron, looked at", Model: "pocket", Params: json.RawMessage(`{"part": "look", "layer": 3, "neuron": 1, "prompt": "Q: chat"}`),
				Said: "It answers to French words and to nothing else (AUROC 1.00). Without it the answer changes by 0.00 nats."},
			{Name: "find", Title: "Find a neuron for French", Model: "pocket", Params: json.RawMessage(`{"part": "find", "concept": "french"}`),
				Said: "91 of 3,072 neurons look perfect until the same sentences with English words are among the others: then 3 are left."},
			{Name: "jobs", Title: "A neuron with two jobs", Model: "pocket", Params: json.RawMessage(`{"part": "find", "concept": "several"}`),
				Said: "Layer 4, neuron 28 answers to the sentences about countries and, less, to those about colours. The near misses give it away: they excite it as much, for it is the words around, capital of and People, that it answers to."},
			{Name: "many", Title: "One, ten, fifty", Model: "pocket", Params: json.RawMessage(`{"part": "ablate", "layer": 3, "neuron": 1, "prompt": "The language of France is"}`),
				Said: "One neuron: 0.00 nats. Ten by attribution: 1.2. Fifty: 8.5. Fifty random ones: 0.00."},
			{Name: "months", Title: "The neuron for months", Model: "smollm2-135m-instruct", Params: json.RawMessage(`{"part": "look", "layer": 21, "neuron": 1373, "prompt": "My birthday is in June"}`),
				Said: "Months excite it to 14 on average, days to 2, all else below 1. Without it the next token moves by 0.2 nats and stays what it was."},
			{Name: "facts", Title: "One neuron against fifty", Model: "smollm2-135m-instruct", Params: json.RawMessage(`{"part": "ablate", "layer": 21, "neuron": 1373, "method": "gradient", "facts": [["The capital of France is the city of", " Paris"], ["The capital of Egypt is the city of", " Cairo"], ["The opposite of hot is", " cold"], ["Once upon a", " time"], ["one, two, three, four,", " five"], ["The capital of Spain is the city of", " Madrid"]]}`),
				Said: "Five of the six facts are known. The costliest single neuron: 1.4 nats (median). Ten by attribution: 5.3. Fifty: 7.2. Fifty random ones: 0.00."},
		},
	}
}
