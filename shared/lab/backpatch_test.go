package lab

import (
	"testing"
)

// On Pocket the own state rescues no more than another question's: the lesson must say so.
func TestBackpatchOnPocket(t *testing.T) {
	b := pocketBench(t)
	out, r := run[BackpatchResult](t, b, "backpatch", `{"set":"Pocket","items":14,"most":8,"step":1}`, nil)
	f := figureOf(t, r.Report, "rescued")
	own, wrong := seriesOf(t, f, "its own state"), seriesOf(t, f, "another question's state")
	if !wrong.Control || own.Control {
		t.Error("the other question's state is the control")
	}
	if own.Values[1] > own.Values[0] || own.Low[0] > own.Values[0] || own.High[0] < own.Values[0] {
		t.Errorf("any pair %v [%v %v], best pair %v", own.Values[0], own.Low[0], own.High[0], own.Values[1])
	}
	if own.Low[0] > wrong.Values[0] || r.Answer == nil || *r.Answer == 0 {
		t.Errorf("own %v, wrong %v, answer %v: on Pocket no difference has been measured", own.Values[0], wrong.Values[0], r.Answer)
	}
	pairs := figureOf(t, r.Report, "pairs")
	for from, row := range pairs.Cells {
		for to, c := range row {
			if c.Known() != (to < from) {
				t.Errorf("the cell of layer %d into layer %d: %v", from, to, c)
			}
		}
	}
	if r.Kept == 0 || r.Kept > r.Of || r.Of != 14 {
		t.Errorf("%d of %d questions fail", r.Kept, r.Of)
	}
	for _, it := range r.Items {
		if it.Pairs > 0 && (!it.First || !it.Second || it.Right || it.Shortcut) {
			t.Errorf("%q was patched; its hops must be right and its composition wrong: %+v", it.Question, it)
		}
	}
	again, _ := run[BackpatchResult](t, b, "backpatch", string(out.Params), nil)
	if string(again.Result) != string(out.Result) {
		t.Error("the same parameters gave another result")
	}
}

func TestBackpatchOfOneQuestion(t *testing.T) {
	b := pocketBench(t)
	_, r := run[BackpatchResult](t, b, "backpatch", `{"set":"Pocket","question":"The capital of the country of the Silver Gate is","bridge":"Thailand","answer":"Bangkok","phrase":"the country of the Silver Gate","at":"phrase","step":1}`, nil)
	f, control := figureOf(t, r.Report, "pairs"), figureOf(t, r.Report, "control")
	if f.Texts[1][0] == "" || control.Texts[7][6] == "" || f.Texts[0][0] != "" {
		t.Errorf("the texts are %q and %q", f.Texts, control.Texts)
	}
	if c := f.Cells[7][0]; !c.Known() || c < 0 || c > 1 {
		t.Errorf("a cell of %v", c)
	}
}

func TestBackpatchRefuses(t *testing.T) {
	b := pocketBench(t)
	refused(t, b, "backpatch", `{"question":"The capital of the country of the Silver Gate is"}`, "has no answer")
	refused(t, b, "backpatch", `{"question":"The capital is","answer":"Rome","at":"phrase"}`, "which words of the question")
	refused(t, b, "backpatch", `{"question":"The capital is","answer":"Rome","at":"phrase","phrase":"the spouse"}`, "does not occur")
	refused(t, b, "backpatch", `{"set":"own"}`, "at least two are needed")
	refused(t, b, "backpatch", `{"set":"own","texts":["the spouse of * | Anna"]}`, "has 2 parts")
	refused(t, b, "backpatch", `{"step":9}`, "a pair needs two")
}

// A question's price is known before it runs, and grows with what is asked.
func TestBackpatchPrice(t *testing.T) {
	b := pocketBench(t)
	x := must(Get("backpatch"))(t)
	few := must(x.Price(b, []byte(`{"set":"Pocket","items":4,"most":2,"step":1}`)))(t)
	many := must(x.Price(b, []byte(`{"set":"Pocket","items":30,"most":15,"step":1}`)))(t)
	if few.FLOPs <= 0 || many.FLOPs < 4*few.FLOPs {
		t.Errorf("%g and %g operations", few.FLOPs, many.FLOPs)
	}
}
