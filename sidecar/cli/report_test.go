package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patchbay/shared/lab"
)

// Any report is shown whole: sentences, every kind of figure as a table, texts; and nothing in it
// can steer the terminal.
func TestReportsAreShown(t *testing.T) {
	wide := make([]string, 20)
	row := make([]lab.Num, 20)
	for i := range wide {
		wide[i], row[i] = " tok"+string(rune('a'+i)), lab.Num(i)
	}
	answer := 1
	r := lab.Report{
		Facts: []lab.Words{{Text: "It rose from {0} to {1}.", Args: []string{"3 %", "\x1b[2J90 %"}}},
		Figures: []lab.Figure{
			{Name: "grid", Kind: lab.Grid, Title: lab.Words{Text: "A grid"}, Scale: lab.Effect, Best: &[2]int{19, 1}, X: lab.Axis{Labels: wide}, Y: lab.Axis{Name: lab.Words{Text: "layer"}, Labels: []string{"0", "1"}}, Cells: [][]lab.Num{row, row}},
			{Name: "lines", Kind: lab.Lines, Title: lab.Words{Text: "Lines"}, Scale: lab.Share, X: lab.Axis{Name: lab.Words{Text: "layer"}, Labels: []string{"0", "1"}}, Series: []lab.Series{
				{Name: lab.Words{Text: "vector"}, Values: []lab.Num{0.5, lab.Num(math.NaN())}, Low: []lab.Num{0.25, 0}, High: []lab.Num{0.75, 1}},
				{Name: lab.Words{Text: "zero-shot"}, Values: []lab.Num{0.1}, Level: true},
			}},
			{Name: "points", Kind: lab.Points, Title: lab.Words{Text: "Dots"}, Dots: []lab.Dot{{X: 1, Y: -2, Name: lab.Words{Text: "joy"}}}},
			{Name: "sum", Kind: lab.Sum, Title: lab.Words{Text: "Sum"}, Curve: &lab.Curve{Name: lab.Words{Text: "silu"}, At: 1, Out: 0.73}},
		},
		Passages: []lab.Passage{{Name: lab.Words{Text: "unsteered"}, Text: "one\ntwo\x07"}, {Name: lab.Words{Text: "random vector"}, Control: true, Hidden: true, Text: "three"}},
		Vectors:  []lab.Vector{{Name: "joy", Site: "hook_resid_post", Layer: 3, Values: lab.Floats{1, 2}}},
		Answer:   &answer, Kept: 3, Of: 5,
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := showReport(&out, lab.About{Lesson: &lab.Lesson{Predict: "What then?", Guesses: [3]string{"up", "down", "so"}}}, raw); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"It rose from 3 % to", "3 of 5", "What then? Here: down.", "columns 9 to 20", "·toki", "19.00*", "0.50 (0.25 to 0.75)", "zero-shot  0.10", "joy", "-2.00", "silu: 0.73 at 1.00", "Unsteered", "  two", "(a control); only its opening", "hook_resid_post of layer 3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown in\n%s", want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07") || strings.Contains(out.String(), "·toka") {
		t.Errorf("control characters or too many columns:\n%s", out.String())
	}
}

func input(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + path
}

