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

// rewriteCode makes the functions of a code section smaller.
func rewriteCode(body []byte) ([]byte, error) {
	r := &reader{b: body}
	n := int(r.uleb())
	out := binary.AppendUvarint(nil, uint64(n))
	for i := 0; i < n && r.err == nil; i++ {
		f, err := rewriteFunction(i, r.bytes(int(r.uleb())))
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", i, err)
		}
		out = binary.AppendUvarint(out, uint64(len(f)))
		out = append(out, f...)
	}
	return out, r.err
}

func rewriteFunction(index int, body []byte) ([]byte, error) {
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
	locals, ops = returns(index, locals, ops)
	ops = shorter(addresses(jumps(ops)))
	out := binary.AppendUvarint(nil, uint64(len(locals)))
	for _, g := range locals {
		out = append(binary.AppendUvarint(out, g.n), g.kind)
	}
	return encode(out, ops), nil
}
