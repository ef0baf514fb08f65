package main

import (
	"fmt"
	"slices"
	"strings"
)

// Functions of Go's runtime and libraries that the linker cannot leave out, since something refers to them,
// and that nothing in a tab can call. Their bodies become a trap. A prefix counts where the name
// goes on. A program need not have all, but where none of a group is there the build fails.
var never = []struct {
	why      string
	prefixes []string
}{
	{"traces are begun by runtime/trace alone; without one every traceLocker is empty, and its methods are called behind ok()", []string{
		"runtime.traceLocker.", "runtime.traceEventWriter.", "runtime.traceWriter.", "runtime.(*traceMap).", "runtime.(*traceBuf).",
		"runtime.(*traceStackTable).", "runtime.(*traceStringTable).", "runtime.(*traceTypeTable).", "runtime.(*traceRegionAlloc).",
		"runtime.traceAdvance", "runtime.traceReadCPU", "runtime.traceSnapshotMemory",
		"runtime.traceRegisterLabelsAndReasons", "runtime.traceStack", "runtime.dumpStacksRec", "runtime.dumpTypesRec",
		"runtime.makeTraceFrame", "runtime.unsafeTrace",
	}},
	{"profiles of time are taken by signals, which wasm has not", []string{"runtime.(*profBuf)."}},
	{"these write what GODEBUG asks for or count where it asks for old behaviour, and a tab sets no variables of the environment", []string{
		"runtime.schedtrace", "runtime.checkFinalizersAndCleanups", "runtime.initMetrics",
	}},
	{"no page, message or file of ours has a date: times are only told apart, and types that could be written or read keep their methods", []string{
		"time.parse", "time.nextStdChunk", "time.Time.appendFormat", "time.Time.appendStrictRFC3339", "time.Time.GoString",
	}},
	{"a change of Go's behaviour is searched for by GODEBUG, as above", []string{"internal/bisect."}},
}

// alive are those that a prefix above covers and that run all the same.
var alive = map[string]bool{"runtime.traceLocker.ok": true}

// unreached marks the functions, by their numbers, that never run.
func (t *pclntab) unreached() ([]bool, error) {
	out := make([]bool, t.nfunc)
	found := map[string]bool{}
	for i := range out {
		name := t.name(i)
		if alive[name] {
			continue
		}
		for _, group := range never {
			for _, prefix := range group.prefixes {
				if strings.HasPrefix(name, prefix) {
					out[i], found[prefix] = true, true
				}
			}
		}
	}
	for _, group := range never {
		if !slices.ContainsFunc(group.prefixes, func(p string) bool { return found[p] }) {
			return nil, fmt.Errorf("the runtime has none of the functions %s: has Go renamed them? (They are left out because %s.)", strings.Join(group.prefixes, ", "), group.why)
		}
	}
	return out, nil
}
