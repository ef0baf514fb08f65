package token

import (
	"strings"
	"unicode/utf8"
)

// Stream decodes ids one at a time and never gives half a UTF-8 character: bytes wait until the
// character is whole or can no longer become one. One Stream serves one goroutine.
type Stream struct {
	t       *Tokenizer
	pending string // the beginning of a character, at most three bytes
}

// Stream begins an incremental decoding.
func (t *Tokenizer) Stream() *Stream { return &Stream{t: t} }

// Write takes the next id and gives the text that is now certain, broken characters as U+FFFD.
// Special tokens come out as they are spelt; ids outside the vocabulary give nothing.
func (s *Stream) Write(id int32) string {
	text := s.pending + s.t.vocab.at(id)
	n := wholeUntil(text)
	s.pending = text[n:]
	return strings.ToValidUTF8(text[:n], "\uFFFD")
}

// Flush ends the text: what still waits is broken, and comes out as one U+FFFD.
func (s *Stream) Flush() string {
	text := s.pending
	s.pending = ""
	return strings.ToValidUTF8(text, "\uFFFD")
}

// wholeUntil is the length of s without a character at its end that more bytes could complete.
func wholeUntil(s string) int {
	for at := len(s) - 1; at >= 0 && at >= len(s)-utf8.UTFMax; at-- {
		if utf8.RuneStart(s[at]) {
			if !utf8.FullRuneInString(s[at:]) {
				return at
			}
			break
		}
	}
	return len(s)
}
