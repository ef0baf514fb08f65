package lab

import (
	"testing"
)

// Pocket does not think in English: the French opposite comes by itself. What is asserted is
// that the lesson shows this.
func TestLanguageOnPocket(t *testing.T) {
	b := pocketBench(t)
	_, r := run[LanguageResult](t, b, "language", `{"pair":"Pocket opposites","items":60}`, nil)
	f := figureOf(t, r.Report, "paths")
	english, target := seriesOf(t, f, "English"), seriesOf(t, f, "the target language")
	last := len(target.Values) - 1
	if target.Values[last] < 0.6 {
		t.Errorf("the French opposite has %v at the end", target.Values[last])
	}
	for l, p := range english.Values {
		if p > 0.05 {
			t.Errorf("layer %d: English has %v", l, p)
		}
	}
	if r.Ahead.N != r.Kept || r.At != f.Best[0] {
		t.Errorf("English is ahead in %v of %d words after layer %d, marked %v", r.Ahead, r.Kept, r.At, f.Best)
	}
	if r.Answer == nil || *r.Answer != 1 {
		t.Errorf("the answer is %v, not the one that the target comes by itself", r.Answer)
	}
	if r.Kept == 0 || r.Kept >= r.Of {
		t.Errorf("%d of %d words kept; words whose sets meet should be dropped, and only those", r.Kept, r.Of)
	}
}

// A set holds each prefix that is a token, with and without a space.
func TestLanguageTokenSets(t *testing.T) {
	b := pocketBench(t)
	set := must(beginnings(b, []string{"chaud"}))(t)
	texts := map[string]bool{}
	for _, id := range set {
		texts[b.Tokens.Text(id)] = true
	}
	if !texts["c"] || !texts[" c"] {
		t.Errorf("the beginnings of chaud are %v", texts)
	}
	if !meet(set, must(beginnings(b, []string{"cold"}))(t)) {
		t.Error("chaud and cold share the token c")
	}
}

func TestLanguageRefuses(t *testing.T) {
	b := pocketBench(t)
	refused(t, b, "language", `{"word":"zebra"}`, "the list has no word")
	refused(t, b, "language", `{"pair":"own words"}`, "at least 5 are needed")
	refused(t, b, "language", `{"pair":"own words","texts":["eau, 水"]}`, "line 1")
	refused(t, b, "language", `{"pair":"own words","texts":["a,b,c","d,e,f","g,h,i","j,k,l","chat, chat, cat"]}`, "no word is left")
	refused(t, b, "language", `{"pair":"French to Klingon"}`, "not one of")
}

// From French to Chinese Gemma passes through English (the reference has .048 against .009 at layer 12).
func TestLanguageOnGemma(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b := bench(t, "gemma3-270m")
	_, r := run[LanguageResult](t, b, "language", `{"items":16}`, nil)
	f := figureOf(t, r.Report, "paths")
	if en, zh := seriesOf(t, f, "English").Values[12], seriesOf(t, f, "the target language").Values[12]; en < 0.02 || en < 3*zh {
		t.Errorf("at layer 12 English has %v and Chinese %v", en, zh)
	}
}
