package main

import (
	"encoding/binary"
	"fmt"
)

// Go's linker leaves out every run of zeros and so writes 90,000 little data segments, each with
// an address that compresses badly; V8 refuses a module with more than 100,000. pack joins
// neighbours again: the worker became 98 KB smaller in brotli, and starts sooner.

// packGap is the longest run of zeros worth writing out.
const packGap = 1024

// segment is a piece of the memory a program starts with.
type segment struct {
	at   int64
	data []byte
}

// pack makes a wasm module smaller. Of a Go program (lines false) it rewrites code and tables;
// of any other it only joins the data segments.
func pack(wasm []byte, lines bool) ([]byte, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	segments, err := readSegments(m.sections[idData])
	if err != nil {
		return nil, err
	}
	start, memory := flatten(segments)
	segments = nil
	if !lines {
		if segments, err = m.shrink(start, memory); err != nil {
			return nil, err
		}
	}
	if m.sections[idData] != nil {
		m.sections[idData] = writeSegments(append(split(start, memory), segments...))
	}
	return m.bytes(), nil
}

// shrink rewrites a Go program; segments are what its memory needs besides.
func (m *module) shrink(start int64, memory []byte) (segments []segment, err error) {
	t, err := stripLines(memory)
	if err != nil {
		return nil, err
	}
	if m.sections[idCode], err = rewriteCode(m.sections[idCode], t.never); err != nil {
		return nil, err
	}
	columns, err := t.columns(start)
	if err != nil {
		return nil, err
	}
	packed, err := encodeColumns(columns)
	if err != nil {
		return nil, err
	}
	at, err := m.spare(len(packed))
	if err != nil {
		return nil, err
	}
	return []segment{{at, packed}}, m.begin(restore(at, int64(len(packed)), len(columns), t.nfunc))
}

// readSegments reads active segments of memory 0 at constant addresses, all that Go writes.
func readSegments(body []byte) ([]segment, error) {
	r := &reader{b: body}
	n := int(r.uleb())
	var segments []segment
	for i := 0; i < n && r.err == nil; i++ {
		if r.uleb() != 0 || r.byte() != 0x41 { // active in memory 0; i32.const
			return nil, fmt.Errorf("data segment %d is not of the kind that Go writes", i)
		}
		at := r.sleb()
		if r.byte() != 0x0b { // end
			return nil, fmt.Errorf("data segment %d has no constant address", i)
		}
		segments = append(segments, segment{at, r.bytes(int(r.uleb()))})
	}
	return segments, r.err
}

// flatten lays segments out as the memory they make, from the first one's address on.
func flatten(segments []segment) (start int64, memory []byte) {
	if len(segments) == 0 {
		return 0, nil
	}
	start = segments[0].at
	end := start
	for _, s := range segments {
		start, end = min(start, s.at), max(end, s.at+int64(len(s.data)))
	}
	memory = make([]byte, end-start)
	for _, s := range segments {
		copy(memory[s.at-start:], s.data)
	}
	return start, memory
}

// split cuts a memory into segments at runs of zeros longer than packGap.
func split(start int64, memory []byte) []segment {
	var out []segment
	from, zeros := -1, 0 // where the segment that grows began, and the zeros at its end
	for i, c := range memory {
		switch {
		case c != 0 && from < 0:
			from, zeros = i, 0
		case c != 0:
			zeros = 0
		case from >= 0:
			if zeros++; zeros > packGap {
				out = append(out, segment{start + int64(from), memory[from : i+1-zeros]})
				from = -1
			}
		}
	}
	if from >= 0 {
		out = append(out, segment{start + int64(from), memory[from : len(memory)-zeros]})
	}
	return out
}

func writeSegments(segments []segment) []byte {
	out := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		out = append(out, 0, 0x41)
		out = append(appendSleb(out, s.at), 0x0b)
		out = binary.AppendUvarint(out, uint64(len(s.data)))
		out = append(out, s.data...)
	}
	return out
}

func appendSleb(out []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

// reader reads wasm's numbers; the first error sticks.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) byte() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b)-r.at {
		r.err = fmt.Errorf("the module ends within a section, at byte %d", r.at)
		r.at = len(r.b)
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) uleb() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	r.bytes(max(n, 1))
	return v
}

func (r *reader) sleb() (v int64) {
	for shift := 0; ; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c&0x80 == 0 || shift > 56 {
			if c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}
