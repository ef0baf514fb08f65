package plan

import (
	"cmp"
	"context"
	"slices"
)

// reading is a read under way: what was captured, then what became of it.
type reading struct {
	d      *read
	layers []*capture
	tokens []int32     // the read's, answers filled in
	values [][]float32 // by layer, of shape
	shape  []int
	top    [][][]Item // topk: by layer and row (position, or position and head)
}

// Item is one of the largest: a token or an element.
type Item struct {
	ID    int32   `json:"id"`
	Text  string  `json:"text,omitempty"` // of a token
	Value float32 `json:"value"`          // log-probability of a token, or the element
}

// flat is the read's result with its layers one after the other.
func (o *outcome) flat(d *read) []float32 {
	rd := o.reads[d]
	if len(rd.values) == 1 {
		return rd.values[0]
	}
	return slices.Concat(rd.values...)
}

// reduce turns captures into results.
func (x *executor) reduce(ctx context.Context, o *outcome, jobs []*job) error {
	for _, rd := range o.reads {
		rd.values = make([][]float32, len(rd.layers))
		rd.shape = rd.d.shape(len(rd.layers[0].pos), 1)
		if rd.d.src.Reduce == TopK {
			rd.top = make([][][]Item, len(rd.layers))
		}
		if rd.d.lens() {
			rd.room()
			continue
		}
		if err := x.reduceRaw(ctx, rd); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		for _, u := range j.uses {
			x.spread(j, u)
		}
	}
	for _, rd := range o.reads {
		rd.average()
	}
	return nil
}

// room makes space for the vocabulary reductions, which come row by row.
func (rd *reading) room() {
	n := 1
	for _, s := range rd.d.shape(len(rd.layers[0].pos), 1) {
		n *= s
	}
	if rd.d.src.Reduce == CrossEntropy {
		n = len(rd.layers[0].pos)
	}
	for i := range rd.values {
		rd.values[i] = make([]float32, n)
		if rd.top != nil {
			rd.top[i] = make([][]Item, len(rd.layers[i].pos))
		}
	}
}

// spread puts a job's result where one of its reads wants it.
func (x *executor) spread(j *job, u use) {
	d, out := u.rd.d, u.rd.values[u.layer]
	lp := func(id int32) float32 { // but for a constant, where only a difference is wanted
		if at := slices.Index(j.tokens, id); j.few != nil {
			return j.few[at]
		} else {
			return j.out.TokenLP[at]
		}
	}
	n := len(u.rd.tokens)
	switch d.src.Reduce {
	case Logits, LogProb, Rank:
		for i, id := range u.rd.tokens {
			at := slices.Index(j.tokens, id)
			switch d.src.Reduce {
			case Logits:
				out[u.row*n+i] = j.logit(at)
			case LogProb:
				out[u.row*n+i] = j.out.TokenLP[at]
			case Rank:
				out[u.row*n+i] = float32(j.out.Rank[at])
			}
		}
	case LogitDiff:
		out[u.row] = lp(u.rd.tokens[0]) - lp(u.rd.tokens[1])
	case CrossEntropy:
		out[u.row] = -lp(d.next[u.row])
	case KL:
		out[u.row] = j.out.KL
	case Entropy:
		out[u.row] = j.out.Entropy
	case TopK:
		k := u.rd.shape[1]
		items := make([]Item, 0, k)
		for i, id := range j.out.IDs[:k] {
			items = append(items, Item{id, x.env.Tokens.Text(id), j.out.LogProbs[i]})
			out[u.row*k+i] = j.out.LogProbs[i]
		}
		u.rd.top[u.layer][u.row] = items
	}
}

// logit is that of a token by its place among those asked for.
func (j *job) logit(at int) float32 {
	if j.few != nil {
		return j.few[at]
	}
	return j.out.TokenLP[at] + j.out.LogZ
}

// average ends cross_entropy: the mean over positions.
func (rd *reading) average() {
	if rd.d.src.Reduce != CrossEntropy {
		return
	}
	for i, v := range rd.values {
		sum := 0.0
		for _, x := range v {
			sum += float64(x)
		}
		rd.values[i] = []float32{float32(sum / float64(len(v)))}
	}
}

// reduceRaw does the reductions that do not look at the vocabulary.
func (x *executor) reduceRaw(ctx context.Context, rd *reading) error {
	d, P := rd.d, len(rd.layers[0].pos)
	var dirs [][]float32
	if d.src.Reduce == Projection {
		var err error
		if dirs, err = x.vectors(ctx, d.v); err != nil {
			return err
		}
		rd.shape = d.shape(P, len(dirs[0])/d.box.width)
	}
	for i, c := range rd.layers {
		switch d.src.Reduce {
		case Mean:
			rd.values[i] = mean(c.rows, c.width)
		case Norm:
			rd.values[i] = byRow(c.rows, d.box.width, length)
		case Projection:
			rd.values[i] = projections(c.rows, dirs[min(i, len(dirs)-1)], d.box.width)
		case TopK:
			rd.values[i], rd.top[i] = largest(c.rows, d.box.width, rd.shape[len(rd.shape)-1], d.index)
		default:
			rd.values[i] = c.rows
		}
	}
	return nil
}

func mean(rows []float32, n int) []float32 {
	sum := make([]float64, n)
	for i, x := range rows {
		sum[i%n] += float64(x)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(sum[i] / float64(max(len(rows)/n, 1)))
	}
	return out
}

func byRow(rows []float32, n int, f func([]float32) float64) []float32 {
	out := make([]float32, 0, len(rows)/n)
	for at := 0; at < len(rows); at += n {
		out = append(out, float32(f(rows[at:at+n])))
	}
	return out
}

// projections are the lengths of each row's parts along the directions, [rows, k]. A zero
// direction gives zero.
func projections(rows, dirs []float32, n int) []float32 {
	var out []float32
	for at := 0; at < len(rows); at += n {
		for d := 0; d < len(dirs); d += n {
			u := dirs[d : d+n]
			l := length(u)
			if l == 0 {
				l = 1
			}
			out = append(out, float32(dot(rows[at:at+n], u)/l))
		}
	}
	return out
}

// largest lists the k largest elements of each row, named as the model counts them.
func largest(rows []float32, n, k int, index []int) (values []float32, top [][]Item) {
	order := make([]int, n)
	for at := 0; at < len(rows); at += n {
		row := rows[at : at+n]
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int {
			if c := cmp.Compare(row[b], row[a]); c != 0 {
				return c
			}
			return a - b
		})
		items := make([]Item, k)
		for i, j := range order[:k] {
			id := j
			if index != nil {
				id = index[j]
			}
			items[i] = Item{ID: int32(id), Value: row[j]}
			values = append(values, row[j])
		}
		top = append(top, items)
	}
	return values, top
}
