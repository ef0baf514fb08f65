package text

import (
	"strings"

	"patchbay/shared/lab"
)

// Lessons bring their own words, in English; their Chinese is found by that very text, as
// gettext does it. The maps are their authors', one in each words_NAME.go.
var spoken = joinWords(wordsLab, wordsIcv, wordsAlgebra, wordsSteer, wordsNeuron, wordsResidual, wordsLanguage, wordsPatchscope, wordsBackpatch)

func joinWords(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, p := range parts {
		for k, v := range p {
			all[k] = v
		}
	}
	return all
}

// wordsLab are words that every lesson may use.
var wordsLab = map[string]string{
	"layer":     "層",
	"attention": "注意力",
	"mlp":       "MLP",
	"stream":    "殘差流",
	"terms":     "乘積",
}

// Said is the lessons' text in the language; one without a translation is shown as it is.
func Said(l Lang, english string) string {
	if zh, ok := spoken[english]; ok && l == ZH {
		return zh
	}
	return english
}

// Say is a lesson's sentence with what was computed filled in. What is filled in may be words
// of a lesson too.
func Say(l Lang, w lab.Words) string {
	var b strings.Builder
	for _, p := range SayParts(l, w) {
		b.WriteString(p.Text)
	}
	return b.String()
}

// SayParts is the sentence in pieces, the computed ones marked.
func SayParts(l Lang, w lab.Words) []Part {
	args := make([]string, len(w.Args))
	for i, a := range w.Args {
		args[i] = Said(l, a)
	}
	return fill(Said(l, w.Text), args)
}
