package lab

import (
	"math"
	"strconv"
)

// sides is how many parts stand side by side.
const sides = 12

// result says what is known so far.
func (d *dissection) result() *ResidualResult {
	r := &ResidualResult{Tokens: tokenTexts(d.b, d.ids), Token: tokenText(d.b, d.answer), Score: d.direct.score, Sum: d.direct.sum()}
	if d.against >= 0 {
		t := tokenText(d.b, d.against)
		r.Against = &t
	}
	r.Figures = d.figures(r)
	r.Facts = d.facts(r)
	if a := d.verdict(); a >= 0 {
		r.Answer = &a
	}
	return r
}

func (d *dissection) figures(r *ResidualResult) []Figure {
	layers := layerAxis(span(0, len(d.direct.attn)))
	tokens := Axis{Name: say("token"), Labels: tokenWords(r.Tokens)}
	heads := Axis{Name: say("head"), Labels: numbers(d.b.Model.Config().Heads)}
	unit := say("logits towards the answer")
	out := []Figure{d.streamFigure(layers), {
		Name: "direct", Kind: Bars, Title: say("What each part adds to the answer directly"), Unit: unit, Scale: Effect, X: layers,
		Series: []Series{{Name: say("attention"), Values: Nums(d.direct.attn)}, {Name: say("mlp"), Values: Nums(d.direct.mlp)}},
	}}
	if d.lost.attn != nil {
		out = append(out, d.lostFigure(layers), d.bothFigure())
	}
	out = append(out,
		gridOf("heads", say("What each head adds to the answer directly"), unit, heads, layers, d.direct.heads),
		gridOf("sources", say("Which token each attention fetched it from"), unit, tokens, layers, d.direct.sources))
	if d.lost.heads != nil {
		cells := make([][]float64, len(d.lost.heads))
		for l, row := range d.lost.heads {
			cells[l] = logprobs(row)
		}
		out = append(out, gridOf("knocked_heads", say("What is lost without each head"), say("change of the answer's log-probability, nats"), heads, layers, cells))
	}
	return append(out, d.cosineFigure(layers))
}

func gridOf(name string, title, unit Words, x, y Axis, cells [][]float64) Figure {
	f := Figure{Name: name, Kind: Grid, Title: title, Unit: unit, Scale: Effect, X: x, Y: y}
	for _, row := range cells {
		f.Cells = append(f.Cells, Nums(row))
	}
	f.Best = farthest(cells)
	return f
}

// extreme is the place (x, y) of the number farthest from 0, nil of nothing.
func farthest(cells [][]float64) (at *[2]int) {
	most := 0.0
	for y, row := range cells {
		for x, v := range row {
			if math.Abs(v) > most {
				most, at = math.Abs(v), &[2]int{x, y}
			}
		}
	}
	return at
}

func tokenWords(ts []TokenText) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Text
	}
	return out
}

func logprobs(of []lost) []float64 {
	out := make([]float64, len(of))
	for i, l := range of {
		out[i] = l.logprob
	}
	return out
}

func lengths(vs [][]float32) []Num {
	out := make([]Num, len(vs))
	for i, v := range vs {
		out[i] = Num(norm(v))
	}
	return out
}

func (d *dissection) streamFigure(layers Axis) Figure {
	s := &d.stream
	return Figure{
		Name: "stream", Kind: Stream, Title: say("The residual stream after {0}", quoted(d.b, d.ids[len(d.ids)-1])), Unit: say("length of the vector"), Scale: Amount, X: layers,
		Series: []Series{{Name: say("attention"), Values: lengths(s.attn)}, {Name: say("mlp"), Values: lengths(s.mlp)}, {Name: say("stream"), Values: lengths(s.post)}},
	}
}

// cosineFigure compares what is added with what is there already: below 0 a part takes something away.
func (d *dissection) cosineFigure(layers Axis) Figure {
	s, parallel := &d.stream, d.b.Model.Config().Parallel
	var attn, mlp []float64
	before := s.embed
	for l := range s.attn {
		attn = append(attn, cosine(s.attn[l], before))
		if mid := plus(before, s.attn[l], 1); !parallel {
			before = mid
		}
		mlp = append(mlp, cosine(s.mlp[l], before))
		before = s.post[l]
	}
	return Figure{
		Name: "cosine", Kind: Lines, Title: say("Along the stream or against it"), Unit: say("cosine with what is there already"), Scale: Effect, X: layers,
		Series: []Series{{Name: say("attention"), Values: Nums(attn)}, {Name: say("mlp"), Values: Nums(mlp)}},
	}
}

func (d *dissection) lostFigure(layers Axis) Figure {
	cells := make([][]float64, len(d.lost.attn))
	for l := range cells {
		cells[l] = []float64{d.lost.attn[l].logprob, d.lost.mlp[l].logprob}
	}
	parts := Axis{Name: say("part"), Labels: []string{say("attention").Text, say("mlp").Text}}
	return gridOf("knocked", say("What is lost without each part"), say("change of the answer's log-probability, nats"), parts, layers, cells)
}

// part is an attention or an MLP by what it adds directly and what its loss takes away.
type streamPart struct {
	name         string
	direct, lost float64
	firstLost    bool
}

// parts are all attentions and MLPs, those with the largest direct share first.
func (d *dissection) parts() []streamPart {
	var all []streamPart
	for l := range d.direct.attn {
		n := strconv.Itoa(l)
		all = append(all, streamPart{"A" + n, d.direct.attn[l], d.lost.attn[l].score, !d.lost.attn[l].first}, streamPart{"M" + n, d.direct.mlp[l], d.lost.mlp[l].score, !d.lost.mlp[l].first})
	}
	out := make([]streamPart, 0, len(all))
	for _, i := range descending(len(all), func(i int) float64 { return math.Abs(all[i].direct) }) {
		out = append(out, all[i])
	}
	return out
}

// bothFigure puts direct attribution beside knock-out. What is lost is drawn as its opposite, so that
// equal bars mean that nothing else changed.
func (d *dissection) bothFigure() Figure {
	f := Figure{
		Name: "both", Kind: Bars, Title: say("Added directly, and lost without it"), Unit: say("logits towards the answer"), Scale: Effect,
		X:      Axis{Name: say("part: A attention, M MLP, with its layer")},
		Series: []Series{{Name: say("added directly")}, {Name: say("lost when knocked out")}},
	}
	for _, p := range d.parts()[:min(sides, 2*len(d.direct.attn))] {
		f.X.Labels = append(f.X.Labels, p.name)
		f.Series[0].Values, f.Series[1].Values = append(f.Series[0].Values, Num(p.direct)), append(f.Series[1].Values, Num(-p.lost))
	}
	return f
}

// shown is a token as a sentence quotes it.
func quoted(b *Bench, id int32) string { return strconv.Quote(b.Tokens.Text(id)) }
