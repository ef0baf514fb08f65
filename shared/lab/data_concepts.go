package lab

import "strings"

// concept is a set of texts that a neuron may tell from others: frames with X in the place of a word
// of the concept, or of a word that is none (hard negatives: all else is the same). Where the texts
// share no frame (a language, code) they stand in full, one a line.
type concept struct {
	name           string
	kin            string // concepts of one kin have much in common: they are not two jobs
	frames         string // separated by ;
	words, hard    string
	texts, unalike string // in full: of the concept, and near to it
}

// expand fills every word into a frame, the frames taking turns, until there are n texts. Neighbouring
// texts have neighbouring words, so that each half of every other word holds its own words.
func expand(frames, words string, n int) []string {
	fs, ws := strings.Split(frames, ";"), strings.Fields(words)
	var out []string
	for i := 0; words != "" && i < min(n, len(ws)*len(fs)); i++ {
		w := strings.ReplaceAll(ws[i%len(ws)], "_", " ")
		out = append(out, strings.Replace(fs[(i+i/len(ws))%len(fs)], "X", w, 1))
	}
	return out
}

// How many texts of a concept are read at most, and how many near misses: of the one that is asked for,
// and of the others.
const (
	focusTexts, focusNear = 24, 20
	otherTexts, otherNear = 10, 6
)

// of are at most n texts of the concept, near as many near misses.
func (c concept) of(n int) []string   { return some(c.texts, c.frames, c.words, n) }
func (c concept) near(n int) []string { return some(c.unalike, c.frames, c.hard, n) }

func some(texts, frames, words string, n int) []string {
	if texts == "" {
		return expand(frames, words, n)
	}
	all := strings.Split(texts, "\n")
	return all[:min(n, len(all))]
}

// conceptNames are all that can be asked for; each world has some of them.
var conceptNames = []string{"french", "months", "days", "digits", "colours", "animals", "countries", "food", "tools", "code"}

// conceptsOf are those of the world that the model knows.
func conceptsOf(b *Bench) []concept {
	if inPocket(b) {
		return pocketConcepts()
	}
	return englishConcepts()
}

func englishConcepts() []concept {
	return []concept{
		{name: "french", texts: frenchLines, unalike: notFrench},
		{name: "months", kin: "time", frames: "we met again in X and talked;the report from X is here", words: "January February March April May June July August September October November December",
			hard: "London hospital Berlin public school winter Paris person summer town spring secret autumn"},
		{name: "days", kin: "time", frames: "the shop opens on X at nine;she called me on X evening;on X the bus is late;see you X then", words: "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
			hard: "holiday stage foot camera purpose Christmas weekends tomorrow time"},
		{name: "digits", frames: "room number X is free;the code X was wrong", words: "17 304 8 2951 66 5120 93 741 4 38 609 7",
			hard: "seven A twelve one green three B forty zero double Q second"},
		{name: "colours", frames: "a X car stood there;his X coat was new", words: "red blue green yellow black white brown purple pink orange grey golden",
			hard: "big cheap small dirty heavy fast wooden broken warm clean dark shiny"},
		{name: "animals", kin: "thing", frames: "the X ran away;I saw a X near the house", words: "dog cat horse cow wolf fox rabbit mouse bear goat lion pig",
			hard: "man child car thief ball train girl boat cart soldier player robot"},
		{name: "countries", frames: "her parents live in X now;the road to X is long", words: "Poland France Japan Egypt Brazil India Canada Kenya Norway Peru China Italy",
			hard: "Warsaw peace Tokyo town fear Cairo winter luxury heaven London Chicago debt"},
		{name: "code", texts: codeLines, unalike: notCode},
	}
}

