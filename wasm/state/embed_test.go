package state

import (
	"strings"
	"testing"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// A snippet opens to the same lesson with what its author left changeable, and nothing more.
func TestSnippetRoundTrip(t *testing.T) {
	a := New(text.EN)
	a.Origin = "https://lab.test/"
	a.Page().Params["prompt"] = `She said "<b>hi</b>" & left`
	if effects := a.OpenEmbed(); len(effects) != 1 || a.Popover != "embed" {
		t.Fatalf("opening the panel asks for no picture: %v", effects)
	}
	a.Shot("c2hvdA", 400, "")
	html := a.Snippet()
	for _, part := range []string{`<iframe src="https://lab.test/embed.html#lesson=lens&amp;`, `loading="lazy"`, `&amp;shot=c2hvdA"`, `&amp;controls=prompt&amp;`, `height:630px`} {
		if !strings.Contains(html, part) {
			t.Errorf("the snippet lacks %s:\n%s", part, html)
		}
	}
	if n := strings.Count(html, "<"); n != 2 {
		t.Errorf("%d tags; the prompt's own must be escaped:\n%s", n, html)
	}
	_, rest, _ := strings.Cut(html, "#")
	frag, _, _ := strings.Cut(rest, `"`)
	b := New(text.ZH)
	b.BeEmbedded()
	b.Restore("#" + strings.ReplaceAll(frag, "&amp;", "&") + "&place=sidecar")
	if b.Page().Prompt() != a.Page().Prompt() || b.Lang != text.EN {
		t.Errorf("restored %q in %s", b.Page().Prompt(), b.Lang)
	}
	if !b.May("prompt") || b.May("topk") || b.Place != Tab || !a.May("topk") {
		t.Error("an embedded page lets other things be changed than its author chose")
	}
}

// A picture too large for an address is left out, in words, and the figure works without it.
func TestSnippetTooLarge(t *testing.T) {
	a := New(text.EN)
	a.OpenEmbed()
	a.Shot(strings.Repeat("A", maxShot+1), 400, "")
	if a.Embed.Shot != "" || !strings.Contains(a.Embed.Failed, text.Bytes(maxShot)) {
		t.Errorf("%d bytes kept, said %q", len(a.Embed.Shot), a.Embed.Failed)
	}
	if html := a.Snippet(); strings.Contains(html, "shot=") {
		t.Error("the snippet has a picture all the same")
	}
}

// What a reader may be given are an experiment's plain parameters.
func TestEmbedControls(t *testing.T) {
	a := New(text.EN)
	a.Ends[Tab].Welcome = &wire.Welcome{Experiments: []lab.About{{Name: "lens", Params: []lab.Param{{Name: "prompt", Kind: lab.Text}, {Name: "edits", Kind: lab.Edits}}}}}
	if c := a.Controls(); len(c) != 1 || c[0].Name != "prompt" {
		t.Errorf("%+v", c)
	}
	a.OpenEmbed()
	a.ToggleControl("prompt")
	if a.Embed.Controls["prompt"] {
		t.Error("still chosen")
	}
}
