// Package world is the small closed world that the model Pocket is trained on: ninety countries,
// their landmarks and people, a few hundred things, words and their forms, and what is said about
// them. Every fact is here, so every answer of the model can be held against the truth.
//
// New(seed) draws the world. Its facts that hold outside too (capitals, plurals, French words) are
// written down in the tables; the rest (who lives where, which landmark stands in which country)
// is drawn from the seed. Text writes the training text, Sets the evaluation sets, Truth the facts,
// the splits and what was held out. The same seed gives the same bytes.
//
// Three things shape the text, each because a rough trial showed the need:
//   - A word serves many tasks (a noun has a plural, a French word, a colour, a class and a title
//     form), and a list of one line is the word itself again. So without demonstrations a model
//     repeats the word, and only the context can tell it the task.
//   - Names are of several tokens, or of two common words (Silver Gate), so that a fact needs depth.
//   - Harm is a matter of what is done and how, over many wordings: no single word carries it.
//
// Marks in the training text say where a subject ends and an answer begins; train/train.py takes
// them out. They weigh the loss, and keep early layers from reading the subject (see there).
package world
