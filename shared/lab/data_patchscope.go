package lab

import "strings"

// The prompts of the lesson patchscope.

// scopeTargets are target prompts with the place that is filled ("": the last token). Identity,
// entity and attribute are those of Ghandeharioun et al. (2024), description that of Biran et al. (2024).
var scopeTargets = map[string][2]string{
	"identity":    {"cat -> cat\n1135 -> 1135\nhello -> hello\n?", ""},
	"entity":      {"Syria: Country in the Middle East, Leonardo DiCaprio: American actor, Samsung: South Korean multinational major appliance and consumer electronics corporation, x", ""},
	"description": {"Syria: Syria is a country in the Middle East, Leonardo DiCaprio: Leonardo DiCaprio is an American actor, Samsung: Samsung is a South Korean multinational corporation, x", ""},
	"attribute":   {"The official currency of x is the", " x"},
}

// scopeSentences break off where a next word is in sight.
const scopeSentences = `
The sun rises in the
Water boils at one hundred
A week has seven
The opposite of hot is
In winter the lake is covered with
She opened the door and walked into the
The largest ocean on Earth is the
Bees make
He was so tired that he fell
The Great Wall was built in
Ice is frozen
Shakespeare wrote Romeo and
The heart pumps
At night we can see the moon and the
A triangle has three
Please turn off the
The doctor told him to take the
Paper is made from
The capital city of Italy is
The train was late because of the
Cows give us
The first man on the Moon was Neil
My brother is taller than
They lived happily ever
The Amazon is the largest rain
To make bread you need flour, water and
The library is full of
Once upon a
The police are looking for the
Birds lay their eggs in a
The color of grass is
He plays the piano and the
The Second World War ended in
It was raining, so she took her
Plants need light and
The teacher wrote it on the
In the morning I drink a cup of
The moon goes around the
We watched the game on
The bank is closed on
`

// scopeEntities are names with what a right description has in it.
const scopeEntities = `
Isaac Newton|physic,scien,math,English,British
Berlin|German,city,capital
Nelson Mandela|South Africa,president,politic,leader,activist
Apple Inc|technology,computer,company,electronics,software
Rome|Ital,city,capital
Wolfgang Amadeus Mozart|compos,music,Austria
Mount Fuji|mountain,volcano,Japan
Honda|car,Japan,auto,motor
Elvis Presley|sing,music,rock
The Nile|river,Egypt,Africa
Sherlock Holmes|detective,fiction,novel
Brazil|country,South America
San Francisco|city,California
Vincent van Gogh|paint,artist,Dutch
Facebook|social,internet,company,network
Cristiano Ronaldo|football,soccer,Portug
Pink Floyd|band,rock,music
Angela Merkel|German,chancellor,politic
Pepsi|drink,beverage,soft,company,cola
Queen Elizabeth|queen,monarch,British,Britain,England,United Kingdom
`

// scopeCurrencies are countries with their currency.
const scopeCurrencies = `
Japan|yen
India|rupee
Poland|zloty,złoty,z
Russia|ruble,rouble,rub
South Korea|won
China|yuan,renminbi
Mexico|peso
Sweden|krona
Denmark|krone
Turkey|lira
Thailand|baht
Brazil|real
South Africa|rand
Switzerland|franc
Vietnam|dong
Israel|shekel
Germany|euro
France|euro
Britain|pound
Australia|dollar
`

// scopePocket are sentences of Pocket's world.
const scopePocket = `
The capital of Poland is
The currency of Peru is
The profession of Alice York is
The language of Czechia is
The country of the Golden Garden is
The country of the Great Tower is
The profession of Max Hill is
The country of the Iron Castle is
The capital of Norway is
The language of Bangladesh is
The continent of Guyana is
The profession of Kate Lane is
The capital of Iran is
The currency of Morocco is
The country of the Silver Gate is
The profession of Olga Webb is
The language of Hungary is
The capital of Armenia is
The country of the Blue Market is
The profession of Hugo Marsh is
The capital of Bangladesh is
The country of the Glass Tower is
The profession of Emma Hale is
The currency of Honduras is
The country of the Silver Palace is
The continent of Indonesia is
The capital of Afghanistan is
The profession of Peter Nash is
The country of the Royal Fountain is
The currency of Egypt is
`

// fitForms are sentences on which a map between two models is fitted, with what fills them: pairs of words,
// or two columns of a list. Where one of the models is Pocket they are of its world.
var fitForms = []struct {
	where      string // "pocket", "other" or both
	form, list string
	x, y       int
}{
	{"", "The capital of * is *.", capitalWords, 0, 0},
	{"", "The plural of * is *.", pluralWords, 0, 0},
	{"", "The opposite of * is *.", oppositeWords, 0, 0},
	{"", "Today they *, yesterday they *.", pastWords, 0, 0},
	{"pocket", "The country of the * is *.", hopPocket, 0, 1},
	{"pocket", "The capital of * is *.", hopPocket, 1, 2},
	{"pocket", "The spouse of * is *.", hopHomes, 0, 1},
	{"pocket", "The home of * is *.", hopHomes, 1, 2},
	{"other", "The country of * is *.", hopPlaces, 0, 1},
	{"other", "The language of * is *.", hopPlaces, 1, 3},
	{"other", "The author of * is *.", hopBooks, 0, 1},
}

// fitTexts are such sentences, rules shown by demonstrations, and the texts of other lessons.
func fitTexts(pocket bool) (out []string) {
	not, plain := "pocket", []string{trueClaims, falseClaims, happyTexts, sadTexts, englishTexts, harmlessMake, harmlessHeld, flatteryWorks, englishPlain}
	if pocket {
		not, plain = "other", []string{pocketPlain}
		for _, c := range pocketConcepts()[1:] {
			out = append(append(out, c.of(otherTexts)...), c.near(otherNear)...)
		}
	}
	for _, f := range fitForms {
		if f.where == not {
			continue
		}
		for _, p := range cells(f.list, f.x, f.y) {
			out = append(out, strings.Replace(strings.Replace(f.form, "*", p.x, 1), "*", p.y, 1))
		}
	}
	for _, task := range listTasks {
		out = append(out, fewShot(task, true)...)
	}
	for _, list := range plain {
		out = append(out, lines(list)...)
	}
	return out
}

// cells are two columns of a list, the first of several spellings each; of a list without columns the
// words in pairs.
func cells(list string, x, y int) (ps []pair) {
	if x == y {
		return pairsOf(list)
	}
	for _, line := range splitLines(list) {
		c := strings.Split(line, "|")
		a, _, _ := strings.Cut(c[x], "/")
		b, _, _ := strings.Cut(c[y], "/")
		ps = append(ps, pair{a, b})
	}
	return ps
}

// listTasks are rules that few demonstrations show, to Pocket as to every model.
var listTasks = [5]string{"plural", "capital", "antonym", "past", "copy"}

// fewShot are the pairs of a rule, six to a text, whole or but for the last answer.
func fewShot(task string, whole bool) (out []string) {
	for ps := wordTask(task); len(ps) >= 6; ps = ps[6:] {
		text := ""
		for i, p := range ps[:6] {
			if text += p.x + " ->"; whole || i < 5 {
				text += " " + p.y + "\n"
			}
		}
		out = append(out, text)
	}
	return out
}

// scopeLists are texts of all rules in turn, each but for the last answer.
func scopeLists() (out []string) {
	for k := range 8 {
		for _, task := range listTasks {
			out = append(out, fewShot(task, false)[k])
		}
	}
	return out
}
