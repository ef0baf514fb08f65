package lab

import "strings"

// plainTexts are texts about nothing in particular: what a part does on average is taken over them.
func plainTexts(b *Bench) []string {
	if inPocket(b) {
		return strings.Split(pocketPlain, "\n")
	}
	return strings.Split(englishPlain, "\n")
}

// inPocket says that the model knows Pocket's small world and nothing else.
func inPocket(b *Bench) bool { return strings.HasPrefix(b.Parity.Model, "pocket") }

const pocketPlain = `The spoon is grey. The plural of wolf is wolves.
When Emma and Paul went to the garden, Paul gave a letter to Emma.
The king of Norway lives in Oslo. On the map Peru lies in America.
In French horse is cheval. The opposite of rich is poor.
Today they walk, yesterday they walked.
With a large letter river is River. Every apple is a kind of food.
cat -> cats
big: small
User: How do I clean the lamp in the morning?
The feast lasted from the year 1512 to the year 1530.`

const englishPlain = `the cat fell asleep on the warm chair near the stove
she opened the door, smiled and asked us to come in
we walked along the river until it was dark
he bought bread, cheese and a newspaper at the market
a small bird was singing in the old apple tree
the teacher wrote a long word on the board
rain fell on the roof all night and nobody slept well
the train stopped at every station on its way to the coast
I forgot my keys at home and had to wait outside
the doctor gave her some good advice about her knee
children ran across the field behind the school
this book tells the history of a small town by the sea`
