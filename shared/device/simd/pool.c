//go:build cgo && (amd64 || arm64)

// pool.c: the caller and helper threads share a call as share.h says. Helpers are goroutines that
// wait here for a short while (kern_work) and then go back to Go to sleep, so there is no thread of
// our own to leak and nothing spins for long.
#include <stdlib.h>
#include <string.h>
#include "clone.h"
#include "pool.h"
#include "share.h"
#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#define yield_cpu() SwitchToThread()
#else
#include <sched.h>
#define yield_cpu() sched_yield()
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__x86_64__)
#define pause_cpu() __builtin_ia32_pause()
#else
#define pause_cpu() __asm__ volatile("yield")
#endif

struct kern_pool {
	kern_share call;
	_Alignas(64) int32_t closed;
};

kern_pool *kern_pool_new(void) {
	kern_pool *p = kern_alloc(sizeof *p);
	if (p) memset(p, 0, sizeof *p);
	return p;
}

void kern_pool_free(kern_pool *p) { kern_free(p); }
void kern_pool_close(kern_pool *p) { SET(p->closed, 1); }

static const kern_clone *find(int clone) {
#if defined(__x86_64__) && HAVE_AVX
	if (clone == 2) return &kern_avx512;
	if (clone == 1) return &kern_avx2;
#endif
	(void)clone;
	return &kern_generic;
}

int kern_row_tile(int clone) { return find(clone)->row_tile; }
int kern_lanes(int clone) { return find(clone)->lanes; }

int kern_select(int clone) {
#if defined(__x86_64__) && HAVE_AVX
	__builtin_cpu_init();
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
	return clone == 0 || (clone == 1 && avx2) || (clone == 2 && avx512);
#else
	return clone == 0;
#endif
}

// Runs units 0 ... n-1. With n <= grain the caller does it alone and no helper is told.
void kern_run(kern_pool *p, int clone, int op, const kern_args *a, int n, int grain) {
	kern_fn *fn = find(clone)->table[op];
	if (n <= grain) {
		fn(a, 0, n);
		return;
	}
	share_open(&p->call, fn, a, n, grain);
	share_take(&p->call);
	int joined = share_close(&p->call);
	for (int spin = 0; GET(p->call.done) < joined; spin++) {
		if (spin < 4000) pause_cpu();
		else yield_cpu();
	}
}

// Helps until nothing has come for `spins` pauses or the pool is closed. Returns 1 when closed.
int kern_work(kern_pool *p, int spins) {
	uint64_t seen = 0;
	for (int idle = 0; idle < spins; idle++) {
		if (GET(p->closed)) return 1;
		// A call whose units are all taken stays open for a moment: joining it twice would be vain.
		uint64_t call = GET(p->call.state) >> 16;
		if (call != seen && share_help(&p->call)) seen = call, idle = 0;
		pause_cpu();
	}
	return 0;
}

void *kern_alloc(size_t bytes) {
	bytes = (bytes + 63) & ~(size_t)63;
#if defined(_WIN32)
	return _aligned_malloc(bytes, 64);
#else
	void *p = 0;
	size_t align = bytes >= (4u << 20) ? 2u << 20 : 64;
	if (posix_memalign(&p, align, bytes)) return 0;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
	if (align > 64) madvise(p, bytes, MADV_HUGEPAGE);
#endif
	return p;
#endif
}

void kern_free(void *p) {
#if defined(_WIN32)
	_aligned_free(p);
#else
	free(p);
#endif
}
