package token

import (
	"fmt"
	"strings"

	"patchbay/shared/errs"
)

// One gives the id of the token that a text is. It tries the text as it stands, then with a space
// in front added, or taken away: "Warsaw" may find " Warsaw". Ask for " Warsaw" to get the token
// inside a sentence first. A text that is no single token is an error (Invalid) that lists its tokens.
func (t *Tokenizer) One(text string) (int32, error) {
	const op = "token.One"
	if text == "" {
		return 0, errs.E(op, errs.Invalid, "the token's text is empty")
	}
	ids, err := t.Encode(text, Options{Special: true})
	if err != nil {
		return 0, err
	}
	if len(ids) == 1 {
		return ids[0], nil
	}
	if other, err := t.Encode(otherSpace(text), Options{Special: true}); err == nil && len(other) == 1 {
		return other[0], nil
	}
	return 0, errs.E(op, errs.Invalid, "%q is %d tokens for this model, %s: choose a text that is one token", clip(text), len(ids), t.list(ids))
}

func otherSpace(text string) string {
	if rest, ok := strings.CutPrefix(text, " "); ok {
		return rest
	}
	return " " + text
}

// list shows a few tokens, as an error message may.
func (t *Tokenizer) list(ids []int32) string {
	const most = 8
	var b strings.Builder
	for i, id := range ids[:min(len(ids), most)] {
		if i > 0 {
			b.WriteString(" + ")
		}
		fmt.Fprintf(&b, "%q", t.Text(id))
	}
	if len(ids) > most {
		b.WriteString(" + ...")
	}
	return b.String()
}
