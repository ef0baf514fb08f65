package token

import (
	"math"
	"strings"
	"unicode/utf8"

	"patchbay/shared/errs"
)

// spaceMark is how SentencePiece spells a space. Here both are the plain space.
const spaceMark = "\u2581"

// spm is SentencePiece's BPE: characters are the first symbols, and the pair is joined whose whole
// is the token with the highest score. Characters without a token fall back to their bytes.
type spm struct {
	vocab  *vocab
	rank   []uint32   // [id] the highest score has the least rank
	single [256]int32 // [byte] its token <0xNN>; -1: none
	unk    int32      // for what has no bytes either; -1: none
	glue   [256]bool  // [byte] some token has a space after this byte
}

func newSPM(v *vocab, scores []float32, unk int32) (*spm, error) {
	if len(scores) != v.size() {
		return nil, errs.E("", errs.Invalid, "there are %d tokens and %d scores", v.size(), len(scores))
	}
	s := &spm{vocab: v, unk: unk, rank: make([]uint32, len(scores))}
	for i := range s.single {
		s.single[i] = -1
	}
	for id, score := range scores {
		if score != score {
			return nil, errs.E("", errs.Invalid, "the score of token %d is not a number", id)
		}
		s.rank[id] = descending(score)
		s.learn(int32(id))
	}
	return s, nil
}

// descending turns a score into a number that orders the other way round.
func descending(score float32) uint32 {
	bits := math.Float32bits(score + 0) // -0 becomes 0
	if bits>>31 == 0 {
		return ^(bits | 1<<31)
	}
	return bits
}

// learn notes a byte token, or where a token has spaces inside.
func (s *spm) learn(id int32) {
	text := s.vocab.at(id)
	switch s.vocab.kindOf(id) {
	case byteToken:
		s.single[text[0]] = id
	case normal:
		for i := 1; i < len(text); i++ {
			if text[i] == ' ' {
				s.glue[text[i-1]] = true
			}
		}
	}
}

func (s *spm) join(text string, left, right *symbol) (int32, uint32, bool) {
	id := s.vocab.find(text[left.start:right.end])
	if id < 0 {
		return 0, 0, false
	}
	return id, s.rank[id], true
}

// encode cuts the text before every space that no token could hold inside, which changes nothing
// but keeps the pieces short.
func (s *spm) encode(ids []int32, text string, m *merger) ([]int32, error) {
	var err error
	for text != "" {
		n := 1
		for n < len(text) && (text[n] != ' ' || s.glue[text[n-1]]) {
			n++
		}
		if ids, err = s.piece(ids, text[:n], m); err != nil {
			return nil, err
		}
		text = text[n:]
	}
	return ids, nil
}

func (s *spm) piece(ids []int32, text string, m *merger) ([]int32, error) {
	m.start(text, utf8.RuneCountInString(text))
	for at := 0; at < len(text); {
		_, n := utf8.DecodeRuneInString(text[at:])
		m.add(at+n, s.vocab.find(text[at:at+n]))
		at += n
	}
	m.run(s)
	var err error
	for i := int32(0); i >= 0 && err == nil; i = m.symbols[i].next {
		sym := m.symbols[i]
		if sym.id >= 0 {
			ids = append(ids, sym.id)
			continue
		}
		ids, err = s.fallback(ids, text[sym.start:sym.end])
	}
	return ids, err
}

// fallback spells a character with byte tokens, or as the unknown token when one is missing.
func (s *spm) fallback(ids []int32, text string) ([]int32, error) {
	from := len(ids)
	for i := range len(text) {
		if s.single[text[i]] >= 0 {
			ids = append(ids, s.single[text[i]])
			continue
		}
		if s.unk < 0 {
			return nil, errs.E("", errs.Invalid, "%q has no token in this model's vocabulary: leave it out", text)
		}
		return append(ids[:from], s.unk), nil
	}
	return ids, nil
}

// appendSpaced appends a token with plain spaces.
func appendSpaced(dst []byte, text string) []byte {
	for {
		before, after, found := strings.Cut(text, spaceMark)
		dst = append(dst, before...)
		if !found {
			return dst
		}
		dst, text = append(dst, ' '), after
	}
}

// byteOf reads a byte token, <0xNN>.
func byteOf(text string) (string, bool) {
	digits, ok := strings.CutPrefix(text, "<0x")
	if !ok || len(digits) != 3 || digits[2] != '>' {
		return "", false
	}
	hi, lo := hexDigit(digits[0]), hexDigit(digits[1])
	if hi < 0 || lo < 0 {
		return "", false
	}
	return string([]byte{byte(hi<<4 | lo)}), true
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
