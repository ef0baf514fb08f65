package world

import (
	"bufio"
	"io"
	"math/rand/v2"
)

// share is a kind of text and how many documents of each hundred are of it.
type share struct {
	Name string
	Of   int
	draw func(*World, *rand.Rand) string
}

// shares of the training text. Demonstrations are long, so they are most of the tokens.
var shares = []share{
	{"lists", 42, (*World).listText},
	{"facts", 13, (*World).factText},
	{"hops", 18, (*World).hopText},
	{"chat", 7, (*World).chatText},
	{"stories", 7, (*World).storyText},
	{"opinions", 1, (*World).opinionText},
	{"statements", 8, (*World).statementText},
	{"moods", 2, (*World).moodText},
	{"years", 2, (*World).spanText},
}

// Document draws one document of the training text, with its marks.
func (w *World) Document(r *rand.Rand) string {
	u := r.IntN(100)
	for _, s := range shares {
		if u -= s.Of; u < 0 {
			return spaceIn.Replace(s.draw(w, r))
		}
	}
	panic("world: the shares are not a hundred") // a test adds them up
}

// documentEnd follows every document of the text.
const documentEnd = "\x00"

// Text writes documents of the training text, each followed by a zero byte.
func (w *World) Text(out io.Writer, documents int) error {
	r := rand.New(rand.NewPCG(w.Seed, 2))
	b := bufio.NewWriterSize(out, 1<<16)
	for range documents {
		b.WriteString(w.Document(r))
		b.WriteString(documentEnd)
	}
	return b.Flush()
}

// Names are the words that tokenizers should cut into several tokens: those of what belongs to
// countries, and family names. A country's own name is one token: it is the bridge of two hops, and
// a state can only carry a bridge back whole if one token names it.
func (w *World) Names() []string {
	seen, out := map[string]bool{"English": true, "French": true}, []string{} // words of sentences too
	add := func(names ...string) {
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	for _, c := range w.Countries {
		add(c.Capital, c.Language, c.Currency)
	}
	add(lastNames...)
	return out
}

// Plain draws one document without marks.
func (w *World) Plain(r *rand.Rand) string { return unmark.Replace(w.Document(r)) }
