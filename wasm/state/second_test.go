package state

import (
	"encoding/json"
	"strings"
	"testing"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
)

// A further model is downloaded by a click on Run alone, and the page says so before.
func TestFurtherModelIsFetchedByTheRun(t *testing.T) {
	b := newLesson(t)
	about := b.About("steer")
	d := lab.Param{Name: "other", Kind: lab.Second, Default: ""}
	about.Params = append(about.Params, d)
	b.Page().defaults(about.Params)
	if b.Missing() != nil {
		t.Fatal("no further model is named, and one is missing")
	}
	b.do(b.SetText(d, "gemma3-270m"))
	if m := b.Missing(); m == nil || !strings.Contains(b.PriceLine(), "Gemma") || b.askPrice() != nil {
		t.Fatalf("missing %v; the page says %q", m, b.PriceLine())
	}
	b.runWhen = true
	if b.runLinked() != nil {
		t.Error("a link downloads a model unasked")
	}
	b.do(b.Run())
	o := outcomeOf(report())
	o.Params = json.RawMessage(b.last(wire.MethodRun).Params.(wire.RunParams).Params)
	b.answer(b.last(wire.MethodRun), o)
	if b.Missing() != nil {
		t.Error("after a run the further model is still said to be missing")
	}
	b.do(b.SetText(d, b.Model))
	if b.Missing() != nil {
		t.Error("the page's own model is missing")
	}
}
