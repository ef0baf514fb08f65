package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The ids of the sections that the build changes, in the order of a module.
const (
	idType     = 1
	idFunction = 3
	idMemory   = 5
	idStart    = 8
	idCode     = 10
	idData     = 11
)

// module is a wasm module in sections.
type module struct {
	head     []byte // magic and version
	sections [13][]byte
	before   [13][]byte // custom sections, whole, by the section that they precede
	after    []byte     // those at the end
}

// order is how sections follow each other: the count of data segments (12) comes before the code.
var order = []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11}

func parse(wasm []byte) (*module, error) {
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" {
		return nil, fmt.Errorf("not a wasm module")
	}
	m := &module{head: wasm[:8]}
	r := &reader{b: wasm, at: 8}
	var custom []byte
	for r.at < len(wasm) && r.err == nil {
		from := r.at
		id := r.byte()
		body := r.bytes(int(r.uleb()))
		switch {
		case r.err != nil:
		case id == 0:
			custom = append(custom, wasm[from:r.at]...)
		case int(id) >= len(m.sections) || m.sections[id] != nil:
			return nil, fmt.Errorf("a section of id %d that is not known or comes twice", id)
		default:
			m.sections[id], m.before[id], custom = body, custom, nil
		}
	}
	m.after = custom
	return m, r.err
}

func (m *module) bytes() []byte {
	out := bytes.Clone(m.head)
	for _, id := range order {
		if body := m.sections[id]; body != nil {
			out = append(append(out, m.before[id]...), id)
			out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
		}
	}
	return append(out, m.after...)
}

// spare is an address where the memory that a Go program starts with has n bytes to spare: the
// linker adds a megabyte to what the program fills and rounds down to pages of 64 KiB.
func (m *module) spare(n int) (int64, error) {
	r := &reader{b: m.sections[idMemory]}
	if r.uleb() != 1 || r.uleb() > 1 { // one memory, with a limit or without
		return 0, fmt.Errorf("the program's memory is not as Go declares it")
	}
	end := int64(r.uleb()) << 16
	if n > 1<<20-1<<16 {
		return 0, fmt.Errorf("%d bytes do not fit into the megabyte that the linker adds to the memory", n)
	}
	return end - int64(n), r.err
}

// begin adds a function that runs before anything else.
func (m *module) begin(body []byte) error {
	if m.sections[idStart] != nil {
		return fmt.Errorf("the program has a start function already")
	}
	imports, err := importedFunctions(m.sections[2])
	if err != nil {
		return err
	}
	var kind, own int
	m.sections[idType], kind = appendItem(m.sections[idType], []byte{0x60, 0, 0}) // no parameters, no results
	m.sections[idFunction], own = appendItem(m.sections[idFunction], binary.AppendUvarint(nil, uint64(kind)))
	m.sections[idCode], _ = appendItem(m.sections[idCode], append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	m.sections[idStart] = binary.AppendUvarint(nil, uint64(imports+own))
	return nil
}

// appendItem adds an item to a section that is a list of them, and returns its number.
func appendItem(section, item []byte) ([]byte, int) {
	r := &reader{b: section}
	n := int(r.uleb())
	out := binary.AppendUvarint(nil, uint64(n+1))
	return append(append(out, section[r.at:]...), item...), n
}

// importedFunctions counts the imports, which in Go's modules are all functions.
func importedFunctions(section []byte) (int, error) {
	r := &reader{b: section}
	n := 0
	if len(section) > 0 {
		n = int(r.uleb())
	}
	for range n {
		r.bytes(int(r.uleb()))
		r.bytes(int(r.uleb()))
		if r.byte() != 0 {
			return 0, fmt.Errorf("the program imports what is not a function")
		}
		r.uleb()
	}
	return n, r.err
}
