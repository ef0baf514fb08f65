package main

import (
	"fmt"
	"math"
	"strconv"

	"patchbay/shared/hook"
	"patchbay/shared/plan"
)

func prob(logp float32) float64 { return math.Exp(float64(logp)) }

// measureYears is the greater-than task on the tens digit: P(larger) minus P(smaller).
func measureYears(b *bench) ([]row, error) {
	r := row{technique: "greater-than, on the tens digit: P(larger) minus P(smaller)", wanted: "not in the list; GPT-2 small has 0.81 on two digits"}
	var digits []plan.TokenRef
	for d := range 10 {
		digits = append(digits, plan.TokenRef{ID: b.first(strconv.Itoa(d))})
	}
	var items []item
	for _, y := range b.sets.Years {
		items = append(items, item{text: y.Text})
	}
	sum := 0.0
	err := b.execute(items, []plan.Read{{Name: "p", Site: hook.Logits, Positions: plan.At(-1), Reduce: plan.LogProb, Tokens: digits}}, func(i int, _ plan.RunResult, array func(string) [][]float32) {
		for d, lp := range array("p")[0] {
			switch ten := b.sets.Years[i].From / 10; {
			case d > ten:
				sum += prob(lp)
			case d < ten:
				sum -= prob(lp)
			}
		}
	})
	sum /= float64(len(items))
	r.measured, r.met = fmt.Sprintf("%.2f", sum), sum > 0.8
	return []row{r}, err
}
