package main

// shorter replaces short sequences of instructions by shorter ones that do the same.
func shorter(ops []op) []op {
	out := make([]op, 0, len(ops))
	for _, o := range ops {
		out = append(out, o)
		for again := true; again; {
			out, again = reduce(out)
		}
	}
	return out
}

// reduce shortens the end of a sequence, once.
func reduce(out []op) ([]op, bool) {
	n := len(out)
	at := func(k int) op { // the k-th from the end
		if k > n {
			return op{}
		}
		return out[n-k]
	}
	a, b, c := at(3), at(2), at(1)
	switch {
	case a.code == opIf && b.code == opBr && b.x > 0 && c.code == opEnd:
		return append(out[:n-3], op{code: opBrIf, x: b.x - 1}), true
	case b.code == opSet && c.code == opGet && b.x == c.x:
		return append(out[:n-2], op{code: opTee, x: b.x}), true
	}
	return out, false
}
