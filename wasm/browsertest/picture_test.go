package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestPicture makes docs/lens.png anew, the picture in README, with PATCHBAY_PICTURE=1: Gemma 3
// 270M in this tab, reading a sentence whose answer it has found by the middle of its layers.
func TestPicture(t *testing.T) {
	need(t)
	const model = "gemma3-270m"
	if os.Getenv("PATCHBAY_PICTURE") == "" {
		t.Skip("PATCHBAY_PICTURE=1 makes docs/lens.png anew")
	}
	if _, err := os.Stat(filepath.Join(Models(), model+".gguf")); err != nil {
		t.Skipf("model %s is not pulled: run `patchbay pull %s`", model, model)
	}
	tab := visit(t, launch(t, ""), lab(t, "-lab", copyPublic(t)).URL.String()+"&model="+model+"&lang=en&theme=light&run=1&p.prompt="+
		"%22Paris%20is%20the%20capital%20of%20France.%20Warsaw%20is%20the%20capital%20of%22")
	must(t, tab.Screen(1360, 900, 1, false))
	await(t, tab, download)
	eval(t, tab, download+`.click()`, nil)
	must(t, tab.Wait(ran, 5*time.Minute))
	await(t, tab, `document.querySelector(".picture .cover").hidden && document.querySelector(".took").innerText.startsWith("computed")`)
	eval(t, tab, `document.activeElement.blur(), new Promise((yes) => setTimeout(yes, 1500))`, nil)
	must(t, tab.Keep(filepath.Join(Root(), "docs", "lens.png"), false))
	path := filepath.Join(Root(), "docs", "lens.png")
	must(t, shrink(path))
	if st, err := os.Stat(path); err != nil || st.Size() > 200<<10 {
		t.Errorf("docs/lens.png: %v, more than 200 KB or not there (%v)", st, err)
	}
}

// shrink writes a picture with 256 colours: a page has few, and the edges of letters between them.
func shrink(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	out := image.NewPaletted(img.Bounds(), commonest(img, 256))
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// commonest are up to n frequent colours of a picture, none close to another, so that a small
// lamp keeps its green beside a thousand greys of letters.
func commonest(img image.Image, n int) color.Palette {
	count := map[color.RGBA]int{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			count[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8), 255}]++
		}
	}
	keys := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var p color.Palette
	for _, c := range keys {
		if len(p) < n && !slices.ContainsFunc(p, func(o color.Color) bool { return near(c, o.(color.RGBA)) }) {
			p = append(p, c)
		}
	}
	return p
}

func near(a, b color.RGBA) bool {
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.R, b.R)+d(a.G, b.G)+d(a.B, b.B) < 8
}
