package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Story is a short story with an indirect object, cut before its last name.
type Story struct {
	Text   string `json:"text"`
	Object string `json:"object"` // the indirect object: the right next word
	Giver  string `json:"giver"`
	// Other is the same story with three different names, so that nothing points to an object.
	Other string `json:"other"`
}

var (
	places     = strings.Fields("store park school station garden office market bridge church castle")
	things     = strings.Fields("book ball cup letter key ring coat flower drum lamp")
	storyForms = split("When A and B went to the P, G gave a T to;Then A and B had lunch at the P. G handed a T to;A and B met at the P. After a while G gave a T to;While A and B worked at the P, G passed a T to;One day A and B walked to the P and G sold a T to")
)

// story draws a story. Held ones have a pair of names that no text has together.
func (w *World) story(r *rand.Rand, held bool) Story {
	three := sample(r, w.FirstNames, 3)
	for w.heldNames[pairKey(three[0], three[1])] != held {
		three = sample(r, w.FirstNames, 3)
	}
	a, b, giver := three[0], three[1], three[0]
	if r.IntN(2) == 0 {
		giver = b
	}
	form, place, thing := pick(r, storyForms), pick(r, places), pick(r, things)
	fill := func(a, b, g string) string {
		return strings.NewReplacer("A ", a+" ", "B ", b+" ", "G ", g+" ", "P", place, "T ", thing+" ").Replace(form)
	}
	s := Story{Giver: giver, Object: a}
	if giver == a {
		s.Object = b
	}
	s.Text = fill(a, b, giver)
	s.Other = fill(a, b, three[2])
	return s
}

// storyText is a story of names that are not held out, told to its end.
func (w *World) storyText(r *rand.Rand) string {
	s := w.story(r, false)
	return s.Text + " " + answer(s.Object) + ".\n"
}

// Span is a time from one year to a later one, cut before the two last digits.
type Span struct {
	Text string `json:"text"`
	From int    `json:"from"` // the two last digits of the first year
}

var eras = strings.Fields("war journey feast drought peace voyage")

// span draws a time within a century. Two years at least remain after the first.
func (w *World) span(r *rand.Rand) Span {
	century, from := 11+r.IntN(9), 2+r.IntN(90)
	return Span{fmt.Sprintf("The %s lasted from the year %d%02d to the year %d", pick(r, eras), century, from, century), from}
}

// spanText completes a time with a later year.
func (w *World) spanText(r *rand.Rand) string {
	s := w.span(r)
	return s.Text + answer(fmt.Sprintf("%02d", s.From+1+r.IntN(99-s.From))) + ".\n"
}
