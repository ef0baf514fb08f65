package lab

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"patchbay/shared/plan"
)

// sweepStrengths is how many strengths a sweep tries: four each way.
const sweepStrengths = 8

// strengths are what a sweep adds, in units of the mean residual norm: halving from four times the
// difference at the chosen layer, or from the largest strength there is.
func (s *steering) strengths() []float64 {
	top := 0.4
	if s.v != nil && s.p.Vector == nil {
		top = min(maxTimes*norm(s.v[s.at])/s.norms[s.at], maxSteer)
	}
	return []float64{-top, -top / 2, -top / 4, -top / 8, top / 8, top / 4, top / 2, top}
}

// sweepLayers is how many layers a sweep tries at most.
const sweepLayers = 9

// tried are the layers of a sweep, spread over the depth, the chosen one among them.
func (s *steering) tried() []int {
	n := s.b.Model.Config().Layers
	step := (n + sweepLayers - 1) / sweepLayers
	return every(s.layer%step, n, step)
}

// stacked is one vector for each tried layer, sized there: [layers, 1, width].
func (s *steering) stacked(c steerWay) *plan.Operand {
	var rows [][]float32
	for _, l := range s.tried() {
		rows = append(rows, s.unitAt(c, l))
	}
	return stacked(rows)
}

// gridPlan steers one prompt at every layer and strength, or with every layer's direction
// projected out.
func (s *steering) gridPlan(prompt plan.Prompt) *plan.Plan {
	c := s.conditions()[1]
	run := plan.Run{Name: "grid", Prompt: prompt, Reads: s.words.reads()}
	if s.p.Operation == opProject {
		var operands []plan.Operand
		for _, l := range s.tried() {
			operands = append(operands, *plan.Literal(nil, c.vector(l)))
		}
		run.Edits, run.Sweep = s.edits(s.layer, &operands[0]), &plan.Sweep{Operands: operands}
	} else {
		c.sign = 1
		run.Edits = s.edits(s.layer, s.stacked(c))
		run.Sweep = &plan.Sweep{Layers: plan.Select{List: s.tried()}, Strengths: s.strengths()}
	}
	return &plan.Plan{Runs: []plan.Run{{Name: "unsteered", Prompt: prompt, Reads: s.words.reads()}, run}}
}

// linesPlan treats one prompt with the vector and its controls: at one layer by strength, or
// projected out, by layer.
func (s *steering) linesPlan(prompt plan.Prompt, layer int) *plan.Plan {
	run := plan.Run{Name: "lines", Prompt: prompt, Reads: s.words.reads()}
	var operands []plan.Operand
	for _, c := range s.compared() {
		if s.p.Operation != opProject {
			operands = append(operands, *plan.Literal(nil, s.unitAt(c, layer)))
			continue
		}
		for _, l := range s.tried() {
			operands = append(operands, *plan.Literal(nil, c.vector(l)))
		}
	}
	run.Edits, run.Sweep = s.edits(layer, &operands[0]), &plan.Sweep{Operands: operands}
	if s.p.Operation != opProject {
		run.Sweep.Strengths = s.strengths()
	}
	return &plan.Plan{Runs: []plan.Run{run}}
}

// compared are the vector and the controls that a sweep over signed strengths needs: the turned
// sign is in it already.
func (s *steering) compared() []steerWay {
	var out []steerWay
	for _, c := range s.conditions()[1:] {
		if c.name.Text != "sign turned" {
			c.sign = 1
			out = append(out, c)
		}
	}
	return out
}

// steerTally sums the scores of cells over test prompts: [cell][prompt].
type steerTally struct {
	cells [][]float64
	base  []float64
}

// sweep tries layers and strengths on all test prompts, then compares the best layer with its
// controls.
func (s *steering) sweep(ctx context.Context) error {
	if err := s.scorable(); err != nil {
		return err
	}
	columns := sweepStrengths
	if s.p.Operation == opProject {
		columns = 1
	}
	t := &steerTally{cells: make([][]float64, len(s.tried())*columns)}
	tests := s.tests()
	for i, test := range tests {
		if err := s.grid(ctx, t, test, i, len(tests)); err != nil {
			return err
		}
	}
	at := s.best(t, columns)
	s.drawGrid(t, columns, at)
	if s.p.Operation != opProject {
		s.layer = s.tried()[at/columns]
	}
	return s.lines(ctx, t, tests, at, columns)
}

