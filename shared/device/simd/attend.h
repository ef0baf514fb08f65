// attend.h: attention, in parts and fused.
#ifndef ATTEND_H
#define ATTEND_H
#include "gemm.h"
#include "elem.h"

// The numbers of an attention call: i0 T, i1 S, i2 Pos, i3 Heads, i4 KVHeads, i5 HeadDim, i6 Window; f0 scale, f1 cap.
typedef struct {
	int T, S, pos, heads, kv, e, window;
	float scale, cap;
} attn;

INL attn attn_of(const kern_args *a) {
	return (attn){a->i[0], a->i[1], a->i[2], a->i[3], a->i[4], a->i[5], a->i[6], a->f[0], a->f[1]};
}

// Query t sees keys first ... last-1.
INL int last_key(const attn *a, int t) { return a->pos + t + 1 < a->S ? a->pos + t + 1 : a->S; }
INL int first_key(const attn *a, int t) {
	int j = a->window > 0 ? a->pos + t - a->window + 1 : 0;
	return j > 0 ? j : 0;
}

#define NEG_INF (-__builtin_inff())

INL float dot_e(const float *x, const float *y, int e) {
	vf s0 = set1(0), s1 = set1(0);
	int i = 0;
	for (; i + 2 * VL <= e; i += 2 * VL) {
		s0 = madd(ldf(x + i), ldf(y + i), s0);
		s1 = madd(ldf(x + i + VL), ldf(y + i + VL), s1);
	}
	float rest = 0;
	for (; i < e; i++) rest += x[i] * y[i];
	return hsum(s0 + s1) + rest;
}

// dst += w*x
INL void axpy(float *dst, const float *x, float w, int e) {
	int i = 0;
	for (; i + VL <= e; i += VL) stf(dst + i, madd(set1(w), ldf(x + i), ldf(dst + i)));
	for (; i < e; i++) dst[i] += w * x[i];
}

// The same for four keys' values at once, in the same order: dst is read and written once.
INL void add_values(float *dst, const float *x, size_t stride, const float *w, int n, int e) {
	int j = 0;
	for (; j + 4 <= n; j += 4) {
		const float *x0 = x + j * stride, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
		int i = 0;
		for (; i + VL <= e; i += VL) {
			vf s = madd(set1(w[j]), ldf(x0 + i), ldf(dst + i));
			s = madd(set1(w[j + 1]), ldf(x1 + i), s);
			s = madd(set1(w[j + 2]), ldf(x2 + i), s);
			stf(dst + i, madd(set1(w[j + 3]), ldf(x3 + i), s));
		}
		for (; i < e; i++) dst[i] += w[j] * x0[i] + w[j + 1] * x1[i] + w[j + 2] * x2[i] + w[j + 3] * x3[i];
	}
	for (; j < n; j++) axpy(dst, x + j * stride, w[j], e);
}

#if defined(__wasm__)
// Four dot products, their sums across lanes shared.
INL vf dot_4(const float *x, const float *y, size_t stride, int e) {
	vf s[4] = {set1(0), set1(0), set1(0), set1(0)};
	const float *y1 = y + stride, *y2 = y1 + stride, *y3 = y2 + stride;
	for (int i = 0; i < e; i += VL) {
		vf v = ldf(x + i);
		s[0] = madd(v, ldf(y + i), s[0]), s[1] = madd(v, ldf(y1 + i), s[1]);
		s[2] = madd(v, ldf(y2 + i), s[2]), s[3] = madd(v, ldf(y3 + i), s[3]);
	}
	vf a = __builtin_shufflevector(s[0], s[1], 0, 4, 2, 6) + __builtin_shufflevector(s[0], s[1], 1, 5, 3, 7);
	vf b = __builtin_shufflevector(s[2], s[3], 0, 4, 2, 6) + __builtin_shufflevector(s[2], s[3], 1, 5, 3, 7);
	return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}
#endif

INL void cap_row(float *x, int n, float cap) {
	for (int i = 0; i < n; i += VL) {
		int part = n - i < VL ? n - i : VL;
		vf v = set1(cap) * vtanh(ld_upto(x + i, part) / set1(cap));
		st_upto(x + i, v, part);
	}
}

// Scores of one query and head for keys j0 ... j1-1, into out[0 ...].
INL void score_keys(const attn *a, const float *q, const float *k, int h, int j0, int j1, float *out) {
	size_t stride = (size_t)a->kv * a->e;
	const float *keys = k + (size_t)(h / (a->heads / a->kv)) * a->e;
	int j = j0;
#if defined(__wasm__)
	if (a->e % VL == 0)
		for (; j + 4 <= j1; j += 4) stf(out + j - j0, dot_4(q, keys + j * stride, stride, a->e) * set1(a->scale));
#endif
	for (; j < j1; j++) out[j - j0] = dot_e(q, keys + j * stride, a->e) * a->scale;
	if (a->cap > 0) cap_row(out, j1 - j0, a->cap);
}

