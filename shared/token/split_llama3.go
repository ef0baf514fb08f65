package token

// splitLlama3 is the splitter of Llama 3 (GGUF: llama-bpe):
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//	| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
var splitLlama3 = words(func(s string) int { return firstLlama3(s, 3) })

// firstLlama3 takes numbers in groups of at most digits.
func firstLlama3(s string, digits int) int {
	if n := contractionAnyCase(s); n > 0 {
		return n
	}
	c, n := classAt(s)
	switch {
	case c == letter:
		return run(s, letter)
	case c == number:
		return upTo(s, digits)
	case s[0] != '\r' && s[0] != '\n':
		if letters := run(s[n:], letter); letters > 0 {
			return n + letters
		}
	}
	if n := symbols(s); n > 0 {
		return n
	}
	if n := throughNewline(s); n > 0 {
		return n
	}
	return spaces(s)
}

// upTo is the length of the numbers that s begins with, at most limit of them.
func upTo(s string, limit int) int {
	at := 0
	for range limit {
		if at == len(s) {
			break
		}
		c, n := classAt(s[at:])
		if c != number {
			break
		}
		at += n
	}
	return at
}

// symbols is " ?[^\s\p{L}\p{N}]+[\r\n]*" at the start of s; 0 for none.
func symbols(s string) int {
	at := 0
	if s[0] == ' ' {
		at = 1
	}
	n := run(s[at:], other)
	if n == 0 {
		return 0
	}
	for at += n; at < len(s) && (s[at] == '\r' || s[at] == '\n'); at++ {
	}
	return at
}

// throughNewline is "\s*[\r\n]+": the spaces that s begins with up to their last line end.
func throughNewline(s string) int {
	n := run(s, space)
	for n > 0 && s[n-1] != '\r' && s[n-1] != '\n' {
		n--
	}
	return n
}

// contractionAnyCase is contraction in either case, the long s included, which folds to s.
func contractionAnyCase(s string) int {
	const longS = "\u017f"
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	if len(s) >= 3 && s[1:3] == longS {
		return 3
	}
	low := [3]byte{'\''}
	for i := 1; i < min(3, len(s)); i++ {
		low[i] = s[i]
		if 'A' <= s[i] && s[i] <= 'Z' {
			low[i] += 'a' - 'A'
		}
	}
	return contraction(string(low[:min(3, len(s))]))
}
