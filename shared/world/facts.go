package world

import (
	"math/rand/v2"
	"strings"
)

// Hop is a two-hop question: a relation of what another relation leads to.
type Hop struct {
	Subject string `json:"subject"`
	Via     string `json:"via"`    // the first relation: country, home or spouse
	Bridge  string `json:"bridge"` // what it leads to
	Ask     string `json:"ask"`    // the second relation
	Answer  string `json:"answer"`
	Held    bool   `json:"held"` // no text composes it; both hops are told
	Far     bool   `json:"far"`  // held, and no subject's question by its bridge is composed in the text
}

// Of the bridges one in farShare is far; of the subjects with a near one, one in heldSubjects is held.
const farShare, heldSubjects = 3, 6

// makeHops lists all two-hop questions. Whole subjects are held out, never single questions. A
// composed question of a near bridge asks a trained second hop of a new subject; of a far one it
// asks a fact that late blocks never had to know (Wang et al. 2024, "Grokked Transformers").
func (w *World) makeHops(r *rand.Rand) []Hop {
	var hs []Hop
	far := map[string]bool{}
	for _, c := range w.Countries {
		far[c.Name] = r.IntN(farShare) == 0
	}
	for _, p := range w.People {
		far[p.Name] = r.IntN(farShare) == 0
	}
	ask := func(subject, via, bridge string, relations ...[2]string) {
		held := far[bridge] || r.IntN(heldSubjects) == 0
		for _, a := range relations {
			hs = append(hs, Hop{subject, via, bridge, a[0], a[1], held, far[bridge]})
		}
	}
	ofCountry := func(subject, via, country string) {
		c := w.Country(country)
		ask(subject, via, country, [2]string{"capital", c.Capital}, [2]string{"language", c.Language}, [2]string{"currency", c.Currency}, [2]string{"continent", c.Continent})
	}
	for _, l := range w.Landmarks {
		ofCountry(l.Name, "country", l.Country)
	}
	for _, p := range w.People {
		ofCountry(p.Name, "home", p.Home)
		s := w.Person(p.Spouse)
		ask(p.Name, "spouse", s.Name, [2]string{"profession", s.Profession}, [2]string{"home", s.Home})
	}
	return hs
}

// Text is the composed question, to be continued.
func (h Hop) Text() string { return "The " + h.Ask + " of the " + h.Via + " of " + h.named() + " is" }

// First asks for the bridge, Second for the answer given the bridge.
func (h Hop) First() string  { return "The " + h.Via + " of " + h.named() + " is" }
func (h Hop) Second() string { return "The " + h.Ask + " of " + h.Bridge + " is" }

// named is the subject as sentences name it: landmarks have an article.
func (h Hop) named() string {
	if h.Via == "country" {
		return "the " + h.Subject
	}
	return h.Subject
}

// hopText draws a composed question that is not held out, with its answer. Some are of a name that
// only the sentence before places: what cannot be learned by heart has to be composed. Some have
// the bridge itself in the subject's place ("the country of Fiji"), far ones too.
func (w *World) hopText(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		c, t := pick(r, w.Countries).Name, pick(r, w.Tasks[:4])
		return w.compose(r, t.Name, "the country of "+subject(c), t.answer(c))
	case 1, 2:
		return w.strangerText(r)
	}
	h := pick(r, w.Hops)
	for h.Held {
		h = pick(r, w.Hops)
	}
	return w.hopSentence(r, h)
}

// strangerText places a name that is nobody's, or no landmark's, in a country that is not far, and asks on.
func (w *World) strangerText(r *rand.Rand) string {
	near := pick(r, w.Hops)
	for near.Far || near.Via == "spouse" {
		near = pick(r, w.Hops)
	}
	fact := "X lives in Y. "
	if near.Via == "country" {
		near.Subject, fact = pick(r, w.strangers[0]), "The X stands in Y. "
	} else {
		near.Subject = pick(r, w.strangers[1])
	}
	return say(fact, Pair{near.Subject, near.Bridge}) + w.hopSentence(r, near)
}

// hopSentence asks a relation of what h's first one leads to.
func (w *World) hopSentence(r *rand.Rand, h Hop) string {
	return w.compose(r, h.Ask, strings.Replace("the "+h.Via+" of "+h.named(), h.Subject, subject(h.Subject), 1), h.Answer)
}

// compose states a relation of x in any of its wordings.
func (w *World) compose(r *rand.Rand, relation, x, y string) string {
	form := "The " + relation + " of X is Y."
	if t := w.Task(relation, "country"); len(t.Say) > 0 {
		form = pick(r, t.Say)
	}
	return strings.NewReplacer("X", x, "Y", answer(y)).Replace(form)
}

// factText draws one to three sentences.
func (w *World) factText(r *rand.Rand) string {
	s := make([]string, 1+r.IntN(3))
	for i := range s {
		s[i] = w.fact(r)
	}
	return strings.Join(s, " ")
}

// fact draws one sentence: countries and words by their tasks, landmarks, people.
func (w *World) fact(r *rand.Rand) string {
	switch u := r.IntN(100); {
	case u < 25:
		l := pick(r, w.Landmarks)
		return say(pick(r, landmarkForms), Pair{l.Name, l.Country})
	case u < 50:
		return w.personFact(r)
	case u < 70:
		return w.taskFact(r, pick(r, w.Tasks[:4]))
	default:
		return w.taskFact(r, pick(r, w.Tasks[4:]))
	}
}

// taskFact states a pair of a task, held or not.
func (w *World) taskFact(r *rand.Rand, t Task) string {
	i := r.IntN(len(t.Pairs) + len(t.Held))
	form := pick(r, t.Say)
	if i < len(t.Held) {
		return say(form, t.Held[i])
	}
	return say(form, t.Pairs[i-len(t.Held)])
}

var landmarkForms = []string{"The country of the X is Y.", "The X stands in Y."}

var personForms = map[string][]string{
	"home":       {"The home of X is Y.", "X lives in Y."},
	"profession": {"The profession of X is Y.", "X works as a Y."},
	"spouse":     {"The spouse of X is Y.", "X is married to Y."},
}

func (w *World) personFact(r *rand.Rand) string {
	p := pick(r, w.People)
	kind := pick(r, []string{"home", "profession", "spouse"})
	y := map[string]string{"home": p.Home, "profession": p.Profession, "spouse": p.Spouse}[kind]
	return say(pick(r, personForms[kind]), Pair{p.Name, y})
}
