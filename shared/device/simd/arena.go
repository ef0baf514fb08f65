package simd

import "slices"

// arena hands out pieces of one growing memory: best fit over a list of free spans that are joined
// when neighbours are given back. The kernels' memory in the tab has no other allocator.
type arena struct {
	free  []span          // by address, never adjacent
	taken map[int64]int64 // size by address
	end   int64           // of the memory as it is
	limit int64           // it cannot grow beyond
	grow  func(n int64) int64
}

type span struct{ at, n int64 }

const alignment = 64

func newArena(base, end, limit int64, grow func(n int64) int64) *arena {
	base = alignUp(base)
	return &arena{free: []span{{base, end - base}}, taken: map[int64]int64{}, end: end, limit: limit, grow: grow}
}

func alignUp(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// take gives n bytes, from memory that is there or by growing it.
func (a *arena) take(n int64) (int64, bool) {
	n = max(alignUp(n), alignment)
	i := a.fit(n)
	if i < 0 {
		if !a.extend(n) {
			return 0, false
		}
		i = a.fit(n)
	}
	s := &a.free[i]
	at := s.at
	s.at, s.n = s.at+n, s.n-n
	if s.n == 0 {
		a.free = slices.Delete(a.free, i, i+1)
	}
	a.taken[at] = n
	return at, true
}

// fit is the smallest free span of at least n bytes, or -1.
func (a *arena) fit(n int64) int {
	best := -1
	for i, s := range a.free {
		if s.n >= n && (best < 0 || s.n < a.free[best].n) {
			best = i
		}
	}
	return best
}

// extend grows the memory so that its last span has n bytes. It asks for an eighth more than is
// there, so that many small requests do not mean many growths, and if refused for just what is needed.
func (a *arena) extend(n int64) bool {
	need := n - a.tail()
	if a.end+need > a.limit {
		return false
	}
	for _, ask := range []int64{min(max(need, a.end/8), a.limit-a.end), need} {
		if end := a.grow(ask); end > 0 {
			old := a.end
			a.end = end
			a.join(span{old, end - old})
			return true
		}
	}
	return false
}

// tail is the size of the free span that touches the end.
func (a *arena) tail() int64 {
	if k := len(a.free); k > 0 && a.free[k-1].at+a.free[k-1].n == a.end {
		return a.free[k-1].n
	}
	return 0
}

// give takes a piece back. Giving what was not taken is a defect and panics.
func (a *arena) give(at int64) {
	n, ok := a.taken[at]
	if !ok {
		panic("simd: freed memory that was not allocated")
	}
	delete(a.taken, at)
	a.join(span{at, n})
}

// join puts a span into the list and merges it with its neighbours.
func (a *arena) join(s span) {
	i, _ := slices.BinarySearchFunc(a.free, s.at, func(f span, at int64) int { return int(f.at - at) })
	if i < len(a.free) && s.at+s.n == a.free[i].at {
		s.n += a.free[i].n
		a.free = slices.Delete(a.free, i, i+1)
	}
	if i > 0 && a.free[i-1].at+a.free[i-1].n == s.at {
		a.free[i-1].n += s.n
		return
	}
	a.free = slices.Insert(a.free, i, s)
}

// left is how many bytes could still be had, in pieces.
func (a *arena) left() int64 {
	n := a.limit - a.end
	for _, s := range a.free {
		n += s.n
	}
	return n
}
