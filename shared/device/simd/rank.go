package simd

import (
	"fmt"
	"math"
	"unsafe"

	"patchbay/shared/device"
)

// sums are rank_sums of rank.h.
type sums struct{ max, z, zx, d float64 }

func (s sums) logZ() float64    { return s.max + math.Log(s.z) }
func (s sums) entropy() float64 { return math.Log(s.z) - s.zx/s.z }

// Rank implements device.Ranker.
func (d *Device) Rank(out []device.Ranking, logits device.Buffer, rows, n int, req device.RankRequest) error {
	from := in(logits, rows*n)
	for _, t := range req.Tokens {
		if t < 0 || int(t) >= n {
			panic(fmt.Sprintf("simd: token %d of a vocabulary of %d", t, n))
		}
	}
	k, tokens := min(max(req.K, 0), n), len(req.Tokens)
	perRow := 32 + 8*k + 8*tokens
	scratch, err := d.take("simd.Rank", perRow*max(rows, 1)+4*tokens)
	if err != nil {
		return err
	}
	defer d.host.free(scratch)
	r := ranker{d: d, req: req, n: n, k: k, at: scratch}
	if req.Final != nil {
		r.final = r.sums(in(req.Final, n), 1, call{})[0]
	}
	r.rank(out[:rows], from)
	return nil
}

// ranker is one call: results of all rows lie one after the other from at: sums, values, ids, ranks.
type ranker struct {
	d     *Device
	req   device.RankRequest
	n, k  int
	at    uintptr
	final sums
}

// sums runs the kernel over rows of logits and reads its sums.
func (r *ranker) sums(logits uintptr, rows int, c call) []sums {
	c.p[0], c.p[1], c.i[0] = r.at, logits, int32(r.n)
	r.d.run(kRank, &c, rows, dear*float64(r.n))
	out := make([]sums, rows)
	if rows > 0 {
		r.d.host.copyOut(unsafe.Pointer(&out[0]), r.at, 32*rows)
	}
	return out
}

func (r *ranker) rank(out []device.Ranking, logits uintptr) {
	rows, tokens := len(out), len(r.req.Tokens)
	values := r.at + uintptr(32*rows)
	ids := values + uintptr(4*rows*r.k)
	ranks := ids + uintptr(4*rows*r.k)
	wanted := ranks + uintptr(4*rows*tokens)
	c := call{p: [8]uintptr{0, 0, 0, values, ids, wanted, ranks}, i: [12]int32{0, int32(r.k), int32(tokens)}}
	if r.req.Final != nil {
		c.p[2], c.f[0] = in(r.req.Final, r.n), float32(r.final.max)
	}
	if tokens > 0 {
		r.d.host.copyIn(wanted, unsafe.Pointer(&r.req.Tokens[0]), 4*tokens)
	}
	for i, s := range r.sums(logits, rows, c) {
		out[i] = r.row(s, i, logits, values, ids, ranks)
	}
}

// row reads what the kernel left for row i.
func (r *ranker) row(s sums, i int, logits, values, ids, ranks uintptr) device.Ranking {
	tokens := len(r.req.Tokens)
	lz := s.logZ()
	v := device.Ranking{LogZ: float32(lz), Entropy: float32(s.entropy())}
	v.IDs = make([]int32, r.k)
	v.LogProbs = make([]float32, r.k)
	if r.k > 0 {
		r.d.host.copyOut(unsafe.Pointer(&v.IDs[0]), ids+uintptr(4*i*r.k), 4*r.k)
		r.d.host.copyOut(unsafe.Pointer(&v.LogProbs[0]), values+uintptr(4*i*r.k), 4*r.k)
	}
	for j, x := range v.LogProbs {
		v.LogProbs[j] = float32(float64(x) - lz)
	}
	if tokens > 0 {
		v.Rank = make([]int32, tokens)
		v.TokenLP = make([]float32, tokens)
		r.d.host.copyOut(unsafe.Pointer(&v.Rank[0]), ranks+uintptr(4*i*tokens), 4*tokens)
		for j, t := range r.req.Tokens {
			r.d.host.copyOut(unsafe.Pointer(&v.TokenLP[j]), logits+uintptr(4*(i*r.n+int(t))), 4)
			v.TokenLP[j] = float32(float64(v.TokenLP[j]) - lz)
		}
	}
	if r.req.Final != nil {
		v.KL = float32(max(s.d/r.final.z-math.Log(r.final.z)+math.Log(s.z), 0))
	}
	return v
}
