package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"patchbay/shared/lab"
	"patchbay/shared/world"
)

// lesson runs an experiment of the lab as a student does: set changes its default parameters to
// hand it the world's items, and the numbers of a row are those of the result.
func lesson[P, R any](b *bench, name string, set func(*P)) (r R, err error) {
	e, err := lab.Get(name)
	if err != nil {
		return r, err
	}
	raw, err := lab.Complete(e.About, nil)
	if err != nil {
		return r, err
	}
	var p P
	if err := json.Unmarshal(raw, &p); err != nil {
		return r, err
	}
	set(&p)
	if raw, err = json.Marshal(p); err != nil {
		return r, err
	}
	out, err := e.Run(b.ctx, &b.lab, raw, nil)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out.Result, &r)
}

// arrow is what the lessons call the world's first format.
const arrow = "x -> y"

// figure finds a picture of a result. What the code asks for is always there.
func figure(r lab.Report, name string) lab.Figure {
	i := slices.IndexFunc(r.Figures, func(f lab.Figure) bool { return f.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("eval: the lesson shows no figure %q", name))
	}
	return r.Figures[i]
}

// series are the values of one line or row of bars.
func series(f lab.Figure, name string) []float64 {
	for _, s := range f.Series {
		if s.Name.String() == name {
			return floats(s.Values)
		}
	}
	panic(fmt.Sprintf("eval: the figure %s has no series %q", f.Name, name))
}

// floats rounds to six places: a result's numbers have as many, and a rate of 0.2 is not above 0.2.
func floats(xs []lab.Num) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = round(float64(x))
	}
	return out
}

func round(x float64) float64 { return math.Round(1e6*x) / 1e6 }

// sides are pairs as parameters have them.
func sides(ps []world.Pair) [][2]string {
	out := make([][2]string, len(ps))
	for i, p := range ps {
		out[i] = [2]string{p.X, p.Y}
	}
	return out
}
