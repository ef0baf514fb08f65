package world

import (
	"math/rand/v2"
	"strings"
)

// Pair is a query and its answer.
type Pair struct {
	X string `json:"x"`
	Y string `json:"y"`
}

// Task is a relation that demonstrations can show: "Poland -> Warsaw". Held pairs are in no
// demonstration of the text, neither as an example nor as a query; sentences tell them all the
// same, so that a model can know the fact but has not practised it in a list.
type Task struct {
	Name  string `json:"name"`
	On    string `json:"on"` // what the queries are: country, noun, adjective, verb, french, list, number
	Pairs []Pair `json:"pairs"`
	Held  []Pair `json:"held"`
	// Say are sentences that state the fact, X and Y standing for query and answer.
	Say []string `json:"say"`
}

// heldShare is the part of a task's pairs that demonstrations leave out.
const heldShare = 6

// makeTasks builds the one-word tasks; list tasks are drawn as they are written (lists.go).
func (w *World) makeTasks(r *rand.Rand) []Task {
	ts := w.countryTasks()
	ts = append(ts, w.nounTasks()...)
	ts = append(ts, w.adjectiveTasks()...)
	ts = append(ts, w.verbTasks()...)
	ts = append(ts, w.frenchTasks()...)
	for i := range ts {
		ts[i].split(r)
	}
	return ts
}

// split moves a share of the pairs to Held.
func (t *Task) split(r *rand.Rand) {
	r.Shuffle(len(t.Pairs), func(i, j int) { t.Pairs[i], t.Pairs[j] = t.Pairs[j], t.Pairs[i] })
	n := len(t.Pairs) / heldShare
	t.Held, t.Pairs = t.Pairs[:n:n], t.Pairs[n:]
}

// table makes a task of every element.
func table[T any](name, on string, xs []T, pair func(T) (x, y string), say ...string) Task {
	t := Task{Name: name, On: on, Say: say}
	for _, e := range xs {
		if x, y := pair(e); y != "" && y != "-" {
			t.Pairs = append(t.Pairs, Pair{x, y})
		}
	}
	return t
}

func (w *World) countryTasks() []Task {
	return []Task{
		table("capital", "country", w.Countries, func(c Country) (string, string) { return c.Name, c.Capital }, "The capital of X is Y.", "The king of X lives in Y."),
		table("language", "country", w.Countries, func(c Country) (string, string) { return c.Name, c.Language }, "The language of X is Y.", "People in X speak Y."),
		table("currency", "country", w.Countries, func(c Country) (string, string) { return c.Name, c.Currency }, "The currency of X is Y.", "People in X pay in Y."),
		table("continent", "country", w.Countries, func(c Country) (string, string) { return c.Name, c.Continent }, "The continent of X is Y.", "On the map X lies in Y."),
	}
}

func (w *World) nounTasks() []Task {
	return []Task{
		table("plural", "noun", w.Nouns, func(n Noun) (string, string) { return n.Name, n.Plural }, "The plural of X is Y.", "One X, many Y."),
		table("french", "noun", w.Nouns, func(n Noun) (string, string) { return n.Name, n.French }, "The French word for X is Y.", "In French X is Y."),
		table("colour", "noun", w.Nouns, func(n Noun) (string, string) { return n.Name, n.Colour }, "The colour of the X is Y.", "The X is Y."),
		table("class", "noun", w.Nouns, func(n Noun) (string, string) { return n.Name, n.Class }, "The class of X is Y.", "Every X is a kind of Y."),
		table("title", "noun", w.Nouns, func(n Noun) (string, string) { return n.Name, title(n.Name) }, "With a large letter X is Y."),
	}
}

