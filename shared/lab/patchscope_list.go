package lab

import (
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/plan"
)

// list fills in the sources.
func (s *scope) list() error {
	switch s.p.Set {
	case "one":
		s.source(s.p.Source, s.p.At, "")
	case "sentences":
		s.built(scopeSentences)
	case "entities":
		s.built(scopeEntities)
	case "attributes":
		s.built(scopeCurrencies)
	case "pocket":
		s.built(scopePocket)
	case "lists":
		for _, t := range scopeLists() {
			s.source(t, "", "")
		}
	case "own":
		for _, t := range s.p.Texts {
			s.source(t, "", "")
		}
		if len(s.sources) == 0 {
			for _, t := range s.p.Pairs {
				s.source(t[0], "", t[1])
			}
		}
	}
	if len(s.sources) == 0 {
		return errs.E("lab.Params", errs.Invalid, "the own list is empty: give prompts, or prompts with the words that must be written")
	}
	if s.p.Set != "one" {
		s.sources = s.sources[:min(len(s.sources), s.p.Items)]
	}
	return nil
}

func (s *scope) built(data string) {
	for _, line := range splitLines(data) {
		text, want, _ := strings.Cut(line, "|")
		s.source(text, "", want)
	}
}

func (s *scope) source(text, at, want string) {
	x := scopedSource{at: at}
	x.Source = text
	for w := range strings.SplitSeq(want, ",") {
		if w = strings.TrimSpace(w); w != "" {
			x.Want = append(x.Want, w)
		}
	}
	s.sources = append(s.sources, x)
}

// right says whether a target's writing is what was wanted of a source.
func (s *scope) right(x *scopedSource, first plan.Item, text string) bool {
	if len(x.Want) == 0 {
		return first.ID == x.goal
	}
	return said(clause(text), x.Want)
}

// guessed says whether the lens names what was wanted: the next token, or the beginning of a word.
func (s *scope) guessed(x *scopedSource, g plan.Item) bool {
	if len(x.Want) == 0 {
		return g.ID == x.id
	}
	word := strings.ToLower(strings.TrimSpace(g.Text))
	for _, w := range x.Want {
		if len(word) > 1 && strings.HasPrefix(strings.ToLower(w), word) || said(word, []string{w}) {
			return true
		}
	}
	return false
}

// clause is what a target says of what was put in: up to the line's end or the next entry's colon.
func clause(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text, _, _ = strings.Cut(strings.TrimLeft(text, " :,"), ":")
	return text
}

// scoreWrong asks of each source what was written for another one.
func (s *scope) scoreWrong() {
	n := len(s.sources)
	for i := range s.sources {
		other := &s.sources[(i+max(1, n/3))%n]
		for l := range s.layers {
			s.wrong[l].add(s.right(&s.sources[i], other.first[l], other.Patched[l]))
		}
	}
}

// said reports whether a text holds one of the wanted words, whatever their case.
func said(text string, want []string) bool {
	text = strings.ToLower(text)
	for _, w := range want {
		if w != "" && strings.Contains(text, strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// splitLines are data of one entry a line.
func splitLines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