// K_SCORES: p0 dst [heads, T, S], p1 q, p2 k; numbers above. Unit: row of dst.
static void k_scores(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	for (int u = lo; u < hi; u++) {
		int h = u / a.T, t = u % a.T, j0 = first_key(&a, t), j1 = last_key(&a, t);
		float *row = (float *)c->p[0] + (size_t)u * a.S;
		if (j0 > j1) j0 = j1;
		for (int j = 0; j < j0; j++) row[j] = NEG_INF;
		score_keys(&a, (const float *)c->p[1] + ((size_t)t * a.heads + h) * a.e, c->p[2], h, j0, j1, row + j0);
		for (int j = j1; j < a.S; j++) row[j] = NEG_INF;
	}
}

INL float row_max(const float *x, int n) {
	vf m = set1(NEG_INF);
	int i = 0;
	for (; i + VL <= n; i += VL) m = vmax(ldf(x + i), m);
	float top = hmax(m);
	for (; i < n; i++) top = x[i] > top ? x[i] : top;
	return top;
}

// dst = exp(x - m); returns the sum.
INL float exp_row(float *dst, const float *x, int n, float m) {
	vf s = set1(0);
	for (int i = 0; i < n; i += VL) {
		int part = n - i < VL ? n - i : VL;
		vf v = vexp(ld_upto(x + i, part) - set1(m));
		st_upto(dst + i, v, part);
		s += part == VL ? v : ld_upto(dst + i, part);
	}
	return hsum(s);
}

INL void mul_row(float *x, int n, float f) {
	int i = 0;
	for (; i + VL <= n; i += VL) stf(x + i, ldf(x + i) * set1(f));
	for (; i < n; i++) x[i] *= f;
}

// K_SOFTMAX: p0 dst, p1 x; i0 n. Unit: row.
static void k_softmax(const kern_args *a, int lo, int hi) {
	int n = a->i[0];
	for (int u = lo; u < hi; u++) {
		const float *x = (const float *)a->p[1] + (size_t)u * n;
		float *dst = (float *)a->p[0] + (size_t)u * n, m = row_max(x, n);
		if (m == NEG_INF) { // nothing but masked keys: or NaN, which must be seen
			for (int i = 0; i < n; i++) dst[i] = x[i] != x[i] ? x[i] : 0;
			continue;
		}
		mul_row(dst, n, 1.0f / exp_row(dst, x, n, m));
	}
}

// K_MIX: p0 dst [T, heads, e], p1 pattern [heads, T, S], p2 v. Unit: (t, head), t first.
static void k_mix(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	size_t stride = (size_t)a.kv * a.e;
	for (int u = lo; u < hi; u++) {
		int t = u / a.heads, h = u % a.heads;
		float *z = (float *)c->p[0] + (size_t)u * a.e;
		const float *p = (const float *)c->p[1] + ((size_t)h * a.T + t) * a.S;
		const float *v = (const float *)c->p[2] + (size_t)(h / (a.heads / a.kv)) * a.e;
		for (int i = 0; i < a.e; i++) z[i] = 0;
		for (int j = 0; j < a.S; j++)
			if (p[j] != 0) axpy(z, v + j * stride, p[j], a.e);
	}
}

#define KEYS 64 // keys of a block of the fused attention

// The largest score so far and the sum of the exponentials of all, less that.
typedef struct {
	float m, sum;
} tally;

// One query and head against keys j0 ... end-1: blocks of keys, what was summed before rescaled as the maximum grows.
INL tally attend_keys(const attn *a, const float *q, const float *k, const float *v, int h, int j0, int end, float *z, tally s) {
	float p[KEYS] __attribute__((aligned(64)));
	size_t stride = (size_t)a->kv * a->e;
	const float *values = v + (size_t)(h / (a->heads / a->kv)) * a->e;
	for (; j0 < end; j0 += KEYS) {
		int j1 = j0 + KEYS < end ? j0 + KEYS : end;
		score_keys(a, q, k, h, j0, j1, p);
		float top = row_max(p, j1 - j0);
		if (top > s.m) {
			float f[VL];
			stf(f, vexp(set1(s.m - top)));
			mul_row(z, a->e, f[0]), s.sum *= f[0], s.m = top;
		}
		s.sum += exp_row(p, p, j1 - j0, s.m);
		add_values(z, values + j0 * stride, stride, p, j1 - j0, a->e);
	}
	return s;
}

