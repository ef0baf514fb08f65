package world

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// documents draws some of the training text.
func documents(t *testing.T, w *World, n int) []string {
	t.Helper()
	var b bytes.Buffer
	if err := w.Text(&b, n); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), documentEnd), documentEnd)
}

func TestSameSeedSameBytes(t *testing.T) {
	a, b := documents(t, New(7), 300), documents(t, New(7), 300)
	if strings.Join(a, "") != strings.Join(b, "") {
		t.Error("two texts of one seed differ")
	}
	if strings.Join(a, "") == strings.Join(documents(t, New(8), 300), "") {
		t.Error("texts of two seeds are the same")
	}
	if New(7).Sets().Facts[0] != New(7).Sets().Facts[0] {
		t.Error("two evaluation sets of one seed differ")
	}
}

func TestSharesAreAHundred(t *testing.T) {
	sum := 0
	for _, s := range shares {
		sum += s.Of
	}
	if sum != 100 {
		t.Errorf("the shares add up to %d", sum)
	}
}

// Held pairs may be told by a sentence, never shown in a demonstration of their task.
func TestHeldPairsAreInNoDemonstration(t *testing.T) {
	w := New(1)
	held, cut := map[string]bool{}, unmark.Replace
	for _, task := range w.Tasks {
		for _, p := range task.Held {
			for _, f := range Formats[:3] {
				held[strings.TrimSpace(cut(f.line(p)))] = true
			}
		}
	}
	for _, task := range w.Tasks { // a pair may be shown by another task: small -> petit is no colour
		for _, p := range task.Pairs {
			for _, f := range Formats[:3] {
				delete(held, strings.TrimSpace(cut(f.line(p))))
			}
		}
	}
	for _, d := range documents(t, w, 20_000) {
		d = cut(d)
		for _, part := range strings.FieldsFunc(strings.ReplaceAll(d, "\nA:", "\x00A:"), func(r rune) bool { return r == '\n' }) {
			if part = strings.TrimSpace(strings.ReplaceAll(part, "\x00A:", "\nA:")); held[part] {
				t.Fatalf("%q is held out but in the text", part)
			}
		}
	}
}

func TestHeldHopsAreNotComposed(t *testing.T) {
	w := New(1)
	text := unmark.Replace(strings.Join(documents(t, w, 40_000), "\n"))
	seen, held := 0, 0
	for _, h := range w.Hops {
		in := strings.Contains(text, h.Text()+" ")
		switch {
		case h.Held && in:
			t.Fatalf("%q is held out but in the text", h.Text())
		case h.Held:
			held++
		case in:
			seen++
		}
	}
	if held < len(w.Hops)/3 || seen < len(w.Hops)/3 {
		t.Errorf("of %d questions %d are held out and %d were seen", len(w.Hops), held, seen)
	}
}

func TestHeldNamesMeetInNoStory(t *testing.T) {
	w := New(1)
	for _, d := range documents(t, w, 20_000) {
		for _, s := range []string{"went to", "had lunch", "met at", "worked at the", "walked to the"} {
			if head, _, ok := strings.Cut(unmark.Replace(d), s); ok && strings.Contains(head, " and ") {
				f := strings.Fields(head)
				if n := len(f); n > 2 && w.heldNames[pairKey(f[n-3], f[n-1])] {
					t.Fatalf("%q has a pair of names that is held out", d)
				}
			}
		}
	}
}

func TestFactsAreConsistent(t *testing.T) {
	w := New(1)
	countries, names := map[string]bool{}, map[string]bool{}
	for _, c := range w.Countries {
		if countries[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		countries[c.Name] = true
	}
	for _, l := range w.Landmarks {
		if !countries[l.Country] || names[l.Name] {
			t.Errorf("%+v stands nowhere or is there twice", l)
		}
		names[l.Name] = true
	}
	for _, p := range w.People {
		if !countries[p.Home] || p.Spouse == p.Name || w.Person(p.Spouse).Spouse != p.Name {
			t.Errorf("%+v lives nowhere or is married one-sidedly", p)
		}
	}
	if len(w.Adjectives)%2 != 0 {
		t.Error("an adjective has no opposite")
	}
	for _, task := range w.Tasks {
		for _, p := range append(append([]Pair{}, task.Pairs...), task.Held...) {
			if p.X == "" || p.Y == "" || p.X == p.Y {
				t.Errorf("%s of %s: %+v teaches nothing", task.Name, task.On, p)
			}
		}
		if len(task.Held) < 8 {
			t.Errorf("%s of %s holds out only %d pairs", task.Name, task.On, len(task.Held))
		}
	}
}

// A word that serves one task only is right zero-shot already.
func TestEveryWordServesSeveralTasks(t *testing.T) {
	w, tasks := New(1), map[string]int{}
	for _, task := range w.Tasks {
		for _, p := range append(append([]Pair{}, task.Pairs...), task.Held...) {
			tasks[task.On+" "+p.X]++
		}
	}
	for x, n := range tasks {
		if n < 3 && !strings.HasPrefix(x, "french") {
			t.Errorf("%s serves %d tasks only", x, n)
		}
	}
}

// The vocabulary of the closed world: what the card states.
func TestVocabulary(t *testing.T) {
	words := map[string]bool{}
	for _, d := range documents(t, New(1), 60_000) {
		for _, word := range regexp.MustCompile(`\p{L}+`).FindAllString(d, -1) {
			words[word] = true
		}
	}
	if n := len(words); n < 1500 || n > 2500 {
		t.Errorf("the text has %d different words, not between 1500 and 2500", n)
	}
	t.Logf("%d different words", len(words))
}

func TestMarksComeInOrder(t *testing.T) {
	shape := regexp.MustCompile("^([^\x01-\x04]|\x03[^\x01-\x04]+\x04|\x01[^\x01-\x04]+\x02)*$")
	for _, d := range documents(t, New(1), 5000) {
		if !shape.MatchString(d) || !strings.Contains(d, answerBegin) {
			t.Fatalf("%q has marks out of order, or no answer", d)
		}
		if strings.Contains(d, " "+answerBegin) || strings.Contains(d, " "+subjectBegin) {
			t.Fatalf("%q leaves a space outside a mark", d)
		}
	}
}

// Both halves of the requests are disjoint in everything but the object.
func TestRefusalHalvesShareNoWord(t *testing.T) {
	for _, xs := range [][]string{harmless, harmful, neutral, goodWays, badWays, wordings} {
		in := map[string]bool{}
		for _, x := range half(xs, false) {
			in[x] = true
		}
		for _, x := range half(xs, true) {
			if in[x] {
				t.Errorf("%q is in both halves", x)
			}
		}
	}
	w, r := New(1), rand.New(rand.NewPCG(1, 1))
	for range 200 {
		if q := w.request(r, true, true); !q.Harmful || !q.Test || strings.ContainsAny(q.Text, "VO") {
			t.Fatalf("%+v is not filled in", q)
		}
	}
}
