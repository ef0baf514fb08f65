package scene

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"patchbay/shared/lab"
)

var update = flag.Bool("update", false, "write the golden files anew")

// result makes a lens result whose numbers rise with the layer.
func result(layers, positions int, texts ...string) *lab.LensResult {
	r := &lab.LensResult{Follow: lab.TokenText{ID: 7, Text: " Warsaw"}}
	for p := range positions {
		text := fmt.Sprintf(" w%d", p)
		if p < len(texts) {
			text = texts[p]
		}
		r.Tokens, r.Positions = append(r.Tokens, lab.TokenText{ID: int32(p), Text: text}), append(r.Positions, p)
	}
	for l := range layers {
		var row []lab.LensCell
		for p := range positions {
			v := float32(l+1) / float32(layers)
			top := lab.Guess{TokenText: r.Tokens[p], P: v}
			row = append(row, lab.LensCell{Top: []lab.Guess{top}, FollowP: v * v, FollowRank: int32(layers - l), Entropy: 5 - 4*v, KL: 1 - v})
		}
		r.Layers = append(r.Layers, row)
	}
	return r
}

// print writes a scene as text rectangles, for goldens.
func print(s Scene) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%gx%g %q %q\n", s.W, s.H, s.Title, s.Unit)
	for _, it := range s.Items {
		fmt.Fprintf(&b, "%-5s %-9s [%.1f %.1f %.1f %.1f] fill %08x text %q ink %08x label %q\n", it.Kind, it.ID, it.Box[0], it.Box[1], it.Box[2], it.Box[3], it.Fill, it.Text, it.Ink, it.Label)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", name, d)
	}
}

func TestLensGolden(t *testing.T) {
	r := result(3, 4, "The", " capital", " of", " 波蘭")
	golden(t, "lens.txt", print(Lens(r, Options{W: 480, H: 200, Theme: Light, Pinned: CellID(1, 2)})))
	golden(t, "line.txt", print(FollowLine(r, 3, Options{W: 260, H: 120, Theme: Dark, Pinned: CellID(1, 3)})))
	s := Lens(r, Options{W: 480, H: 200, Theme: Light})
	golden(t, "lens.svg", string(SVG(&s)))
}

// Every size, theme and colour rule keeps the picture in its frame, its cells apart and its
// texts readable.
func TestLensLayout(t *testing.T) {
	for _, size := range [][2]float32{{340, 420}, {1000, 560}, {1600, 900}} {
		for _, n := range [][2]int{{1, 1}, {18, 12}, {30, 16}, {30, 100}, {48, 300}} {
			for _, theme := range []Theme{Light, Dark} {
				for _, by := range []By{ByTop, ByFollow, ByRank, ByEntropy, ByKL} {
					s := Lens(result(n[0], n[1]), Options{W: size[0], H: size[1], Theme: theme, By: by})
					checkLayout(t, fmt.Sprint(size, n, by), &s, n[0]*n[1])
				}
			}
		}
	}
}

func checkLayout(t *testing.T, name string, s *Scene, cells int) {
	t.Helper()
	right := map[float32]float32{} // by row's y: where the last cell ended
	for _, it := range s.Items {
		b := it.Box
		if b[0] < -0.01 || b[1] < -0.01 || b[0]+b[2] > s.W+0.01 || b[1]+b[3] > s.H+0.01 || b[2] <= 0 || b[3] <= 0 {
			t.Fatalf("%s: mark %q at %v leaves the %gx%g picture", name, it.ID, b, s.W, s.H)
		}
		if it.Text != "" && it.Fill != 0 && Contrast(it.Ink, it.Fill) < 4.5 {
			t.Fatalf("%s: %q has contrast %.2f", name, it.Text, Contrast(it.Ink, it.Fill))
		}
		if it.Text != "" && it.Mono && width(it.Text, it.Size) > b[2] {
			t.Fatalf("%s: text %q is wider than its cell", name, it.Text)
		}
		if _, _, ok := ParseCellID(it.ID); ok {
			cells--
			if b[0] < right[b[1]]-0.01 {
				t.Fatalf("%s: cell %s overlaps its neighbour", name, it.ID)
			}
			right[b[1]] = b[0] + b[2]
		}
	}
	if cells != 0 {
		t.Fatalf("%s: %d cells are missing", name, cells)
	}
}

