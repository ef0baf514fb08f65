package lab

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// The tasks that demonstrations show: a query and its answer. Each list is one string, its words
// separated by spaces, queries and answers in turn; what a rule makes is not written out. Every
// word is common, so that a small model can know it; most are in Pocket's world too.
const (
	pastWords = `walk walked eat ate drink drank sleep slept run ran write wrote sing sang dance danced swim swam fly flew
buy bought sell sold give gave take took open opened close closed speak spoke hear heard think thought know knew find found
lose lost play played work worked cook cooked wash washed build built break broke draw drew paint painted teach taught learn learned
fall fell climb climbed jump jumped throw threw catch caught carry carried hide hid begin began finish finished wait waited
help helped love loved hate hated call called send sent forget forgot choose chose grow grew laugh laughed cry cried
smile smiled live lived push pushed pull pulled`

	pluralWords = `cat cats dog dogs horse horses cow cows bird birds wolf wolves fox foxes mouse mice rabbit rabbits duck ducks goat goats
bear bears snake snakes frog frogs bee bees pig pigs apple apples pear pears cherry cherries lemon lemons grape grapes peach peaches
onion onions carrot carrots bean beans egg eggs cake cakes hammer hammers knife knives key keys needle needles spoon spoons
brush brushes ladder ladders chair chairs bed beds lamp lamps mirror mirrors shelf shelves desk desks shirt shirts hat hats shoe shoes
dress dresses glove gloves scarf scarves car cars boat boats ship ships plane planes truck trucks drum drums bell bells tree trees
flower flowers leaf leaves branch branches seed seeds house houses church churches tower towers bridge bridges school schools
castle castles river rivers stone stones star stars cloud clouds island islands lake lakes hand hands foot feet tooth teeth king kings
queen queens child children man men woman women book books letter letters bottle bottles box boxes clock clocks`

	capitalWords = `Poland Warsaw Germany Berlin France Paris Spain Madrid Portugal Lisbon Italy Rome Greece Athens Austria Vienna
Hungary Budapest Sweden Stockholm Norway Oslo Denmark Copenhagen Finland Helsinki Ireland Dublin England London Romania Bucharest
Serbia Belgrade Croatia Zagreb Ukraine Kyiv Russia Moscow Latvia Riga Lithuania Vilnius Belgium Brussels Netherlands Amsterdam
Switzerland Bern Turkey Ankara Japan Tokyo China Beijing Vietnam Hanoi Thailand Bangkok Indonesia Jakarta Philippines Manila India Delhi
Nepal Kathmandu Pakistan Islamabad Afghanistan Kabul Iran Tehran Iraq Baghdad Syria Damascus Lebanon Beirut Egypt Cairo Libya Tripoli
Morocco Rabat Sudan Khartoum Kenya Nairobi Ghana Accra Nigeria Abuja Senegal Dakar Angola Luanda Zambia Lusaka Canada Ottawa
Cuba Havana Jamaica Kingston Peru Lima Chile Santiago`

	oppositeWords = `big small hot cold old young fast slow high low long short strong weak hard soft light dark rich poor clean dirty
dry wet full empty happy sad thick thin wide narrow loud quiet early late near far brave shy kind cruel deep shallow sharp blunt
safe risky warm cool smooth rough lazy busy proud humble tight loose cheap dear good bad polite rude simple complex healthy sick
true false open closed left right first last inside outside above below alive dead`

	frenchWords = `cat chat dog chien horse cheval cow vache bird oiseau wolf loup fox renard mouse souris rabbit lapin duck canard
goat chèvre bear ours snake serpent frog grenouille bee abeille pig cochon apple pomme pear poire lemon citron onion oignon
bean haricot egg œuf cake gâteau knife couteau key clé rope corde needle aiguille spoon cuillère chair chaise bed lit
mirror miroir desk bureau shirt chemise hat chapeau shoe chaussure coat manteau dress robe car voiture boat bateau ship navire
tree arbre flower fleur leaf feuille house maison church église bridge pont school école river rivière stone pierre star étoile
cloud nuage island île hand main foot pied tooth dent king roi queen reine child enfant man homme woman femme book livre
letter lettre bottle bouteille box boîte clock horloge`
)

