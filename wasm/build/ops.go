package main

import (
	"encoding/binary"
	"fmt"
)

// op is one instruction of a function's body, decoded as far as rewriting needs.
type op struct {
	code  uint16   // the opcode; 0xfc00 and on are those behind the prefix 0xfc
	x     int64    // a constant, an index, a depth, a block's type, or a memory access's alignment
	y     int64    // a memory access's offset
	table []uint32 // br_table's depths, the default last
	raw   []byte   // what follows the opcode, where nothing looks into it
}

// The instructions that the rewriting knows by name.
const (
	opUnreachable uint16 = 0x00
	opBlock       uint16 = 0x02
	opLoop        uint16 = 0x03
	opIf          uint16 = 0x04
	opElse        uint16 = 0x05
	opEnd         uint16 = 0x0b
	opBr          uint16 = 0x0c
	opBrIf        uint16 = 0x0d
	opBrTable     uint16 = 0x0e
	opReturn      uint16 = 0x0f
	opCall        uint16 = 0x10
	opIndirect    uint16 = 0x11
	opDrop        uint16 = 0x1a
	opSelect      uint16 = 0x1b
	opGet         uint16 = 0x20
	opSet         uint16 = 0x21
	opTee         uint16 = 0x22
	opGlobalGet   uint16 = 0x23
	opGlobalSet   uint16 = 0x24
	opI32Load     uint16 = 0x28
	opI32Load8U   uint16 = 0x2d
	opI32Store    uint16 = 0x36
	opI64Store    uint16 = 0x37
	opI32Const    uint16 = 0x41
	opI64Const    uint16 = 0x42
	opI32Eqz      uint16 = 0x45
	opI64Eqz      uint16 = 0x50
	opI32Add      uint16 = 0x6a
	opI32Sub      uint16 = 0x6b
	opI32And      uint16 = 0x71
	opI32Or       uint16 = 0x72
	opI32Shl      uint16 = 0x74
	opI32ShrU     uint16 = 0x76
	opI64Add      uint16 = 0x7c
	opI32Wrap     uint16 = 0xa7
	opI64ExtendU  uint16 = 0xad
	opMemoryCopy  uint16 = 0xfc0a
	opMemoryFill  uint16 = 0xfc0b
)

// decode reads the instructions of a body, behind its locals, to its end.
func decode(body []byte) ([]op, error) {
	r := &reader{b: body}
	ops := make([]op, 0, len(body)/2)
	for r.at < len(body) && r.err == nil {
		o, err := r.op()
		if err != nil {
			return nil, err
		}
		ops = append(ops, o)
	}
	return ops, r.err
}

func (r *reader) op() (op, error) {
	o := op{code: uint16(r.byte())}
	switch c := o.code; {
	case c == opBlock || c == opLoop || c == opIf:
		o.x = int64(r.byte())
		if o.x < 0x40 {
			return o, fmt.Errorf("a block with parameters")
		}
	case c == opBr || c == opBrIf || c == opCall || c >= opGet && c <= opGlobalSet:
		o.x = int64(r.uleb())
	case c == opBrTable:
		o.table = make([]uint32, 0, 8)
		for n := r.uleb() + 1; n > 0 && r.err == nil; n-- {
			o.table = append(o.table, uint32(r.uleb()))
		}
	case c == opIndirect:
		o.x, o.y = int64(r.uleb()), int64(r.uleb())
	case c >= 0x28 && c <= 0x3e: // loads and stores
		o.x, o.y = int64(r.uleb()), int64(r.uleb())
	case c == 0x3f || c == 0x40: // memory.size, memory.grow
		o.raw = r.bytes(1)
	case c == opI32Const || c == opI64Const:
		o.x = r.sleb()
	case c == 0x43: // f32.const
		o.raw = r.bytes(4)
	case c == 0x44: // f64.const
		o.raw = r.bytes(8)
	case c == 0xfc:
		o.code = 0xfc00 + uint16(r.byte())
		switch {
		case o.code == opMemoryCopy:
			o.raw = r.bytes(2)
		case o.code == opMemoryFill:
			o.raw = r.bytes(1)
		case o.code > 0xfc07: // up to there are conversions that saturate
			return o, fmt.Errorf("the instruction %#x is not one that Go writes", o.code)
		}
	case c == opUnreachable || c == 1 || c == opElse || c == opEnd || c == opReturn || c == opDrop || c == opSelect:
	case c >= 0x45 && c <= 0xc4: // comparisons, arithmetic, conversions
	default:
		return o, fmt.Errorf("the instruction %#x is not one that Go writes", c)
	}
	return o, nil
}

// encode writes instructions as a body has them.
func encode(out []byte, ops []op) []byte {
	uleb := func(v int64) { out = binary.AppendUvarint(out, uint64(v)) }
	for _, o := range ops {
		if o.code >= 0xfc00 {
			out = append(out, 0xfc)
		}
		out = append(out, byte(o.code))
		switch c := o.code; {
		case c == opBlock || c == opLoop || c == opIf:
			out = append(out, byte(o.x))
		case c == opBr || c == opBrIf || c == opCall || c >= opGet && c <= opGlobalSet:
			uleb(o.x)
		case c == opBrTable:
			uleb(int64(len(o.table) - 1))
			for _, d := range o.table {
				uleb(int64(d))
			}
		case c == opIndirect || c >= 0x28 && c <= 0x3e:
			uleb(o.x)
			uleb(o.y)
		case c == opI32Const || c == opI64Const:
			out = appendSleb(out, o.x)
		default:
			out = append(out, o.raw...)
		}
	}
	return out
}