func TestLensWithoutResult(t *testing.T) {
	if s := Lens(&lab.LensResult{}, Options{W: 300, H: 200, Theme: Light}); len(s.Items) != 0 {
		t.Errorf("an empty result draws %d marks", len(s.Items))
	}
	if s := FollowLine(&lab.LensResult{}, 0, Options{W: 300, H: 200}); len(s.Items) != 0 {
		t.Error("a line without layers")
	}
}

func TestHit(t *testing.T) {
	s := Lens(result(4, 5), Options{W: 500, H: 300, Theme: Light, Hover: CellID(2, 3)})
	b := s.Find(CellID(2, 3)).Box
	if got := Hit(&s, b[0]+b[2]/2, b[1]+b[3]/2); got != CellID(2, 3) {
		t.Errorf("the middle of cell 2, 3 hits %q", got)
	}
	if got := Hit(&s, 499, 299); got != "" {
		t.Errorf("the empty corner hits %q", got)
	}
}

func TestParseCellID(t *testing.T) {
	for _, bad := range []string{"", "cell/1", "cell/1/2/3", "cell/x/1", "chip/1", "cell/01/2", "cell/1/2 "} {
		if _, _, ok := ParseCellID(bad); ok {
			t.Errorf("%q is taken for a cell", bad)
		}
	}
}

// A token can hold anything; a picture file must not.
func TestSVGEscapes(t *testing.T) {
	s := Lens(result(1, 2, "</text><script>alert(1)</script>", "\x00\x1b\"&<"), Options{W: 900, H: 100, Theme: Light})
	svg := string(SVG(&s))
	if strings.Contains(svg, "<script") || strings.ContainsAny(svg, "\x00\x1b") {
		t.Error("a token text reaches the SVG unescaped")
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		room float32
		want string
	}{{"abc", 100, "abc"}, {"abcdefgh", 31, "abcd…"}, {"波蘭華沙", 31, "波蘭…"}, {"x", 2, ""}, {"", 0, ""}} {
		if got := fit(c.in, 10, c.room); got != c.want {
			t.Errorf("fit(%q, room %g) = %q, want %q", c.in, c.room, got, c.want)
		}
	}
	if got := short(" the"); got != "the" {
		t.Errorf("short(%q) = %q", " the", got)
	}
	if got := short(" \n"); got != "·⏎" {
		t.Errorf("white space alone is shown as %q", got)
	}
}

func TestTableAndRecords(t *testing.T) {
	r := result(3, 2)
	header, rows := LensTable(r, "layer")
	if diff := cmp.Diff([]string{"layer", "·w0", "·w1"}, header); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"2", "·w0 1.000", "·w1 1.000"}, rows[0]); diff != "" {
		t.Error("the last layer comes first, as on the picture:", diff)
	}
	if got := LensRecords(r); len(got) != 1+6 || got[1][0] != "0" || got[6][9] != "0" {
		t.Errorf("records: %v", got)
	}
}

func TestBetween(t *testing.T) {
	a := Item{Box: [4]float32{0, 0, 10, 10}, Fill: 0x000000ff}
	b := Item{Box: [4]float32{10, 0, 20, 10}, Fill: 0xffffffff, Text: "x"}
	m := Between(&a, &b, 0.5)
	if m.Box != [4]float32{5, 0, 15, 10} || m.Fill != 0x808080ff {
		t.Errorf("half way: %v %08x", m.Box, m.Fill)
	}
}
