// matvec.h: few rows of activations against quantised weights, in fixed point.
//
// A block of 32 activations becomes x = s*(hi + lo/32768), hi and lo int16, s = max|x|/32767: 30 bits,
// more than float32 has, so the integer sums are exact and the result has float32's own error.
// Mode fast leaves lo out. No sum overflows: 32 codes of at most 255 times 32767 is 2^28.
#ifndef MATVEC_H
#define MATVEC_H
#include "mathv.h"
#include "bytes.h"

// Planes of one row of k activations, one after the other:
// int16 hi[k], lo[k]; float s[nb], sum[nb]; int32 sums of hi, of lo, by 16 columns [2 nb] each.
typedef struct {
	int16_t *hi, *lo;
	float *s, *sum;
	int32_t *hi16, *lo16;
} planes;

INL size_t planes_bytes(int k) { return line((size_t)k * 4 + (size_t)(k / 32) * 24); }

INL planes planes_at(uint8_t *p, int k) {
	planes v;
	int nb = k / 32;
	v.hi = (int16_t *)p, v.lo = v.hi + k;
	v.s = (float *)(v.lo + k), v.sum = v.s + nb;
	v.hi16 = (int32_t *)(v.sum + nb), v.lo16 = v.hi16 + 2 * nb;
	return v;
}

typedef int16_t vs __attribute__((vector_size(2 * VL)));
typedef int16_t vs_any __attribute__((vector_size(2 * VL), aligned(2), may_alias));
INL void st_short(int16_t *p, vi v) { *(vs_any *)p = __builtin_convertvector(v, vs); }

// Rounds |x| < 2^22 to the nearest integer, as float and as int.
INL vf round_f(vf x) { return (x + set1(12582912.0f)) - set1(12582912.0f); }

INL int32_t hsumi(vi v) {
	int32_t s = 0;
	UNROLL for (int n = 0; n < VL; n++) s += v[n];
	return s;
}

INL void split_block(const float *x, planes q, int b) {
	vf top = set1(0), sum = set1(0);
	for (int i = 0; i < 32; i += VL) {
		vf v = ldf(x + i);
		top = vmax(top, vabs(v));
		sum += v;
	}
	float m = hmax(top), total = hsum(sum);
	float inv = m > 1e-30f ? 32767.0f / m : 0; // the reciprocal of less would overflow
	q.s[b] = m / 32767.0f + 0 * total;         // an infinity or NaN among x makes the block's share NaN
	q.sum[b] = total;
	for (int g = 0; g < 2; g++) {
		vi hs = set1i(0), ls = set1i(0);
		for (int i = 16 * g; i < 16 * g + 16; i += VL) {
			vf v = ldf(x + i) * set1(inv), h = round_f(v), l = round_f((v - h) * set1(32768.0f));
			vi hn = __builtin_convertvector(h, vi), ln = __builtin_convertvector(l, vi);
			st_short(q.hi + 32 * b + i, hn), st_short(q.lo + 32 * b + i, ln);
			hs += hn, ls += ln;
		}
		q.hi16[2 * b + g] = hsumi(hs), q.lo16[2 * b + g] = hsumi(ls);
	}
}

// K_PLANES: p0 planes out, p1 x; i0 columns, i2 type of the weights they are for. Unit: row.
static void k_planes(const kern_args *a, int lo, int hi) {
	int k = a->i[0];
	for (int u = lo; u < hi; u++) {
#if defined(__wasm_relaxed_simd__)
		if (by_bytes(a->i[2])) {
			byte_block *out = (byte_block *)((uint8_t *)a->p[0] + u * planes_bytes(k));
			for (int b = 0; b < k / 32; b++) split_bytes((const float *)a->p[1] + (size_t)u * k + 32 * b, out + b);
			continue;
		}
#endif
		planes q = planes_at((uint8_t *)a->p[0] + u * planes_bytes(k), k);
		for (int b = 0; b < k / 32; b++) split_block((const float *)a->p[1] + (size_t)u * k + 32 * b, q, b);
	}
}

// A unit of the matrix kernels is 32 rows, two tiles. R vectors of rows go together.
#define UNIT 32
#define R 2
#define NMAX 2 // rows of activations that share one unpacking
#define STEPS (UNIT / (VL * R)) // of R vectors in a unit

