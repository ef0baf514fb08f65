//go:build ignore

// wasm.c: the kernels as a WebAssembly module of its own (build.sh). All of its memory belongs to Go's
// arena from heap() on; it has a small stack and no data to speak of.
#include "table.h"

#define EXPORT(name) __attribute__((export_name(#name)))

// Runs units lo ... hi-1 of kernel op. Scalars, not a structure: the caller is another module, and nothing
// need be copied. Threads may call it at once, each with a stack of its own.
EXPORT(run) void run(uint32_t op, uint32_t p0, uint32_t p1, uint32_t p2, uint32_t p3, uint32_t p4, uint32_t p5, uint32_t p6, uint32_t p7,
                     int32_t i0, int32_t i1, int32_t i2, int32_t i3, int32_t i4, int32_t i5, int32_t i6, int32_t i7, int32_t i8, int32_t i9,
                     int32_t i10, int32_t i11, float f0, float f1, float f2, float f3, int32_t lo, int32_t hi) {
	kern_args a = {
		{(void *)p0, (void *)p1, (void *)p2, (void *)p3, (void *)p4, (void *)p5, (void *)p6, (void *)p7},
		{i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11},
		{f0, f1, f2, f3},
	};
	table[op](&a, lo, hi);
}

extern uint8_t __heap_base;
EXPORT(heap) uint32_t heap(void) { return (uint32_t)&__heap_base; }
EXPORT(row_tile) int32_t row_tile(void) { return MR; }
EXPORT(lanes) int32_t lane_count(void) { return LANES; }
EXPORT(features) int32_t features(void) {
#if defined(__wasm_relaxed_simd__)
	return 1;
#else
	return 0;
#endif
}
