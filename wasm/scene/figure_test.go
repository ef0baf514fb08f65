package scene

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patchbay/shared/lab"
)

func words(s string) lab.Words { return lab.Words{Text: s} }

// samples are figures of every kind, with what real results have: intervals, controls, levels,
// numbers that are not known, long names, negative values.
func samples() []lab.Figure {
	wave := func(n int, by float64) []lab.Num {
		out := make([]lab.Num, n)
		for i := range out {
			out[i] = lab.Num(by * math.Sin(float64(i)*0.35) * math.Exp(-float64(i)/20))
		}
		return out
	}
	abs := func(v []lab.Num) []lab.Num {
		for i := range v {
			v[i] = lab.Num(math.Abs(float64(v[i])))
		}
		return v
	}
	shift := func(v []lab.Num, by float64) []lab.Num {
		out := make([]lab.Num, len(v))
		for i := range v {
			out[i] = lab.Num(math.Max(0, math.Min(1, float64(v[i])+by)))
		}
		return out
	}
	acc := abs(wave(18, 1))
	grid := [][]lab.Num{}
	for y := range 18 {
		grid = append(grid, wave(9, float64(y-9)/4))
	}
	grid[3][4] = lab.Num(math.NaN())
	share := [][]lab.Num{{0, 0.1, 0.5}, {0.25, 0.66, 1}}
	return []lab.Figure{
		{Name: "accuracy", Kind: lab.Lines, Title: words("Accuracy without demonstrations, vector put in at each layer"), Unit: words("share of words answered right"), Scale: lab.Share,
			X: lab.Axis{Name: words("layer")}, Best: &[2]int{4, 0}, Series: []lab.Series{
				{Name: words("put in place"), Values: acc, Low: shift(acc, -0.12), High: shift(acc, 0.1)},
				{Name: words("added"), Values: abs(wave(18, 0.6))},
				{Name: words("random vector"), Values: abs(wave(18, 0.1)), Control: true},
				{Name: words("five demonstrations"), Values: []lab.Num{0.93}, Level: true},
				{Name: words("no demonstration"), Values: []lab.Num{0.13}, Level: true, Control: true},
			}},
		{Name: "sweep", Kind: lab.Grid, Title: words("Change of the answer"), Unit: words("nats"), Scale: lab.Effect, X: lab.Axis{Name: words("strength"), Labels: []string{"−8", "−4", "−2", "−1", "0", "1", "2", "4", "8"}},
			Y: lab.Axis{Name: words("layer")}, Cells: grid, Best: &[2]int{3, 16}},
		{Name: "small", Kind: lab.Grid, Title: words("Refused"), Unit: words("share refused"), Scale: lab.Share, X: lab.Axis{Name: words("edit"), Labels: []string{"none", "added", "projected out"}},
			Y: lab.Axis{Name: words("questions"), Labels: []string{"harmless", "harmful"}}, Cells: share, Texts: [][]string{{"", " Warsaw", ""}, {}}},
		{Name: "bars", Kind: lab.Bars, Title: words("The composed vector and its parts"), Unit: words("share answered right"), Scale: lab.Share,
			X: lab.Axis{Labels: []string{"composed", "last-copy", "first-capital", "first-copy", "random vector of the same length"}}, Series: []lab.Series{
				{Name: words("accuracy"), Values: []lab.Num{0.7, 0.13, 0.02, 0, 0}, Low: []lab.Num{0.52, 0.05, 0, 0, 0}, High: []lab.Num{0.83, 0.3, 0.1, 0.1, 0.1}}}},
		{Name: "points", Kind: lab.Points, Title: words("The plane of the parts"), Unit: words("residual norms"), Scale: lab.Effect, Dots: []lab.Dot{
			{X: 1, Y: 0.2, Name: words("last-copy"), From: true}, {X: 0.1, Y: 0.9, Name: words("first-capital"), From: true, Group: 1},
			{X: -0.6, Y: 0.3, Name: words("first-copy"), From: true, Group: 2}, {X: 0.7, Y: 0.85, Name: words("composed"), From: true, Edit: true}}},
		{Name: "stream", Kind: lab.Stream, Title: words("What each layer adds"), Unit: words("logit of the answer"), Scale: lab.Effect, X: lab.Axis{Name: words("layer")}, Series: []lab.Series{
			{Name: words("attention"), Values: wave(18, 2)}, {Name: words("mlp"), Values: wave(18, -3)}, {Name: words("stream"), Values: abs(wave(18, 5))}}},
		{Name: "sum", Kind: lab.Sum, Title: words("Neuron 1373 of layer 21 at “January”"), Unit: words("weight times input"), Scale: lab.Effect,
			X:      lab.Axis{Labels: []string{"dimension 5", "dimension 80", "dimension 300", "dimension 12", "dimension 77", "all others"}},
			Series: []lab.Series{{Name: words("terms"), Values: []lab.Num{1.2, 0.8, -0.6, 0.5, 0.2, -0.4}}},
			Curve:  &lab.Curve{Name: words("silu(g) · u"), X: []lab.Num{-4, -3, -2, -1, 0, 1, 2, 3, 4}, Y: []lab.Num{-0.07, -0.14, -0.24, -0.27, 0, 0.73, 1.76, 2.86, 3.93}, At: 1.7, Out: 1.44}},
	}
}

