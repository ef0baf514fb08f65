package ui

import (
	"bytes"
	"html"
	"regexp"
	"testing"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/staticrender"

	"patchbay/wasm/text"
)

// The whole page in Chinese is sent as ASCII, and says the same.
func TestWholeIsASCIIAndSaysTheSame(t *testing.T) {
	l := newLab(text.ZH)
	welcome(l, 98362432)
	result(t, l)
	var b bytes.Buffer
	r := staticrender.New(&b)
	build, err := vugu.NewBuildEnv(r.EventEnv())
	if err != nil {
		t.Fatal(err)
	}
	tree := build.RunBuild(&Root{L: l})
	Whole(tree)
	if err := r.Render(tree); err != nil {
		t.Fatal(err)
	}
	for _, n := range tree.Out.Out {
		ascii(t, tree, n)
	}
	text := func(s string) string {
		return html.UnescapeString(regexp.MustCompile(`\s*<[^>]*>\s*`).ReplaceAllString(s, "|"))
	}
	if got, want := text(b.String()), text(page(t, l)); regexp.MustCompile(`\|+`).ReplaceAllString(got, "|") != regexp.MustCompile(`\|+`).ReplaceAllString(want, "|") {
		t.Error("the text changed on its way")
	}
	if got := references("a\u0085一😀\xff&amp;"); got != "a\u0085&#19968;&#128512;&#65533;&amp;" {
		t.Errorf("%q", got)
	}
}

func ascii(t *testing.T, r *vugu.BuildResults, n *vugu.VGNode) {
	t.Helper()
	if n.Component != nil {
		for _, c := range r.ResultFor(n.Component).Out {
			ascii(t, r, c)
		}
	}
	if n.InnerHTML != nil && regexp.MustCompile(`[^\x00-\x9f]`).MatchString(*n.InnerHTML) {
		t.Errorf("%q could be cut through a character", *n.InnerHTML)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		ascii(t, r, c)
	}
}
