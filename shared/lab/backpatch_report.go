package lab

import (
	"math"
	"strconv"
	"strings"
)

func hopLesson() *Lesson {
	return &Lesson{
		Idea:    "\"The capital of the country where the Eiffel Tower stands\" takes two hops: to France, then to Paris. If the first hop is made in a late layer, the early layers that know capitals have passed already. Back-patching copies the late state to an early layer and lets the model think once more.",
		Predict: "A question fails though both of its hops are known. Its late state is copied back, over all pairs of layers. Does that help more than copying another question's state?",
		Guesses: [3]string{"Yes, its own state clearly helps more", "Both rescue about as many", "Neither rescues anything"},
		Fails:   "With hundreds of pairs some pair hits by chance: count what another question's states rescue with the same pairs, and what the best single pair does. On small models the two are alike: on Gemma 3 270M some pair rescued 7 of 8 questions, with another question's state 5 of 8; on Pocket 3 of 20 against 6 of 20. Biran et al. report 32 to 66 % on models of 7 billion parameters and more, as the maximum over all pairs. Run more questions on a larger model on the sidecar before you believe a difference.",
	}
}

func hopPresets() []Preset {
	return []Preset{
		preset("pocket", "Pocket's two hops", "pocket", `{"set":"Pocket","items":30,"most":20,"step":1}`, "Pocket knows both hops of all 30 and composes 5: of 20 failing ones 3 are rescued, by another question's state 6."),
		preset("one", "One question, all pairs", "pocket", `{"set":"Pocket","question":"The capital of the country of the Little Fountain is","bridge":"Ireland","answer":"Dublin","phrase":"the country of the Little Fountain","step":1}`, "Each cell is a late layer copied to an early one, with what comes next. Here 11 of 28 pairs give the D of Dublin, with another question's state 3; for most questions none does."),
		preset("landmarks", "Capitals by landmarks", "gemma3-270m", `{"set":"landmarks","items":36,"most":8}`, "7 of 8 are rescued, but another question's state rescues 5 of 8: few questions remain, and the intervals are wide."),
		preset("languages", "Languages by landmarks", "gemma3-270m", `{"set":"languages","items":36,"most":8,"at":"phrase"}`, "States are copied where the words for the country end."),
		preset("authors", "Countries by books", "qwen2.5-coder-1.5b-instruct", `{"set":"authors","items":16,"most":8,"step":3}`, "Meant for the sidecar."),
	}
}

// result is what is known so far.
func (h *hops) result() *BackpatchResult {
	r := &BackpatchResult{Layers: h.layers}
	if h.p.Question != "" {
		h.oneResult(r)
		return r
	}
	for _, c := range h.chains[:h.asked] {
		c.Question = strings.TrimPrefix(c.Question, h.prefix)
		r.Items = append(r.Items, c.HopItem)
	}
	r.Kept, r.Of = len(h.failing), h.asked
	if h.tried > 0 {
		r.Figures = []Figure{h.rescues(), h.rates(), h.when()}
		h.facts(r)
	}
	r.figure(h.funnel())
	h.funnelFacts(r)
	return r
}

// rescues is the share of questions that each pair of layers rescues.
func (h *hops) rescues() Figure {
	f := h.grid("pairs", say("Which pair of layers rescues a failing question"), say("share of failing questions that come right"))
	for i, p := range h.pairs() {
		f.Cells[p[0]][p[1]] = Num(h.right[0][i].Share())
	}
	best := h.pairs()[peak(h.right[0])]
	f.Best = &[2]int{best[1], best[0]}
	return f
}

// grid is an empty picture of pairs: where a state goes to the right, where it comes from upward.
func (h *hops) grid(name string, title, unit Words) Figure {
	f := Figure{
		Name: name, Kind: Grid, Scale: Share, Title: title, Unit: unit,
		X: Axis{say("to the early layer"), labelsOf(h.layers)}, Y: Axis{say("from the late layer"), labelsOf(h.layers)},
	}
	for range h.layers {
		row := make([]Num, len(h.layers))
		for i := range row {
			row[i] = Num(math.NaN())
		}
		f.Cells = append(f.Cells, row)
	}
	return f
}

// rates are the oracle over all pairs and the best single one, each beside its control.
func (h *hops) rates() Figure {
	best := peak(h.right[0])
	bars := func(name Words, k int) Series {
		return rates(name, []Rate{h.any[k], h.right[k][best], h.right[k][peak(h.right[k])]}, k == 1)
	}
	return Figure{
		Name: "rescued", Kind: Bars, Scale: Share,
		Title: say("What is rescued, beside the control"), Unit: say("share of failing questions that come right"),
		X:      Axis{say("counted as rescued"), []string{say("by any pair").Text, say("by the pair that is best for the own state").Text, say("by each one's own best pair").Text}},
		Series: []Series{bars(say("its own state"), 0), bars(say("another question's state"), 1)},
	}
}

