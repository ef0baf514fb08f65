package state

import (
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// Embedding is what is chosen for a figure in somebody else's page.
type Embedding struct {
	Controls map[string]bool // parameters that the reader may change
	Shot     string          // the stored picture: deflated SVG in base64url; empty while it is made
	Failed   string          // why there is none
	Height   int             // CSS pixels of the frame
}

// maxShot bounds the stored picture in an address: browsers take 64 KB and more, blog engines less.
const maxShot = 48 << 10

// Shoot asks for the stored picture of the result on the page.
type Shoot struct{}

func (Shoot) effect() {}

// OpenEmbed opens or closes the panel that makes a figure for another page.
func (a *App) OpenEmbed() []Effect {
	if a.Popover == "embed" {
		a.Popover = ""
		return nil
	}
	a.Popover = "embed"
	if a.Embed.Controls == nil {
		a.Embed.Controls = map[string]bool{"prompt": true}
	}
	a.Embed.Shot, a.Embed.Failed = "", ""
	return []Effect{Shoot{}}
}

// Shot takes in the stored picture, or why there is none.
func (a *App) Shot(data string, height int, failed string) []Effect {
	if len(data) > maxShot {
		data, failed = "", a.T("embed.large", text.Bytes(int64(len(data))), text.Bytes(maxShot))
	}
	a.Embed.Shot, a.Embed.Height, a.Embed.Failed = data, height, failed
	return nil
}

// Controls are the parameters that could be left to the reader, with their labels.
func (a *App) Controls() []lab.Param {
	var out []lab.Param
	about := a.About(a.Lesson)
	if about == nil {
		return nil
	}
	for _, d := range about.Params {
		if d.Kind != lab.Edits && d.Kind != lab.Dir {
			out = append(out, d)
		}
	}
	return out
}

// ToggleControl lets the reader change a parameter, or not.
func (a *App) ToggleControl(name string) []Effect {
	a.Embed.Controls[name] = !a.Embed.Controls[name]
	return nil
}

// Snippet is the HTML to paste. It loads when it is scrolled to, never takes the wheel or the
// Tab key, and carries the picture itself, so that it shows something before and without running.
func (a *App) Snippet() string {
	title := a.T("embed.title", a.Title(a.Lesson))
	f := fragment(a.Fragment())
	f.add("title", title)
	var controls []string
	for _, name := range sortedKeys(a.Page().Params) {
		if a.Embed.Controls[name] {
			controls = append(controls, name)
		}
	}
	f.add("controls", strings.Join(controls, ","))
	if a.Embed.Shot != "" {
		f.add("shot", a.Embed.Shot)
	}
	height := max(a.Embed.Height, 240) + 230 // caption, prompt, buttons and a sentence
	return `<iframe src="` + attribute(a.Origin) + "embed.html#" + strings.ReplaceAll(string(f), "&", "&amp;") + `" title="` + attribute(title) +
		`" loading="lazy" style="width:100%;height:` + text.Number(float64(height), 0) + `px;border:0"></iframe>`
}

func attribute(s string) string {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;").Replace(s)
}

// BeEmbedded tells the page that it stands in another page. Its address names what may be changed
// there; it has no sidecar, whatever the address says.
func (a *App) BeEmbedded() {
	a.Embedded, a.Place = true, Tab
}

// May says whether the reader of an embedded figure may change a parameter; elsewhere
// everybody may change everything.
func (a *App) May(name string) bool { return !a.Embedded || a.Allowed[name] }
