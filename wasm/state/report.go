package state

import (
	"encoding/json"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/wasm/scene"
	"patchbay/wasm/text"
)

// readReport decodes a lesson's result, of which the page shows the report.
func readReport(raw json.RawMessage) (*lab.Report, error) {
	r := new(lab.Report)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, errs.E("state.readReport", errs.Invalid, "the result is no report: %w", err)
	}
	for i := range r.Figures {
		if err := checkFigure(&r.Figures[i]); err != nil {
			return nil, err
		}
	}
	if a := r.Answer; a != nil && (*a < 0 || *a > 2) {
		return nil, errs.E("state.readReport", errs.Invalid, "the report's answer is %d; it must be 0, 1 or 2", *a)
	}
	return r, nil
}

// The most that one picture may have: more could not be seen, and would freeze the page.
const (
	maxMarks  = 20_000
	maxSeries = 64
)

// checkFigure makes sure that everything the page indexes is there: an engine may be of another version.
func checkFigure(f *lab.Figure) error {
	bad := func(format string, args ...any) error {
		return errs.E("state.checkFigure", errs.Invalid, "figure %.40q: "+format, append([]any{f.Name}, args...)...)
	}
	marks := len(f.Dots)
	for y, row := range f.Cells {
		marks += len(row)
		if len(row) != len(f.Cells[0]) {
			return bad("row %d has %d cells, the first has %d", y, len(row), len(f.Cells[0]))
		}
	}
	for i := range f.Series {
		s := &f.Series[i]
		marks += len(s.Values)
		if n := len(s.Values); len(s.Low) != 0 && len(s.Low) != n || len(s.High) != 0 && len(s.High) != n {
			return bad("series %d has %d values and %d and %d bounds", i, n, len(s.Low), len(s.High))
		}
	}
	if marks > maxMarks || len(f.Series) > maxSeries {
		return bad("it has %d marks and %d series; at most %d and %d are drawn", marks, len(f.Series), maxMarks, maxSeries)
	}
	if c := f.Curve; c != nil && len(c.X) != len(c.Y) {
		return bad("its curve has %d places and %d values", len(c.X), len(c.Y))
	}
	return nil
}

// soFar takes in a part of a lesson's result: a report with what is known already. One that
// cannot be read is left out; the whole result will say what is wrong.
func (p *Page) soFar(raw json.RawMessage) bool {
	r, err := readReport(raw)
	if err != nil {
		return false
	}
	if p.before == nil {
		p.before = &shown{p.Report, p.Outcome, p.Stale}
	}
	p.Report, p.Outcome, p.Stale, p.labels = r, nil, false, nil
	return true
}

// shown is what the page showed before a run.
type shown struct {
	report  *lab.Report
	outcome *lab.Outcome
	stale   bool
}

// restore brings the earlier report back when a run failed; of one that was stopped, the parts stay.
func (p *Page) restore(failed bool) {
	if b := p.before; b != nil && failed {
		p.Report, p.Outcome, p.Stale, p.labels = b.report, b.outcome, b.outcome != nil, nil
	}
	p.before = nil
}

// Partial says that the report shown is of a run that has not ended, or was stopped.
func (p *Page) Partial() bool { return p.Report != nil && p.Outcome == nil }

// FigureOf is the picture that a page shows: the chosen one, else the first; nil if there is none.
func (p *Page) FigureOf() *lab.Figure {
	if p.Report == nil || len(p.Report.Figures) == 0 {
		return nil
	}
	for i := range p.Report.Figures {
		if p.Report.Figures[i].Name == p.Figure {
			return &p.Report.Figures[i]
		}
	}
	return &p.Report.Figures[0]
}

// Drawn says that the open page has a picture.
func (a *App) Drawn() bool {
	p := a.Page()
	return p.Lens != nil || p.FigureOf() != nil
}

// SetFigure shows another picture of the result.
func (a *App) SetFigure(name string) []Effect {
	p := a.Page()
	if f := p.FigureOf(); f == nil || f.Name == name {
		return nil
	}
	p.Figure, p.Mark, p.Over, p.labels = name, "", "", nil
	return []Effect{Draw{}, linkSoon(), Say{Text: a.Say(p.FigureOf().Title)}}
}

// markLabels are the words of every mark of the picture, by its id.
func (a *App) markLabels(p *Page) map[string]string {
	f := p.FigureOf()
	if f == nil {
		return nil
	}
	if p.labels == nil || p.labelled != a.Lang {
		p.labels, p.labelled = map[string]string{}, a.Lang
		sc := scene.Figure(f, scene.FigureOptions{W: 900, H: scene.FigureHeight(f, 900), Theme: scene.Light, Translate: a.Say})
		for i := range sc.Items {
			if id := sc.Items[i].ID; id != "" && sc.Items[i].Label != "" {
				p.labels[id] = sc.Items[i].Label
			}
		}
	}
	return p.labels
}

// MarkWords are the words of the mark under the pointer, else of the pinned one.
func (a *App) MarkWords() string {
	p := a.Page()
	labels := a.markLabels(p)
	if w := labels[p.Over]; w != "" {
		return w
	}
	return labels[p.Mark]
}

