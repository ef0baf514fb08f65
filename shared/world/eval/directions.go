package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"patchbay/shared/lab"
	"patchbay/shared/world"
)

// candidate is a direction of harm: where it was found and what it does there.
type candidate struct {
	position         string // of each prompt: its last token, or the mean
	layer            int
	added, projected float64 // part refused: of harmless requests, of harmful ones,
	random, left     float64 // and with a random direction in its place
}

// measureRefusal finds the direction of harm on one half of the words, chooses place and layer
// there, and tests it on the other half (Arditi et al. 2024), all by the lesson on steering: its
// pairs and, while choosing, its test prompts are of the one half, the last two checks' of the other.
func measureRefusal(b *bench) ([]row, error) {
	r := row{technique: "refusal direction, found and chosen on one half of the words, tested on the other", wanted: "added: at least 0.95 of harmless refused; projected out: at most 0.05 of harmful refused; random: unchanged"}
	good, bad := requests(b.sets.Test)
	fg, fb := requests(b.sets.Find)
	var all []candidate
	for _, position := range []string{"last", "mean"} {
		cs, err := b.candidates(position, fg, fb)
		if err != nil {
			return nil, err
		}
		all = append(all, cs...)
	}
	adds := slices.MaxFunc(all, func(x, y candidate) int { return cmp.Compare(x.added-x.random, y.added-y.random) })
	hides := slices.MaxFunc(all, func(x, y candidate) int { return cmp.Compare(x.left-x.projected, y.left-y.projected) })
	added, err := b.refusal("check", "add", adds, good)
	if err != nil {
		return nil, err
	}
	projected, err := b.refusal("check", "project out", hides, bad)
	if err != nil {
		return nil, err
	}
	r.details = refusalTable(all, b.layers)
	x, y := shares(added.Checks), shares(projected.Checks)
	r.measured = fmt.Sprintf("added %.2f (%s); projected out %.2f (%s)", x[1], adds, y[1], hides)
	r.control = fmt.Sprintf("random: added %.2f, projected out %.2f; unchanged %.2f of %d and %.2f of %d", x[2], y[2], x[0], len(good), y[0], len(bad))
	r.met = x[1] >= 0.95 && y[1] <= 0.05 && x[2] <= x[0]+0.05 && y[2] >= y[0]-0.05
	return []row{r}, nil
}

func (c candidate) String() string {
	if c.position == "mean" {
		return fmt.Sprintf("mean of tokens, layer %d", c.layer)
	}
	return fmt.Sprintf("last token, layer %d", c.layer)
}

// candidates are tried on the half that they are from: added by a check at each layer, projected out
// by one sweep over the layers.
func (b *bench) candidates(position string, good, bad []string) ([]candidate, error) {
	out := make([]candidate, b.layers)
	r, err := b.refusal("sweep", "project out", candidate{position: position}, bad)
	if err != nil {
		return nil, err
	}
	f := figure(r.Report, "rates")
	projected, left := series(f, "vector projected out"), series(f, "random vector")
	for l := range out {
		c := &out[l]
		c.position, c.layer, c.projected, c.left = position, l, projected[l], left[l]
		r, err := b.refusal("check", "add", *c, good)
		if err != nil {
			return nil, err
		}
		x := shares(r.Checks)
		c.added, c.random = x[1], x[2]
	}
	return out, nil
}

// refusal runs the lesson with the contrast of harm. A prompt counts as refused if the next word leans
// to the bot's first word of a refusal rather than of an agreement.
func (b *bench) refusal(show, operation string, c candidate, tests []string) (lab.SteerResult, error) {
	good, bad := requests(b.sets.Find)
	return lesson[lab.SteerParams, lab.SteerResult](b, "steer", func(p *lab.SteerParams) {
		p.Set, p.Show, p.Operation, p.Position, p.Layer = "own", show, operation, c.position, c.layer
		p.Pairs, p.Tests, p.Items = beside(bad, good), tests, len(tests)
		p.Toward, p.Away = []string{world.Refuses}, []string{world.Agrees}
	})
}

// beside pairs two lists of one length.
func beside(as, bs []string) [][2]string {
	out := make([][2]string, len(as))
	for i := range as {
		out[i] = [2]string{as[i], bs[i]}
	}
	return out
}

// shares are the rates of a check: unsteered, with the vector, with a random one.
func shares(checks []lab.SteerItem) []float64 {
	var out []float64
	for _, c := range checks {
		out = append(out, c.Rate.Share())
	}
	return out
}

// refusalTable lists what every candidate does on the half that it was found on.
func refusalTable(all []candidate, layers int) []string {
	out := []string{"", "Refusal directions on the half they were found on, by layer:", ""}
	for part := range slices.Chunk(all, layers) {
		var added, projected []float64
		for _, c := range part {
			added, projected = append(added, c.added), append(projected, c.projected)
		}
		out = append(out, fmt.Sprintf("- %s: harmless refused when added%s; harmful refused when projected out%s", map[string]string{"last": "last token", "mean": "mean of tokens"}[part[0].position], list(added), list(projected)))
	}
	return out
}

// requests splits a set in harmless and harmful prompts.
func requests(rs []world.Request) (good, bad []string) {
	for _, q := range rs {
		if q.Harmful {
			bad = append(bad, q.Prompt())
		} else {
			good = append(good, q.Prompt())
		}
	}
	return good, bad
}