INL void attend_row(const attn *a, const float *q, const float *k, const float *v, int t, int h, float *z) {
	for (int i = 0; i < a->e; i++) z[i] = 0;
	tally s = attend_keys(a, q, k, v, h, first_key(a, t), last_key(a, t), z, (tally){NEG_INF, 0});
	mul_row(z, a->e, s.sum > 0 ? 1.0f / s.sum : s.sum);
}

// K_BRANCHES: p0 z [T, heads, e], p1 q, p2 shared k, p3 shared v, p4 own k, p5 own v, p6 of each row the number of
// shared keys, its first own key and how many they are; numbers above, T, S and Pos unused. Unit: (row, head), row first.
static void k_branches(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	size_t kd = (size_t)a.kv * a.e;
	for (int u = lo; u < hi; u++) {
		int h = u % a.heads;
		const int32_t *row = (const int32_t *)c->p[6] + (size_t)(u / a.heads) * 3;
		int shared = row[0], own = row[2], from = a.window > 0 ? shared + own - a.window : 0;
		size_t at = (size_t)u * a.e, first = row[1] * kd;
		const float *q = (const float *)c->p[1] + at;
		float *z = (float *)c->p[0] + at;
		for (int i = 0; i < a.e; i++) z[i] = 0;
		tally s = attend_keys(&a, q, c->p[2], c->p[3], h, from > 0 ? from : 0, shared, z, (tally){NEG_INF, 0});
		s = attend_keys(&a, q, (const float *)c->p[4] + first, (const float *)c->p[5] + first, h, from > shared ? from - shared : 0, own, z, s);
		mul_row(z, a.e, s.sum > 0 ? 1.0f / s.sum : s.sum);
	}
}

// Many queries: each lane of R vectors is one query row (t, head) of a group that shares keys and values. Keys and
// values are broadcast an element at a time from where they lie, so nothing is packed or transposed, and
// maxima and sums over keys are plain operations on lanes.
#define LANES (R * VL)
#define MAX_E 256
#define KEY_BLOCK 48

typedef struct {
	float q[MAX_E * LANES]; // [element][lane], scaled
	float z[MAX_E * LANES]; // [element][lane], not yet divided by sum
	float p[KEY_BLOCK * LANES];
	vf max[R], sum[R];
	vi first[R], last[R]; // keys that a lane sees
	int begin, end;       // keys that some lane sees
	int full0, full1;     // keys that every lane sees
} lanes;

// out[i][lane] (+)= sum over c of x[i*row + c*col] * b[c][lane], for H rows i.
INL void micro_lanes(int h, const float *x, size_t row, size_t col, const float *b, int n, float *out, int add) {
	vf acc[MR][R];
	UNROLL for (int i = 0; i < h; i++) UNROLL for (int r = 0; r < R; r++) acc[i][r] = add ? ldf(out + i * LANES + r * VL) : set1(0);
	for (int c = 0; c < n; c++) {
		vf w0 = ldf(b + (size_t)c * LANES), w1 = ldf(b + (size_t)c * LANES + VL);
		const float *xc = x + c * col;
		UNROLL for (int i = 0; i < h; i++) {
			vf v = set1(xc[i * row]);
			acc[i][0] = madd(v, w0, acc[i][0]);
			acc[i][1] = madd(v, w1, acc[i][1]);
		}
	}
	UNROLL for (int i = 0; i < h; i++) UNROLL for (int r = 0; r < R; r++) stf(out + i * LANES + r * VL, acc[i][r]);
}

#define LANE(H) \
	NOINL void score_##H(const float *x, size_t row, const float *b, int n, float *out) { micro_lanes(H, x, row, 1, b, n, out, 0); } \
	NOINL void value_##H(const float *x, size_t col, const float *b, int n, float *out) { micro_lanes(H, x, 1, col, b, n, out, 1); }
EACH_H(LANE)
#undef LANE
#define LANE(H) [H] = {score_##H, value_##H},
static void (*const lanes_of[][2])(const float *x, size_t stride, const float *b, int n, float *out) = {EACH_H(LANE)};
#undef LANE

// Gathers the queries of rows r0 ... of kv head g into lanes; lanes beyond the last row repeat it.
static void lanes_begin(lanes *l, const attn *a, const float *q, int g, int r0, int rows) {
	int group = a->heads / a->kv;
	int32_t first[LANES], last[LANES];
	l->begin = l->full1 = a->S, l->end = l->full0 = 0;
	for (int j = 0; j < LANES; j++) {
		int r = r0 + j < rows ? r0 + j : rows - 1, t = r / group;
		const float *x = q + ((size_t)t * a->heads + g * group + r % group) * a->e;
		for (int i = 0; i < a->e; i++) l->q[i * LANES + j] = x[i] * a->scale, l->z[i * LANES + j] = 0;
		int f = first_key(a, t), e = last_key(a, t);
		first[j] = f, last[j] = e;
		l->begin = f < l->begin ? f : l->begin, l->end = e > l->end ? e : l->end;
		l->full0 = f > l->full0 ? f : l->full0, l->full1 = e < l->full1 ? e : l->full1;
	}
	for (int r = 0; r < R; r++) {
		l->first[r] = (vi)ldu(first + r * VL), l->last[r] = (vi)ldu(last + r * VL);
		l->max[r] = set1(NEG_INF), l->sum[r] = set1(0);
	}
}