// pair is a query and its answer.
type pair struct{ x, y string }

// taskNames are the one-word tasks and those that choose from a list, as parameters name them.
var taskNames = []string{"past", "plural", "capital", "antonym", "french", "capitalise", "first", "last"}

// wordTask lists the pairs of a one-word task.
func wordTask(name string) []pair {
	switch name {
	case "past":
		return pairsOf(pastWords)
	case "plural":
		return pairsOf(pluralWords)
	case "capital":
		return pairsOf(capitalWords)
	case "antonym":
		ps := pairsOf(oppositeWords)
		for _, p := range ps {
			ps = append(ps, pair{p.y, p.x})
		}
		return ps
	case "french":
		return pairsOf(frenchWords)
	case "capitalise":
		return made(capital)
	case "copy":
		return made(func(w string) string { return w })
	}
	return nil
}

func pairsOf(words string) []pair {
	f := strings.Fields(words)
	ps := make([]pair, len(f)/2)
	for i := range ps {
		ps[i] = pair{f[2*i], f[2*i+1]}
	}
	return ps
}

// made has an answer made of every plain word.
func made(answer func(string) string) []pair {
	var ps []pair
	for _, list := range []string{pluralWords, pastWords} {
		for _, p := range pairsOf(list) {
			ps = append(ps, pair{p.x, answer(p.x)})
		}
	}
	for _, w := range strings.Fields(oppositeWords) {
		ps = append(ps, pair{w, answer(w)})
	}
	return ps
}

// capital writes the first letter large; the words begin with ASCII letters.
func capital(w string) string { return strings.ToUpper(w[:1]) + w[1:] }

// listed draws n lists of k words each, the answer being that of the first or the last word, or that
// word itself. An answer is told by its first token, so no two words of a list, nor their answers,
// begin with the same. As far as there are, lists of one size are taken, the commonest: prompts of
// one length go together.
func listed(b *Bench, words []pair, k, n int, last, copied bool, r *rand.Rand) []pair {
	size, count := sizeIn(b), map[int]int{}
	begin, long := make([][2]int32, len(words)), make([]int, len(words))
	for i, p := range words {
		begin[i], long[i] = [2]int32{firstToken(b, p.x), firstToken(b, p.y)}, size(p)
	}
	var drawn []pair
	total := map[string]int{} // a list's tokens, its commas aside
	common := 0
	for range 12 * n {
		at := r.Perm(len(words))[:min(k, len(words))]
		xs, begins, c := make([]string, len(at)), map[int32]bool{}, 0
		for j, w := range at {
			xs[j], c = words[w].x, c+long[w]
			begins[begin[w][0]], begins[^begin[w][1]] = true, true
		}
		if len(begins) < 2*len(at) {
			continue
		}
		p := words[at[0]]
		if last {
			p = words[at[len(at)-1]]
		}
		if copied {
			p.y = p.x
		}
		p.x = strings.Join(xs, ", ")
		drawn, total[p.x] = append(drawn, p), c
		if count[c]++; count[c] > count[common] {
			common = c
		}
	}
	return nearest(drawn, common, func(p pair) int { return total[p.x] })[:min(n, len(drawn))]
}

// firstToken is how a word begins after a space; -1 if it has no token.
func firstToken(b *Bench, word string) int32 {
	id, err := opening(b, " "+word)
	if err != nil {
		return -1
	}
	return id
}

// nearest puts first those whose size is closest to the wanted one; of equals none overtakes another.
func nearest(ps []pair, want int, size func(pair) int) []pair {
	out := make([]pair, len(ps))
	for i, k := range descending(len(ps), func(i int) float64 { return -math.Abs(float64(size(ps[i]) - want)) }) {
		out[i] = ps[k]
	}
	return out
}

