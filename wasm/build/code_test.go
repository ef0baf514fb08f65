package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeKnowsWhatItEncodes(t *testing.T) {
	ops := []op{
		{code: opBlock, x: 0x40}, {code: opLoop, x: 0x40}, {code: opGet, x: 200}, {code: opBrTable, table: []uint32{0, 1, 1}},
		{code: opIf, x: typeI32}, {code: opI64Const, x: -1 << 63}, {code: opDrop}, {code: opI32Const, x: -5}, {code: opElse}, {code: opUnreachable}, {code: opEnd},
		{code: 0x44, raw: []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}}, {code: opI64Store, x: 3, y: 70000}, {code: opIndirect, x: 1}, {code: opCall, x: 5000},
		{code: opMemoryCopy, raw: []byte{0, 0}}, {code: 0xfc06}, {code: 0xc4}, {code: opBr, x: 1}, {code: opEnd}, {code: opEnd},
	}
	got, err := decode(encode(nil, ops))
	if err != nil || !reflect.DeepEqual(got, ops) {
		t.Errorf("%v\n%v\n%v", err, got, ops)
	}
	for name, body := range map[string][]byte{"vector": {0xfd, 0}, "short": {0x41}, "typed block": {0x02, 0x05}} {
		if _, err := decode(body); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// framed is a function as Go arranges it, with three segments of the given instructions.
func framed(segments ...[]op) []op {
	ops := []op{{code: opGlobalGet}, {code: opSet, x: 1}, {code: opBlock, x: 0x40}, {code: opLoop, x: 0x40}}
	table := op{code: opBrTable}
	for i := range segments {
		ops = append(ops, op{code: opBlock, x: 0x40})
		table.table = append(table.table, uint32(i))
	}
	ops = append(ops, op{code: opGet}, table, op{code: opEnd})
	for i, s := range segments {
		ops = append(ops, s...)
		if i < len(segments)-1 {
			ops = append(ops, op{code: opEnd})
		}
	}
	return append(ops, op{code: opEnd}, op{code: opUnreachable}, op{code: opEnd}, op{code: opI32Const, x: 1}, op{code: opEnd})
}

// jump is Go's jump to a place of the table, with so many blocks between it and the loop.
func jump(to, depth int64) []op {
	return []op{{code: opI32Const, x: to}, {code: opSet}, {code: opBr, x: depth}}
}

func TestJumpsForwardSkipTheTable(t *testing.T) {
	w := new(rewriter)
	got := w.jumps(framed(jump(2, 2), jump(0, 1), []op{{code: opCall, x: 9}, {code: opBrIf, x: 1}}))
	want := framed([]op{{code: opBr, x: 1}}, jump(0, 1),
		[]op{{code: opCall, x: 9}, {code: opIf, x: 0x40}, {code: opI32Const, x: 1}, {code: opReturn}, {code: opEnd}})
	if !reflect.DeepEqual(got, want) || w.forward != 1 || w.exits != 1 {
		t.Errorf("%+v\n%v\n%v", w, got, want)
	}
	odd := framed(jump(1, 2))
	odd[7].x = 1 // not the number of the place to go on at
	if got := new(rewriter).jumps(odd); !reflect.DeepEqual(got, odd) {
		t.Errorf("a function of another arrangement became %v", got)
	}
}

func TestReturnsKeepTheNumberInALocal(t *testing.T) {
	own := int64(pcBase+3) << 16
	store := op{code: opI64Store, x: 3}
	call := func(pc int64) []op { return []op{{code: opGet, x: 1}, {code: opI64Const, x: own + pc}, store} }
	other := []op{{code: opGet, x: 2}, {code: opI64Const, x: own + 1<<16}, store}
	locals, got := new(rewriter).returns(3, []group{{1, typeI32}, {4, typeI64}}, framed(call(2), other, call(7)))
	load := func(pc int64) []op {
		return []op{{code: opGet, x: 1}, {code: opGet, x: 2}, {code: opI64Const, x: pc}, {code: opI64Add}, store}
	}
	other[0].x = 3
	want := framed(load(2), other, load(7))
	want = append(want[:2:2], append([]op{{code: opI64Const, x: own}, {code: opSet, x: 2}}, want[2:]...)...)
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(locals, []group{{1, typeI32}, {5, typeI64}}) {
		t.Errorf("%v\n%v\n%v", locals, got, want)
	}
	if locals, _ := new(rewriter).returns(3, []group{{1, typeI32}}, framed(call(1), call(2))); !reflect.DeepEqual(locals, []group{{1, typeI32}, {1, typeI64}}) {
		t.Errorf("the locals became %v", locals)
	}
}

func TestAddressesFold(t *testing.T) {
	slot := func(off int64) []op {
		return []op{{code: opGet, x: 1}, {code: opI64ExtendU}, {code: opI64Const, x: off}, {code: opI64Add}, {code: opI32Wrap}}
	}
	join := func(parts ...[]op) (all []op) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	load, store := []op{{code: 0x29, x: 3, y: 8}}, []op{{code: opI64Store, x: 3}}
	sp, add := []op{{code: opGet, x: 1}}, func(n int64) []op { return []op{{code: opI32Const, x: n}, {code: opI32Add}} }
	fill := []op{{code: opMemoryFill, raw: []byte{0}}}
	for _, c := range []struct {
		name      string
		ops, want []op
	}{
		{"a load behind a store's address", join(slot(40), slot(16), load, store), join(sp, sp, []op{{code: 0x29, x: 3, y: 24}, {code: opI64Store, x: 3, y: 40}})},
		{"a range", join(slot(40), add(0)[:1], add(7)[:1], fill), join(sp, add(40), add(0)[:1], add(7)[:1], fill)},
		{"another local", join([]op{{code: opGet, x: 5}}, slot(8)[1:], load), join([]op{{code: opGet, x: 5}}, add(8), load)},
		{"across a branch", join(slot(8), []op{{code: opLoop, x: 0x40}, {code: opEnd}}, load), join(sp, add(8), []op{{code: opLoop, x: 0x40}, {code: opEnd}}, load)},
	} {
		if got := new(rewriter).addresses(c.ops); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%v\n%v", c.name, got, c.want)
		}
	}
}