func TestPairsAndTextsFromFiles(t *testing.T) {
	pairs, texts := lab.Param{Name: "pairs", Kind: lab.Pairs}, lab.Param{Name: "texts", Kind: lab.Texts}
	e := &env{Streams: Streams{In: strings.NewReader("a,b\n")}}
	for _, c := range []struct {
		d          lab.Param
		text, want string
	}{
		{pairs, "one,two\nthree,four\n", `[["one","two"],["three","four"]]`},
		{pairs, "\ufeffPositive,Negative\r\n\"a, b\",\"say \"\"no\"\"\"\r\n", `[["a, b","say \"no\""]]`},
		{pairs, "happy day\tsad day\n", `[["happy day","sad day"]]`},
		{pairs, "x;y\nun;deux\n", `[["un","deux"]]`},
		{pairs, " [[\"a\",\"b\"]] ", `[["a","b"]]`},
		{texts, "one\n\ntwo\r\n", `["one","two"]`},
	} {
		if got, err := listValue(e, c.d, input(t, "f", c.text)); err != nil || string(got) != c.want {
			t.Errorf("%q: %s, %v", c.text, got, err)
		}
	}
	for text, words := range map[string]string{
		"one,two,three\n":             "3 columns",
		"one\n":                       "1 columns",
		"one,two\nthree,\n":           "line 2 has an empty side",
		"a \"b,c\n":                   "double quotes",
		"":                            "no pairs",
		"a,b\n":                       "no pairs",
		"caf\xe9,x\n":                 "UTF-8",
		strings.Repeat("x,y\n", 4098): "more than 4096",
	} {
		if _, err := listValue(e, pairs, input(t, "f", text)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.20q: %v, want words %q", text, err, words)
		}
	}
	if _, err := listValue(e, pairs, input(t, "f", strings.Repeat("word", lab.MaxParams/4)+"!")); err == nil || exitCode(err) != ExitRefused {
		t.Errorf("more than 8 MiB: %v", err)
	}
	if _, err := listValue(e, pairs, "@/no/such/file"); exitCode(err) != ExitNotFound {
		t.Errorf("no file: %v", err)
	}
	if _, err := listValue(e, pairs, "nonsense"); exitCode(err) != ExitUsage {
		t.Errorf("no JSON: %v", err)
	}
}

// A vector made in one run is kept in every format and taken into another run, where it does the same.
func TestVectorsAreKeptAndTaken(t *testing.T) {
	t.Setenv("PATCHBAY_MODELS", "../../public/models")
	made := ""
	for _, ending := range []string{"gguf", "safetensors", "json"} {
		file := filepath.Join(t.TempDir(), "mood."+ending)
		code, _, errOut := patchbay(t, "", "run", "steer", "--model", "pocket", "--set", "mood", "--operation", "subtract", "--layer", "6", "--count", "8", "--save-vector", file)
		if code != ExitOK || !strings.Contains(errOut, "saved 1 vector") {
			t.Fatalf("exit %d, %s", code, errOut)
		}
		code, out, errOut := patchbay(t, "", "run", "steer", "--model", "pocket", "--set", "mood", "--operation", "subtract", "--layer", "6", "--count", "8", "--vector", "@"+file)
		if code != ExitOK || !strings.Contains(out, "feel awful") || made != "" && out != made {
			t.Errorf("%s: exit %d, %s%s", ending, code, out, errOut)
		}
		made = out
		if code, _, errOut = patchbay(t, "", "run", "steer", "--model", "pocket", "--vector", "@"+file+"#3"); code != ExitNotFound || !strings.Contains(errOut, "layers 6") {
			t.Errorf("a layer that is not there: exit %d, %s", code, errOut)
		}
	}
	for args, words := range map[string]string{
		"--save-vector x.txt":   ".gguf, .safetensors or .json",
		"--preset no-such":      "it has flattery",
		"--vector @/no/such":    "cannot be read",
		"--pairs @/no/such.csv": "cannot be read",
	} {
		if code, _, errOut := patchbay(t, "", append([]string{"run", "steer", "--model", "pocket"}, strings.Fields(args)...)...); code == ExitOK || !strings.Contains(errOut, words) {
			t.Errorf("%s: exit %d, %s", args, code, errOut)
		}
	}
}

func TestPresetsGiveParametersAndModel(t *testing.T) {
	t.Setenv("PATCHBAY_MODELS", "../../public/models")
	code, out, errOut := patchbay(t, "", "run", "steer", "--preset", "flattery", "--count", "3", "--json")
	var o lab.Outcome
	if err := json.Unmarshal([]byte(out), &o); code != ExitOK || err != nil {
		t.Fatalf("exit %d, %v, %s", code, err, errOut)
	}
	var p lab.SteerParams
	if err := json.Unmarshal(o.Params, &p); err != nil || p.Set != "flattery" || p.Count != 3 || o.Parity.Model != "pocket" {
		t.Errorf("%s on %s: %v", o.Params, o.Parity.Model, err)
	}
	if _, help, _ := patchbay(t, "", "run", "steer", "--help"); !strings.Contains(help, "--preset NAME") || !strings.Contains(help, "yoga") {
		t.Errorf("help does not list the presets:\n%s", help)
	}
}
