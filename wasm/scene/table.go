package scene

import (
	"strconv"

	"patchbay/shared/lab"
)

// LensTable is the picture as a table: a row per layer, the last one first as on the picture,
// a column per position with the top token and its probability.
func LensTable(r *lab.LensResult, layerName string) (header []string, rows [][]string) {
	header = []string{layerName}
	for _, p := range r.Positions {
		header = append(header, Visible(r.Tokens[p].Text))
	}
	for layer := len(r.Layers) - 1; layer >= 0; layer-- {
		row := []string{strconv.Itoa(layer)}
		for _, c := range r.Layers[layer] {
			t := topOf(c)
			row = append(row, Visible(t.Text)+" "+strconv.FormatFloat(float64(t.P), 'f', 3, 32))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// LensRecords is the whole result in long form, for CSV: one record per cell, header first.
func LensRecords(r *lab.LensResult) [][]string {
	out := [][]string{{"layer", "position", "token", "top", "p", "follow", "follow_p", "follow_rank", "entropy_nats", "kl_nats"}}
	num := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', 6, 32) }
	for layer, cells := range r.Layers {
		for i, c := range cells {
			pos, t := r.Positions[i], topOf(c)
			out = append(out, []string{strconv.Itoa(layer), strconv.Itoa(pos), r.Tokens[pos].Text, t.Text, num(t.P),
				r.Follow.Text, num(c.FollowP), strconv.Itoa(int(c.FollowRank)), num(c.Entropy), num(c.KL)})
		}
	}
	return out
}