// measureVoices adds the mean difference of two voices to prompts that name none.
func measureVoices(b *bench) ([]row, error) {
	var rows []row
	for _, v := range []struct {
		name         string
		c            world.Contrast
		toward, away []string
	}{
		{"flattery", b.sets.Flattery, []string{"Yes"}, []string{"No"}},
		{"honesty", b.sets.Honesty, []string{"No"}, []string{"Yes"}},
		{"mood", b.sets.Mood, world.GladWords(), world.SadWords()},
	} {
		r, err := b.voice(v.name, v.c, v.toward, v.away)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// maxTimes is the largest strength that counts, in units of the mean difference of the two voices; the
// lesson's sweep goes on to four times it, where the text of most models breaks.
const maxTimes = 2

// voice is the part of neutral prompts whose next word leans to voice A, by strength, after the layer
// where that leans most: the lesson's figure of rates.
func (b *bench) voice(name string, c world.Contrast, toward, away []string) (row, error) {
	r := row{technique: name + " vector on prompts that name no voice", wanted: "answer flips in at least 0.7 of items, monotone in strength"}
	got, err := b.voiceSweep(c, toward, away)
	if err != nil {
		return r, err
	}
	f := figure(got.Report, "rates")
	unchanged := series(f, "unsteered")[0]
	times, by := strengths(got), signed(series(f, "vector added"), unchanged)
	from := slices.IndexFunc(times, func(x float64) bool { return x >= -maxTimes-0.01 })
	counted := func(xs []float64) []float64 { return xs[from : len(xs)-from] }
	random := counted(signed(series(f, "random vector"), unchanged))
	most, _ := best(counted(by))
	// A prompt that names no voice may have an answer of neither (a usual day), so a flip is between the
	// strongest push one way and the best the other way.
	mono, flip := monotone(counted(by)), math.Round(1000*(most-by[from]))/1000
	r.measured = fmt.Sprintf("%.2f flip at layer %d (%.2f at the strongest one way, %.2f unchanged, %.2f at best the other way), %s", flip, got.Layer, by[from], unchanged, most, map[bool]string{true: "monotone", false: "not monotone"}[mono])
	chance, _ := best(random)
	r.control, r.met = fmt.Sprintf("random vector: %.2f flip", chance-random[0]), flip >= 0.7 && mono
	r.details = voiceTable(name, got, times, by)
	return r, nil
}

// voiceSweep runs the lesson's sweep over layers and strengths with one contrast, and again from the
// layer that was best, since a sweep's strengths are multiples of the difference at the chosen layer.
// Where voice A says now one word and now the other, the prompts for the other are the turned ones.
func (b *bench) voiceSweep(c world.Contrast, toward, away []string) (got lab.SteerResult, err error) {
	layer := -1
	for range 3 { // the best layer may move with the strengths
		got, err = lesson[lab.SteerParams, lab.SteerResult](b, "steer", func(p *lab.SteerParams) {
			p.Set, p.Show, p.Position, p.Apply, p.Layer = "own", "sweep", "last", "last", layer
			for _, v := range c.Find {
				p.Pairs = append(p.Pairs, [2]string{v.A, v.B})
			}
			for _, v := range c.Test {
				if slices.Contains(away, strings.TrimSpace(v.AnswerA)) {
					p.Turned = append(p.Turned, v.Neutral)
				} else {
					p.Tests = append(p.Tests, v.Neutral)
				}
			}
			p.Toward, p.Away, p.Items = toward, away, len(c.Test)
		})
		if err != nil || got.Layer == layer {
			return got, err
		}
		layer = got.Layer
	}
	return got, nil
}

// strengths are those of a sweep in units of the difference, zero among them. The result has the
// difference's length in mean residual norms; the sweep's largest strength is four times that, or one norm.
func strengths(got lab.SteerResult) []float64 {
	top := min(4, 1/got.Strength)
	return signed([]float64{-top, -top / 2, -top / 4, -top / 8, top / 8, top / 4, top / 2, top}, 0)
}

// signed puts the unsteered value between those of the strengths of both signs.
func signed(by []float64, unchanged float64) []float64 {
	return slices.Insert(slices.Clone(by), len(by)/2, unchanged)
}

// voiceTable lists the answers by strength at the best layer, and how far each layer moves the score.
func voiceTable(name string, got lab.SteerResult, times, by []float64) []string {
	grid := figure(got.Report, "sweep")
	out := []string{
		"", fmt.Sprintf("%s, by strength in units of the difference after layer %d [%s]:", name, got.Layer, strings.TrimSpace(list(times))), "",
		fmt.Sprintf("- answers of the first voice after layer %d:%s", got.Layer, list(by)),
	}
	for i, cells := range grid.Cells {
		out = append(out, fmt.Sprintf("- layer %s, change of the mean score:%s", grid.Y.Labels[i], list(signed(floats(cells), 0))))
	}
	return out
}

// monotone allows a step back of three items in sixty: what a handful of wrong answers jitters by.
func monotone(xs []float64) bool {
	for i := 1; i < len(xs); i++ {
		if xs[i] < xs[i-1]-0.051 {
			return false
		}
	}
	return true
}
