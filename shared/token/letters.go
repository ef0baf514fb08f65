package token

// letters is GPT-2's alphabet for bytes in vocabulary files: printable bytes of Latin-1 stand for
// themselves, the other 68 for the letters from U+0100 on, in the order of their values.
var letters = func() (table [256]rune) {
	next := rune(256)
	for b := range rune(256) {
		table[b] = b
		if b <= ' ' || b >= 127 && b <= 160 || b == 173 {
			table[b], next = next, next+1
		}
	}
	return table
}()

// letterBytes is the way back: [letter] byte+1, 0 for none.
var letterBytes = func() (table [256 + 68]uint16) {
	for b, r := range letters {
		table[r] = uint16(b) + 1
	}
	return table
}()

// appendLetterBytes appends the bytes of a token that is spelt as in a vocabulary file. A text with
// any other letter in it stands for itself.
func appendLetterBytes(dst []byte, s string) []byte {
	from := len(dst)
	for _, r := range s {
		if int(r) >= len(letterBytes) || letterBytes[r] == 0 {
			return append(dst[:from], s...)
		}
		dst = append(dst, byte(letterBytes[r]-1))
	}
	return dst
}
