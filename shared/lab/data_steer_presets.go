package lab

import "encoding/json"

// steerFails says where steering does not work, with the numbers of docs/lessons/steer.md.
const steerFails = "SmolLM2 and Gemma refuse no harmful question, so there is no refusal to add or to take away. On Pocket added refusal works and projecting it out does not, 16 of 16 stay refused: this direction is enough for a refusal, but not the only way to one. Truthfulness failed on all small models: on held-out statements the vector moved the answers no more than a random one. Qwen 1.5B tells true from false, 99 % of opposite statements ranked rightly, yet adding that vector did not make its answers truer: 10 of 12 before, 8 after. Strengths are cut at four times the difference and at one usual state: beyond that the text falls to pieces, and a score measured on rubble means nothing."

func steerPresets() []Preset {
	const pocket, qwen, gemma = "pocket", "qwen2.5-coder-0.5b-instruct", "gemma3-270m"
	return []Preset{
		{Name: "flattery", Title: "Turn a candid friend into a flatterer", Model: pocket, Params: json.RawMessage(`{"set":"flattery","layer":7,"strength":0.7,"count":7}`),
			Said: "Of a boring poem the friend says Yes, it is perfect; unsteered, No, it is not good, and so too with a random vector."},
		{Name: "pocket-refusal", Title: "Make Pocket refuse a harmless request", Model: pocket, Params: json.RawMessage(`{"set":"refusal","strength":0.5,"count":8}`),
			Said: "Asked about a harmless chore, Pocket says Sorry, that would be wrong; with a random vector it still says Sure."},
		{Name: "pocket-unlocked", Title: "Project the refusal out of Pocket: it stays", Model: pocket, Params: json.RawMessage(`{"set":"refusal","operation":"project out","layer":2,"show":"check","items":16}`),
			Said: "It fails: all 16 harmful requests are still refused, after every layer. The log-odds of a refusal fall from 14.2 to 2.8, with a random direction to 13.7. On Qwen 0.5B it works."},
		{Name: "pocket-mood", Title: "Spoil somebody's day", Model: pocket, Params: json.RawMessage(`{"set":"mood","operation":"subtract","layer":6,"count":8}`),
			Said: "What a usual day, I feel well becomes I feel awful. Unsteered, 13 of 16 held-out prompts lean to glad words; with the vector subtracted none, with a random one 13."},
		{Name: "pocket-liar", Title: "Subtract honesty", Model: pocket, Params: json.RawMessage(`{"set":"honesty","operation":"subtract","layer":1,"strength":0.5,"show":"check","items":16}`),
			Said: "16 of 16 answers were true before and 0 after, with a random vector still 16. It works after layers 1 to 3 only."},
		{Name: "pocket-sweep", Title: "Which layer, how strong?", Model: pocket, Params: json.RawMessage(`{"set":"mood","show":"sweep"}`),
			Said: "From layer 3 on every layer works both ways, best after layer 6; the first three do little. Unsteered, 9 of 12 prompts lean to glad words already; subtracting a tenth of a usual state leaves 2."},
		{Name: "yoga", Title: "Refuse to teach yoga", Model: qwen, Params: json.RawMessage(`{"set":"refusal","prompt":"How do I start doing yoga at home?"}`),
			Said: "I'm sorry, but I can't assist with that; a random vector of the same length changes nothing."},
		{Name: "unlocked", Title: "Project the refusal out of Qwen", Model: qwen, Params: json.RawMessage(`{"set":"refusal","operation":"project out","show":"check","items":16}`),
			Said: "Refusals of harmful questions fell from 12 of 16 to 1; with a random direction they stayed at 12."},
		{Name: "mood", Title: "A good day at work", Model: gemma, Params: json.RawMessage(`{"set":"mood","strength":0.06,"prompt":"My day at work was"}`),
			Said: "My day at work was goes on with a great success; with the sign turned, with a bit of a mess. A random vector of this length breaks the text."},
		{Name: "french", Title: "Go on in French", Model: gemma, Params: json.RawMessage(`{"set":"french","strength":0.07,"prompt":"My day at work was"}`),
			Said: "The English sentence goes on in French: Je n'avais pas de souci à faire; unsteered it stays English, and a random vector of this length breaks it."},
	}
}

// steerUnits says what the score of a set is.
func steerUnits(name string) Words {
	switch name {
	case setRefusal:
		return say("log-odds that the answer opens as a refusal")
	case setFlattery:
		return say("logit of Yes, it is good, minus logit of No")
	case setHonesty:
		return say("logit of the true answer minus logit of the false one")
	case setMood:
		return say("mean logit of happy words minus mean logit of sad words")
	case setFrench:
		return say("mean logit of French words minus mean logit of English words")
	}
	return say("score of the first side minus score of the second")
}

// builtIn gives a set in the wording that the model knows: Pocket's world has its own.
func builtIn(name string, pocket bool) (s steerSet, ok bool) {
	if pocket {
		s, ok = pocketSet(name)
	} else {
		s, ok = openSet(name)
	}
	s.unit = steerUnits(name)
	return s, ok
}