// grid measures one test. Cells are drawn as they come, so that something is seen at once.
func (s *steering) grid(ctx context.Context, t *steerTally, test steerTest, i, of int) error {
	for k, p := range test {
		see := s.watchGrid(t, p.weight, k == 0, float64(i)+float64(k)/float64(len(test)), of)
		if _, err := perform(ctx, s.b, nil, s.gridPlan(p.prompt), see); err != nil {
			return err
		}
	}
	return nil
}

// watchGrid puts the scores of one prompt into the cells, those of a test's first prompt as new ones.
func (s *steering) watchGrid(t *steerTally, weight float64, first bool, before float64, of int) plan.Observer {
	columns, cells, shown, done := len(t.cells)/len(s.tried()), len(t.cells), time.Time{}, 0
	put := func(list *[]float64, r plan.ReadResult) {
		x := weight * s.words.of(leaves(r.Values))[0]
		if first {
			*list = append(*list, x)
		} else {
			(*list)[len(*list)-1] += x
		}
	}
	return plan.Observer{
		Finished: func(r plan.RunResult) {
			if r.Name == "unsteered" {
				put(&t.base, r.Reads[0])
			}
		},
		Variant: func(v plan.Variant) {
			put(&t.cells[v.Index], v.Reads[0])
			if done++; time.Since(shown) > 300*time.Millisecond {
				s.drawGrid(t, columns, -1)
				s.partial("prompts", int(before*float64(cells))+done, of*cells)
				shown = time.Now()
			}
		},
	}
}

// leaves are the numbers of a read's nested lists.
func leaves(raw json.RawMessage) []float32 {
	var out []float32
	for i := 0; i < len(raw); {
		j := i
		for j < len(raw) && raw[j] != ',' && raw[j] != '[' && raw[j] != ']' {
			j++
		}
		if j > i {
			x, err := strconv.ParseFloat(string(raw[i:j]), 32)
			if err != nil {
				x = math.NaN()
			}
			out = append(out, float32(x))
		}
		i = j + 1
	}
	return out
}

// change is how far a cell moves the score, over the prompts that it was measured on.
func (t *steerTally) change(cell int) float64 {
	m, n := 0.0, len(t.cells[cell])
	for i, x := range t.cells[cell] {
		m += (x - t.base[i]) / float64(n)
	}
	if n == 0 {
		return math.NaN()
	}
	return m
}

// best is the cell that moves the score most the way that the operation should.
func (s *steering) best(t *steerTally, columns int) int {
	way := 1.0
	if s.p.Operation != opAdd {
		way = -1
	}
	return highest(len(t.cells), func(i int) float64 { return way * t.change(i) })
}

func (s *steering) drawGrid(t *steerTally, columns, at int) {
	f := Figure{
		Name: "sweep", Kind: Grid, Title: say("Where and how strongly does the vector act?"), Unit: say("change of the mean score"), Scale: Effect,
		X: Axis{Name: say("strength, in mean residual norms")}, Y: Axis{Name: say("layer")},
	}
	for _, x := range s.strengths() {
		f.X.Labels = append(f.X.Labels, decimal(x, 2))
	}
	if columns == 1 {
		f.X = Axis{Name: say("what was done"), Labels: []string{say("vector projected out").Text}}
	}
	for i, l := range s.tried() {
		row := make([]Num, columns)
		for k := range row {
			row[k] = Num(t.change(i*columns + k))
		}
		f.Y.Labels, f.Cells = append(f.Y.Labels, strconv.Itoa(l)), append(f.Cells, row)
	}
	if at >= 0 {
		f.Best = &[2]int{at % columns, at / columns}
	}
	s.first(f)
}

