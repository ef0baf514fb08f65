// gemm.h: many rows of activations against weights, in float32. A slice of two tiles is
// unpacked once into a panel that stays in the first-level cache, and MR rows of
// activations at a time run over it, all sums in registers.
#ifndef GEMM_H
#define GEMM_H
#include "matvec.h"

// MR rows by R vectors of sums, R vectors of weights and one broadcast fill the registers.
#if VL == 16
#define MR 12
#elif VL == 8
#define MR 6
#elif defined(__aarch64__)
#define MR 8
#else
#define MR 4
#endif
#define KC 192 // columns of a panel: 32 rows of them are 24 KiB

// Rows are cut into tiles of nearly equal height, at most MR: 13 rows are 7 + 6, not 12 + 1.
INL int row_tiles(int T) { return (T + MR - 1) / MR; }
INL int tile_start(int T, int i) { return (int)((int64_t)T * i / row_tiles(T)); }

INL void pack_tile(const float *x, int k, int h, float *out) {
	for (int c = 0; c < k; c++)
		UNROLL for (int i = 0; i < h; i++) out[(size_t)c * h + i] = x[(size_t)i * k + c];
}

// EACH_H instantiates a macro for each height of a row tile.
#define EACH_H4(M) M(1) M(2) M(3) M(4)
#define EACH_H6(M) EACH_H4(M) M(5) M(6)
#define EACH_H8(M) EACH_H6(M) M(7) M(8)
#define EACH_H12(M) EACH_H8(M) M(9) M(10) M(11) M(12)
#define EACH_OF(n, M) EACH_H##n(M)
#define EACH_MR(n, M) EACH_OF(n, M)
#define EACH_H(M) EACH_MR(MR, M)

#define PACK(H) \
	NOINL void pack_##H(const float *x, int k, float *out) { pack_tile(x, k, H, out); }
EACH_H(PACK)
#undef PACK
#define PACK(H) [H] = pack_##H,
static void (*const pack_of[])(const float *x, int k, float *out) = {EACH_H(PACK)};
#undef PACK

// K_PACK: p0 out, p1 x [T, k]; i0 columns, i1 T. Unit: row tile. A tile of h rows becomes [k][h].
static void k_pack(const kern_args *a, int lo, int hi) {
	int k = a->i[0], T = a->i[1];
	for (int u = lo; u < hi; u++) {
		int t0 = tile_start(T, u), h = tile_start(T, u + 1) - t0;
		const float *x = (const float *)a->p[1] + (size_t)t0 * k;
		float *out = (float *)a->p[0] + (size_t)t0 * k;
		pack_of[h](x, k, out);
	}
}

// acc[i][r] += sum over c of x[c][i] * b[r][c], for H rows and R vectors of VL columns.
INL void micro(int h, const float *x, const float *b0, const float *b1, int kc, vf acc[][R]) {
	for (int c = 0; c < kc; c++) {
		vf w0 = ldf(b0 + (size_t)c * TILE), w1 = ldf(b1 + (size_t)c * TILE);
		UNROLL for (int i = 0; i < h; i++) {
			vf v = set1(x[c * h + i]);
			acc[i][0] = madd(v, w0, acc[i][0]);
			acc[i][1] = madd(v, w1, acc[i][1]);
		}
	}
}

INL void gemm_tile(int h, const float *x, const float *b0, const float *b1, int kc, float *dst, const float *bias, int add, int col, int rows) {
	vf acc[MR][R];
	UNROLL for (int i = 0; i < h; i++) acc[i][0] = acc[i][1] = set1(0);
	micro(h, x, b0, b1, kc, acc);
	float out[MR][R * VL];
	UNROLL for (int i = 0; i < h; i++) UNROLL for (int r = 0; r < R; r++) stf(out[i] + r * VL, acc[i][r]);
	for (int i = 0; i < h; i++) put_row(dst + (size_t)i * rows, bias, add, col, rows, out[i]);
}

#define GEMM(H) \
	NOINL void gemm_##H(const float *x, const float *b0, const float *b1, int kc, float *dst, const float *bias, int add, int col, int rows) { \
		gemm_tile(H, x, b0, b1, kc, dst, bias, add, col, rows); \
	}
EACH_H(GEMM)
#undef GEMM
#define GEMM(H) [H] = gemm_##H,
static void (*const gemm_of[])(const float *x, const float *b0, const float *b1, int kc, float *dst, const float *bias, int add, int col, int rows) = {EACH_H(GEMM)};
#undef GEMM

// One panel against all rows; tile0, tile1: float32 [kc][16] of the unit's two tiles.
static void gemm_panel(const kern_args *a, int u, int k0, int kc, const float *tile0, const float *tile1) {
	int k = a->i[1], rows = a->i[2], T = a->i[3], add = a->i[5] || k0 > 0;
	const float *bias = k0 > 0 ? 0 : a->p[3];
	for (int j = 0; j < row_tiles(T); j++) {
		int t0 = tile_start(T, j), h = tile_start(T, j + 1) - t0;
		const float *x = (const float *)a->p[2] + (size_t)t0 * k + (size_t)k0 * h;
		float *dst = (float *)a->p[0] + (size_t)t0 * rows;
		for (int i = 0; i < STEPS; i++) {
			const float *b0 = (tile_of(i, 0) ? tile1 : tile0) + row_of(i, 0), *b1 = (tile_of(i, 1) ? tile1 : tile0) + row_of(i, 1);
			int col = u * UNIT + i * R * VL;
			gemm_of[h](x, b0, b1, kc, dst, bias, add, col, rows);
		}
	}
}

// K_GEMM: p0 out [T, rows], p1 weights, p2 packed x, p3 bias or null; i0 type, i1 columns, i2 rows,
// i3 T, i5 add to out. Unit: 32 rows.
static void k_gemm(const kern_args *a, int lo, int hi) {
	int t = a->i[0], k = a->i[1];
	size_t size = tile_bytes(t, k);
	float panel[2 * KC * TILE] __attribute__((aligned(64)));
	// Equal slices of whole blocks, at most KC.
	int slices = (k + KC - 1) / KC, step = ((k + slices - 1) / slices + 31) / 32 * 32;
	for (int u = lo; u < hi; u++) {
		const uint8_t *w = (const uint8_t *)a->p[1] + (size_t)u * 2 * size, *next = w + 2 * size;
		for (int k0 = 0; k0 < k; k0 += step) {
			int kc = k - k0 < step ? k - k0 : step;
			for (size_t end = 2 * size * (size_t)(k0 + kc) / k, l = 2 * size * (size_t)k0 / k; l < end; l += 64) FETCH(next + l, 1);
			if (t == T_F32) { // a tile is a panel already
				gemm_panel(a, u, k0, kc, (const float *)w + (size_t)k0 * TILE, (const float *)(w + size) + (size_t)k0 * TILE);
				continue;
			}
			for (int j = 0; j < 2; j++) panel_of[t](w + j * size, k0, kc, panel + j * KC * TILE);
			gemm_panel(a, u, k0, kc, panel, panel + KC * TILE);
		}
	}
}

#endif
