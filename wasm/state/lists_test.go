package state

import (
	"slices"
	"strings"
	"testing"

	"patchbay/shared/lab"
)

var pairsParam, textsParam = lab.Param{Name: "pairs", Kind: lab.Pairs}, lab.Param{Name: "tests", Kind: lab.Texts}

// What was typed comes back as it was typed, and says the pairs.
func TestPairsAreTyped(t *testing.T) {
	b := newLesson(t)
	typed := "up | down\n\n  one|two\na | b\tc⏎d\n"
	b.do(b.SetText(pairsParam, typed))
	got := b.Page().Params["pairs"].([][]string)
	if want := [][]string{{"up", "down"}, {"  one", "two"}, {"a | b", "c\nd"}}; len(got) != 3 || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) || !slices.Equal(got[2], want[2]) {
		t.Errorf("%q", got)
	}
	if b.Page().Fill("pairs") != typed {
		t.Error("the box changes under the fingers")
	}
	if again, why := readPairs(pairLines(got)); why != nil || len(again) != 3 || !slices.Equal(again[2], got[2]) {
		t.Errorf("%q, %v", again, why)
	}
}

// A line with one side is said by its number; the last good list stays in force.
func TestOneSidedPairsAreSaid(t *testing.T) {
	b := newLesson(t)
	b.do(b.SetText(pairsParam, "up | down\nleft"))
	p := b.Page()
	if ok, why := b.CanRun(); ok || why != "run.wrong" || p.Why["pairs"].Args[0] != "2" || p.Count("pairs") != 1 || p.Fill("pairs") != "up | down\nleft" {
		t.Errorf("%v %q %v", ok, why, p.Why)
	}
	b.do(b.SetText(pairsParam, "up | down\nleft | right"))
	if ok, _ := b.CanRun(); !ok || p.Count("pairs") != 2 {
		t.Error("the mended list is not taken")
	}
}

// A file is taken whole or not at all, and never costs a list.
func TestUploadedLists(t *testing.T) {
	good := map[string]int{
		"happy,sad\nup,down\n":                       2,
		"left,right\r\n\"a, b\",\"c \"\"d\"\"\"\r\n": 1,
		"\ufeffa\tb\nc\td":                           2,
		"\"two\nlines\",x":                           1,
	}
	for data, n := range good {
		b := newLesson(t)
		b.do(b.UploadList(pairsParam, "own.csv", []byte(data)))
		if p := b.Page(); p.Count("pairs") != n || b.Notice == nil || !b.Notice.Undo {
			t.Errorf("%q gives %v", data, p.Params["pairs"])
		}
		b.do(b.Undo())
		if b.Page().Params["pairs"].([][]string)[0][0] != "happy" {
			t.Error("an upload cannot be undone")
		}
	}
	bad := map[string]string{
		"a,b\nc,d,e\n":                 "file.shape",
		"a,b\n,d\n":                    "file.oneside",
		"":                             "file.empty",
		"\n \n":                        "file.empty",
		"a,\"b\nc":                     "file.quote",
		"\xff\xfe\x00a":                "file.text",
		strings.Repeat("a,b\n", 5000):  "file.rows",
		strings.Repeat("x", MaxFile+1): "file.big",
	}
	for data, key := range bad {
		b := newLesson(t)
		b.do(b.UploadList(pairsParam, "own.csv", []byte(data)))
		if p := b.Page(); b.Notice == nil || b.Notice.Key != key || p.Count("pairs") != 1 {
			t.Errorf("%.20q: %+v, %d pairs", data, b.Notice, p.Count("pairs"))
		}
	}
	b := newLesson(t)
	b.do(b.UploadList(textsParam, "own.txt", []byte("first line\n\nsecond\n")))
	if got := b.Page().Params["tests"].([]string); !slices.Equal(got, []string{"first line", "second"}) {
		t.Errorf("%q", got)
	}
}
