package scene

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	sansFonts = "system-ui, sans-serif"
	monoFonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
)

// SVG writes the scene as a picture that stands alone. Token texts are data: everything is escaped.
func SVG(s *Scene) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img">`, s.W, s.H, s.W, s.H)
	fmt.Fprintf(&b, "\n<title>%s</title>\n<desc>%s</desc>\n", escape(s.Title), escape(s.Unit))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="%s"/>`+"\n", s.Back.css())
	for i := range s.Items {
		svgItem(&b, &s.Items[i])
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func svgItem(b *bytes.Buffer, it *Item) {
	switch it.Kind {
	case Rect:
		fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" rx="%g" fill="%s"%s>`, it.Box[0], it.Box[1], it.Box[2], it.Box[3], it.Radius, it.Fill.css(), it.stroke())
		if it.Label != "" {
			fmt.Fprintf(b, "<title>%s</title>", escape(it.Label))
		}
		b.WriteString("</rect>\n")
	case Line:
		b.WriteString(`<polyline fill="none" points="`)
		for i := 0; i+1 < len(it.Points); i += 2 {
			fmt.Fprintf(b, "%g,%g ", it.Points[i], it.Points[i+1])
		}
		fmt.Fprintf(b, `"%s/>`+"\n", it.stroke())
	}
	if it.Text != "" {
		svgText(b, it)
	}
}

func svgText(b *bytes.Buffer, it *Item) {
	x, anchor, fonts, weight := it.Box[0], "start", sansFonts, "normal"
	switch it.Align {
	case Center:
		x, anchor = x+it.Box[2]/2, "middle"
	case Right:
		x, anchor = x+it.Box[2], "end"
	}
	if it.Mono {
		fonts = monoFonts
	}
	if it.Bold {
		weight = "bold"
	}
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="%s" dominant-baseline="central" font-family="%s" font-size="%g" font-weight="%s" fill="%s" xml:space="preserve">%s</text>`+"\n",
		x, it.Box[1]+it.Box[3]/2, anchor, fonts, it.Size, weight, it.Ink.css(), escape(it.Text))
}

func (it *Item) stroke() string {
	if it.Stroke == 0 {
		return ""
	}
	return fmt.Sprintf(` stroke="%s" stroke-width="%g"`, it.Stroke.css(), it.Line)
}

func (c Color) css() string {
	switch r, g, b, a := c.rgba(); a {
	case 0:
		return "none"
	case 255:
		return fmt.Sprintf("#%02x%02x%02x", r, g, b)
	default:
		return fmt.Sprintf("rgba(%d,%d,%d,%.3g)", r, g, b, float64(a)/255)
	}
}

// escape makes a text safe in XML; characters that XML cannot hold become U+FFFD. (encoding/xml
// would do the same and add its whole decoder to the page.)
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&#34;")
		case '\'':
			b.WriteString("&#39;")
		case '\t':
			b.WriteString("&#x9;")
		case '\n':
			b.WriteString("&#xA;")
		case '\r':
			b.WriteString("&#xD;")
		default:
			if !inXML(r) {
				r = '\uFFFD'
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inXML is the Char production of XML 1.0, section 2.2.
func inXML(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
