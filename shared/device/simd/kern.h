// kern.h: what Go and C agree on. A kernel works on units lo ... hi-1 of its own kind of unit
// (a row, a tile pair, a slice of elements), so that any number of threads can share a call.
#ifndef KERN_H
#define KERN_H
#include <stddef.h>
#include <stdint.h>

// The arguments of a call. Each kernel's comment says what its entries mean.
typedef struct {
	void *p[8];
	int32_t i[12];
	float f[4];
} kern_args;

typedef void kern_fn(const kern_args *a, int lo, int hi);

// The kernels, in the order of the table; host.go has the same list.
enum {
	K_REPACK, K_GATHER, K_PLANES, K_MATVEC, K_PACK, K_GEMM, K_NORM, K_AFFINE, K_ROPE, K_SCORES, K_SOFTMAX,
	K_MIX, K_ATTENTION, K_ACT, K_BINARY, K_SCALE, K_FILL, K_COPY, K_RANK,
	K_GEMM_T, K_NORM_BACK, K_SOFTMAX_BACK, K_ACT_BACK, K_MIX_BACK, K_ATTENTION_LANES, K_BRANCHES, K_COUNT
};

// Element types as tensor.DType numbers them.
enum { T_F32 = 0, T_F16 = 1, T_BF16 = 2, T_Q4_0 = 7, T_Q4_1, T_Q5_0, T_Q5_1, T_Q8_0, T_Q4_K, T_Q5_K, T_Q6_K };

// Elements of one unit of the kernels that work element by element.
#define CHUNK 4096

#endif
