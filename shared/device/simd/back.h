// back.h: what gradients need. The product with a matrix that is not transposed runs the kernel of
// gemm.h on panels that are turned: 32 columns of 16 rows become 16 rows of 2 x 16 columns.
#ifndef BACK_H
#define BACK_H
#include "attend.h"

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_any __attribute__((vector_size(16), aligned(4), may_alias));
#if defined(__clang__)
#define SHUF4(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
typedef int32_t v4i __attribute__((vector_size(16)));
#define SHUF4(a, b, i, j, k, l) __builtin_shuffle(a, b, (v4i){i, j, k, l})
#endif

// out[r*TILE + c] = in[c*TILE + r] for four rows and columns.
INL void turn4(const float *in, float *out) {
	v4 a = *(const v4_any *)in, b = *(const v4_any *)(in + TILE), c = *(const v4_any *)(in + 2 * TILE), d = *(const v4_any *)(in + 3 * TILE);
	v4 ac0 = SHUF4(a, c, 0, 4, 1, 5), ac1 = SHUF4(a, c, 2, 6, 3, 7), bd0 = SHUF4(b, d, 0, 4, 1, 5), bd1 = SHUF4(b, d, 2, 6, 3, 7);
	*(v4_any *)out = SHUF4(ac0, bd0, 0, 4, 1, 5);
	*(v4_any *)(out + TILE) = SHUF4(ac0, bd0, 2, 6, 3, 7);
	*(v4_any *)(out + 2 * TILE) = SHUF4(ac1, bd1, 0, 4, 1, 5);
	*(v4_any *)(out + 3 * TILE) = SHUF4(ac1, bd1, 2, 6, 3, 7);
}

NOINL void turn16(const float *in, float *out) {
	for (int c = 0; c < TILE; c += 4)
		for (int r = 0; r < TILE; r += 4) turn4(in + c * TILE + r, out + r * TILE + c);
}

// K_GEMM_T: p0 out [T, columns], p1 weights, p2 packed y, p3 null; i0 type, i1 rows, i2 columns, i3 T,
// i5 add to out. The sum is over the rows. Unit: 32 columns.
static void k_gemm_t(const kern_args *a, int lo, int hi) {
	int t = a->i[0], rows = a->i[1], cols = a->i[2];
	size_t size = tile_bytes(t, cols);
	float panel[2 * KC * TILE] __attribute__((aligned(64)));
	float part[UNIT * TILE] __attribute__((aligned(64)));
	for (int u = lo; u < hi; u++) {
		int c0 = u * UNIT, n = cols - c0 < UNIT ? cols - c0 : UNIT;
		for (int i = n * TILE; i < UNIT * TILE; i++) part[i] = 0;
		for (int k0 = 0; k0 < rows; k0 += KC) {
			int kc = rows - k0 < KC ? rows - k0 : KC;
			for (int r = 0; r < kc; r += TILE) {
				panel_of[t]((const uint8_t *)a->p[1] + (size_t)(k0 + r) / TILE * size, c0, n, part);
				turn16(part, panel + r * TILE);
				turn16(part + TILE * TILE, panel + (KC + r) * TILE);
			}
			gemm_panel(a, u, k0, kc, panel, panel + KC * TILE);
		}
	}
}

// K_NORM_BACK: p0 dst, p1 dy, p2 x; i0 n, i1 center; f0 eps. Unit: row.
static void k_norm_back(const kern_args *a, int lo, int hi) {
	int n = a->i[0];
	for (int u = lo; u < hi; u++) {
		float *dst = (float *)a->p[0] + (size_t)u * n;
		const float *dy = (const float *)a->p[1] + (size_t)u * n, *x = (const float *)a->p[2] + (size_t)u * n;
		float mean = a->i[1] ? row_sum(x, n) / (float)n : 0, level = a->i[1] ? row_sum(dy, n) / (float)n : 0;
		float inv = 1.0f / sqrt_f(row_squares(x, n, mean) / (float)n + a->f[0]);
		float along = (dot_e(dy, x, n) - mean * (float)n * level) * inv / (float)n;
		for (int i = 0; i < n; i += VL) {
			int part = n - i < VL ? n - i : VL;
			vf unit = (ld_upto(x + i, part) - set1(mean)) * set1(inv);
			st_upto(dst + i, (ld_upto(dy + i, part) - set1(level) - unit * set1(along)) * set1(inv), part);
		}
	}
}