const (
	frenchLines = `le voisin ferme la fenêtre de la cuisine
nous avons mangé une tarte aux pommes
je ne sais pas où est mon parapluie
elle travaille dans une petite librairie
les feuilles tombent quand vient l'automne
ils ont perdu le match de dimanche
mon grand-père aime les longues promenades
la lune brille sur les toits du village
tu peux fermer la porte s'il te plaît
cette chanson est très belle
le boulanger vend du pain frais
vous avez une réponse pour chaque question
ma sœur apprend à nager
le vent souffle fort sur la plage
il y a deux verres sur la table
nos amis arrivent demain matin
la lettre est dans le tiroir
je voudrais un café et un croissant
les élèves écoutent leur maître
son vélo est plus rapide que le mien
on ne peut pas tout savoir
le chien court après la balle
elle a oublié son chapeau chez moi
la nuit est calme et froide`
	notFrench = `el vecino cierra la ventana de la cocina
hemos comido una tarta de manzana
no sé dónde está mi paraguas
las hojas caen cuando llega el otoño
der Nachbar schließt das Fenster der Küche
wir haben einen Apfelkuchen gegessen
ich weiß nicht, wo mein Schirm ist
die Blätter fallen, wenn der Herbst kommt
il vicino chiude la finestra della cucina
abbiamo mangiato una torta di mele
non so dove sia il mio ombrello
le foglie cadono quando arriva l'autunno
the neighbour closes the kitchen window
we ate an apple tart
I do not know where my umbrella is
the leaves fall when autumn comes
the menu was à la carte
a café and a croissant, please`
	codeLines = `def area(r):
    return r * r
for i in range(n):
    print(i)
if x > y:
    y = x
import os
names = []
class Cat:
    pass
while n < m:
    n += k
with open(path) as f:
    text = f.read()
return [a for a in b if a]
int main() { return x; }
var x = items.length;
const f = (a) => a + b;
public static void run() {}
SELECT name FROM users;
func add(a, b int) int { return a + b }
x = {"key": v}
assert len(s) == n`
	notCode = `define the area of a circle with radius r
for ten days in a row
if it is more than zero, say so
import taxes on names
the class had a cat; it could pass
while there were fewer than five
with an open path to the sea
return the book to the library
the main hall has no doors (yet)
a constant fear of heights
the public run is on Sunday
select a name from the list
add a to b and get the sum
the key is number one
be sure that three are left`
)

func pocketConcepts() []concept {
	return []concept{
		{name: "french", frames: "Q: X;X ->", words: "chat cheval oiseau loup renard souris lapin grenouille pomme poire citron marteau clé cuillère fourchette lit miroir chapeau manteau voiture bateau fleur église pont",
			hard: "cat horse bird wolf fox mouse rabbit frog apple pear lemon hammer key spoon fork bed mirror hat coat car boat flower church bridge"},
		{name: "animals", kin: "thing", frames: "The X is;The plural of X is", words: "dog cow bird wolf fox rabbit duck goat bear snake frog pig",
			hard: "pear key lamp shirt boat drum tree river hammer cake hat book"},
		{name: "food", kin: "thing", frames: "The X is;The class of X is", words: "apple pear cherry lemon grape plum peach onion carrot bean egg cake",
			hard: "rope bell goat river desk sock truck stone wolf spoon queen leaf"},
		{name: "tools", kin: "thing", frames: "The X is;The class of X is", words: "hammer key rope needle spoon fork brush broom saw ladder knife bucket",
			hard: "horse plum mirror dress ship harp flower castle cloud cow lemon glove"},
		{name: "colours", frames: "The cup is X.;The colour of the star is X.", words: "grey brown white blue red yellow green pink purple orange black",
			hard: "big small old young clean dirty rich poor happy sad strong"},
		{name: "countries", frames: "The capital of X is;People in X speak", words: "Poland France Japan Egypt India Kenya Norway Peru China Italy Greece Ghana",
			hard: "Warsaw Paris Tokyo Cairo Delhi Nairobi Oslo Lima Beijing Rome Athens Accra"},
	}
}

// plainTexts hold none of the concepts. They are texts about nothing in particular: what a part does on average is taken over them.
func plainTexts(b *Bench) []string {
	if inPocket(b) {
		return strings.Split(pocketPlain, "\n")
	}
	return strings.Split(englishPlain, "\n")
}

// inPocket says that the model knows Pocket's small world and nothing else.
func inPocket(b *Bench) bool { return strings.HasPrefix(b.Parity.Model, "pocket") }

const pocketPlain = `The plural of stone is stones. The plural of queen is queens.
When Emma and Paul went to the garden, Paul gave a letter to Emma.
The opposite of rich is poor. Not high but low.
Today they walk, yesterday they walked.
With a large letter river is River.
One child, many children.
big: small
User: How do I clean the lamp in the morning?
The feast lasted from the year 1512 to the year 1530.
Rosa made a hat. The hat is dull.`

const englishPlain = `the baby fell asleep on the warm chair near the stove
she opened the door, smiled and asked us to come in
we walked along the river until it was dark
he bought bread, cheese and a newspaper at the market
a small choir was singing in the old stone church
the teacher wrote a long word on the board
rain fell on the roof all night and nobody slept well
the train stopped at every station on its way to the coast
I forgot my keys at home and had to wait outside
the doctor gave her some good advice about her knee
children ran across the field behind the school
this book tells the history of a small town by the sea`