// when is the share of questions whose bridge and answer can be read by layer.
func (h *hops) when() Figure {
	names := [4]Words{say("bridge, by the lens"), say("bridge, by a patchscope"), say("answer, by the lens"), say("answer, by a patchscope")}
	f := Figure{
		Name: "hops", Kind: Lines, Scale: Share,
		Title: say("When each hop can be read"), Unit: say("share of questions"),
		X: layerAxis(h.layers),
	}
	for i, rs := range h.resolves {
		if rs[0].N > 0 {
			f.Series = append(f.Series, rates(names[i], rs, false))
		}
	}
	return f
}

// funnel is how many questions pass each test.
func (h *hops) funnel() Figure {
	var first, second, both, right, fail Rate
	for _, c := range h.chains[:h.asked] {
		first.add(c.First)
		second.add(c.Second)
		both.add(c.First && c.Second)
		right.add(c.Right)
		fail.add(c.First && c.Second && !c.Right && !c.Shortcut)
	}
	return Figure{
		Name: "filter", Kind: Bars, Scale: Share, Title: say("What the model can do before anything is patched"), Unit: say("share of questions"),
		X:      Axis{say("test"), []string{say("first hop right").Text, say("second hop right").Text, say("both right").Text, say("composed question right").Text, say("both right, composed wrong").Text}},
		Series: []Series{rates(say("questions"), []Rate{first, second, both, right, fail}, false)},
	}
}

func (h *hops) funnelFacts(r *BackpatchResult) {
	both := 0
	for _, c := range h.chains[:h.asked] {
		if c.First && c.Second {
			both++
		}
	}
	r.fact(say("Both hops are right in {0} of {1} questions; {2} of these fail when composed, without a shortcut.", strconv.Itoa(both), strconv.Itoa(h.asked), strconv.Itoa(len(h.failing))))
	if len(h.failing) == 0 && h.asked == len(h.chains) {
		r.fact(say("So there is nothing to rescue here: take other questions, or another model."))
	}
}

// facts compares the rescues with their control.
func (h *hops) facts(r *BackpatchResult) {
	own, wrong := h.any[0], h.any[1]
	r.fact(say("Some pair of layers rescues {0} of the failing questions; with another question's state, some pair rescues {1}.", own.String(), wrong.String()))
	best := peak(h.right[0])
	p := h.pairs()[best]
	r.fact(say("The best single pair, layer {0} to layer {1}, rescues {2}; with the other state it rescues {3}. It was chosen on these same questions.", strconv.Itoa(h.layers[p[0]]), strconv.Itoa(h.layers[p[1]]), h.right[0][best].String(), h.right[1][best].String()))
	answer, p0 := 1, h.chance()
	switch {
	case own.Hits == 0 && wrong.Hits == 0:
		answer = 2
		r.fact(say("Nothing was rescued."))
	case p0 < 0.05:
		answer = 0
		r.fact(say("Only the own state rescues so many of them that chance would do it with probability {0} (sign test).", decimal(p0, 3)))
	default:
		r.fact(say("Chance alone would favour the own state this much with probability {0} (sign test): no difference is shown.", decimal(p0, 2)))
	}
	r.Answer = &answer
}

// chance is the one-sided sign test over the questions that one state rescues and the other does not:
// how likely the own state is to win as often if both were alike.
func (h *hops) chance() float64 {
	n, wins := 0, 0
	for _, c := range h.failing[:h.tried] {
		if (c.Rescued > 0) != (c.Wrong > 0) {
			n++
			if c.Rescued > 0 {
				wins++
			}
		}
	}
	p, choose := 0.0, 1.0 // binomial coefficient of n over k
	for k := range n + 1 {
		if k >= wins {
			p += choose / math.Exp2(float64(n))
		}
		choose = choose * float64(n-k) / float64(k+1)
	}
	return p
}

// oneResult shows the one question.
func (h *hops) oneResult(r *BackpatchResult) {
	c := &h.chains[0]
	item := c.HopItem
	item.Question = strings.TrimPrefix(item.Question, h.prefix)
	r.Items = []HopItem{item}
	if h.tried > 0 {
		r.Figures = []Figure{h.onePairs(0, "pairs", say("A late state copied to an early layer: what comes next"))}
		if len(h.one[1]) > 0 {
			r.figure(h.onePairs(1, "control", say("The same with another question's state")))
		}
	}
	r.figure(h.when())
	r.fact(say("As it is, the model goes on with {0}.", strconv.Quote(c.Said)))
	if c.Right {
		r.fact(say("That is right, so there is nothing to rescue."))
	}
	if h.tried > 0 {
		r.fact(say("{0} of {1} pairs of layers give the right answer; with another question's state {2} do.", strconv.Itoa(c.Rescued), strconv.Itoa(c.Pairs), strconv.Itoa(c.Wrong)))
		r.fact(say("One question proves nothing: run the list for rates with intervals."))
	}
}

// onePairs is the grid of one question: the answer's probability, and what is said.
func (h *hops) onePairs(k int, name string, title Words) Figure {
	f := h.grid(name, title, say("probability of the answer's first token"))
	for range h.layers {
		f.Texts = append(f.Texts, make([]string, len(h.layers)))
	}
	for i, p := range h.pairs() {
		f.Cells[p[0]][p[1]], f.Texts[p[0]][p[1]] = Num(h.oneP[k][i]), h.texts[k][i]
	}
	return f
}
