// rank.h: what is reported of a row of logits. Exponentials are float32, their sums double.
#ifndef RANK_H
#define RANK_H
#include "mathv.h"

typedef struct {
	double max, z, zx, d; // the largest x; sums of e^(x-max), e^(x-max)*(x-max), e^(f-maxf)*((f-maxf)-(x-max))
} rank_sums;

INL rank_sums sum_row(const float *x, const float *f, int n, float maxf) {
	vf top = set1(-__builtin_inff());
	int i = 0;
	for (; i + VL <= n; i += VL) top = vmax(ldf(x + i), top);
	float m = hmax(top);
	for (; i < n; i++) m = x[i] > m ? x[i] : m;
	rank_sums s = {m, 0, 0, 0};
	for (int i0 = 0; i0 < n; i0 += 64 * VL) { // short float32 sums, then double
		vf z = set1(0), zx = set1(0), d = set1(0);
		for (int j = i0; j < n && j < i0 + 64 * VL; j += VL) {
			int part = n - j < VL ? n - j : VL;
			vf y = ld_upto(x + j, part);
			vf c = y - set1(m), e = vexp(c);
			vf g = f ? ld_upto(f + j, part) - set1(maxf) : c;
			vf w = f ? vexp(g) : e;
			vf ec = sel(e > set1(0), e * c, e), wg = sel(w > set1(0), w * (g - c), w); // 0 * -inf is 0 here
			if (part < VL) {
				float t[3][VL];
				stf(t[0], e), stf(t[1], ec), stf(t[2], wg);
				e = ld_upto(t[0], part), ec = ld_upto(t[1], part), wg = ld_upto(t[2], part);
			}
			z += e, zx += ec, d += wg;
		}
		s.z += hsum(z), s.zx += hsum(zx), s.d += hsum(d);
	}
	return s;
}

// The k largest, largest first, ties by lower id. Most elements fail the first comparison, a vector at a time.
INL void top_row(const float *x, int n, int k, float *val, int32_t *id) {
	int have = 0;
	for (int i0 = 0; i0 < n; i0 += VL) {
		int len = n - i0 < VL ? n - i0 : VL;
		if (have == k && len == VL) {
			vi over = (ldf(x + i0) > set1(val[k - 1]));
			int32_t any = 0;
			UNROLL for (int j = 0; j < VL; j++) any |= over[j];
			if (!any) continue;
		}
		for (int i = i0; i < i0 + len; i++) {
			if (have == k && !(x[i] > val[k - 1])) continue;
			int at = have < k ? have++ : k - 1;
			for (; at > 0 && x[i] > val[at - 1]; at--) val[at] = val[at - 1], id[at] = id[at - 1];
			val[at] = x[i], id[at] = i;
		}
	}
}

INL int32_t rank_of(const float *x, int n, int id) {
	vi more = (vi){0};
	int32_t rest = 0;
	int i = 0;
	float v = x[id];
	for (; i + VL <= n; i += VL) more -= (vi)(ldf(x + i) > set1(v)); // true is -1
	for (; i < n; i++) rest += x[i] > v;
	for (int j = 0; j < id; j++) rest += x[j] == v;
	UNROLL for (int j = 0; j < VL; j++) rest += more[j];
	return rest;
}

// K_RANK: p0 rank_sums [rows], p1 logits [rows, n], p2 f [n] or null, p3 float values [rows, k], p4 int32 ids [rows, k],
// p5 int32 tokens, p6 int32 ranks [rows, tokens]; i0 n, i1 k (0: none), i2 tokens; f0 the largest f. Unit: row.
static void k_rank(const kern_args *a, int lo, int hi) {
	int n = a->i[0], k = a->i[1], tokens = a->i[2];
	for (int u = lo; u < hi; u++) {
		const float *x = (const float *)a->p[1] + (size_t)u * n;
		((rank_sums *)a->p[0])[u] = sum_row(x, a->p[2], n, a->f[0]);
		if (k > 0) top_row(x, n, k, (float *)a->p[3] + (size_t)u * k, (int32_t *)a->p[4] + (size_t)u * k);
		for (int j = 0; j < tokens; j++) ((int32_t *)a->p[6])[u * tokens + j] = rank_of(x, n, ((const int32_t *)a->p[5])[j]);
	}
}

#endif