// Turns scores of keys j0 ... j0+n-1 into weights; z and sum shrink as the maximum grows.
static void lanes_softmax(lanes *l, const attn *a, int j0, int n) {
	int masked = j0 < l->full0 || j0 + n > l->full1;
	for (int r = 0; r < R; r++) {
		float *p = l->p + r * VL;
		vf top = l->max[r];
		for (int j = 0; j < n; j++) {
			vf s = ldf(p + j * LANES);
			if (a->cap > 0) s = set1(a->cap) * vtanh(s / set1(a->cap));
			if (masked) s = sel((set1i(j0 + j) >= l->first[r]) & (set1i(j0 + j) < l->last[r]), s, set1(NEG_INF));
			if (a->cap > 0 || masked) stf(p + j * LANES, s);
			top = vmax(s, top);
		}
		vf base = sel(top > set1(NEG_INF), top, set1(0)); // a lane that has seen no key yet
		vf shrink = vexp(l->max[r] - base), sum = l->sum[r] * shrink;
		for (int j = 0; j < n; j++) {
			vf w = vexp(ldf(p + j * LANES) - base);
			stf(p + j * LANES, w);
			sum += w;
		}
		l->max[r] = top, l->sum[r] = sum;
		if (j0 == l->begin) continue;
		for (int i = 0; i < a->e; i++) stf(l->z + i * LANES + r * VL, ldf(l->z + i * LANES + r * VL) * shrink);
	}
}

static void lanes_keys(lanes *l, const attn *a, const float *k, const float *v, int j0, int n) {
	size_t stride = (size_t)a->kv * a->e;
	for (int i = 0; i < row_tiles(n); i++) {
		int at = tile_start(n, i), h = tile_start(n, i + 1) - at;
		lanes_of[h][0](k + (j0 + at) * stride, stride, l->q, a->e, l->p + at * LANES);
	}
	lanes_softmax(l, a, j0, n);
	for (int i = 0; i < row_tiles(a->e); i++) {
		int at = tile_start(a->e, i), h = tile_start(a->e, i + 1) - at;
		lanes_of[h][1](v + j0 * stride + at, stride, l->p, n, l->z + at * LANES);
	}
}

static void lanes_end(const lanes *l, const attn *a, float *z, int g, int r0, int rows) {
	int group = a->heads / a->kv;
	float sum[LANES];
	for (int r = 0; r < R; r++) stf(sum + r * VL, l->sum[r]);
	for (int j = 0; j < LANES && r0 + j < rows; j++) {
		int r = r0 + j;
		float *out = z + ((size_t)(r / group) * a->heads + g * group + r % group) * a->e, inv = sum[j] > 0 ? 1.0f / sum[j] : sum[j];
		for (int i = 0; i < a->e; i++) out[i] = l->z[i * LANES + j] * inv;
	}
}

// K_ATTENTION_LANES: as K_ATTENTION. Unit: LANES rows of one kv head; i7 units a head.
static void k_attention_lanes(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	lanes l;
	int rows = a.T * (a.heads / a.kv);
	for (int u = lo; u < hi; u++) {
		int g = u / c->i[7], r0 = u % c->i[7] * LANES;
		lanes_begin(&l, &a, c->p[1], g, r0, rows);
		for (int j = l.begin; j < l.end; j += KEY_BLOCK)
			lanes_keys(&l, &a, (const float *)c->p[2] + (size_t)g * a.e, (const float *)c->p[3] + (size_t)g * a.e, j, l.end - j < KEY_BLOCK ? l.end - j : KEY_BLOCK);
		lanes_end(&l, &a, c->p[0], g, r0, rows);
	}
}

// K_ATTENTION: p0 z [T, heads, e], p1 q, p2 k, p3 v. Unit: (t, head), t first.
static void k_attention(const kern_args *c, int lo, int hi) {
	attn a = attn_of(c);
	for (int u = lo; u < hi; u++) {
		size_t at = (size_t)u * a.e;
		attend_row(&a, (const float *)c->p[1] + at, c->p[2], c->p[3], u / a.heads, u % a.heads, (float *)c->p[0] + at);
	}
}

#endif