// shuffled is the list in an order drawn from r.
func shuffled(ps []pair, r *rand.Rand) []pair {
	out := slices.Clone(ps)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// deal is a task's pairs dealt out: the queries to be tested, those that a vector is made of,
// and sets of demonstrations.
type deal struct {
	test  []pair
	train [][]pair // by set
	demos [][]pair // by set
}

// dealt shares pairs out. A tested pair is in no demonstration and no vector; where pairs are few the
// sets share theirs, but no set asks what it has just shown. Queries of one size go to one set. What is
// tested may be given; else it is taken from the pairs.
func dealt(ps, test []pair, items, sets, shots int, size func(pair) int) (d deal, err error) {
	if len(ps) < 6 {
		return d, errs.E("lab.tasks", errs.Invalid, "there are %d pairs; at least 6 are needed: to show, to make a vector of, and to test", len(ps))
	}
	rest := ps
	if len(test) == 0 {
		n := min(items, max(2, len(ps)/2))
		test, rest = ps[:n], ps[n:]
	}
	d.test = nearest(test[:min(items, len(test))], 0, size)
	shots = min(shots, (len(rest)+1)/2)
	ask := min((items+sets-1)/sets, len(rest)-shots)
	for s := range sets {
		demos, others := d.wheel(rest, s*shots, shots)
		want := 0
		if test := d.tested(s, sets); len(test) > 0 {
			want = size(test[len(test)/2])
		}
		d.demos, d.train = append(d.demos, demos), append(d.train, nearest(others, want, size)[:ask])
	}
	return d, nil
}

// wheel takes n pairs from a place on, going round, and leaves the others.
func (d *deal) wheel(ps []pair, from, n int) (taken, others []pair) {
	for i := range ps {
		p := ps[(from+i)%len(ps)]
		if i < n {
			taken = append(taken, p)
		} else {
			others = append(others, p)
		}
	}
	return taken, others
}

// tested are the queries that go to set s of so many.
func (d *deal) tested(s, sets int) []pair {
	return d.test[s*len(d.test)/sets : (s+1)*len(d.test)/sets]
}

// sizeIn counts a query's tokens, each query once.
func sizeIn(b *Bench) func(pair) int {
	known := map[string]int{}
	return func(p pair) int {
		n, ok := known[p.x]
		if !ok {
			ids, _ := b.Tokens.Encode(" "+p.x, token.Options{})
			n = len(ids)
			known[p.x] = n
		}
		return n
	}
}

// rotated pairs every query with the answer of another: the demonstrations of no task.
func rotated(ps []pair, by int) []pair {
	out := slices.Clone(ps)
	for i := range out {
		out[i].y = ps[(i+by)%len(ps)].y
	}
	return out
}

// shotFormat is how demonstrations are written: what comes before a query, between query and
// answer, and after an answer. A prompt ends after between.
type shotFormat struct {
	before, between, after string
	lead                   string // stands before demonstrations
}

// The formats' names are how they look.
const (
	arrowFormat = "x -> y"
	qaFormat    = "Q: x A: y"
	colonFormat = "x: y"
)

func formatOf(name string) shotFormat {
	switch name {
	case qaFormat:
		return shotFormat{before: "Q: ", between: "\nA:", after: "\n\n"}
	case colonFormat:
		return shotFormat{between: ":", after: "\n"}
	}
	return shotFormat{between: " ->", after: "\n"}
}

// prompt writes demonstrations and an open query.
func (f shotFormat) prompt(demos []pair, x string) string {
	var b strings.Builder
	if len(demos) > 0 {
		b.WriteString(f.lead)
	}
	for _, p := range demos {
		b.WriteString(f.before + p.x + f.between + " " + p.y + f.after)
	}
	b.WriteString(f.before + x + f.between)
	return b.String()
}
