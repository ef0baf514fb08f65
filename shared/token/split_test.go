package token

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSplitGolden compares with the Python package tokenizers: testdata/make_splits.py.
func TestSplitGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/splits.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Texts   []string
		Lengths map[string][][]int
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Lengths) != 4 {
		t.Errorf("%d splitters, want 4", len(golden.Lengths))
	}
	for name, lengths := range golden.Lengths {
		for i, text := range golden.Texts {
			got := slices.Collect(splitters[name](text))
			if want := cut(text, lengths[i]); !slices.Equal(got, want) {
				t.Errorf("%s: %q gives\n%q, want\n%q", name, text, got, want)
			}
		}
	}
}

func cut(text string, lengths []int) (words []string) {
	for _, n := range lengths {
		words, text = append(words, text[:n]), text[n:]
	}
	return words
}

// TestSplitLosesNothing also feeds what the golden cannot: bytes that are no UTF-8.
func TestSplitLosesNothing(t *testing.T) {
	for _, text := range []string{"", "\xff", "a\xffb", " \xe4\xbd", "\xf0\x9f'\xc0s 1\x80", "'", "'\xc5", "'\xc5\xbf", "' "} {
		for name, split := range splitters {
			words := slices.Collect(split(text))
			if got := strings.Join(words, ""); got != text || slices.Contains(words, "") {
				t.Errorf("%s: %q gives %q", name, text, words)
			}
		}
	}
}

func TestSplitStopsWhenAsked(t *testing.T) {
	for name, split := range splitters {
		for word := range split("a1 2 b") {
			if word != "a" && word != "a1" {
				t.Errorf("%s: first word is %q", name, word)
			}
			break
		}
	}
}