func TestShorter(t *testing.T) {
	got := shorter([]op{{code: opSet, x: 4}, {code: opGet, x: 4}, {code: opIf, x: 0x40}, {code: opBr, x: 3}, {code: opEnd}, {code: opIf, x: 0x40}, {code: opBr}, {code: opEnd}})
	want := []op{{code: opTee, x: 4}, {code: opBrIf, x: 2}, {code: opIf, x: 0x40}, {code: opBr}, {code: opEnd}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestCodeOfAnotherCompilerIsAnError(t *testing.T) {
	body := []byte{1, 4, 0, 0x41, 1, 0x0b} // one function, which returns 1
	if _, err := rewriteCode(body, nil); err == nil || !strings.Contains(err.Error(), "compiler changed") {
		t.Errorf("%v", err)
	}
}

func TestColumnsRoundTrip(t *testing.T) {
	words := []uint32{5, 6, 8, ^uint32(0), 8, 8, 0, 100_000, 100_001, 7}
	c := column{at: 64, stride: 8, words: words}
	codes, dict := c.codes()
	last := uint32(0)
	for i, code := range codes {
		if code&1 == 1 {
			if dict[code>>1] != words[i] {
				t.Errorf("word %d came back as %d", words[i], dict[code>>1])
			}
			continue
		}
		if last += uint32(code >> 1); last != words[i] {
			t.Errorf("word %d came back as %d", words[i], last)
		}
	}
	if dict[0] != 8 {
		t.Errorf("the word that comes most is not first: %v", dict)
	}
}

func TestShortName(t *testing.T) {
	for name, want := range map[string]string{
		"patchbay/shared/lab.(*scope).scored":     "patchbay/shared/lab.(*scope).scored",
		"patchbay/shared/nn.pick[go.shape.int]":   "patchbay/shared/nn.pick[...]",
		"main.main.func1":                         "main.main.func1",
		"encoding/json.(*decodeState).object":     "encoding/json.?",
		"slices.SortFunc[go.shape.[]a/b.c,d/e.f]": "slices.?",
		"runtime.gopanic":                         "runtime.gopanic",
		"runtime.main":                            "runtime.?",
		"type:.eq.a/b.c":                          "type:.?",
		"memeqbody":                               "?",
	} {
		if got := shortName(name); got != want {
			t.Errorf("%s became %s, not %s", name, got, want)
		}
	}
}

func TestFunctionsThatNeverRunAreATrap(t *testing.T) {
	linked := linkProgram(t)
	m, err := parse(linked)
	if err != nil {
		t.Fatal(err)
	}
	segments, err := readSegments(m.sections[idData])
	if err != nil {
		t.Fatal(err)
	}
	_, memory := flatten(segments)
	table, err := findTable(memory)
	if err != nil {
		t.Fatal(err)
	}
	left, err := table.unreached()
	if err != nil {
		t.Fatal(err)
	}
	for i, out := range left {
		name := table.name(i)
		ours := strings.HasPrefix(name, "main.") || strings.HasPrefix(name, "time.now") || strings.HasPrefix(name, "time.Duration.")
		if out && (name == "runtime.traceLocker.ok" || ours) || !out && (name == "runtime.schedtrace" || name == "time.Time.appendFormat") {
			t.Errorf("%s: left out %v", name, out)
		}
	}
	copy(memory[table.at+table.names:], bytes.ReplaceAll(memory[table.at+table.names:table.at+table.units], []byte("runtime.(*profBuf)."), []byte("runtime.(*prafBuf).")))
	if _, err := table.unreached(); err == nil || !strings.Contains(err.Error(), "profBuf") {
		t.Errorf("a renamed function: %v", err)
	}
}
