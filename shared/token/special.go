package token

import (
	"slices"

	"patchbay/shared/errs"
)

// specials finds the tokens that are matched in the text before it is cut into words: control
// tokens on request, user-defined ones always; the longest one at the leftmost place.
type specials struct {
	ids     map[string]int32
	vocab   *vocab
	lengths [256][]int // [first byte] the distinct lengths of specials, longest first
}

func newSpecials(v *vocab) (*specials, error) {
	s := &specials{ids: map[string]int32{}, vocab: v}
	for id := range int32(v.size()) {
		text, k := v.at(id), v.kindOf(id)
		if text == "" || !k.control() && k != userDefined {
			continue
		}
		if other, ok := s.ids[text]; ok {
			return nil, errs.E("", errs.Invalid, "the special tokens %d and %d are both %q", other, id, text)
		}
		s.ids[text] = id
		s.addLength(text)
	}
	return s, nil
}

func (s *specials) addLength(text string) {
	l := &s.lengths[text[0]]
	at, found := slices.BinarySearchFunc(*l, len(text), func(have, want int) int { return want - have })
	if !found {
		*l = slices.Insert(*l, at, len(text))
	}
}

// find gives the span of the first special token in text and its id, or the text's end twice and -1.
func (s *specials) find(text string, control bool) (at, end int, id int32) {
	for at := range len(text) {
		for _, n := range s.lengths[text[at]] {
			if at+n > len(text) {
				continue
			}
			id, ok := s.ids[text[at:at+n]]
			if ok && (control || !s.vocab.kindOf(id).control()) {
				return at, at + n, id
			}
		}
	}
	return len(text), len(text), -1
}