func TestFigureGolden(t *testing.T) {
	var b strings.Builder
	for _, f := range samples() {
		b.WriteString(print(Figure(&f, FigureOptions{W: 640, H: FigureHeight(&f, 640), Theme: Light, Pinned: MarkID(1, 0)})))
		head, rows := FigureTable(&f, nil)
		b.WriteString(strings.Join(head, " | ") + "\n")
		for _, row := range rows {
			b.WriteString(strings.Join(row, " | ") + "\n")
		}
	}
	golden(t, "figures.txt", b.String())
}

// At every width and in both themes nothing leaves the picture, every number has a mark with
// words, and texts can be read on what is behind them.
func TestFigureLayout(t *testing.T) {
	for _, f := range samples() {
		for _, w := range []float32{328, 640, 1100} {
			for _, th := range []Theme{Light, Dark} {
				s := Figure(&f, FigureOptions{W: w, H: FigureHeight(&f, w), Theme: th})
				marks := 0
				for _, it := range s.Items {
					if b := it.Box; it.Kind != Line && (b[0] < -2 || b[1] < -2 || b[0]+b[2] > s.W+64 || b[1]+b[3] > s.H+4) {
						t.Errorf("%s at %g: %s %q leaves the picture: %v of %gx%g", f.Name, w, it.Kind, it.ID+it.Text, b, s.W, s.H)
					}
					if it.ID != "" {
						marks++
						if it.Label == "" {
							t.Errorf("%s: the mark %s has no words", f.Name, it.ID)
						}
					}
					if it.Kind == Text && Contrast(it.Ink, s.Back) < 4.4 {
						t.Errorf("%s: the text %q has a contrast of %.1f", f.Name, it.Text, Contrast(it.Ink, s.Back))
					}
				}
				if marks == 0 {
					t.Errorf("%s has no marks", f.Name)
				}
			}
		}
	}
}

// A figure that came over a wire, with blanks and nothing in it, is drawn all the same.
func TestFigureOdd(t *testing.T) {
	for _, raw := range []string{`{}`, `{"kind":"grid","cells":[[]]}`, `{"kind":"grid","cells":[[null,1],[2]]}`, `{"kind":"lines","series":[{"values":[]}]}`,
		`{"kind":"lines","series":[{"level":true}],"best":[9,9]}`, `{"kind":"bars","x":{"labels":["a"]},"series":[{"values":[null]}]}`,
		`{"kind":"points","dots":[{"x":null,"y":1}]}`, `{"kind":"stream","series":[{"name":{"text":"mlp"},"values":[1,null]}]}`,
		`{"kind":"sum","curve":{"x":[1],"y":[]}}`, `{"kind":"sum","series":[{"values":[null]}]}`, `{"kind":"else"}`} {
		var f lab.Figure
		if err := json.Unmarshal([]byte(raw), &f); err != nil {
			t.Fatal(raw, err)
		}
		s := Figure(&f, FigureOptions{W: 320, H: 200, Theme: Dark})
		FigureTable(&f, nil)
		FigureRecords(&f)
		FigureStart(&f, FigureOptions{W: 320, H: 200, Theme: Dark})
		for _, it := range s.Items {
			for _, v := range it.Box {
				if v != v {
					t.Errorf("%s: a mark stands at NaN: %+v", raw, it)
				}
			}
		}
	}
}

func TestMarkID(t *testing.T) {
	if x, y, ok := ParseMarkID(MarkID(12, 3)); !ok || x != 12 || y != 3 {
		t.Error(x, y, ok)
	}
	for _, id := range []string{"", "at/1", "at/a/b", "cell/1/2", "at/01/2", "at/1/2/3"} {
		if _, _, ok := ParseMarkID(id); ok {
			t.Errorf("%q is taken for a mark", id)
		}
	}
}

// The records keep what the table rounds.
func TestFigureRecords(t *testing.T) {
	f := samples()[0]
	rec := FigureRecords(&f)
	want := 1 + 3*18 + 2
	if len(rec) != want {
		t.Fatalf("%d records, want %d", len(rec), want)
	}
	for _, r := range rec {
		if len(r) != len(rec[0]) {
			t.Errorf("a record has %d fields: %q", len(r), r)
		}
	}
}

// With FIGURES=DIR the samples are written as SVG, to be looked at.
func TestFigureFiles(t *testing.T) {
	dir := os.Getenv("FIGURES")
	if dir == "" {
		t.Skip("FIGURES names no folder")
	}
	for _, f := range samples() {
		for name, th := range map[string]Theme{"light": Light, "dark": Dark} {
			for _, w := range []float32{340, 900} {
				s := Figure(&f, FigureOptions{W: w, H: FigureHeight(&f, w), Theme: th})
				path := filepath.Join(dir, f.Name+"-"+name+"-"+Number(lab.Num(w), lab.Amount)+".svg")
				if err := os.WriteFile(path, SVG(&s), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
