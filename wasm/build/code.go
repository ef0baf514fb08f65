package main

import (
	"encoding/binary"
	"fmt"
)

// group is a run of a function's locals of one type.
type group struct {
	n    uint64
	kind byte
}

// The types of locals that the rewriting adds or looks for.
const (
	typeI32 = 0x7f
	typeI64 = 0x7e
)

// rewriter makes functions smaller and counts what it changed.
type rewriter struct {
	numbers, exits, forward, folded int
}

// rewriteCode makes the functions of a code section smaller, and those that never run a trap. Where it finds nothing to change,
// Go has changed how it arranges functions, and the build should not pass that over.
func rewriteCode(body []byte, never []bool) ([]byte, error) {
	r, w := &reader{b: body}, new(rewriter)
	n := int(r.uleb())
	out := binary.AppendUvarint(nil, uint64(n))
	for i := 0; i < n && r.err == nil; i++ {
		f, err := w.function(i, r.bytes(int(r.uleb())))
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", i, err)
		}
		if i < len(never) && never[i] {
			f = []byte{0, byte(opUnreachable), byte(opEnd)} // without locals
		}
		out = binary.AppendUvarint(out, uint64(len(f)))
		out = append(out, f...)
	}
	if r.err == nil && (w.numbers == 0 || w.exits == 0 || w.forward == 0 || w.folded == 0) {
		return nil, fmt.Errorf("the code is not arranged as this build knows it, has Go's compiler changed? Rewritten were %+v", *w)
	}
	return out, r.err
}

func (w *rewriter) function(index int, body []byte) ([]byte, error) {
	r := &reader{b: body}
	var locals []group
	for n := r.uleb(); n > 0 && r.err == nil; n-- {
		locals = append(locals, group{r.uleb(), r.byte()})
	}
	if r.err != nil {
		return nil, r.err
	}
	ops, err := decode(body[r.at:])
	if err != nil {
		return nil, err
	}
	locals, ops = w.returns(index, locals, ops)
	ops = shorter(w.addresses(w.jumps(ops)))
	out := binary.AppendUvarint(nil, uint64(len(locals)))
	for _, g := range locals {
		out = append(binary.AppendUvarint(out, g.n), g.kind)
	}
	return encode(out, ops), nil
}
