// pool.h: how several threads share one kernel call. See pool.c.
#ifndef POOL_H
#define POOL_H
#include "kern.h"

// A clone of the kernels, compiled for one instruction set.
typedef struct {
	kern_fn *const *table;
	int row_tile, lanes; // MR, LANES
} kern_clone;
extern const kern_clone kern_generic, kern_avx2, kern_avx512;

// Selects a clone: 0 generic, 1 AVX2, 2 AVX-512 VNNI. Returns 0 if this processor or build lacks it.
int kern_select(int clone);

int kern_row_tile(int clone);
int kern_lanes(int clone);

typedef struct kern_pool kern_pool;
kern_pool *kern_pool_new(void);
void kern_pool_free(kern_pool *p);
void kern_run(kern_pool *p, int clone, int op, const kern_args *a, int n, int grain);
int kern_work(kern_pool *p, int spins);
void kern_pool_close(kern_pool *p);

void *kern_alloc(size_t bytes);
void kern_free(void *p);
#endif
