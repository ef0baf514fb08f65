package token

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// splitter cuts a text into the words that merges do not cross. The words together are the text.
type splitter func(text string) iter.Seq[string]

// The families' splitters are published as regular expressions; here they are scanners over these
// four classes, which the expressions call \p{L}, \p{N}, \s and everything else.
type class uint8

const (
	other class = iota // marks, punctuation, symbols, controls, bytes that are no UTF-8
	letter
	number
	space
)

var ascii = func() (table [utf8.RuneSelf]class) {
	for r := range rune(utf8.RuneSelf) {
		table[r] = slowClass(r)
	}
	return table
}()

// classAt is the class of the character that s begins with, and its length in bytes.
func classAt(s string) (class, int) {
	if s[0] < utf8.RuneSelf {
		return ascii[s[0]], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return slowClass(r), n
}

func slowClass(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// run is the length of the characters of class c that s begins with.
func run(s string, c class) int {
	at := 0
	for at < len(s) {
		k, n := classAt(s[at:])
		if k != c {
			break
		}
		at += n
	}
	return at
}

// spaces is \s+(?!\S)|\s+ where s begins with a space: all of them at the text's end, and otherwise
// all but the last, which belongs to the word that follows.
func spaces(s string) int {
	n := run(s, space)
	if n == len(s) {
		return n
	}
	_, last := utf8.DecodeLastRuneInString(s[:n])
	if last == n {
		return n
	}
	return n - last
}

// words makes a splitter of a function that gives the length of the first word.
func words(first func(text string) int) splitter {
	return func(text string) iter.Seq[string] {
		return func(yield func(string) bool) {
			for len(text) > 0 {
				n := first(text)
				if !yield(text[:n]) {
					return
				}
				text = text[n:]
			}
		}
	}
}
