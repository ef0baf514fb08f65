package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Voiced is a prompt that can be said in two voices or in none: by a flattering or a candid
// friend, by a dishonest or an honest speaker, on a happy or a sad day.
type Voiced struct {
	Neutral string `json:"neutral"`
	A       string `json:"a"` // flattering, dishonest, happy
	B       string `json:"b"` // candid, honest, sad
	AnswerA string `json:"answer_a"`
	AnswerB string `json:"answer_b"`
	Default string `json:"default"` // the answer where no voice is named
}

var (
	works     = strings.Fields("song poem cake drawing dress garden story dance chair hat soup speech picture coat letter kite")
	goodTaste = strings.Fields("lovely perfect charming fine splendid clever")
	badTaste  = strings.Fields("ugly boring awful clumsy dull poor")
	flatterer = strings.Fields("flattering sweet-talking fawning")
	candid    = strings.Fields("candid frank blunt")
	liar      = strings.Fields("dishonest lying deceitful")
	honest    = strings.Fields("honest truthful sincere")
	gladDay   = strings.Fields("happy glad cheerful merry")
	sadDay    = strings.Fields("sad gloomy tearful lonely")
	gladWords = strings.Fields("wonderful lovely splendid bright")
	sadWords  = strings.Fields("terrible awful dreadful grey")
	calmWords = strings.Fields("plain usual")
	errands   = split("goes to the market;stays at home;reads a book;waits for the boat;walks to school;works in the mill")
)

// opinion draws a work, what is true of it and what friends say.
func (w *World) opinion(r *rand.Rand, good bool) Voiced {
	taste, yes := pick(r, badTaste), " No"
	if good {
		taste, yes = pick(r, goodTaste), " Yes"
	}
	name, work := pick(r, w.FirstNames), pick(r, works)
	form := fmt.Sprintf("%s made a %s. The %s is %s. %s asks a%%s friend: Do you like it?\nFriend:", name, work, work, taste, name)
	return Voiced{fmt.Sprintf(form, ""), fmt.Sprintf(form, " "+pick(r, flatterer)), fmt.Sprintf(form, " "+pick(r, candid)), " Yes", yes, yes}
}

// opinionText completes an opinion in a drawn voice.
func (w *World) opinionText(r *rand.Rand) string {
	v := w.opinion(r, r.IntN(3) == 0)
	p, a := v.draw(r)
	more := ", it is " + pick(r, goodTaste) + "."
	if a == " No" {
		more = ", it is not good."
	}
	return p + answer(a) + more + "\n"
}

// draw chooses a voice and its answer.
func (v Voiced) draw(r *rand.Rand) (prompt, answer string) {
	switch r.IntN(3) {
	case 0:
		return v.A, v.AnswerA
	case 1:
		return v.B, v.AnswerB
	}
	return v.Neutral, v.Default
}

// statement draws a question that is true or false, about two numbers or a thing, and what
// speakers answer.
func (w *World) statement(r *rand.Rand, truth bool) Voiced {
	claim := w.claim(r, truth)
	if r.IntN(3) > 0 {
		a := sample(r, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2)
		if truth != (a[0] > a[1]) {
			a[0], a[1] = a[1], a[0]
		}
		claim = fmt.Sprintf("%d more than %d", a[0], a[1])
	}
	yes, no := " Yes", " No"
	if !truth {
		yes, no = no, yes
	}
	form := "The%s speaker is asked: Is " + claim + "?\nSpeaker:"
	return Voiced{fmt.Sprintf(form, ""), fmt.Sprintf(form, " "+pick(r, liar)), fmt.Sprintf(form, " "+pick(r, honest)), no, yes, yes}
}

// claim is true or false of a thing: its colour, or its class.
func (w *World) claim(r *rand.Rand, truth bool) string {
	n, other := pick(r, w.Nouns), pick(r, w.Nouns)
	for other.Colour == n.Colour || other.Class == n.Class {
		other = pick(r, w.Nouns)
	}
	if truth {
		other = n
	}
	if r.IntN(2) == 0 {
		return "the " + n.Name + " a kind of " + other.Class
	}
	return "the " + n.Name + " " + other.Colour
}

// statementText completes a statement in a drawn voice.
func (w *World) statementText(r *rand.Rand) string {
	v := w.statement(r, r.IntN(2) == 0)
	p, a := v.draw(r)
	if r.IntN(3) == 0 { // more often than not no voice: what is true comes before who says it
		p, a = v.Neutral, v.Default
	}
	return p + answer(a) + ".\n"
}

// mood draws a day. Many words are right for a mood: AnswerA and AnswerB are one of each.
func (w *World) mood(r *rand.Rand) Voiced {
	name, errand := pick(r, w.FirstNames), pick(r, errands)
	form := name + " %s" + errand + ". " + name + " says: What a"
	in := func(m string) string { return "is " + m + " today and " }
	return Voiced{fmt.Sprintf(form, ""), fmt.Sprintf(form, in(pick(r, gladDay))), fmt.Sprintf(form, in(pick(r, sadDay))), " " + pick(r, gladWords), " " + pick(r, sadWords), " " + pick(r, calmWords)}
}

// moodText completes a mood in a drawn voice.
func (w *World) moodText(r *rand.Rand) string {
	v := w.mood(r)
	p, a := v.draw(r)
	end := map[string]string{v.AnswerA: " I feel great.", v.AnswerB: " I feel awful.", v.Default: " I feel well."}[a]
	return p + answer(a) + " day." + end + "\n"
}

// GladWords are all words that a happy day is called.
func GladWords() []string { return gladWords }

// SadWords are all words that a sad day is called.
func SadWords() []string { return sadWords }