// K_SOFTMAX_BACK: p0 dst, p1 dy, p2 p; i0 n. Unit: row. Where p is 0, dy does not count, whatever it is.
static void k_softmax_back(const kern_args *a, int lo, int hi) {
	int n = a->i[0];
	for (int u = lo; u < hi; u++) {
		float *dst = (float *)a->p[0] + (size_t)u * n;
		const float *dy = (const float *)a->p[1] + (size_t)u * n, *p = (const float *)a->p[2] + (size_t)u * n;
		vf sum = set1(0);
		for (int i = 0; i < n; i += VL) {
			int part = n - i < VL ? n - i : VL;
			vf w = ld_upto(p + i, part);
			sum += sel(w == set1(0), w, w * ld_upto(dy + i, part));
		}
		float all = hsum(sum);
		for (int i = 0; i < n; i += VL) {
			int part = n - i < VL ? n - i : VL;
			vf w = ld_upto(p + i, part);
			st_upto(dst + i, sel(w == set1(0), w, w * (ld_upto(dy + i, part) - set1(all))), part);
		}
	}
}

// The derivative of an activation function.
INL vf vslope(int f, vf x) {
	vf one = set1(1.0f), half = set1(0.5f);
	switch (f) {
	case ACT_SILU: {
		vf s = one / (one + vexp(-x));
		return s * (one + x * (one - s));
	}
	case ACT_GELU_TANH: { // with s = (1 + tanh u) / 2, 1 - tanh^2 is 4 s (1 - s)
		const float c = 2 * 0.7978845608f, k = 0.044715f;
		vf s = one / (one + vexp(-x * madd(x * x, set1(c * k), set1(c))));
		return s + x * s * (one - s) * madd(x * x, set1(3 * c * k), set1(c));
	}
	case ACT_GELU:
		return half * (one + verf(x * set1(0.70710678f))) + x * set1(0.39894228f) * vexp(-half * x * x);
	}
	return sel(x > set1(0), one, sel(x == x, set1(0), x));
}

// K_ACT_BACK: p0 dst, p1 dy, p2 x, or y of the soft cap; i0, i1 elements, i2 function as in K_ACT; f0 limit.
static void k_act_back(const kern_args *a, int lo, int hi) {
	SPAN(a);
	const float *dy = a->p[1], *x = a->p[2];
	float inv = 1.0f / a->f[0];
	switch (a->i[2]) {
	case ACT_SILU: EACH(dy, x, v *= vslope(ACT_SILU, w)) break;
	case ACT_GELU_TANH: EACH(dy, x, v *= vslope(ACT_GELU_TANH, w)) break;
	case ACT_GELU: EACH(dy, x, v *= vslope(ACT_GELU, w)) break;
	case ACT_RELU: EACH(dy, x, v *= vslope(ACT_RELU, w)) break;
	case 4: EACH(dy, x, v = sel(vabs(w) == set1(__builtin_inff()), set1(0), v * (set1(1.0f) - w * set1(inv) * (w * set1(inv))))) break;
	}
}

// K_MIX_BACK: p0 dst [S, kv, e], which is added to, p1 pattern [heads, T, S], p2 x [T, heads, e]. Unit: (key, kv head).
static void k_mix_back(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	int group = a.heads / a.kv;
	for (int u = lo; u < hi; u++) {
		int j = u / a.kv, kv = u % a.kv;
		float *dst = (float *)c->p[0] + (size_t)u * a.e;
		for (int h = kv * group; h < (kv + 1) * group; h++)
			for (int t = 0; t < a.T; t++) {
				float p = ((const float *)c->p[1])[((size_t)h * a.T + t) * a.S + j];
				if (p != 0) axpy(dst, (const float *)c->p[2] + ((size_t)t * a.heads + h) * a.e, p, a.e);
			}
	}
}

#endif
