package lab

import "encoding/json"

// residualLesson are the lesson's words and examples.
func residualLesson() About {
	return About{
		Lesson: &Lesson{
			Idea:    "Every attention and every MLP reads the residual stream and adds a vector to it; nothing else joins the layers. So the answer's logit is a plain sum, and each part's direct share can be read off. What is lost when a part is knocked out is another matter: later layers may make good for it, or may have built on it.",
			Predict: "Which part's loss will cost the answer most?",
			Guesses: [3]string{"The one that adds most to it directly", "Another one, that adds less directly", "None: no loss costs 0.1 nats"},
			Fails:   "Direct attribution freezes the final norm's scale and sees only the last step: a part that prepares the ground for others adds nothing directly and can still be the one that the answer cannot do without. Knock-out to zero puts the stream where it never is; the mean is milder. Neither is the truth, which is why both are shown.",
		},
		Models: []string{"pocket", "smollm2-135m-instruct", "gemma3-270m", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"},
		Presets: []Preset{
			{Name: "capital", Title: "A capital", Model: "pocket", Params: json.RawMessage(`{"prompt": "The capital of Finland is"}`),
				Said: "The last MLP adds most (+5.7 logits), but its loss costs 0.1 nats: it is made good. The costliest is the first attention, 2.1 nats, which adds next to nothing directly. Ask for Poland instead, and no loss costs anything."},
			{Name: "object", Title: "Who gets it?", Model: "pocket", Params: json.RawMessage(`{"prompt": "When Anna and Tom went to the park, Anna gave a ball to", "answer": " Tom", "against": " Anna"}`),
				Said: "The last attention adds +5.2 logits by looking at Tom, but the costliest is the first one, which speaks against him: 0.4 nats. In logits the parts cost more than they add, since later layers build on them."},
			{Name: "warsaw", Title: "Poland to Warsaw", Model: "gemma3-270m", Params: json.RawMessage(`{"prompt": "The capital of Poland is", "answer": " Warsaw"}`),
				Said: "The attention of layer 12 fetches +7.6 logits from the token Poland. Without the attention of layer 1, which adds nothing directly, 10 nats are lost."},
			{Name: "tower", Title: "A tower and its city", Model: "gemma3-270m", Params: json.RawMessage(`{"prompt": "The Eiffel Tower is located in the city of", "answer": " Paris"}`),
				Said: "Ten parts add 31.7 logits; knocked out one at a time they cost 9.8, 31 % of it. That is self-repair."},
			{Name: "store", Title: "Mary or John", Model: "smollm2-135m-instruct", Params: json.RawMessage(`{"prompt": "When Mary and John went to the store, John gave a bottle of milk to", "answer": " Mary", "against": " John"}`),
				Said: "One attention, in layer 23, adds +4.6 logits by looking at Mary, most of it in head 3. Without that head alone only 0.07 nats are lost."},
		},
	}
}
