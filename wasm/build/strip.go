package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// A Go program carries a table of the source line of every instruction, for the traces of
// panics, which no linker flag leaves out. Without it the worker is a tenth smaller in brotli;
// a trace in the tab names functions and no lines. The layout is that of runtime's pcHeader and
// _func (runtime/symtab.go, runtime2.go), where offset 0 means that there is no table; a layout
// that is not known is an error of the build.

// pclntab is the part of a program's memory that describes its code.
type pclntab struct {
	never                  []bool // by function: whether it never runs
	at                     int    // where it begins in the memory
	b                      []byte // from the header on
	nfunc                  int
	names, units           int // offsets of the functions' names and of their files' numbers
	files, tables, records int // offsets of the file names, the tables and the functions' records
}

// The header begins with its magic, two zero bytes, the instruction size and the pointer size.
var pcMagic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

// stripLines removes file names and line tables from a program's memory, in place.
func stripLines(memory []byte) (*pclntab, error) {
	t, err := findTable(memory)
	if err != nil {
		return nil, err
	}
	if t.never, err = t.unreached(); err != nil {
		return nil, err
	}
	used := make([]bool, t.records-t.tables)
	used[0] = true // offset 0 says: no table
	for i := range t.nfunc {
		if err := t.function(i, used); err != nil {
			return nil, err
		}
	}
	for i, keep := range used {
		if !keep {
			t.b[t.tables+i] = 0
		}
	}
	clear(t.b[t.units:t.tables])
	t.rename()
	return t, nil
}

// What a function's record points to, by the kinds of internal/abi/symtab.go, and of it what a
// program in a tab needs: the maps of live pointers, for the collector and for stacks that
// grow, the defers that a panic runs, and the faults of indices. Of no use are unsafe points
// (nothing interrupts a goroutine in wasm), inlined calls (there are none), and the layout of
// arguments, which only traces print.
var (
	keptTables = []bool{
		false, // PCDATA_UnsafePoint
		true,  // PCDATA_StackMapIndex
		false, // PCDATA_InlTreeIndex
		false, // PCDATA_ArgLiveIndex
		true,  // PCDATA_PanicBounds
	}
	keptData = []bool{
		true,  // FUNCDATA_ArgsPointerMaps
		true,  // FUNCDATA_LocalsPointerMaps
		true,  // FUNCDATA_StackObjects
		false, // FUNCDATA_InlTree
		true,  // FUNCDATA_OpenCodedDeferInfo
		false, // FUNCDATA_ArgInfo
		false, // FUNCDATA_ArgLiveInfo
		false, // FUNCDATA_WrapInfo: the wrapped function of a wrapper, for the tracer
	}
)

func findTable(memory []byte) (*pclntab, error) {
	for at := 0; ; at++ {
		i := bytes.Index(memory[at:], pcMagic)
		if i < 0 {
			return nil, fmt.Errorf("the program has no table of its code that this build knows: has Go's runtime changed it?")
		}
		at += i
		if t := readTable(memory[at:]); t != nil {
			t.at = at
			return t, nil
		}
	}
}

// readTable is nil where the bytes only look like a header.
func readTable(b []byte) *pclntab {
	if len(b) < 72 {
		return nil
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint64(b[at:])) }
	t := &pclntab{b: b, nfunc: word(8), names: word(32), units: word(40), files: word(48), tables: word(56), records: word(64)}
	if t.nfunc <= 0 || t.nfunc > 1<<20 || t.names < 72 || t.names > t.units || t.units > t.files || t.files > t.tables || t.tables >= t.records || t.records+8*t.nfunc > len(b) {
		return nil
	}
	return t
}