// Where vector r of step i of a unit begins: its tile, and its first row in the tile.
INL int tile_of(int i, int r) { return (i * R + r) * VL / TILE; }
INL int row_of(int i, int r) { return (i * R + r) * VL % TILE; }

INL vi pair_at(const int16_t *p, int i) {
	int32_t v;
	__builtin_memcpy(&v, p + 2 * i, 4);
	return set1i(v);
}

// The planes from block b on.
INL planes planes_from(planes q, int b) {
	q.hi += 32 * (size_t)b, q.lo += 32 * (size_t)b;
	q.s += b, q.sum += b;
	q.hi16 += 2 * (size_t)b, q.lo16 += 2 * (size_t)b;
	return q;
}

// What an integer sum starts from: the codes' offset, taken off all columns of group g of the groups at once.
INL vi start(int t, const int32_t *sum16, int groups, int g) {
	return set1i(-code_offset(t) * (groups == 2 ? sum16[g] : sum16[0] + sum16[1]));
}

// Stores VL results of one row of outputs from column col; those beyond the matrix are dropped.
INL void put(float *dst, const float *bias, int add, int col, int rows, vf v) {
	int n = rows - col < VL ? rows - col : VL;
	if (n <= 0) return;
	if (bias) v += ld_upto(bias + col, n);
	if (add) v += ld_upto(dst + col, n);
	st_upto(dst + col, v, n);
}
// The same for R vectors. Sums are copied here before they are stored: had they an address, the
// compiler would keep them in memory all along.
NOINL void put_row(float *dst, const float *bias, int add, int col, int rows, const float *v) {
	for (int r = 0; r < R; r++) put(dst, bias, add, col + r * VL, rows, ldf(v + r * VL));
}

#if defined(__wasm__)
#define FETCH(p, lines) (void)(p)

// A block of sixteen rows times one row of activations.
INL void pairs_block(int t, int P, const uint8_t *tile_, int b, planes x, vf y[4]) {
	block_at w = find_block(t, tile_, b), v = w;
	int groups = t == T_Q6_K ? 2 : 1;
	UNROLL for (int g = 0; g < groups; g++) {
		vi acc[2][4];
		UNROLL for (int r = 0; r < 4; r++) {
			acc[0][r] = start(t, x.hi16, groups, g);
			acc[1][r] = P == 2 ? start(t, x.lo16, groups, g) : acc[0][r];
		}
		UNROLL for (int c = 4 * g / groups; c < 4 * (g + 1) / groups; c++) UNROLL for (int s = 0; s < 4; s++) {
			vi h = pair_at(x.hi, 4 * c + s), l = P == 2 ? pair_at(x.lo, 4 * c + s) : h;
			UNROLL for (int r = 0; r < 4; r++) {
				vi n = (vi)code_pair(t, v, 4 * r, c, s);
				acc[0][r] = dot2(acc[0][r], n, h);
				if (P == 2) acc[1][r] = dot2(acc[1][r], n, l);
				AFTER(v.code, x.hi, acc[0][r], acc[P - 1][r], n);
				if (high_bits(t)) AFTER(v.high, x.lo, acc[0][r], acc[P - 1][r], n);
			}
		}
		UNROLL for (int r = 0; r < 4; r++) {
			vf d = is_k(t) ? tile_scale(t, w, 4 * r, g) : half_bits(w.scale + 8 * r) * set1(0x1p112f);
			vf f = P == 2 ? madd(to_f(acc[1][r]), set1(1.0f / 32768), to_f(acc[0][r])) : to_f(acc[0][r]);
			y[r] = madd(f, d * set1(*x.s), y[r]);
		}
	}
	if (has_min(t)) UNROLL for (int r = 0; r < 4; r++) y[r] = madd(tile_min(t, w, 4 * r), set1(*x.sum), y[r]);
}

INL void pairs_tile(int t, int P, const uint8_t *w, planes x, int nb, float *out) {
	vf y[4];
	UNROLL for (int r = 0; r < 4; r++) y[r] = set1(0);
	for (int b = 0; b < nb; b++) pairs_block(t, P, w, b, planes_from(x, b), y);
	UNROLL for (int r = 0; r < 4; r++) stf(out + 4 * r, y[r]);
}

