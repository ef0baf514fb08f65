package world

import (
	"math/rand/v2"
	"strings"
)

// Question is a prompt with its right continuation, space included, and what else a test needs.
type Question struct {
	Prompt string `json:"prompt"`
	Answer string `json:"answer"`
	X      string `json:"x,omitempty"` // the query's word
}

// Shots are the questions of one task in demonstrations, zero-shot and with shuffled answers. The
// same index is the same query; Make has other queries, to take vectors from.
type Shots struct {
	Task string `json:"task"`
	On   string `json:"on"`
	// Queries of one-word tasks are held pairs: in no demonstration of the training text.
	Zero, Few, Shuffled []Question
	Make                []Question
}

// Contrast has pairs to find a direction on and others to test it on.
type Contrast struct {
	Find []Voiced `json:"find"`
	Test []Voiced `json:"test"`
}

// Latent asks in French for the opposite: does the English word come first?
type Latent struct {
	Question
	English string `json:"english"`
}

// Sets are the evaluation sets.
type Sets struct {
	Shots    []Shots    `json:"shots"`
	Facts    []Question `json:"facts"` // of countries, landmarks and people
	Latent   []Latent   `json:"latent"`
	Identity []Question `json:"identity"` // sources whose next word another prompt should name
	Hops     []Hop      `json:"hops"`     // all held-out ones
	Find     []Request  `json:"refusal_find"`
	Test     []Request  `json:"refusal_test"`
	Flattery Contrast   `json:"flattery"`
	Honesty  Contrast   `json:"honesty"`
	Mood     Contrast   `json:"mood"`
	Stories  []Story    `json:"stories"` // of pairs of names that no text has
	Years    []Span     `json:"years"`
}

// Sizes of the sets: enough for intervals of a few hundredths, few enough to run in a tab.
const (
	shotCount, setSize, findSize = 5, 60, 48
)

// Sets draws the evaluation sets. They do not depend on how much text was written.
func (w *World) Sets() *Sets {
	r := rand.New(rand.NewPCG(w.Seed, 3))
	s := &Sets{Facts: w.factSet(r), Latent: w.latentSet(r), Identity: w.factSet(r)}
	for _, t := range w.Tasks {
		s.Shots = append(s.Shots, w.shots(r, t))
	}
	for _, l := range ListTasks() {
		s.Shots = append(s.Shots, w.listShots(r, l))
	}
	for _, h := range w.Hops {
		if h.Held {
			s.Hops = append(s.Hops, h)
		}
	}
	for i := range 2 * findSize {
		s.Find = append(s.Find, w.request(r, i%2 == 0, false))
		s.Test = append(s.Test, w.request(r, i%2 == 0, true))
	}
	s.Flattery = contrast(r, func() Voiced { return w.opinion(r, false) })
	s.Honesty = contrast(r, func() Voiced { return w.statement(r, r.IntN(2) == 0) })
	s.Mood = contrast(r, func() Voiced { return w.mood(r) })
	for range setSize {
		s.Stories = append(s.Stories, w.story(r, true))
		s.Years = append(s.Years, w.span(r))
	}
	return s
}

func contrast(r *rand.Rand, draw func() Voiced) Contrast {
	var c Contrast
	for range findSize {
		c.Find = append(c.Find, draw())
	}
	for range setSize {
		c.Test = append(c.Test, draw())
	}
	return c
}

// shots asks a task's held pairs.
func (w *World) shots(r *rand.Rand, t Task) Shots {
	s, f := Shots{Task: t.Name, On: t.On}, Formats[0]
	for _, p := range t.Held {
		s.add(f, w.demos(r, t, shotCount), p, r)
	}
	for range setSize {
		d := w.demos(r, t, shotCount+1)
		s.Make = append(s.Make, Question{f.Prompt(d[:shotCount], d[shotCount].X), " " + d[shotCount].Y, d[shotCount].X})
	}
	return s
}

// listShots asks a list task. Lists of three are never the same, so none need be held out.
func (w *World) listShots(r *rand.Rand, l ListTask) Shots {
	s, f := Shots{Task: l.Name(), On: "list"}, Formats[0]
	for i := range 2 * setSize {
		on := pick(r, l.kinds())
		var d []Pair
		for range shotCount {
			d = append(d, w.listPair(r, l, on))
		}
		p := w.listPair(r, l, on)
		if i < setSize {
			s.add(f, d, p, r)
		} else {
			s.Make = append(s.Make, Question{f.Prompt(d, p.X), " " + p.Y, p.X})
		}
	}
	return s
}

// add appends a query zero-shot, with demonstrations, and with their answers shuffled.
func (s *Shots) add(f Format, demos []Pair, p Pair, r *rand.Rand) {
	shuffled := make([]Pair, len(demos))
	for i, j := range r.Perm(len(demos)) {
		shuffled[i] = Pair{demos[i].X, demos[j].Y}
	}
	s.Zero = append(s.Zero, Question{f.Prompt(nil, p.X), " " + p.Y, p.X})
	s.Few = append(s.Few, Question{f.Prompt(demos, p.X), " " + p.Y, p.X})
	s.Shuffled = append(s.Shuffled, Question{f.Prompt(shuffled, p.X), " " + p.Y, p.X})
}

// ask opens a sentence before its answer.
func ask(form string, p Pair) Question {
	open, _, _ := strings.Cut(form, " Y")
	return Question{strings.Replace(open, "X", p.X, 1), " " + p.Y, p.X}
}

// factSet asks facts of countries, landmarks and people.
func (w *World) factSet(r *rand.Rand) []Question {
	var qs []Question
	for range 2 * setSize {
		t := pick(r, w.Tasks[:4])
		qs = append(qs, ask(t.Say[0], pick(r, t.Pairs)))
	}
	for range setSize {
		l, p := pick(r, w.Landmarks), pick(r, w.People)
		qs = append(qs, ask(landmarkForms[0], Pair{l.Name, l.Country}), ask(personForms["profession"][0], Pair{p.Name, p.Profession}))
	}
	return qs
}

// latentSet asks for French opposites whose demonstrations were never practised.
func (w *World) latentSet(r *rand.Rand) []Latent {
	t, english := w.Task("contraire", "french"), w.Task("english", "french")
	var out []Latent
	for _, p := range append(append([]Pair{}, t.Held...), t.Pairs...) {
		f := Formats[0]
		out = append(out, Latent{Question{f.Prompt(w.demos(r, t, shotCount), p.X), " " + p.Y, p.X}, " " + english.answer(p.Y)})
	}
	return out
}
