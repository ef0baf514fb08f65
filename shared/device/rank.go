package device

import (
	"math"
	"slices"
)

// RankRow summarises one row of logits on the host; it is what every Ranker must equal.
func RankRow(logits []float32, req RankRequest, final []float32) Ranking {
	lz := logSumExp(logits)
	r := Ranking{LogZ: float32(lz), Entropy: float32(entropy(logits, lz))}
	r.IDs = topIDs(logits, req.K)
	for _, id := range r.IDs {
		r.LogProbs = append(r.LogProbs, float32(float64(logits[id])-lz))
	}
	for _, id := range req.Tokens {
		r.TokenLP = append(r.TokenLP, float32(float64(logits[id])-lz))
		r.Rank = append(r.Rank, rankOf(logits, id))
	}
	if final != nil {
		r.KL = float32(divergence(final, logits, lz))
	}
	return r
}

func logSumExp(x []float32) float64 {
	m := float64(slices.Max(x))
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - m)
	}
	return m + math.Log(sum)
}

func entropy(x []float32, lz float64) float64 {
	h := 0.0
	for _, v := range x {
		lp := float64(v) - lz
		h -= math.Exp(lp) * lp
	}
	return h
}

// divergence is KL(p || q) in nats, p and q given by logits, lq the log normaliser of q.
func divergence(p, q []float32, lq float64) float64 {
	lp := logSumExp(p)
	kl := 0.0
	for i := range p {
		a := float64(p[i]) - lp
		kl += math.Exp(a) * (a - (float64(q[i]) - lq))
	}
	return max(kl, 0)
}

func rankOf(x []float32, id int32) int32 {
	n := int32(0)
	for j, v := range x {
		if v > x[id] || (v == x[id] && int32(j) < id) {
			n++
		}
	}
	return n
}

// topIDs keeps a short sorted list: k is small and most elements fail the first comparison.
func topIDs(x []float32, k int) []int32 {
	k = min(k, len(x))
	top := make([]int32, 0, k+1)
	for i, v := range x {
		if len(top) == k && (k == 0 || v <= x[top[k-1]]) {
			continue
		}
		at := len(top)
		for at > 0 && v > x[top[at-1]] {
			at--
		}
		top = slices.Insert(top, at, int32(i))
		if len(top) > k {
			top = top[:k]
		}
	}
	return top
}