// A tile is small enough to stay in the first-level cache for all rows of activations.
INL void mv_rows(int t, int P, const kern_args *a, int u) {
	int k = a->i[1], rows = a->i[2];
	for (int j = 0; j < 2; j++) {
		const uint8_t *w = (const uint8_t *)a->p[1] + ((size_t)u * 2 + j) * tile_bytes(t, k);
		for (int row = 0; row < a->i[3]; row++) {
			uint8_t *x = (uint8_t *)a->p[2] + row * planes_bytes(k);
			float out[TILE];
#if defined(__wasm_relaxed_simd__)
			if (by_bytes(t)) bytes_tile(t, P + 1, w, (const byte_block *)x, k / 32, out);
			else
#endif
				pairs_tile(t, P, w, planes_at(x, k), k / 32, out);
			for (int i = 0; i < TILE; i += R * VL) put_row((float *)a->p[0] + (size_t)row * rows, a->p[3], a->i[5], u * UNIT + j * TILE + i, rows, out + i);
		}
	}
}
#else
// While a unit is multiplied the next is fetched, a share with each block: tiles are too short for the
// processor's own prefetching to get going (measured: 11 GB/s a core without, 19 with).
#define FETCH(p, lines) UNROLL for (int l = 0; l < (lines); l++) __builtin_prefetch((p) + 64 * l, 0, 2)
INL int lines_per_block(int t) { return ((int)chunk_bytes(t) * 2 / (chunk_blocks(t) * STEPS) + 63) / 64; }

// y[n][r] += a block of R vectors of rows times N rows of planes; P planes are used.
INL void mv_block(int t, int P, int N, const block_at *w, const int *ro, const planes *x, vf y[][R]) {
	int groups = t == T_Q6_K ? 2 : 1;
	UNROLL for (int g = 0; g < groups; g++) {
		vi acc[NMAX][2][R];
		UNROLL for (int n = 0; n < N; n++) UNROLL for (int r = 0; r < R; r++) {
			acc[n][0][r] = start(t, x[n].hi16, groups, g);
			acc[n][1][r] = P == 2 ? start(t, x[n].lo16, groups, g) : set1i(0);
		}
		EACH_PART for (int c = 4 * g / groups; c < 4 * (g + 1) / groups; c++) UNROLL for (int s = 0; s < 4; s++) {
			vi v[R];
			UNROLL for (int r = 0; r < R; r++) v[r] = (vi)code_pair(t, w[r], ro[r], c, s);
			UNROLL for (int n = 0; n < N; n++) {
				vi h = pair_at(x[n].hi, 4 * c + s);
				// With one plane the second accumulator halves the chain of dependent sums.
				int to = P == 1 ? s & 1 : 0;
				UNROLL for (int r = 0; r < R; r++) acc[n][to][r] = dot2(acc[n][to][r], v[r], h);
				if (P == 1) continue;
				vi l = pair_at(x[n].lo, 4 * c + s);
				UNROLL for (int r = 0; r < R; r++) acc[n][1][r] = dot2(acc[n][1][r], v[r], l);
			}
		}
		UNROLL for (int r = 0; r < R; r++) {
			vf d = tile_scale(t, w[r], ro[r], g);
			UNROLL for (int n = 0; n < N; n++) {
				vf f = P == 2 ? madd(to_f(acc[n][1][r]), set1(1.0f / 32768), to_f(acc[n][0][r])) : to_f(acc[n][0][r] + acc[n][1][r]);
				y[n][r] = madd(f, d * set1(*x[n].s), y[n][r]);
			}
		}
	}
	if (has_min(t)) UNROLL for (int r = 0; r < R; r++) {
		vf m = tile_min(t, w[r], ro[r]);
		UNROLL for (int n = 0; n < N; n++) y[n][r] = madd(m, set1(*x[n].sum), y[n][r]);
	}
}

