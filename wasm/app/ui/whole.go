package ui

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vugu/vugu"
)

// Whole makes a built tree safe to send. Vugu 0.4.0 cuts inner HTML where its buffer of 16 KiB
// ends, through the middle of a character if need be, and decodes the two parts apart: 一 became
// two replacement marks. Numeric references are ASCII, and may be cut anywhere.
func Whole(r *vugu.BuildResults) {
	for _, n := range r.Out.Out {
		whole(r, n)
	}
}

func whole(r *vugu.BuildResults, n *vugu.VGNode) {
	if n.Component != nil {
		if out := r.ResultFor(n.Component); out != nil {
			for _, c := range out.Out {
				whole(r, c)
			}
		}
	}
	if n.InnerHTML != nil {
		s := references(*n.InnerHTML)
		n.InnerHTML = &s
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		whole(r, c)
	}
}

// references writes all beyond ASCII as numeric character references.
func references(html string) string {
	i := 0
	for i < len(html) && html[i] < utf8.RuneSelf {
		i++
	}
	if i == len(html) {
		return html
	}
	var b strings.Builder
	b.WriteString(html[:i])
	for _, r := range html[i:] {
		if r < 0xa0 { // HTML takes references to U+0080 to U+009F for letters of Windows-1252
			b.WriteRune(r)
			continue
		}
		b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
	}
	return b.String()
}
