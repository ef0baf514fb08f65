package lab

import "encoding/json"

// neuronLesson are the lesson's words and examples.
func neuronLesson() About {
	return About{
		Lesson: &Lesson{
			Idea:    "A neuron adds up its inputs, each times a weight, and passes the sum through an activation function. Some neurons answer to one thing a person can name, such as the neuron for Donald Trump in CLIP (Goh et al. 2021), or the grandmother cell that Jerry Lettvin joked about in 1969. But correlation is cheap among tens of thousands of neurons: the test is what happens when it is switched off.",
			Predict: "Set one neuron to zero at every token. What happens to the model's answer?",
			Guesses: [3]string{"Hardly anything: less than 0.1 nats", "It gets less or more likely, but the same token stays first", "Another token takes its place"},
			Fails:   "",
		},
		Models: []string{"pocket", "smollm2-135m-instruct", "gemma3-270m", "qwen2.5-coder-0.5b-instruct"},
		Presets: []Preset{
			{Name: "look", Title: "One neuron, looked at", Model: "pocket", Params: json.RawMessage(`{"part": "look", "layer": 1, "neuron": 52, "prompt": "Q: chat\nA:", "position": -3}`), Said: ""},
			{Name: "months", Title: "The neuron for months", Model: "smollm2-135m-instruct", Params: json.RawMessage(`{"part": "look", "layer": 21, "neuron": 1373, "prompt": "My birthday is in June"}`), Said: ""},
			{Name: "find", Title: "Find a neuron for French", Model: "pocket", Params: json.RawMessage(`{"part": "find", "concept": "french"}`), Said: ""},
			{Name: "fifty", Title: "One neuron against fifty", Model: "smollm2-135m-instruct", Params: json.RawMessage(`{"part": "ablate", "layer": 21, "neuron": 1373, "prompt": "The capital of France is the city of", "answer": " Paris"}`), Said: ""},
		},
	}
}
