// Package text holds every word of the page, in English and in Traditional Chinese as used in
// Taiwan, in one catalogue. A message is found by a key; {0}, {1} ... stand for what was computed.
//
// Tests see to it that each message exists in both languages with the same placeholders and
// that no message is unused.
package text

import "strings"

// Lang is a language of the page, as a BCP 47 tag.
type Lang string

// The languages.
const (
	EN Lang = "en"
	ZH Lang = "zh-Hant"
)

// message is one text in both languages.
type message struct{ en, zh string }

var catalogue = join(frame, models, lens, generate, lessons, params, failures, embed)

func join(parts ...map[string]message) map[string]message {
	all := map[string]message{}
	for _, p := range parts {
		for k, m := range p {
			all[k] = m
		}
	}
	return all
}

// Pick is the page's language for a browser's preference: any Chinese is served the
// Traditional page, everything else the English one.
func Pick(preferred string) Lang {
	if strings.HasPrefix(strings.ToLower(preferred), "zh") {
		return ZH
	}
	return EN
}

// Has says whether there is a message for the key.
func Has(key string) bool {
	_, ok := catalogue[key]
	return ok
}

// T is the message with its placeholders filled in. An unknown key is shown as itself, so
// that a mistake is seen and breaks nothing.
func T(l Lang, key string, args ...string) string {
	var b strings.Builder
	for _, p := range Parts(l, key, args...) {
		b.WriteString(p.Text)
	}
	return b.String()
}

// Part is a piece of a message: Strong marks what was filled in.
type Part struct {
	Text   string
	Strong bool
}

// Parts is the message in pieces, so that the page can set the computed parts apart.
func Parts(l Lang, key string, args ...string) []Part {
	m, ok := catalogue[key]
	if !ok {
		return []Part{{Text: key}}
	}
	s := m.en
	if l == ZH {
		s = m.zh
	}
	return fill(s, args)
}

func fill(s string, args []string) []Part {
	var out []Part
	for {
		i := strings.IndexByte(s, '{')
		if i < 0 || i+2 >= len(s) || s[i+2] != '}' || int(s[i+1]-'0') >= len(args) {
			break
		}
		if i > 0 {
			out = append(out, Part{Text: s[:i]})
		}
		out = append(out, Part{Text: args[s[i+1]-'0'], Strong: true})
		s = s[i+3:]
	}
	if s != "" {
		out = append(out, Part{Text: s})
	}
	return out
}
