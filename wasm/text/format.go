package text

import (
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in decimal units, as disks and downloads are sold: "98 MB".
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1_000_000:
		return short(float64(n)/1e3) + " kB"
	case n < 1_000_000_000:
		return short(float64(n)/1e6) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 2, 64) + " GB"
}

func short(x float64) string {
	if x < 10 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// Prob is a probability with three decimals; a small one is not shown as zero.
func Prob(p float32) string {
	if p > 0 && p < 0.0005 {
		return "<0.001"
	}
	return strconv.FormatFloat(float64(p), 'f', 3, 32)
}

// Number has the given number of decimals.
func Number(x float64, decimals int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

// Sci is a small error in one digit: "3e-5".
func Sci(x float64) string {
	if x == 0 {
		return "0"
	}
	s := strconv.FormatFloat(x, 'e', 0, 64)
	return strings.Replace(s, "e-0", "e-", 1)
}

// Int is a whole number.
func Int(n int) string { return strconv.Itoa(n) }

// Seconds is a duration: milliseconds below one second.
func Seconds(s float64) string {
	switch {
	case s < 0.0995:
		return strconv.Itoa(int(math.Round(s*1000))) + " ms"
	case s < 1:
		return strconv.Itoa(int(math.Round(s*100))*10) + " ms"
	case s < 90:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return strconv.Itoa(int(math.Round(s/60))) + " min"
}

var visible = strings.NewReplacer(" ", "·", "\u00a0", "⍽", "\n", "⏎", "\r", "␍", "\t", "⇥", "\u200b", "∅")

// Token makes a token's white space visible. An empty token is a mark of its own.
func Token(s string) string {
	if s == "" {
		return "∅"
	}
	return visible.Replace(s)
}

// Quote sets a token apart inside a sentence, in the language's own quotation marks; the
// space that most tokens begin with says nothing there.
func Quote(l Lang, s string) string {
	if t := strings.TrimLeft(s, " "); t != "" {
		s = t
	}
	if l == ZH {
		return "「" + Token(s) + "」"
	}
	return "“" + Token(s) + "”"
}

// QuoteWords sets a phrase apart inside a sentence.
func QuoteWords(l Lang, s string) string {
	if l == ZH {
		return "「" + s + "」"
	}
	return "“" + s + "”"
}
