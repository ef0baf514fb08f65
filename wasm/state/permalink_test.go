package state

import (
	"strings"
	"testing"

	"patchbay/wasm/text"
)

func TestLinkRestoresEverything(t *testing.T) {
	a := New(text.EN)
	a.Lang, a.Theme, a.Place, a.Model, a.Mode = text.ZH, Dark, Sidecar, "gemma3-270m", "fast"
	p := a.Page()
	p.Params["prompt"], p.Params["follow"], p.Params["topk"], p.Params["chat"] = "50 % & “x”=華沙 + #\n", " Warsaw", 9, true
	p.Pin, p.Color = &Cell{12, 3}, "entropy"
	b := New(text.EN)
	if token := b.Restore("#" + a.Fragment()); token != "" {
		t.Errorf("a token from nowhere: %q", token)
	}
	q := b.Page()
	for _, k := range []string{"prompt", "follow", "topk", "chat", "positions"} {
		if !same(p.Params[k], q.Params[k]) {
			t.Errorf("%s is %v, was %v", k, q.Params[k], p.Params[k])
		}
	}
	if b.Lang != a.Lang || b.Theme != a.Theme || b.Place != a.Place || b.Model != a.Model || b.Mode != a.Mode || *q.Pin != *p.Pin || q.Color != p.Color {
		t.Errorf("%+v", b)
	}
	if got := b.Fragment(); got != a.Fragment() {
		t.Errorf("the link of the link differs:\n%s\n%s", got, a.Fragment())
	}
}

func TestTokenComesOutAndNeverGoesIn(t *testing.T) {
	a := New(text.EN)
	if got := a.Restore("#token=s3cret&lesson=generate"); got != "s3cret" || a.Lesson != "generate" {
		t.Errorf("%q, %s", got, a.Lesson)
	}
	if strings.Contains(a.Fragment(), "s3cret") || strings.Contains(a.Fragment(), "token") {
		t.Error(a.Fragment())
	}
}

func TestStrangeLinksBreakNothing(t *testing.T) {
	for _, frag := range []string{"", "#", "#&&&=", "#lesson=no-such&pin=x.y&theme=pink&lang=xx&place=moon&mode=wild&color=red",
		"#p.prompt=5&p.topk=%22x%22&p.chat=1&pin=-1.-1&p.edits={}", "#%zz%", "#p.prompt=" + strings.Repeat("x", maxFragment)} {
		a := New(text.EN)
		a.Restore(frag)
		if got, want := a.Fragment(), New(text.EN).Fragment(); got != want {
			t.Errorf("%.40q gives %s", frag, got)
		}
	}
}

// A long link loses its end in a chat. What is left of the prompt is kept, and the person told.
func TestCutLinkKeepsWhatIsThere(t *testing.T) {
	a := New(text.EN)
	a.Page().Params["prompt"] = "Zażółć “x” 華沙 \\ \u0001 end"
	link := "#" + a.Fragment()
	start := strings.Index(link, "p.prompt=") + len("p.prompt=") + len("%22")
	for end := start; end < len(link); end++ {
		b := New(text.EN)
		b.Restore(link[:end])
		if got := b.Page().Prompt(); !strings.HasPrefix(a.Page().Prompt(), got) {
			t.Fatalf("%s gives the prompt %q", link[start:end], got)
		}
		if said := b.TellCut(); len(said) == 0 || b.Notice == nil || b.Notice.Key != "link.cut" || len(b.TellCut()) != 0 {
			t.Fatalf("%s: told %v", link[start:end], said)
		}
	}
	b := New(text.EN)
	b.Restore(link)
	if b.Page().Prompt() != a.Page().Prompt() || b.TellCut() != nil {
		t.Error("a whole link is taken for a cut one")
	}
}

func TestLinkWithAResultRunsWhenTheModelIsThere(t *testing.T) {
	b := newBench(t, true)
	b.runWhen = true
	b.load()
	b.last("run")
}

func FuzzRestore(f *testing.F) {
	f.Add("#lesson=lens&p.prompt=%22x%22&pin=1.2")
	f.Add("token=a&p.x=[1,2]&p.edits=[{}]")
	f.Fuzz(func(t *testing.T, frag string) {
		a := New(text.EN)
		a.Restore(frag)
		once := a.Fragment()
		b := New(text.EN)
		b.Restore("#" + once)
		if b.Fragment() != once {
			t.Errorf("%q is not stable: %q", once, b.Fragment())
		}
	})
}