// HoverMark takes in the mark under the pointer; "" when it left.
func (a *App) HoverMark(id string) []Effect {
	p := a.Page()
	if p.Over == id {
		return nil
	}
	p.Over = id
	return []Effect{Draw{}}
}

// PinMark pins a mark; pinning it again lets go.
func (a *App) PinMark(id string) []Effect {
	p := a.Page()
	words, ok := a.markLabels(p)[id]
	switch {
	case id == "" || !ok:
		return nil
	case p.Mark == id:
		p.Mark, words = "", ""
	default:
		p.Mark = id
	}
	return []Effect{Draw{}, linkSoon(), Say{Text: words}}
}

// far is a step to the end.
const far = 1 << 20

// MoveMark moves the pin over the marks for the arrow keys; up is upward on a grid, and to
// the next series elsewhere.
func (a *App) MoveMark(up, right int) []Effect {
	p := a.Page()
	labels := a.markLabels(p)
	if len(labels) == 0 {
		return nil
	}
	x, y, ok := scene.ParseMarkID(p.Mark)
	if !ok {
		up, right = 0, 0
		if x, y, ok = firstMark(p.FigureOf(), labels); !ok {
			return nil
		}
	}
	nx, ny := step(labels, x, y, right, up)
	p.Over, p.Mark = "", scene.MarkID(nx, ny)
	return []Effect{Draw{}, linkSoon(), Say{Text: labels[p.Mark]}}
}

// firstMark is where the arrow keys begin: at the picture's best mark, else at the lowest and leftmost.
func firstMark(f *lab.Figure, labels map[string]string) (x, y int, ok bool) {
	if f.Best != nil && labels[scene.MarkID(f.Best[0], f.Best[1])] != "" {
		return f.Best[0], f.Best[1], true
	}
	for id := range labels {
		if mx, my, is := scene.ParseMarkID(id); is && (!ok || my < y || my == y && mx < x) {
			x, y, ok = mx, my, true
		}
	}
	return x, y, ok
}

// step is the nearest mark in a direction, or the farthest for a step to the end; the same one
// at the edge.
func step(labels map[string]string, x, y, dx, dy int) (int, int) {
	bestX, bestY, best := x, y, -1
	toEnd := dx >= far || dx <= -far || dy >= far || dy <= -far
	for id := range labels {
		mx, my, ok := scene.ParseMarkID(id)
		ahead, aside := (mx-x)*sign(dx)+(my-y)*sign(dy), (mx-x)*sign(dy)+(my-y)*sign(dx)
		if !ok || ahead <= 0 {
			continue
		}
		distance := ahead + 1000*max(aside, -aside)
		if toEnd {
			distance = far - ahead + far*max(aside, -aside)
		}
		if best < 0 || distance < best || distance == best && (my < bestY || my == bestY && mx < bestX) {
			bestX, bestY, best = mx, my, distance
		}
	}
	return bestX, bestY
}

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

// spokenReport is a lesson's result in a sentence or two.
func (a *App) spokenReport(r *lab.Report) string {
	said := ""
	for i := range r.Facts[:min(2, len(r.Facts))] {
		said += a.Say(r.Facts[i]) + " "
	}
	return a.T("said.report", said)
}

// Came is which of the lesson's three predictions came true; false while no whole result
// stands there or it does not decide.
func (p *Page) Came() (answer int, ok bool) {
	if p.Report == nil || p.Stale || p.Partial() || p.Report.Answer == nil {
		return 0, false
	}
	return *p.Report.Answer, true
}

// GuessVerdict says what became of the guess about the registry's lesson.
func (a *App) GuessVerdict() string {
	p, about := a.Page(), a.Lab()
	if about == nil || about.Lesson == nil {
		return ""
	}
	answer, came := p.Came()
	done := p.Report != nil && !p.Stale && !p.Partial()
	switch {
	case done && !came:
		return a.T("verdict.nothing")
	case p.Guess < 0 && came:
		return a.T("verdict.noguess")
	case p.Guess < 0:
		return a.T("verdict.first")
	case !came:
		return a.T("verdict.run")
	}
	truth := a.Said(about.Lesson.Guesses[answer])
	switch {
	case p.Late:
		return a.T("verdict.was", text.QuoteWords(a.Lang, truth))
	case answer == p.Guess:
		return a.T("verdict.yes")
	}
	return a.T("verdict.no", text.QuoteWords(a.Lang, truth))
}

// KeptLine says how many items were measured; empty where nothing was filtered.
func (a *App) KeptLine(r *lab.Report) string {
	if r == nil || r.Of == 0 {
		return ""
	}
	if r.Kept == r.Of {
		return a.T("kept.all", text.Int(r.Of))
	}
	return a.T("kept.line", text.Int(r.Kept), text.Int(r.Of))
}

// figureHeight is the room, in CSS pixels, for a report's picture at a width. The usual room is
// there before the result, so that most of them move nothing when they arrive.
func figureHeight(f *lab.Figure, width float64) float64 {
	usual := 420.0
	if width < 480 {
		usual = 320
	}
	if f == nil {
		return usual
	}
	want := float64(scene.FigureHeight(f, float32(width)))
	if f.Kind == lab.Bars { // a few bars may be thicker, and the page moves less
		want = max(want, min(usual, want*1.4))
	}
	if want > usual-140 && want < usual {
		return usual
	}
	return float64(int(max(want, 200)))
}