func (w *World) adjectiveTasks() []Task {
	opposite := Task{Name: "antonym", On: "adjective", Say: []string{"The opposite of X is Y.", "Not X but Y."}}
	for i, a := range w.Adjectives {
		opposite.Pairs = append(opposite.Pairs, Pair{a.Name, w.Adjectives[i^1].Name})
	}
	return []Task{
		opposite,
		table("comparative", "adjective", w.Adjectives, func(a Adjective) (string, string) { return a.Name, a.Comparative }, "One is X, the other is Y.", "More than X is Y."),
		table("french", "adjective", w.Adjectives, func(a Adjective) (string, string) { return a.Name, a.French }, "The French word for X is Y.", "In French X is Y."),
		table("title", "adjective", w.Adjectives, func(a Adjective) (string, string) { return a.Name, title(a.Name) }, "With a large letter X is Y."),
	}
}

func (w *World) verbTasks() []Task {
	return []Task{
		table("past", "verb", w.Verbs, func(v Verb) (string, string) { return v.Name, v.Past }, "Today they X, yesterday they Y.", "The past of X is Y."),
		table("ing", "verb", w.Verbs, func(v Verb) (string, string) { return v.Name, v.Ing }, "They like to X and now they are Y."),
		table("french", "verb", w.Verbs, func(v Verb) (string, string) { return v.Name, v.French }, "The French word for X is Y.", "In French X is Y."),
		table("title", "verb", w.Verbs, func(v Verb) (string, string) { return v.Name, title(v.Name) }, "With a large letter X is Y."),
	}
}

// frenchTasks go from French: to English, and among the adjectives to the French opposite.
func (w *World) frenchTasks() []Task {
	english := Task{Name: "english", On: "french", Say: []string{"The English word for X is Y.", "In English X is Y."}}
	for _, n := range w.Nouns {
		english.Pairs = append(english.Pairs, Pair{n.French, n.Name})
	}
	for _, a := range w.Adjectives {
		english.Pairs = append(english.Pairs, Pair{a.French, a.Name})
	}
	for _, v := range w.Verbs {
		english.Pairs = append(english.Pairs, Pair{v.French, v.Name})
	}
	contraire := Task{Name: "contraire", On: "french", Say: []string{"Le contraire de X est Y."}}
	for i, a := range w.Adjectives {
		contraire.Pairs = append(contraire.Pairs, Pair{a.French, w.Adjectives[i^1].French})
	}
	return []Task{english, contraire}
}

// same is the task that repeats the query, for any word there is.
const same = "same"

// Task finds a task by name and kind of query.
func (w *World) Task(name, on string) Task {
	for _, t := range w.Tasks {
		if t.Name == name && t.On == on {
			return t
		}
	}
	return Task{}
}

// words of a kind, for lists and for the task same.
func (w *World) words(on string) []string {
	var out []string
	add := func(t Task) {
		for _, p := range append(append([]Pair{}, t.Pairs...), t.Held...) {
			out = append(out, p.X)
		}
	}
	switch on {
	case "country":
		add(w.Task("capital", on))
	case "noun":
		add(w.Task("plural", on))
	case "adjective":
		add(w.Task("antonym", on))
	case "verb":
		add(w.Task("past", on))
	case "french":
		add(w.Task("english", on))
	}
	return out
}

// answer looks a pair up among all pairs of a task.
func (t Task) answer(x string) string {
	for _, p := range t.Pairs {
		if p.X == x {
			return p.Y
		}
	}
	for _, p := range t.Held {
		if p.X == x {
			return p.Y
		}
	}
	return ""
}

// say fills a sentence and marks subject and answer.
func say(form string, p Pair) string {
	return strings.NewReplacer("X", subject(p.X), "Y", answer(p.Y)).Replace(form)
}

// The marks of the training text. A subject mark goes around the words that a question is about,
// an answer mark around what follows from them.
const (
	answerBegin, answerEnd   = "\x01", "\x02"
	subjectBegin, subjectEnd = "\x03", "\x04"
)

func answer(s string) string  { return answerBegin + s + answerEnd }
func subject(s string) string { return subjectBegin + s + subjectEnd }

// Tokenizers join a space to the word that follows it, so the marks take the space in.
var spaceIn = strings.NewReplacer(" "+answerBegin, answerBegin+" ", " "+subjectBegin, subjectBegin+" ")

// unmark takes the marks out.
var unmark = strings.NewReplacer(answerBegin, "", answerEnd, "", subjectBegin, "", subjectEnd, "")
