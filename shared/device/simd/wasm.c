//go:build ignore

// wasm.c: the kernels as a WebAssembly module of its own (build.sh). All of its memory belongs to Go's
// arena from heap() on; it has a small stack and no data to speak of.
#include "table.h"

#define EXPORT(name) __attribute__((export_name(#name)))

#if defined(__wasm_atomics__)
#include "share.h"

// The clock that idleness is measured by, in milliseconds.
__attribute__((import_module("env"), import_name("now"))) double now(void);

// How long a helper looks for work before it sleeps, and the caller for helpers, in milliseconds: longer
// than the pauses between the kernels of a token, short enough to leave a shared machine in peace.
#define HELPER_SPINS 0.2
#define CALLER_SPINS 0.05

static struct {
	kern_share call;
	_Alignas(64) int32_t limit; // helpers below this number take part, the others sleep
	int32_t failed;             // a helper has trapped
	_Alignas(64) int32_t asleep;  // helpers that wait for a call
	_Alignas(64) int32_t waiting; // the caller sleeps until a helper is done
} pool;

// Spinning asks for the time every so many turns.
INL int spun(uint32_t turn, double since, double patience) { return turn % 256 == 0 && now() - since > patience; }

static void await_helpers(int joined) {
	double since = 0;
	for (uint32_t turn = 1; GET(pool.call.done) < joined; turn++) {
		if (turn == 64) since = now();
		if (turn < 64 || !spun(turn, since, CALLER_SPINS)) continue;
		__atomic_store_n(&pool.waiting, 1, __ATOMIC_SEQ_CST);
		int done = __atomic_load_n(&pool.call.done, __ATOMIC_SEQ_CST);
		if (done < joined) __builtin_wasm_memory_atomic_wait32(&pool.call.done, done, -1);
		SET(pool.waiting, 0);
	}
	if (GET(pool.failed)) __builtin_trap();
}

INL void wake(void *at) { __builtin_wasm_memory_atomic_notify((int *)at, ~0u); }

static void run_shared(kern_fn *fn, const kern_args *a, int n, int grain) {
	share_open(&pool.call, fn, a, n, grain);
	if (__atomic_load_n(&pool.asleep, __ATOMIC_SEQ_CST)) wake(&pool.call.state);
	share_take(&pool.call);
	await_helpers(share_close(&pool.call));
}

static void tell_caller(void) {
	if (__atomic_load_n(&pool.waiting, __ATOMIC_SEQ_CST)) wake(&pool.call.done);
}

// A helper's life: it never returns, and ends with its worker.
EXPORT(work) void work(int32_t id) {
	uint64_t seen = 0;
	double since = now();
	for (uint32_t turn = 1;; turn++) {
		int limit = GET(pool.limit);
		if (id >= limit) {
			__builtin_wasm_memory_atomic_wait32(&pool.limit, limit, -1);
			since = now();
			continue;
		}
		uint64_t state = GET(pool.call.state), call = state >> 16;
		if (call != seen && share_help(&pool.call)) {
			tell_caller();
			seen = call, since = now();
		} else if (spun(turn, since, HELPER_SPINS)) {
			__atomic_fetch_add(&pool.asleep, 1, __ATOMIC_SEQ_CST);
			__builtin_wasm_memory_atomic_wait64((long long *)&pool.call.state, (long long)state, -1);
			__atomic_fetch_sub(&pool.asleep, 1, __ATOMIC_SEQ_CST);
			since = now();
		}
	}
}

// Says how many helpers take part from now on.
EXPORT(helpers) void helpers(int32_t n) {
	SET(pool.limit, n);
	wake(&pool.limit);
	wake(&pool.call.state);
}

// What a helper that has trapped says, so that its caller traps too and does not wait for ever.
EXPORT(fail) void fail(void) {
	SET(pool.failed, 1);
	__atomic_fetch_add(&pool.call.done, 1, __ATOMIC_SEQ_CST);
	tell_caller();
}
#else
static void run_shared(kern_fn *fn, const kern_args *a, int n, int grain) {
	(void)grain;
	fn(a, 0, n);
}
#endif

// Runs units 0 ... n-1 of kernel op, in slices of grain units where threads share it. Scalars, not a
// structure: the caller is another module, and nothing need be copied.
EXPORT(run) void run(uint32_t op, uint32_t p0, uint32_t p1, uint32_t p2, uint32_t p3, uint32_t p4, uint32_t p5, uint32_t p6, uint32_t p7,
                     int32_t i0, int32_t i1, int32_t i2, int32_t i3, int32_t i4, int32_t i5, int32_t i6, int32_t i7, int32_t i8, int32_t i9,
                     int32_t i10, int32_t i11, float f0, float f1, float f2, float f3, int32_t n, int32_t grain) {
	kern_args a = {
		{(void *)p0, (void *)p1, (void *)p2, (void *)p3, (void *)p4, (void *)p5, (void *)p6, (void *)p7},
		{i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11},
		{f0, f1, f2, f3},
	};
	if (n <= grain) table[op](&a, 0, n);
	else run_shared(table[op], &a, n, grain);
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
