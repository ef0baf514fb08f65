package main

// frame is how Go arranges a function that calls others (cmd/internal/obj/wasm): a block to
// leave it by when the goroutine stops (u), in it a loop, in it a block for every place where
// the function can go on; a table leads to them by the number in local 0.
//
//	block            ; u
//	 loop
//	  block … block  ; the last of them ends where segment 0 begins, the first, segment k-1
//	   local.get 0
//	   br_table …
//	  end            ; segment 0
//	  …
//	  i32.const 7    ; every jump goes back to the table:
//	  local.set 0    ; number 7 of it
//	  br loop
type frame struct {
	unwind, loop int // where they open, or -1
	first, k     int // where the first of the k blocks opens
	table        []uint32
}

// frameOf recognises the arrangement; what is not there is -1 or 0.
func frameOf(ops []op) frame {
	f := frame{unwind: -1, loop: -1}
	for at, o := range ops {
		if o.code != opBrTable {
			continue
		}
		k := int(o.table[len(o.table)-1]) + 1
		first := at - 1 - k
		if first < 0 || ops[at-1].code != opGet || ops[at-1].x != 0 {
			break
		}
		for _, b := range ops[first : at-1] {
			if b.code != opBlock || b.x != 0x40 {
				return f
			}
		}
		f.first, f.k, f.table = first, k, o.table
		if first > 0 && ops[first-1].code == opLoop {
			f.loop = first - 1
		}
		break
	}
	f.unwind = unwindOf(ops)
	if f.unwind >= f.first && f.k > 0 {
		f.unwind = -1
	}
	return f
}

// unwindOf finds the block that is left with 1 on the stack: what follows it is no more than that.
func unwindOf(ops []op) int {
	n := len(ops)
	if n < 6 || ops[n-4].code != opUnreachable || ops[n-3].code != opEnd || ops[n-2].code != opI32Const || ops[n-2].x != 1 {
		return -1
	}
	at := 0
	for at < n && (ops[at].code == opGlobalGet || ops[at].code == opI64Const || ops[at].code == opSet) {
		at++ // the stack pointer and the function's number
	}
	if ops[at].code != opBlock {
		return -1
	}
	return at
}

// jumps leads jumps forward to where they go, without the table, and returns from a function
// that stops in place of a jump to its end: the depth of a jump there is another number at each
// call, which compresses badly. A function of another arrangement comes back as it was.
func (w *rewriter) jumps(ops []op) []op {
	f := frameOf(ops)
	if f.k == 0 && f.unwind < 0 {
		return ops
	}
	out := make([]op, 0, len(ops)+len(ops)/8)
	var open []int // where the blocks around opened, in ops
	for i, o := range ops {
		switch o.code {
		case opBlock, opLoop, opIf:
			open = append(open, i)
		case opEnd:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case opBr, opBrIf:
			target := -1
			if int(o.x) < len(open) {
				target = open[len(open)-1-int(o.x)]
			}
			switch {
			case target >= 0 && target == f.unwind:
				if o.code != opBrIf {
					return ops
				}
				w.exits++
				out = append(out, op{code: opIf, x: 0x40}, op{code: opI32Const, x: 1}, op{code: opReturn}, op{code: opEnd})
				continue
			case target >= 0 && target == f.loop:
				depth, ok := f.forward(ops[:i], open)
				if ok {
					w.forward++
					out = append(out[:len(out)-2], op{code: opBr, x: depth})
					continue
				}
			}
		case opBrTable:
			if len(open) > 0 && i != f.first+f.k+1 {
				return ops
			}
		}
		out = append(out, o)
	}
	return out
}

// forward is the depth of the block that ends where the jump behind ops wants to go, if it is
// still open.
func (f *frame) forward(ops []op, open []int) (depth int64, ok bool) {
	n := len(ops)
	if n < 2 || ops[n-1].code != opSet || ops[n-1].x != 0 || ops[n-2].code != opI32Const {
		return 0, false
	}
	to := int(ops[n-2].x)
	if to < 0 || to >= len(f.table) {
		return 0, false
	}
	block := f.first + f.k - 1 - int(f.table[to])
	for i, at := range open {
		if at == block {
			return int64(len(open) - 1 - i), true
		}
	}
	return 0, false
}