// function forgets a function's files and lines, and marks the tables that it keeps.
func (t *pclntab) function(i int, used []bool) error {
	at := t.records + int(binary.LittleEndian.Uint32(t.b[t.records+8*i+4:]))
	if at+44 > len(t.b) {
		return fmt.Errorf("function %d lies outside the program", i)
	}
	f := t.b[at:]
	clear(f[20:28]) // pcfile, pcln
	clear(f[32:40]) // cuOffset, startLine
	if t.never[i] { // no frame of it is ever looked at
		clear(f[16:20])
		clear(f[44 : 44+4*int(binary.LittleEndian.Uint32(f[28:]))])
		for k := range int(f[43]) {
			binary.LittleEndian.PutUint32(f[44+4*(int(f[28])+k):], ^uint32(0))
		}
		return nil
	}
	npc, nfd := int(binary.LittleEndian.Uint32(f[28:])), int(f[43])
	if 44+4*(npc+nfd) > len(f) || npc > len(keptTables) || nfd > len(keptData) {
		return fmt.Errorf("function %d has tables of kinds that this build does not know: has Go's runtime added some?", i)
	}
	kept := []uint32{binary.LittleEndian.Uint32(f[16:])} // pcsp
	for k := range npc {
		word := f[44+4*k:][:4]
		if !keptTables[k] {
			clear(word)
		}
		kept = append(kept, binary.LittleEndian.Uint32(word))
	}
	for k := range nfd {
		if !keptData[k] {
			binary.LittleEndian.PutUint32(f[44+4*(npc+k):], ^uint32(0))
		}
	}
	for _, off := range kept {
		if int(off) >= len(used) {
			return fmt.Errorf("function %d has a table outside the program", i)
		}
		mark(t.b[t.tables:t.records], used, int(off))
	}
	return nil
}

// record is the words of a function's record.
func (t *pclntab) record(i int) []uint32 {
	b := t.b[t.records+int(binary.LittleEndian.Uint32(t.b[t.records+8*i+4:])):]
	words := make([]uint32, recordWords+int(binary.LittleEndian.Uint32(b[28:]))+int(b[43]))
	for k := range words {
		words[k] = binary.LittleEndian.Uint32(b[4*k:])
	}
	return words
}

// recordsEnd is where the last function's record ends, in t.b.
func (t *pclntab) recordsEnd() int {
	last := t.nfunc - 1
	return t.records + int(binary.LittleEndian.Uint32(t.b[t.records+8*last+4:])) + 4*len(t.record(last))
}

// name is what a function is called.
func (t *pclntab) name(i int) string {
	names := t.b[t.names+int(t.record(i)[1]) : t.units]
	if end := bytes.IndexByte(names, 0); end >= 0 {
		names = names[:end]
	}
	return string(names)
}

// rename writes the names anew, those of our own functions whole, of all others the package:
// a trace then reads "patchbay/shared/lab.(*scope).scored" and "encoding/json.?".
func (t *pclntab) rename() {
	names := make([]string, t.nfunc)
	for i := range names {
		names[i] = shortName(t.name(i))
	}
	at := map[string]int{}
	table := t.b[t.names:t.units]
	clear(table)
	end := 1 // offset 0 means that there is no name
	for i, name := range names {
		if _, there := at[name]; !there {
			at[name] = end
			end += copy(table[end:], name) + 1
		}
		f := t.b[t.records+int(binary.LittleEndian.Uint32(t.b[t.records+8*i+4:])):]
		binary.LittleEndian.PutUint32(f[4:], uint32(at[name]))
	}
}

// shortName spells type arguments as a trace prints them, slices.Sort[...], and leaves of the
// names of others' functions the package and a dot, by which the runtime knows its own.
func shortName(name string) string {
	if open, last := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']'); open >= 0 && last > open {
		name = name[:open] + "[...]" + name[last+1:]
	}
	if strings.HasPrefix(name, "patchbay/") || strings.HasPrefix(name, "main.") || name == "runtime.gopanic" {
		return name // traces print the last one in another way
	}
	if strings.HasPrefix(name, "type:.") { // comparisons that the compiler makes, named after types
		return "type:.?"
	}
	slash := strings.LastIndexByte(name[:max(0, strings.IndexByte(name+"[", '['))], '/')
	if dot := strings.IndexByte(name[slash+1:], '.'); dot >= 0 {
		return name[:slash+1+dot] + ".?"
	}
	return "?"
}

// mark walks one table: pairs of variable-length numbers, ended by a zero that is not the first.
func mark(tables []byte, used []bool, at int) {
	if at == 0 {
		return
	}
	for first := true; at < len(tables); first = false {
		used[at] = true
		if tables[at] == 0 && !first {
			return
		}
		for range 2 {
			for at < len(tables) {
				used[at] = true
				at++
				if tables[at-1]&0x80 == 0 {
					break
				}
			}
		}
	}
}
