//go:build cgo && (amd64 || arm64) && !js

package simd

/*
#cgo CFLAGS: -O2 -std=gnu11 -Wno-psabi
#cgo noescape kern_run
#cgo nocallback kern_run
#cgo noescape kern_copy_in
#cgo nocallback kern_copy_in
#cgo noescape kern_copy_out
#cgo nocallback kern_copy_out
#include <string.h>
#include "pool.h"

static void kern_copy_in(uintptr_t dst, const void *src, size_t n) { memcpy((void *)dst, src, n); }
static void kern_copy_out(void *dst, uintptr_t src, size_t n) { memcpy(dst, (const void *)src, n); }
static uintptr_t kern_take(size_t n) { return (uintptr_t)kern_alloc(n); }
static void kern_give(uintptr_t p) { kern_free((void *)p); }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"patchbay/shared/errs"
)

// The clones of the kernels, slowest first, with what a person sees of them. VNNI multiplies two planes of int16
// as fast as float32, one plane twice as fast, so there fixed point serves many rows too.
var clones = []struct {
	name, detail string
	few          [2]int
}{
	{"generic", baseISA(), [2]int{3, 64}},
	{"avx2", "avx2", [2]int{2, 32}},
	{"avx512", "avx512 vnni", [2]int{16, maxT}},
}

func baseISA() string {
	if runtime.GOARCH == "arm64" {
		return "neon"
	}
	return "sse2"
}

// spins is how often a helper looks for work before it sleeps: some 50 microseconds, longer than the
// pauses between the kernels of a token, short enough to leave a shared machine in peace.
const spins = 1500

// pieces are how many slices a thread takes of a call.
const pieces = 4

// native runs kernels through cgo, with one helper goroutine for each further core.
type native struct {
	clone   int
	workers int
	pool    *C.kern_pool
	asleep  atomic.Int32
	wake    chan struct{} // at most one message a helper
	done    sync.WaitGroup
}

// openHost picks the widest clone this processor has; PATCHBAY_SIMD=generic|avx2|avx512 picks another.
func openHost() (host, error) {
	want := os.Getenv("PATCHBAY_SIMD")
	for c := len(clones) - 1; c >= 0; c-- {
		if (want == "" || want == clones[c].name) && C.kern_select(C.int(c)) != 0 {
			return startNative(c, runtime.GOMAXPROCS(0)), nil
		}
	}
	return nil, errs.E("simd.New", errs.Unsupported, "this processor or build has no kernels %q: unset PATCHBAY_SIMD", want)
}

func startNative(clone, threads int) *native {
	h := &native{clone: clone, workers: threads - 1, pool: C.kern_pool_new()}
	h.wake = make(chan struct{}, threads)
	for range h.workers {
		h.done.Go(h.help)
	}
	return h
}

// help serves calls until the pool is closed.
func (h *native) help() {
	for C.kern_work(h.pool, spins) == 0 {
		h.asleep.Add(1)
		_, open := <-h.wake
		h.asleep.Add(-1)
		if !open {
			return
		}
	}
}

func (h *native) run(op int, c *call, n, grain int) {
	if n > grain {
		for range h.asleep.Load() {
			select {
			case h.wake <- struct{}{}:
			default:
			}
		}
	}
	C.kern_run(h.pool, C.int(h.clone), C.int(op), (*C.kern_args)(unsafe.Pointer(c)), C.int(n), C.int(grain))
}

func (h *native) alloc(bytes int) (uintptr, bool) {
	p := uintptr(C.kern_take(C.size_t(bytes)))
	return p, p != 0
}

func (h *native) free(addr uintptr) { C.kern_give(C.uintptr_t(addr)) }
func (h *native) left() int64       { return -1 }

func (h *native) copyIn(dst uintptr, src unsafe.Pointer, n int) {
	C.kern_copy_in(C.uintptr_t(dst), src, C.size_t(n))
}

func (h *native) copyOut(dst unsafe.Pointer, src uintptr, n int) {
	C.kern_copy_out(dst, C.uintptr_t(src), C.size_t(n))
}

func (h *native) threads() int       { return h.workers + 1 }
func (h *native) tune(*Device) error { return nil }
func (h *native) few() [2]int        { return clones[h.clone].few }
func (h *native) bytes() bool        { return false }
func (h *native) lanes() int         { return int(C.kern_lanes(C.int(h.clone))) }
func (h *native) rowTile() int       { return int(C.kern_row_tile(C.int(h.clone))) }

func (h *native) detail() string {
	return fmt.Sprintf("%s, %s", clones[h.clone].detail, count(h.threads(), "thread"))
}

// close ends the helpers. The pool is freed when the last has gone.
func (h *native) close() {
	C.kern_pool_close(h.pool)
	close(h.wake)
	h.done.Wait()
	C.kern_pool_free(h.pool)
}
