package main

import (
	"math"

	"github.com/hajimehoshi/ebiten/v2"

	"patchbay/wasm/scene"
)

// shapes paints rounded rectangles, their outlines and thick segments in one call: the vertex
// carries half width, half height, corner radius and stroke width; src is the place relative
// to the middle. The signed distance of the rounded box is Inigo Quilez's.
const shapes = `//kage:unit pixels
package main

func Fragment(dst vec4, src vec2, color vec4, box vec4) vec4 {
	q := abs(src) - box.xy + box.z
	d := length(max(q, vec2(0))) + min(max(q.x, q.y), 0) - box.z
	if box.w > 0 {
		d = abs(d) - box.w/2
	}
	return color * clamp(0.5-d, 0, 1)
}
`

// painter turns marks into two draw calls per run: shapes, then the texts on them.
type painter struct {
	shader   *ebiten.Shader
	glyphs   glyphs
	density  float32
	vertices []ebiten.Vertex
	indices  []uint32
}

// scene paints every mark on dst, density device pixels to one CSS pixel; at gives a mark as
// it stands now.
func (p *painter) scene(dst *ebiten.Image, s *scene.Scene, density float32, at func(*scene.Item) scene.Item) {
	if p.shader == nil {
		p.shader, _ = ebiten.NewShader([]byte(shapes)) // a constant that compiles
	}
	p.density = density
	dst.Fill(rgba(s.Back))
	p.vertices, p.indices = p.vertices[:0], p.indices[:0]
	var texts []scene.Item
	for i := range s.Items {
		it := at(&s.Items[i])
		p.shape(&it)
		if it.Text != "" {
			texts = append(texts, it)
		}
	}
	dst.DrawTrianglesShader32(p.vertices, p.indices, p.shader, nil)
	p.glyphs.draw(dst, texts, density)
}

func (p *painter) shape(it *scene.Item) {
	switch it.Kind {
	case scene.Rect:
		x, y, w, h := it.Box[0]*p.density, it.Box[1]*p.density, it.Box[2]*p.density, it.Box[3]*p.density
		if it.Fill != 0 {
			p.box(x, y, w, h, it.Radius*p.density, 0, it.Fill)
		}
		if it.Stroke != 0 {
			p.box(x, y, w, h, it.Radius*p.density, it.Line*p.density, it.Stroke)
		}
	case scene.Line:
		for i := 0; i+3 < len(it.Points); i += 2 {
			p.segment(it.Points[i:i+4], it.Line*p.density, it.Stroke)
		}
	}
}

func (p *painter) box(x, y, w, h, radius, line float32, c scene.Color) {
	p.quad(x+w/2, y+h/2, 1, 0, w/2, h/2, min(radius, w/2, h/2), line, c)
}

// segment is a box as long as the segment, turned, with round ends.
func (p *painter) segment(xy []float32, line float32, c scene.Color) {
	x0, y0, x1, y1 := xy[0]*p.density, xy[1]*p.density, xy[2]*p.density, xy[3]*p.density
	length := float32(math.Hypot(float64(x1-x0), float64(y1-y0)))
	if length == 0 {
		return
	}
	p.quad((x0+x1)/2, (y0+y1)/2, (x1-x0)/length, (y1-y0)/length, length/2+line/2, line/2, line/2, 0, c)
}

// quad adds a box around (x, y) whose long side points along (ux, uy), with room for its edge.
func (p *painter) quad(x, y, ux, uy, halfW, halfH, radius, line float32, c scene.Color) {
	r, g, b, a := premultiplied(c)
	base := uint32(len(p.vertices))
	ew, eh := halfW+line/2+1, halfH+line/2+1
	for _, s := range [4][2]float32{{-1, -1}, {1, -1}, {-1, 1}, {1, 1}} {
		lx, ly := s[0]*ew, s[1]*eh
		p.vertices = append(p.vertices, ebiten.Vertex{
			DstX: x + lx*ux - ly*uy, DstY: y + lx*uy + ly*ux, SrcX: lx, SrcY: ly,
			ColorR: r, ColorG: g, ColorB: b, ColorA: a,
			Custom0: halfW, Custom1: halfH, Custom2: radius, Custom3: line,
		})
	}
	p.indices = append(p.indices, base, base+1, base+2, base+1, base+2, base+3)
}

func premultiplied(c scene.Color) (r, g, b, a float32) {
	a = float32(c&255) / 255
	return float32(c>>24) / 255 * a, float32(c>>16&255) / 255 * a, float32(c>>8&255) / 255 * a, a
}

type opaque scene.Color

// RGBA implements color.Color.
func (c opaque) RGBA() (r, g, b, a uint32) {
	return uint32(c>>24) * 257, uint32(c>>16&255) * 257, uint32(c>>8&255) * 257, 0xffff
}

func rgba(c scene.Color) opaque { return opaque(c) }
