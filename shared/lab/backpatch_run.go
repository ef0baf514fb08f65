package lab

import (
	"context"
	"strconv"
	"strings"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

func runBackpatch(ctx context.Context, b *Bench, p BackpatchParams, emit func(Event)) (*BackpatchResult, error) {
	h, err := newHops(b, p)
	if err != nil {
		return nil, err
	}
	h.ctx, h.emit = ctx, emit
	if p.Question != "" {
		return h.runOne()
	}
	for i := range h.chains {
		if err := h.filter(&h.chains[i]); err != nil {
			return nil, err
		}
		showSoFar(emit, "questions", i+1, len(h.chains), h.result())
	}
	patched := h.failing[:min(len(h.failing), p.Most)]
	for i, c := range patched {
		if err := h.resolve(c); err != nil {
			return nil, err
		}
		if err := h.patch(c, i, len(patched)); err != nil {
			return nil, err
		}
		if i+1 < len(patched) {
			showSoFar(emit, "questions", i+1, len(patched), h.result())
		}
	}
	return h.result(), nil
}

// runOne measures the one question.
func (h *hops) runOne() (*BackpatchResult, error) {
	c := &h.chains[0]
	if err := h.ask(c.Question); err != nil {
		return nil, err
	}
	c.Said, c.Right = h.memo[c.Question].text, h.says(h.memo[c.Question], c.answers)
	if err := h.resolve(c); err != nil {
		return nil, err
	}
	showSoFar(h.emit, "questions", 0, 1, h.result())
	if err := h.patch(c, 0, 1); err != nil {
		return nil, err
	}
	return h.result(), nil
}

// The rows of hops.resolves.
const (
	bridgeLens = iota
	bridgeScope
	answerLens
	answerScope
)

// resolve asks when each hop is made: of the bridge where its words end, of the answer at the last
// token, by the lens and by a patchscope.
func (h *hops) resolve(c *chain) error {
	places := []string{c.phrase, ""}
	src := plan.Run{Name: "source", Prompt: plan.Prompt{Text: c.Question}}
	for i, at := range places {
		lens := plan.Read{Name: "lens" + strconv.Itoa(i), Site: hook.ResidPost, Layers: plan.Select{List: h.layers}, Positions: place(at), Reduce: plan.TopK, K: 1}
		state := lens
		state.Name, state.Reduce, state.K = "state"+strconv.Itoa(i), plan.None, 0
		src.Reads = append(src.Reads, lens, state)
	}
	targets := []string{scopeTargets["description"][0], scopeTargets["identity"][0]}
	if strings.HasPrefix(h.p.Set, "Pocket") {
		targets[0] = targets[1] // its world has no such descriptions
	}
	p := &plan.Plan{Runs: []plan.Run{src}}
	for i, text := range targets {
		r := plan.Run{
			Name: "scope" + strconv.Itoa(i), Prompt: plan.Prompt{Text: text},
			Edits: []plan.Edit{{Site: hook.ResidPost, Positions: plan.At(-1), Op: plan.Set, Operand: plan.Of("source", "state"+strconv.Itoa(i))}},
			Sweep: &plan.Sweep{Layers: plan.Select{List: h.layers}},
			Reads: []plan.Read{topRead()},
		}
		if i == 0 { // a bridge is described, not named
			r.Generation = &plan.Generate{Count: describeTokens}
		}
		p.Runs = append(p.Runs, r)
	}
	res, err := perform(h.ctx, h.b, nil, p, plan.Observer{})
	if err != nil {
		return err
	}
	for l := range h.layers {
		for i, want := range [][]string{c.bridges, c.answers} {
			if len(want) == 0 || i == 0 && c.phrase == "" {
				continue
			}
			h.resolves[2*i][l].add(h.begins(res.Read("source", "lens"+strconv.Itoa(i)).Top[l][0][0], want))
			run := "scope" + strconv.Itoa(i)
			hit := h.begins(res.Read(run, "top").Top[0][l][0], want)
			if i == 0 {
				hit = said(clause(res.Run(run).Sweep.Texts[l]), want)
			}
			h.resolves[2*i+1][l].add(hit)
		}
	}
	return nil
}

// describeTokens is how many tokens the describing target writes.
const describeTokens = 8

// begins says whether a token is the first of one of the texts, with a space before them or without.
func (h *hops) begins(t plan.Item, texts []string) bool {
	for _, w := range texts {
		for _, space := range []string{" ", ""} {
			if id, err := opening(h.b, space+w); err == nil && id == t.ID {
				return true
			}
		}
	}
	return false
}

// patch tries all pairs on a question, with its own states and with another question's.
func (h *hops) patch(c *chain, done, of int) error {
	pairs := h.pairs()
	for k, from := range []*chain{c, h.another(c)} {
		if from == nil {
			continue
		}
		n := 0
		p := h.pairPlan(c, from, pairs)
		res, err := perform(h.ctx, h.b, nil, p, plan.Observer{Finished: func(plan.RunResult) {
			n++
			h.emit(Event{Stage: "variants", Done: (2*done+k)*len(pairs) + min(n, len(pairs)), Total: 2 * of * len(pairs)})
		}})
		if err != nil {
			return err
		}
		hits := 0
		for i := range pairs {
			run := "p" + strconv.Itoa(i)
			r := replyOf(res, run)
			ok := h.says(r, c.answers)
			h.right[k][i].add(ok)
			if ok {
				hits++
			}
			h.remember(res, run, k, r)
		}
		h.any[k].add(hits > 0)
		if k == 0 {
			c.Rescued, c.Pairs = hits, len(pairs)
		} else {
			c.Wrong = hits
		}
	}
	h.tried++
	return nil
}

// remember keeps what the pairs of the one question say.
func (h *hops) remember(res *plan.Results, run string, k int, r reply) {
	if h.p.Question == "" {
		return
	}
	h.one[k], h.texts[k] = append(h.one[k], r.top), append(h.texts[k], r.text)
	h.oneP[k] = append(h.oneP[k], float64(exp(float32(numberOf(res, run, "answer")))))
}

// pairPlan copies the source's state after each pair's late layer to the question's early one. The
// runs have one base, so they are computed as one batch, each from its early layer on.
func (h *hops) pairPlan(c, from *chain, pairs [][2]int) *plan.Plan {
	src := plan.Run{Name: "source", Prompt: plan.Prompt{Text: from.Question}}
	for i, l := range h.layers {
		src.Reads = append(src.Reads, plan.Read{Name: strconv.Itoa(i), Site: hook.ResidPost, Layers: plan.One(l), Positions: place(h.at(from))})
	}
	p := &plan.Plan{Runs: []plan.Run{src, {Name: "question", Prompt: plan.Prompt{Text: c.Question}}}}
	answer, _ := opening(h.b, " "+c.answers[0]) // it was encoded before
	for i, pair := range pairs {
		r := plan.Run{
			Name: "p" + strconv.Itoa(i), Base: "question",
			Edits: []plan.Edit{{
				Site: hook.ResidPost, Layers: plan.One(h.layers[pair[1]]), Positions: place(h.at(c)),
				Op: plan.Set, Operand: plan.Of("source", strconv.Itoa(pair[0])),
			}},
		}
		h.reads(&r)
		r.Reads = append(r.Reads, lastLogits("answer", plan.LogProb, plan.TokenRef{ID: answer}))
		p.Runs = append(p.Runs, r)
	}
	return p
}
