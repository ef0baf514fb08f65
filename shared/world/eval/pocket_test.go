package main

import (
	"context"
	"testing"

	"patchbay/shared/world"
)

// The committed model on the committed world, by the lessons: what they build on. The card has the rest.
func TestPocketKnowsItsWorld(t *testing.T) {
	b, err := open(context.Background(), "../../../public/models/pocket.gguf", world.New(1))
	if err != nil {
		t.Fatal(err)
	}
	texts, answers := prompts(b.sets.Facts)
	if known, err := b.rate(with(texts), answers); err != nil || known < 0.9 {
		t.Errorf("%.2f of the facts are known (%v)", known, err)
	}
	r, err := b.icv(b.world.Task("capital", "country"), "replace", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Few.Share() < 0.9 || r.Zero.Share() > 0.3 || r.Recover < 0.5 || r.Of != len(b.world.Task("capital", "country").Held) {
		t.Errorf("capitals: with demonstrations %v, without %v, the vector recovers %.2f", r.Few, r.Zero, r.Recover)
	}
	good, bad := requests(b.sets.Test)
	for i, texts := range [][]string{good, bad} {
		r, err := b.refusal("check", "add", candidate{position: "last", layer: b.layers / 2}, texts)
		if err != nil {
			t.Fatal(err)
		}
		if x := shares(r.Checks); i == 0 && (x[0] > 0.1 || x[1] < 0.9) || i == 1 && x[0] < 0.9 {
			t.Errorf("requests of kind %d: refused %.2f, with the vector %.2f", i, x[0], x[1])
		}
	}
}
