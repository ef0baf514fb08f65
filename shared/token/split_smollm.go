package token

import "iter"

// splitSmolLM takes every digit (\p{N}) as a word of its own, and splits what lies between digits
// as GPT-2 does. A stretch ends where a digit begins: spaces before a digit all stay together.
func splitSmolLM(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			stretch := untilNumber(text)
			for at := 0; at < stretch; {
				n := firstGPT2(text[at:stretch])
				if !yield(text[at : at+n]) {
					return
				}
				at += n
			}
			if text = text[stretch:]; text == "" {
				return
			}
			_, n := classAt(text)
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// untilNumber is the length of the text before its first digit.
func untilNumber(s string) int {
	at := 0
	for at < len(s) {
		c, n := classAt(s[at:])
		if c == number {
			break
		}
		at += n
	}
	return at
}
