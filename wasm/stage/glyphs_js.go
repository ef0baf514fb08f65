package main

import (
	"fmt"
	"image"
	"syscall/js"

	"github.com/hajimehoshi/ebiten/v2"

	"patchbay/wasm/scene"
)

const (
	sansFonts = `system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK TC", sans-serif`
	monoFonts = `ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK TC", monospace`
	atlasSize = 2048
)

// glyphs rasterises texts with Canvas2D, so that every system font works, CJK included, and
// keeps them in one atlas: white where the text is, coloured when it is drawn. A full atlas
// starts again; a page needs a fraction of it.
type glyphs struct {
	canvas, ctx js.Value
	atlas       *ebiten.Image
	at          map[style]image.Rectangle
	x, y, row   int // where the next text goes, and the height of its shelf
}

// style is all that a text's pixels depend on.
type style struct {
	text       string
	size       float32 // device pixels
	mono, bold bool
}

func styleOf(it *scene.Item, density float32) style {
	return style{it.Text, it.Size * density, it.Mono, it.Bold}
}

// draw paints each text in its box.
func (g *glyphs) draw(dst *ebiten.Image, texts []scene.Item, density float32) {
	if len(texts) == 0 {
		return
	}
	g.ensure(texts, density)
	var vs []ebiten.Vertex
	var is []uint32
	for i := range texts {
		vs, is = g.place(vs, is, &texts[i], density)
	}
	dst.DrawTriangles32(vs, is, g.atlas, nil)
}

func (g *glyphs) place(vs []ebiten.Vertex, is []uint32, it *scene.Item, density float32) ([]ebiten.Vertex, []uint32) {
	src, ok := g.at[styleOf(it, density)]
	if !ok {
		return vs, is // larger than the atlas
	}
	w, h := float32(src.Dx()), float32(src.Dy())
	x, y := it.Box[0]*density, (it.Box[1]+it.Box[3]/2)*density-h/2
	switch room := it.Box[2]*density - w; it.Align {
	case scene.Center:
		x += room / 2
	case scene.Right:
		x += room
	}
	x, y = float32(int(x+0.5)), float32(int(y+0.5)) // whole pixels: sharp stems
	r, gr, b, a := premultiplied(it.Ink)
	base := uint32(len(vs))
	for _, c := range [4][2]float32{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
		vs = append(vs, ebiten.Vertex{
			DstX: x + c[0]*w, DstY: y + c[1]*h,
			SrcX: float32(src.Min.X) + c[0]*w, SrcY: float32(src.Min.Y) + c[1]*h,
			ColorR: r, ColorG: gr, ColorB: b, ColorA: a,
		})
	}
	return vs, append(is, base, base+1, base+2, base+1, base+2, base+3)
}

// ensure rasterises what is missing, in one go: reading the canvas back is the dear part.
func (g *glyphs) ensure(texts []scene.Item, density float32) {
	if g.atlas == nil {
		g.reset()
	}
	dirty := image.Rectangle{}
	for i := range texts {
		s := styleOf(&texts[i], density)
		if _, ok := g.at[s]; ok {
			continue
		}
		r, ok := g.rasterise(s)
		if !ok { // full: begin again with what this picture needs
			g.reset()
			g.ensure(texts, density)
			return
		}
		dirty = dirty.Union(r)
	}
	if !dirty.Empty() {
		g.upload(dirty)
	}
}

func (g *glyphs) reset() {
	if g.atlas == nil {
		g.canvas = newCanvas(atlasSize, atlasSize)
		g.ctx = g.canvas.Call("getContext", "2d", map[string]any{"willReadFrequently": true})
		g.atlas = ebiten.NewImage(atlasSize, atlasSize)
	}
	g.ctx.Call("clearRect", 0, 0, atlasSize, atlasSize)
	g.ctx.Set("fillStyle", "#fff")
	g.ctx.Set("textBaseline", "middle")
	g.at, g.x, g.y, g.row = map[style]image.Rectangle{}, 0, 0, 0
}

// rasterise draws one text on the next free place. False: the atlas is full. A text that can
// never fit is cut at the atlas's width.
func (g *glyphs) rasterise(s style) (image.Rectangle, bool) {
	fonts, weight := sansFonts, ""
	if s.mono {
		fonts = monoFonts
	}
	if s.bold {
		weight = "bold "
	}
	g.ctx.Set("font", fmt.Sprintf("%s%.2fpx %s", weight, s.size, fonts))
	w := min(int(g.ctx.Call("measureText", s.text).Get("width").Float()+1.5), atlasSize)
	h := int(s.size*1.4 + 1.5)
	if g.x+w > atlasSize {
		g.x, g.y, g.row = 0, g.y+g.row+1, 0
	}
	if g.y+h > atlasSize {
		return image.Rectangle{}, len(g.at) == 0
	}
	r := image.Rect(g.x, g.y, g.x+w, g.y+h)
	g.ctx.Call("fillText", s.text, g.x, float64(g.y)+float64(h)/2)
	g.at[s] = r
	g.x, g.row = g.x+w+1, max(g.row, h)
	return r, true
}

// upload copies a part of the canvas to the atlas, premultiplied as Ebiten has it.
func (g *glyphs) upload(r image.Rectangle) {
	data := g.ctx.Call("getImageData", r.Min.X, r.Min.Y, r.Dx(), r.Dy()).Get("data")
	pixels := make([]byte, 4*r.Dx()*r.Dy())
	js.CopyBytesToGo(pixels, data)
	for i := 0; i < len(pixels); i += 4 {
		for c := range 3 {
			pixels[i+c] = uint8(int(pixels[i+c]) * int(pixels[i+3]) / 255)
		}
	}
	g.atlas.SubImage(r).(*ebiten.Image).WritePixels(pixels)
}
