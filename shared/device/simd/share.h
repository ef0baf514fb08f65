// share.h: how threads share the units of a kernel call, natively (pool.c) and in the tab (wasm.c).
// The caller opens a call, helpers join it, all take slices from one counter, and the caller closes it
// and waits for those that joined. A helper that comes late finds the call closed and does no harm: the
// caller never waits for one that has not joined.
#ifndef SHARE_H
#define SHARE_H
#include "kern.h"

// state: call number << 16 | open << 15 | helpers that joined.
#define OPEN ((uint64_t)1 << 15)
#define JOINED (OPEN - 1)

typedef struct {
	_Alignas(64) uint64_t state;
	_Alignas(64) int32_t next; // first unit not taken
	_Alignas(64) int32_t done; // helpers that left
	kern_fn *fn;
	const kern_args *args;
	int32_t n, grain;
} kern_share;

#define GET(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define SET(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

static inline void share_take(kern_share *s) {
	int n = s->n, grain = s->grain;
	for (;;) {
		int lo = __atomic_fetch_add(&s->next, grain, __ATOMIC_RELAXED);
		if (lo >= n) return;
		s->fn(s->args, lo, n - lo < grain ? n : lo + grain);
	}
}

// Opens units 0 ... n-1 to helpers.
static inline void share_open(kern_share *s, kern_fn *fn, const kern_args *a, int n, int grain) {
	s->fn = fn, s->args = a, s->n = n, s->grain = grain, s->done = 0;
	__atomic_store_n(&s->next, 0, __ATOMIC_RELAXED);
	SET(s->state, ((GET(s->state) >> 16) + 1) << 16 | OPEN);
}

// Lets no more helpers in; returns how many the caller must wait for, until `done` has that value.
static inline int share_close(kern_share *s) {
	return (int)(__atomic_fetch_and(&s->state, ~OPEN, __ATOMIC_ACQ_REL) & JOINED);
}

// One try to help: 1 if a call was joined. The fields stand still while a joined helper is not done.
static inline int share_help(kern_share *s) {
	uint64_t v = GET(s->state);
	if (!(v & OPEN)) return 0;
	if (!__atomic_compare_exchange_n(&s->state, &v, v + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return 0;
	share_take(s);
	__atomic_fetch_add(&s->done, 1, __ATOMIC_ACQ_REL);
	return 1;
}

#endif
