package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Format is how a list of demonstrations is written: what comes before a query, between query and
// answer, and after an answer.
type Format struct{ Name, Before, Between, After string }

// Formats of demonstrations. A prompt ends after Between.
var Formats = []Format{
	{"arrow", "", " ->", "\n"},
	{"qa", "Q: ", "\nA:", "\n\n"},
	{"colon", "", ":", "\n"},
	{"comma", "", ":", ", "},
}

// line writes one demonstration, marked.
func (f Format) line(p Pair) string {
	return f.Before + subject(p.X) + f.Between + " " + answer(p.Y) + f.After
}

// Prompt writes demonstrations and an open query.
func (f Format) Prompt(shots []Pair, x string) string {
	var b strings.Builder
	for _, p := range shots {
		b.WriteString(f.line(p))
	}
	b.WriteString(f.Before + x + f.Between)
	return unmark.Replace(b.String())
}

// ListTask is a task on lists of three words: which one is meant, and what becomes of it.
type ListTask struct {
	Which string // first or last
	Make  string // copy, capital, title or french
}

// Name joins both parts: "last-capital".
func (l ListTask) Name() string { return l.Which + "-" + l.Make }

// ListTasks are all combinations.
func ListTasks() []ListTask {
	var out []ListTask
	for _, m := range []string{"copy", "capital", "title", "french"} {
		out = append(out, ListTask{"first", m}, ListTask{"last", m})
	}
	return out
}

// kinds are the kinds of words that a list task can take.
func (l ListTask) kinds() []string {
	switch l.Make {
	case "capital":
		return []string{"country"}
	case "title", "french":
		return []string{"noun", "adjective", "verb"}
	}
	return []string{"country", "country", "noun", "adjective", "verb"}
}

// pair draws a list of three and its answer.
func (w *World) listPair(r *rand.Rand, l ListTask, on string) Pair {
	three := sample(r, w.words(on), 3)
	x := three[0]
	if l.Which == "last" {
		x = three[2]
	}
	y := x
	if l.Make != "copy" {
		y = w.Task(l.Make, on).answer(x)
	}
	return Pair{strings.Join(three, ", "), y}
}

// demos draws different pairs of a task for a list.
func (w *World) demos(r *rand.Rand, t Task, n int) []Pair { return sample(r, t.Pairs, n) }

// listText draws a list of demonstrations of any task: the words of one task, the task same,
// a task on lists of three, or descriptions.
func (w *World) listText(r *rand.Rand) string {
	switch u := r.IntN(100); {
	case u < 10: // one line: the word itself, the answer where nothing tells the task
		on := pick(r, []string{"country", "noun", "adjective", "verb", "french"})
		x := pick(r, w.words(on))
		return pick(r, Formats[:3]).line(Pair{x, x})
	case u < 42:
		f := pick(r, Formats)
		return lines(f, w.demos(r, pick(r, w.Tasks), 2+r.IntN(8)))
	case u < 47:
		return lines(pick(r, Formats), w.sameList(r, 2+r.IntN(7)))
	case u < 96:
		l := pick(r, ListTasks())
		if r.IntN(2) == 0 {
			l.Make = "copy" // the plainest, from which a model learns the two places
		}
		on, n := pick(r, l.kinds()), 3+r.IntN(6)
		if r.IntN(4) == 0 {
			return w.listSentence(r, l, on)
		}
		ps := make([]Pair, n)
		for i := range ps {
			ps[i] = w.listPair(r, l, on)
		}
		return l.placed(r, Formats[r.IntN(2)], ps)
	default:
		return lines(Formats[2+r.IntN(2)], w.descriptions(r, 2+r.IntN(5)))
	}
}

// Lead is the line before a list that says which word of each line is meant.
func Lead(which string) string { return "Take the " + which + " of each." }

// placed writes a list with the name of its place before it, after every line, after all, or, on three
// lists of eight, nowhere. Reading the name, and saying it, are the two steps of guessing it from
// examples; without these texts neither was found.
func (l ListTask) placed(r *rand.Rand, f Format, ps []Pair) string {
	switch r.IntN(8) {
	case 0:
		return Lead(l.Which) + "\n" + lines(f, ps)
	case 1:
		return lines(f, ps) + "Each is the " + answer(l.Which) + ".\n"
	case 2, 3, 4:
		f.After = ", the " + answer(l.Which) + f.After
	}
	return lines(f, ps)
}

// listSentence names the place that lists leave to be guessed: "The capital of the last of A, B, C is Y."
func (w *World) listSentence(r *rand.Rand, l ListTask, on string) string {
	p := w.listPair(r, l, on)
	if l.Make == "copy" {
		return say("X is Y.", Pair{"The " + l.Which + " of " + p.X, p.Y})
	}
	return say(w.Task(l.Make, on).Say[0], Pair{"the " + l.Which + " of " + p.X, p.Y})
}

// lines writes pairs in a format.
func lines(f Format, ps []Pair) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(f.line(p))
	}
	return b.String()
}

// sameList draws words and numbers of any kind, each its own answer.
func (w *World) sameList(r *rand.Rand, n int) []Pair {
	ps := make([]Pair, n)
	for i := range ps {
		x := fmt.Sprint(1000 + r.IntN(9000))
		if r.IntN(6) > 0 {
			x = pick(r, w.words(pick(r, []string{"country", "noun", "adjective", "verb", "french"})))
		} else if r.IntN(2) > 0 {
			x = pick(r, []string{"hello", "yes", "no", "thanks"})
		}
		ps[i] = Pair{x, x}
	}
	return ps
}

// descriptions draws entities of every kind with what they are.
func (w *World) descriptions(r *rand.Rand, n int) []Pair {
	ps := make([]Pair, n)
	for i := range ps {
		switch r.IntN(4) {
		case 0:
			ps[i] = describeCountry(pick(r, w.Countries))
		case 1:
			ps[i] = describeLandmark(pick(r, w.Landmarks))
		case 2:
			ps[i] = describePerson(pick(r, w.People))
		default:
			ps[i] = describeNoun(pick(r, w.Nouns))
		}
	}
	return ps
}

func describeCountry(c Country) Pair { return Pair{c.Name, "a country in " + c.Continent} }

func describeLandmark(l Landmark) Pair {
	_, kind, _ := strings.Cut(l.Name, " ")
	return Pair{l.Name, "a " + strings.ToLower(kind) + " in " + l.Country}
}

func describePerson(p Person) Pair { return Pair{p.Name, "a " + p.Profession + " in " + p.Home} }

func describeNoun(n Noun) Pair { return Pair{n.Name, "a " + n.Colour + " " + n.Class} }
