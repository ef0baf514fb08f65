package main

import "slices"

// pcBase is the number of the first function in the addresses that Go gives code: an address is
// the function's number, 16 bits up, plus the place in it where it goes on (cmd/link/internal/wasm).
const pcBase = 0x1000

// returns keeps a function's own number in a local. Every call stores its return address, and
// the number in it, two bytes that differ in every function, broke the longest repetitions of
// the code: 61 KB of the worker in brotli.
func (w *rewriter) returns(index int, locals []group, ops []op) ([]group, []op) {
	base := int64(pcBase+index) << 16
	own := func(i int) bool {
		return ops[i].code == opI64Const && ops[i].x>>16 == base>>16 && i+1 < len(ops) && ops[i+1].code == opI64Store
	}
	calls := 0
	for i := range ops {
		if own(i) {
			calls++
		}
	}
	if calls < 2 || len(locals) == 0 || locals[0] != (group{1, typeI32}) || !loadsSP(ops) || frameOf(ops).k == 0 {
		return locals, ops
	}
	w.numbers++
	// Local 0 is where to go on, 1 the stack pointer, 2 will be the number.
	locals = slices.Clone(locals)
	if len(locals) > 1 && locals[1].kind == typeI64 {
		locals[1].n++
	} else {
		locals = slices.Insert(locals, 1, group{1, typeI64})
	}
	out := make([]op, 0, len(ops)+2*calls+2)
	out = append(out, ops[0], ops[1], op{code: opI64Const, x: base}, op{code: opSet, x: 2})
	for i, o := range ops[2:] {
		switch {
		case own(i + 2):
			out = append(out, op{code: opGet, x: 2}, op{code: opI64Const, x: o.x - base}, op{code: opI64Add})
			continue
		case o.code >= opGet && o.code <= opTee && o.x >= 2:
			o.x++
		}
		out = append(out, o)
	}
	return locals, out
}

// loadsSP is whether a function begins, as all do that use the stack, with its pointer.
func loadsSP(ops []op) bool {
	return len(ops) > 2 && ops[0].code == opGlobalGet && ops[0].x == 0 && ops[1].code == opSet && ops[1].x == 1
}
