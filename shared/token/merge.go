package token

import "slices"

// merger joins neighbouring symbols, the best pair first and the leftmost of equals, until no pair
// may be joined. A heap of candidates and a linked list make it O(n log n), so that a megabyte of
// one letter is no trap. It keeps its buffers from word to word.
type merger struct {
	text    string
	symbols []symbol
	heap    []candidate
}

// symbol is a stretch of the text that is one token so far.
type symbol struct {
	start, end int32 // in text; end 0: joined to the symbol on its left
	prev, next int32 // indices of the neighbours; -1: none
	id         int32 // -1: no token of the vocabulary
}

// candidate is a pair of neighbours that may be joined, as they were when it was found.
type candidate struct {
	rank uint32 // the least is joined first
	left int32  // index of the left symbol
	size int32  // bytes of both: differs when one of them has changed since
	id   int32  // what they make
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.left < d.left
}

// rule says what two neighbours make, if they may be joined, and how soon.
type rule interface {
	join(text string, left, right *symbol) (id int32, rank uint32, ok bool)
}

// start begins a word of so many symbols; add them next.
func (m *merger) start(text string, symbols int) {
	m.text = text
	m.symbols = slices.Grow(m.symbols[:0], symbols)
	m.heap = slices.Grow(m.heap[:0], symbols)
}

// add appends a symbol that reaches to end.
func (m *merger) add(end int, id int32) {
	n := int32(len(m.symbols))
	s := symbol{end: int32(end), prev: n - 1, next: -1, id: id}
	if n > 0 {
		s.start = m.symbols[n-1].end
		m.symbols[n-1].next = n
	}
	m.symbols = append(m.symbols, s)
}

// run joins what the rule allows. What is left is walked from symbol 0 along next.
func (m *merger) run(r rule) {
	for i := range len(m.symbols) - 1 {
		m.propose(r, int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		left := &m.symbols[c.left]
		if left.end == 0 || left.next < 0 {
			continue
		}
		right := &m.symbols[left.next]
		if right.end-left.start != c.size {
			continue
		}
		left.end, left.next, left.id = right.end, right.next, c.id
		right.end = 0
		if left.next >= 0 {
			m.symbols[left.next].prev = c.left
		}
		m.propose(r, left.prev)
		m.propose(r, c.left)
	}
}

// propose puts symbol i and its right neighbour among the candidates, if they may be joined.
func (m *merger) propose(r rule, i int32) {
	if i < 0 || m.symbols[i].next < 0 {
		return
	}
	left := &m.symbols[i]
	right := &m.symbols[left.next]
	if id, rank, ok := r.join(m.text, left, right); ok {
		m.push(candidate{rank, i, right.end - left.start, id})
	}
}

// push and pop keep the heap: container/heap would box every candidate.
func (m *merger) push(c candidate) {
	m.heap = append(m.heap, c)
	h, i := m.heap, len(m.heap)-1
	for i > 0 && c.before(h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = c
}

func (m *merger) pop() candidate {
	h := m.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	m.heap = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for child := 1; child < len(h); child = 2*i + 1 {
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(last) {
			break
		}
		h[i], i = h[child], child
	}
	h[i] = last
	return top
}
