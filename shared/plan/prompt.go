package plan

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/token"
)

// prompt sets the run's token ids.
func (c *checker) prompt(r *run, src *Run, where string) error {
	ids, err := c.promptIDs(src.Prompt, where+".prompt")
	if err != nil {
		return err
	}
	if src.Base != "" {
		base := c.runs[c.byName[src.Base]].ids
		if ids != nil && !slices.Equal(ids, base) {
			return bad(where+".prompt", "the prompt differs from that of the base %q; a run with a base shares its prompt: leave it out", src.Base)
		}
		ids = base
	}
	if len(ids) == 0 {
		return bad(where+".prompt", "the prompt is empty: give a text, ids or messages")
	}
	if limit := c.promptLimit(); len(ids) > limit {
		return fail(errs.TooLarge, where+".prompt", "the prompt has %d tokens; at most %d fit", len(ids), limit)
	}
	r.ids, r.all = ids, every(len(ids))
	return nil
}

func (c *checker) promptLimit() int { return min(MaxPrompt, c.room) }

func (c *checker) promptIDs(p Prompt, where string) ([]int32, error) {
	given := 0
	for _, is := range []bool{p.Text != "", p.IDs != nil, p.Messages != nil} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, bad(where, "text, ids and messages exclude each other")
	case p.IDs != nil:
		return p.IDs, c.checkIDs(p.IDs, where+".ids")
	case p.Messages != nil:
		return c.chat(p.Messages, where)
	case p.Chat && p.Text != "":
		return c.chat([]token.Message{{Role: "user", Content: p.Text}}, where)
	case len(p.Text) > MaxText:
		return nil, fail(errs.TooLarge, where, "the text has %d bytes; at most %d are read", len(p.Text), MaxText)
	case p.Text == "":
		return nil, nil
	}
	ids, err := c.tok.Encode(p.Text, token.Options{BOS: true})
	return ids, at(where, err)
}

func (c *checker) checkIDs(ids []int32, where string) error {
	for i, id := range ids {
		if id < 0 || int(id) >= c.cfg.Vocab {
			return bad(fmt.Sprintf("%s[%d]", where, i), "there is no token %d; the vocabulary has %d, 0 to %d", id, c.cfg.Vocab, c.cfg.Vocab-1)
		}
	}
	return nil
}

func (c *checker) chat(messages []token.Message, where string) ([]int32, error) {
	size := 0
	for _, m := range messages {
		size += len(m.Content)
	}
	if size > MaxText {
		return nil, fail(errs.TooLarge, where, "the messages have %d bytes; at most %d are read", size, MaxText)
	}
	if !c.tok.HasChat() {
		return nil, fail(errs.Unsupported, where, "this model has no chat template; give a plain text")
	}
	text, err := c.tok.Chat(messages, true)
	if err != nil {
		return nil, at(where, err)
	}
	ids, err := c.tok.Encode(text, token.Options{Special: true})
	return ids, at(where, err)
}

func (c *checker) generation(r *run, where string) error {
	g := r.gen
	if g == nil {
		return nil
	}
	switch {
	case g.Count < 1 || g.Count > MaxGenerate:
		return fail(errs.TooLarge, where+".count", "%d new tokens are asked for; it must be 1 to %d", g.Count, MaxGenerate)
	case len(r.ids)+g.Count > c.room:
		return fail(errs.TooLarge, where+".count", "a prompt of %d tokens and %d new ones do not fit: the model is loaded for %d", len(r.ids), g.Count, c.room)
	case !(g.Temperature >= 0) || g.Temperature > 100:
		return bad(where+".temperature", "it is %g; it must be 0 (greedy) to 100", g.Temperature)
	case !(g.TopP >= 0) || g.TopP > 1:
		return bad(where+".top_p", "it is %g; it must be 0 to 1", g.TopP)
	case g.TopK < 0:
		return bad(where+".top_k", "it is %d; it cannot be negative", g.TopK)
	}
	return nil
}

