package token

// splitGPT2 is GPT-2's splitter:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
var splitGPT2 = words(firstGPT2)

func firstGPT2(s string) int {
	if n := contraction(s); n > 0 {
		return n
	}
	lead := 0
	if s[0] == ' ' && len(s) > 1 {
		lead = 1
	}
	if c, _ := classAt(s[lead:]); c != space {
		return lead + run(s[lead:], c)
	}
	return spaces(s)
}

// contraction is the length of the English ending that s begins with, in lower case; 0 for none.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) >= 3 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}
