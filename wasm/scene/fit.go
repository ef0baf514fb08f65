package scene

import (
	"strings"
	"unicode"
)

// Advance widths relative to the font size: system mono fonts have 0.6, wide East Asian
// characters a full em.
const (
	narrow = 0.602
	wide   = 1.0
)

// width is the estimated width of a mono text.
func width(s string, size float32) float32 {
	w := float32(0)
	for _, r := range s {
		w += advance(r) * size
	}
	return w
}

func advance(r rune) float32 {
	switch {
	case r < 0x300:
		return narrow
	case unicode.Is(unicode.Mn, r):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana),
		r >= 0x3000 && r <= 0x303f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return wide
	}
	return narrow
}

// fit shortens a text with an ellipsis until it fits; "" when not even one character does.
func fit(s string, size, room float32) string {
	if width(s, size) <= room {
		return s
	}
	room -= narrow * size // the ellipsis
	w, cut := float32(0), 0
	for i, r := range s {
		w += advance(r) * size
		if w > room {
			break
		}
		cut = i + len(string(r))
	}
	if cut == 0 {
		return ""
	}
	return s[:cut] + "…"
}

var visible = strings.NewReplacer(" ", "·", "\n", "⏎", "\t", "⇥", "\r", "␍", "\u00a0", "⍽", "\u200b", "∅")

// Visible shows white space, as everywhere a token stands alone.
func Visible(token string) string { return visible.Replace(token) }

// short is a token as a cell shows it: the word's leading space is left out, since nearly
// every token of running text has one; lists and labels show it.
func short(token string) string {
	if rest, ok := strings.CutPrefix(token, " "); ok && strings.TrimSpace(rest) != "" {
		return Visible(rest)
	}
	return Visible(token)
}