INL void mv_unit(int t, int P, int N, const kern_args *a, int u, int row) {
	int k = a->i[1], rows = a->i[2], nb = k / 32;
	size_t size = tile_bytes(t, k);
	const uint8_t *w0 = (const uint8_t *)a->p[1] + (size_t)u * 2 * size;
	planes x[NMAX];
	UNROLL for (int n = 0; n < N; n++) x[n] = planes_at((uint8_t *)a->p[2] + (row + n) * planes_bytes(k), k);
	const uint8_t *next = w0 + 2 * size;
	for (int i = 0; i < STEPS; i++) {
		const uint8_t *w[R];
		int ro[R];
		vf y[NMAX][R];
		UNROLL for (int r = 0; r < R; r++) {
			w[r] = w0 + tile_of(i, r) * size, ro[r] = row_of(i, r);
			UNROLL for (int n = 0; n < N; n++) y[n][r] = set1(0);
		}
		for (int b = 0; b < nb; b++, next += 64 * lines_per_block(t)) {
			if (row == 0) FETCH(next, lines_per_block(t));
			block_at wb[R];
			planes xb[NMAX];
			UNROLL for (int r = 0; r < R; r++) wb[r] = find_block(t, w[r], b);
			UNROLL for (int n = 0; n < N; n++) xb[n] = planes_from(x[n], b);
			mv_block(t, P, N, wb, ro, xb, y);
		}
		float out[NMAX][R * VL];
		UNROLL for (int n = 0; n < N; n++) UNROLL for (int r = 0; r < R; r++) stf(out[n] + r * VL, y[n][r]);
		for (int n = 0; n < N; n++) put_row((float *)a->p[0] + (size_t)(row + n) * rows, a->p[3], a->i[5], u * UNIT + i * R * VL, rows, out[n]);
	}
}

INL void mv_rows(int t, int P, const kern_args *a, int u) {
	int row = 0, T = a->i[3];
	for (; row + 2 <= T; row += 2) mv_unit(t, P, 2, a, u, row);
	if (row < T) mv_unit(t, P, 1, a, u, row);
}
#endif

// The same for float weights, in float32, x as it is. Four accumulators shorten the chain.
INL void mvf_unit(int t, const kern_args *a, int u, int row) {
	int k = a->i[1], rows = a->i[2];
	size_t size = tile_bytes(t, k);
	const uint8_t *w0 = (const uint8_t *)a->p[1] + (size_t)u * 2 * size;
	const float *x = (const float *)a->p[2] + (size_t)row * k;
	for (int i = 0; i < STEPS; i++) {
		vf y[4][R];
		UNROLL for (int j = 0; j < 4; j++) UNROLL for (int r = 0; r < R; r++) y[j][r] = set1(0);
		int c = 0;
		for (; c + 4 <= k; c += 4) UNROLL for (int j = 0; j < 4; j++) UNROLL for (int r = 0; r < R; r++)
			y[j][r] = madd(load_weight(t, w0 + tile_of(i, r) * size, (size_t)(c + j) * TILE + row_of(i, r)), set1(x[c + j]), y[j][r]);
		for (; c < k; c++) UNROLL for (int r = 0; r < R; r++)
			y[0][r] = madd(load_weight(t, w0 + tile_of(i, r) * size, (size_t)c * TILE + row_of(i, r)), set1(x[c]), y[0][r]);
		float out[R * VL];
		UNROLL for (int r = 0; r < R; r++) stf(out + r * VL, (y[0][r] + y[1][r]) + (y[2][r] + y[3][r]));
		put_row((float *)a->p[0] + (size_t)row * rows, a->p[3], a->i[5], u * UNIT + i * R * VL, rows, out);
	}
}

#define MATVEC(T) \
	NOINL void mv2_##T(const kern_args *a, int u) { mv_rows(T, 2, a, u); } \
	NOINL void mv1_##T(const kern_args *a, int u) { mv_rows(T, 1, a, u); }
EACH_QUANT(MATVEC)
#undef MATVEC
#define MATVEC(T) \
	NOINL void mv2_##T(const kern_args *a, int u) { \
		for (int row = 0; row < a->i[3]; row++) mvf_unit(T, a, u, row); \
	}
EACH_FLOAT(MATVEC)
#undef MATVEC

static void (*const matvec_of[][2])(const kern_args *a, int u) = {
#define MATVEC(T) [T] = {mv1_##T, mv2_##T},
	EACH_QUANT(MATVEC)
#undef MATVEC
#define MATVEC(T) [T] = {mv2_##T, mv2_##T},
	EACH_FLOAT(MATVEC)
#undef MATVEC
};

// K_MATVEC: p0 out [T, rows], p1 weights, p2 planes (x itself for float weights), p3 bias or null;
// i0 type, i1 columns, i2 rows, i3 T, i4 planes used, i5 add to out. Unit: 32 rows.
static void k_matvec(const kern_args *a, int lo, int hi) {
	for (int u = lo; u < hi; u++) matvec_of[a->i[0]][a->i[4] - 1](a, u);
}

#endif
