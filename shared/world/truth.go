package world

// Truth is the ground truth of a world: what holds, how it was split, what was held out.
type Truth struct {
	Seed       uint64      `json:"seed"`
	Countries  []Country   `json:"countries"`
	Landmarks  []Landmark  `json:"landmarks"`
	People     []Person    `json:"people"`
	Nouns      []Noun      `json:"nouns"`
	Adjectives []Adjective `json:"adjectives"` // 2i and 2i+1 are opposites
	Verbs      []Verb      `json:"verbs"`
	Tasks      []Task      `json:"tasks"` // with the pairs that demonstrations leave out
	Hops       []Hop       `json:"hops"`  // with those that no text composes
	HeldNames  []string    `json:"held_names"`
	Names      []string    `json:"names"` // the words that the tokenizer cuts
	Shares     []Share     `json:"shares"`
}

// Share is a kind of training text and its documents of each hundred.
type Share struct {
	Name string `json:"name"`
	Of   int    `json:"of"`
}

// Truth writes down what this world is.
func (w *World) Truth() *Truth {
	t := &Truth{Seed: w.Seed, Countries: w.Countries, Landmarks: w.Landmarks, People: w.People, Nouns: w.Nouns,
		Adjectives: w.Adjectives, Verbs: w.Verbs, Tasks: w.Tasks, Hops: w.Hops, Names: w.Names()}
	for i, a := range firstNames {
		for _, b := range firstNames[i+1:] {
			if w.heldNames[pairKey(a, b)] {
				t.HeldNames = append(t.HeldNames, pairKey(a, b))
			}
		}
	}
	for _, s := range shares {
		t.Shares = append(t.Shares, Share{s.Name, s.Of})
	}
	return t
}