// lines compares the vector with its controls where it was best, with intervals.
func (s *steering) lines(ctx context.Context, t *steerTally, tests []steerTest, at, columns int) error {
	list := s.compared()
	places := sweepStrengths
	if columns == 1 {
		places = len(s.tried())
	}
	scores := make([][]float64, len(list)*places)
	for i, test := range tests {
		s.test = i
		for k := range scores {
			scores[k] = append(scores[k], 0)
		}
		for _, p := range test {
			if err := s.line(ctx, p, scores, i); err != nil {
				return err
			}
		}
		s.drawLines(t, list, scores, places)
		s.partial("controls", i+1, len(tests))
	}
	s.concludes(t, list, scores, places, at, columns)
	return nil
}

// line adds one prompt's scores to those of its test.
func (s *steering) line(ctx context.Context, p part, scores [][]float64, test int) error {
	res, err := perform(ctx, s.b, nil, s.linesPlan(p.prompt, s.layer), plan.Observer{})
	if err != nil {
		return err
	}
	for k, x := range s.words.of(rowsOf(res, "lines", "score")[0]) {
		scores[k][test] += p.weight * x
	}
	return nil
}

// drawLines puts two figures after the grid: the share of prompts that lean to the first side, and
// the mean score.
func (s *steering) drawLines(t *steerTally, list []steerWay, scores [][]float64, places int) {
	axis := Axis{Name: say("strength, in mean residual norms")}
	for _, x := range s.strengths() {
		axis.Labels = append(axis.Labels, decimal(x, 2))
	}
	if s.p.Operation == opProject {
		axis = layerAxis(s.tried())
	}
	share := Figure{Name: "rates", Kind: Lines, Title: say("The vector beside its controls: how many prompts lean to the first side"), Unit: say("share of prompts, with 95 % intervals"), Scale: Share, X: axis}
	score := Figure{Name: "scores", Kind: Lines, Title: say("The vector beside its controls: mean score"), Unit: s.set.unit, Scale: Effect, X: axis}
	for i, c := range list {
		rs, line := []Rate{}, Series{Name: c.name, Control: c.control}
		for _, xs := range scores[i*places : (i+1)*places] {
			rs = append(rs, leaning(xs))
			line.put(mean(xs))
		}
		share.Series, score.Series = append(share.Series, rates(c.name, rs, c.control)), append(score.Series, line)
	}
	m, low, high := mean(t.base)
	share.Series = append(share.Series, level(say("unsteered"), leaning(t.base), true))
	score.Series = append(score.Series, Series{Name: say("unsteered"), Values: []Num{Num(m)}, Low: []Num{Num(low)}, High: []Num{Num(high)}, Control: true, Level: true})
	grid := s.out.Figures[0]
	all := []Figure{grid, share, score}
	for _, f := range s.out.Figures[1:] {
		if f.Name != share.Name && f.Name != score.Name {
			all = append(all, f)
		}
	}
	s.out.Figures = all
}

func leaning(xs []float64) (r Rate) {
	for _, x := range xs {
		r.add(x > 0)
	}
	return r
}

// concludes writes down the best place and what controls do there.
func (s *steering) concludes(t *steerTally, list []steerWay, scores [][]float64, places, at, columns int) {
	k := at % columns
	if columns == 1 {
		k = at
	}
	item := func(name Words, xs []float64) SteerItem {
		m, low, high := mean(xs)
		return SteerItem{Name: name, Rate: leaning(xs), Score: Num(m), Low: Num(low), High: Num(high)}
	}
	s.out.Checks = []SteerItem{item(say("unsteered"), t.base)}
	for i, c := range list {
		s.out.Checks = append(s.out.Checks, item(c.name, scores[i*places+k]))
	}
	s.verdict(s.out.Checks)
	layer := strconv.Itoa(s.tried()[at/columns])
	s.out.Layer = s.tried()[at/columns]
	for i := range s.out.Vectors { // what is kept is what is spoken of
		v := &s.out.Vectors[i]
		v.Layer, v.Values = s.out.Layer, s.v[s.out.Layer]
	}
	c := s.out.Checks
	w := say("The best place on these {0} prompts is layer {1}: unsteered {2} lean to the first side, with the vector {3}, with a random vector {4}. It was chosen on the same prompts, so it is slightly flattered.", strconv.Itoa(len(t.base)), layer, c[0].Rate.String(), c[1].Rate.String(), c[2].Rate.String())
	s.headline(w)
}
