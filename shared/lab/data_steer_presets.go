package lab

import "encoding/json"

// steerFails says where steering does not work, with the numbers of docs/lessons/steer.md.
const steerFails = "SmolLM2 hardly ever refuses, so there is no refusal to add or remove. Truthfulness failed on the small models: the vector moved the verdicts no more than a random one. Strengths are cut at four times the difference and at one residual norm: beyond that the text falls to pieces, and a score measured on rubble means nothing."

func steerPresets() []Preset {
	p := func(name, title, model, params, said string) Preset {
		return Preset{Name: name, Title: title, Model: model, Params: json.RawMessage(params), Said: said}
	}
	const pocket, qwen, gemma = "pocket", "qwen2.5-coder-0.5b-instruct", "gemma3-270m"
	return []Preset{
		p("flattery", "Turn a candid friend into a flatterer", pocket, `{"set":"flattery","apply":"last","count":8}`, "The friend says Yes, it is lovely, of a dull song; unsteered, No, it is not good."),
		p("pocket-refusal", "Make Pocket refuse a harmless request", pocket, `{"set":"refusal","strength":0.5,"count":8}`, "Asked how to clean something, Pocket says Sorry, I cannot help with that; with a random vector it says Sure."),
		p("yoga", "Refuse to teach yoga", qwen, `{"set":"refusal","prompt":"How do I start doing yoga at home?"}`, "I'm sorry, but I can't assist with that; a random vector of the same length changes nothing."),
	}
}