// positions resolves a choice of prompt positions; nil means it was left out. Negative ones
// count from the end.
func (c *checker) positions(p Positions, ids []int32, where string) ([]int, error) {
	switch {
	case p.All || p.IsZero():
		return nil, nil
	case p.Text != nil:
		return c.textPositions(*p.Text, ids, where)
	case len(p.List) == 0:
		return nil, bad(where, "the list is empty; leave it out for all")
	case len(p.List) > MaxSelect:
		return nil, fail(errs.TooLarge, where, "the list has %d items; at most %d are allowed", len(p.List), MaxSelect)
	}
	out, seen := make([]int, len(p.List)), map[int]bool{}
	for i, n := range p.List {
		if n < -len(ids) || n >= len(ids) {
			return nil, bad(where, "there is no position %d; the prompt has %d tokens, 0 to %d (or %d to -1 from the end)", n, len(ids), len(ids)-1, -len(ids))
		}
		out[i] = n
		if n < 0 {
			out[i] += len(ids)
		}
		if seen[out[i]] {
			return nil, bad(where, "position %d is named twice", out[i])
		}
		seen[out[i]] = true
	}
	return out, nil
}

// every lists all n positions.
func every(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// textPositions finds the tokens of a text by the bytes that each token stands for.
func (c *checker) textPositions(p TextPosition, ids []int32, where string) ([]int, error) {
	if p.Text == "" {
		return nil, bad(where+".text", "the text is empty")
	}
	if p.Which != "" && p.Which != First && p.Which != Last && p.Which != Every {
		return nil, bad(where+".which", "%.40q is not known; use first, last or all", p.Which)
	}
	var whole []byte
	ends := make([]int, len(ids))
	for i, id := range ids {
		whole = append(whole, c.tok.Bytes(id)...)
		ends[i] = len(whole)
	}
	from, err := occurrence(whole, p, where)
	if err != nil {
		return nil, err
	}
	var out []int
	start := 0
	for i, end := range ends {
		if start < from+len(p.Text) && end > from && end > start {
			out = append(out, i)
		}
		start = end
	}
	switch p.Which {
	case First:
		return out[:1], nil
	case Every:
		return out, nil
	}
	return out[len(out)-1:], nil
}

func occurrence(whole []byte, p TextPosition, where string) (int, error) {
	var found []int
	for at := 0; ; {
		i := bytes.Index(whole[at:], []byte(p.Text))
		if i < 0 {
			break
		}
		found = append(found, at+i)
		at += i + len(p.Text)
	}
	n := p.Occurrence
	if n < 0 {
		n += len(found)
	}
	switch {
	case len(found) == 0:
		return 0, fail(errs.NotFound, where+".text", "%.60q does not occur in the prompt", p.Text)
	case n < 0 || n >= len(found):
		return 0, bad(where+".occurrence", "there is no occurrence %d of %.60q; the prompt has it %d times, 0 to %d", p.Occurrence, p.Text, len(found), len(found)-1)
	}
	return found[n], nil
}

// choose resolves a choice among n; nil means all.
func choose(s Select, n int, where, one, many string) ([]int, error) {
	switch {
	case s.All || s.IsZero():
		return nil, nil
	case len(s.List) == 0:
		return nil, bad(where, "the list is empty; leave it out for all")
	case len(s.List) > MaxSelect:
		return nil, fail(errs.TooLarge, where, "the list has %d items; at most %d are allowed", len(s.List), MaxSelect)
	}
	seen := map[int]bool{}
	for _, i := range s.List {
		if i < 0 || i >= n {
			return nil, bad(where, "there is no %s %d; this model has %d %s here, 0 to %d", one, i, n, many, n-1)
		}
		if seen[i] {
			return nil, bad(where, "%s %d is named twice", one, i)
		}
		seen[i] = true
	}
	return s.List, nil
}

// tokens resolves token references.
func (c *checker) tokens(refs []TokenRef, where string) ([]int32, error) {
	if len(refs) > MaxTokens {
		return nil, fail(errs.TooLarge, where, "%d tokens are asked for; at most %d are allowed", len(refs), MaxTokens)
	}
	ids := make([]int32, len(refs))
	for i, t := range refs {
		ids[i] = t.ID
		if t.Answer != "" {
			c.runs[c.byName[t.Answer]].answers = true
			ids[i] = unanswered
			continue
		}
		if t.Text == "" {
			continue
		}
		id, err := c.tok.One(t.Text)
		if err != nil {
			return nil, at(fmt.Sprintf("%s[%d]", where, i), err)
		}
		ids[i] = id
	}
	return ids, c.checkIDs(slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return id == unanswered }), where)
}

// unanswered stands for the token that a run will answer with.
const unanswered = math.MinInt32

func finite32(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

func list[T ~string](xs ...T) string {
	names := make([]string, len(xs))
	for i, x := range xs {
		names[i] = string(x)
	}
	return strings.Join(names, ", ")
}
