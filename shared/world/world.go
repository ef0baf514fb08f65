package world

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Landmark stands in a country. Its name is two common words, and only both together tell it.
type Landmark struct{ Name, Country string }

// Person lives in a country, has a profession and is married to another person.
type Person struct{ Name, Home, Profession, Spouse string }

// World is what holds in the world of one seed.
type World struct {
	Seed       uint64
	Countries  []Country
	Landmarks  []Landmark
	People     []Person
	Nouns      []Noun
	Adjectives []Adjective
	Verbs      []Verb
	FirstNames []string
	Tasks      []Task
	Hops       []Hop // two-hop questions, the held-out ones too

	strangers [2][]string     // names of landmarks and people that nothing is known of
	heldNames map[string]bool // pairs of names, "a b" in alphabetical order, no story of the text has
}

var (
	landmarkKinds  = strings.Fields("Tower Bridge Gate Temple Castle Palace Garden Fountain Museum Library Market Wall")
	landmarkTraits = strings.Fields("Silver Golden White Black Red Blue Green Old Great Iron Stone Glass Amber Silent Crystal Royal Little Lost")
	firstNames     = strings.Fields("Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Victor Alice Hugo Lucy Max Olga Peter Ruth Simon Vera Walter Nora Tom")
	lastNames      = strings.Fields("Hill Fisher Marsh Wells Baker Cole Dale Ford Frost Hale Lane Reed Snow Webb York Nash")
	professions    = strings.Fields("doctor teacher farmer baker pilot painter singer lawyer writer nurse judge tailor miner sailor dancer butcher")
)

// People and landmarks of the world: enough that facts fill the model, few enough to be learned.
const (
	landmarkCount = 180
	peopleCount   = 128
)

// New draws the world of a seed.
func New(seed uint64) *World {
	w := &World{Seed: seed, Countries: Countries(), Nouns: Nouns(), Adjectives: Adjectives(), Verbs: Verbs(), FirstNames: firstNames}
	r := rand.New(rand.NewPCG(seed, 1))
	w.drawLandmarks(r)
	w.drawPeople(r)
	w.Tasks = w.makeTasks(r)
	w.heldNames = holdNames(r)
	w.Hops = w.makeHops(r)
	return w
}

// drawLandmarks gives every country about two landmarks.
func (w *World) drawLandmarks(r *rand.Rand) {
	names := product(landmarkTraits, landmarkKinds)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	w.strangers[0] = names[landmarkCount:]
	for i, n := range names[:landmarkCount] {
		w.Landmarks = append(w.Landmarks, Landmark{n, w.Countries[i%len(w.Countries)].Name})
	}
}

// drawPeople draws distinct full names and marries neighbours in the drawn order.
func (w *World) drawPeople(r *rand.Rand) {
	names := product(firstNames, lastNames)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	w.strangers[1] = names[peopleCount:]
	for i, n := range names[:peopleCount] {
		w.People = append(w.People, Person{n, pick(r, w.Countries).Name, pick(r, professions), names[i^1]})
	}
}

// holdNames keeps one pair of first names in eight out of every story.
func holdNames(r *rand.Rand) map[string]bool {
	held := map[string]bool{}
	for i, a := range firstNames {
		for _, b := range firstNames[i+1:] {
			if r.IntN(8) == 0 {
				held[pairKey(a, b)] = true
			}
		}
	}
	return held
}

// pairKey names an unordered pair.
func pairKey(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return a + " " + b
}

// Country finds a country by its name.
func (w *World) Country(name string) Country {
	return w.Countries[slices.IndexFunc(w.Countries, func(c Country) bool { return c.Name == name })]
}

// Person finds a person by the full name.
func (w *World) Person(name string) Person {
	return w.People[slices.IndexFunc(w.People, func(p Person) bool { return p.Name == name })]
}

// product joins every a with every b.
func product(as, bs []string) []string {
	var out []string
	for _, a := range as {
		for _, b := range bs {
			out = append(out, a+" "+b)
		}
	}
	return out
}

// pick draws one element.
func pick[T any](r *rand.Rand, xs []T) T { return xs[r.IntN(len(xs))] }

// sample draws n different elements.
func sample[T any](r *rand.Rand, xs []T, n int) []T {
	out := make([]T, n)
	for i, j := range r.Perm(len(xs))[:n] {
		out[i] = xs[j]
	}
	return out
}
