package main

// addresses folds what is added to an address into the access's own offset, and adds in 32 bits
// where Go went to 64 and back.
func (w *rewriter) addresses(ops []op) []op {
	const gone = 0xffff
	out := make([]op, 0, len(ops))
	var stack []int // where in out a constant is added to the stack pointer, -1 for other operands
	pop := func() int {
		if len(stack) == 0 {
			return -1
		}
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		return v
	}
	for i := 0; i < len(ops); i++ {
		o := ops[i]
		if o.code == opI64ExtendU && i+3 < len(ops) && ops[i+1].code == opI64Const && ops[i+2].code == opI64Add && ops[i+3].code == opI32Wrap && ops[i+1].x >= 0 && ops[i+1].x < 1<<20 {
			pop()
			at := -1
			if l := out[len(out)-1]; l.code == opGet && l.x == 1 {
				at = len(out)
			}
			out = append(out, op{code: opI32Const, x: ops[i+1].x}, op{code: opI32Add})
			stack = append(stack, at)
			i += 3
			continue
		}
		switch c := o.code; {
		case c >= 0x28 && c <= 0x35, c >= 0x36 && c <= 0x3e:
			if c >= 0x36 {
				pop()
			}
			if at := pop(); at >= 0 {
				w.folded++
				o.y += out[at].x
				out[at].code, out[at+1].code = gone, gone
			}
			if c < 0x36 {
				stack = append(stack, -1)
			}
		default:
			pops, pushes := effect(o)
			if pops < 0 {
				stack = stack[:0]
				break
			}
			for range pops {
				pop()
			}
			for range pushes {
				stack = append(stack, -1)
			}
		}
		out = append(out, o)
	}
	kept := out[:0]
	for _, o := range out {
		if o.code != gone {
			kept = append(kept, o)
		}
	}
	return kept
}

// effect is how many operands an instruction takes and leaves; -1 for those that end or begin a
// straight run.
func effect(o op) (pops, pushes int) {
	switch c := o.code; {
	case c == opGet || c == opGlobalGet || c == 0x3f || c >= opI32Const && c <= 0x44:
		return 0, 1
	case c == opSet || c == opGlobalSet || c == opDrop:
		return 1, 0
	case c == opTee || c == 0x40 || c == opI32Eqz || c == opI64Eqz:
		return 1, 1
	case c == opSelect:
		return 3, 1
	case c == opMemoryCopy || c == opMemoryFill:
		return 3, 0
	case c >= 0x67 && c <= 0x69, c >= 0x79 && c <= 0x7b, c >= 0x8b && c <= 0x91, c >= 0x99 && c <= 0x9f, c >= 0xa7 && c <= 0xc4, c >= 0xfc00 && c <= 0xfc07:
		return 1, 1
	case c >= 0x46 && c <= 0xa6:
		return 2, 1
	}
	return -1, 0
}
