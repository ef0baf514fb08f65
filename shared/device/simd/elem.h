// elem.h: norms, rotation and everything element by element.
#ifndef ELEM_H
#define ELEM_H
#include "mathv.h"

// The instruction, without the library's errno.
INL float sqrt_f(float x) {
#if defined(__x86_64__)
	return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#elif defined(__aarch64__)
	return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0);
#else
	return __builtin_sqrtf(x);
#endif
}

INL float row_sum(const float *x, int n) {
	vf s = set1(0);
	int i = 0;
	for (; i + VL <= n; i += VL) s += ldf(x + i);
	return hsum(i < n ? s + ld_upto(x + i, n - i) : s);
}

// The sum of (x-mean)^2, four partial sums a lane.
INL float row_squares(const float *x, int n, float mean) {
	vf s[4] = {set1(0), set1(0), set1(0), set1(0)}, m = set1(mean);
	int i = 0;
	for (; i + 4 * VL <= n; i += 4 * VL) UNROLL for (int j = 0; j < 4; j++) {
		vf v = ldf(x + i + j * VL) - m;
		s[j] = madd(v, v, s[j]);
	}
	float rest = 0;
	for (; i < n; i++) rest += (x[i] - mean) * (x[i] - mean);
	return hsum((s[0] + s[1]) + (s[2] + s[3])) + rest;
}

// dst = (x - mean) * inv * w + b, w and b may be null.
INL void scale_row(float *dst, const float *x, const float *w, const float *b, int n, float mean, float inv) {
	for (int i = 0; i < n; i += VL) {
		int part = n - i < VL ? n - i : VL;
		vf v = (ld_upto(x + i, part) - set1(mean)) * set1(inv);
		if (w) v *= ld_upto(w + i, part);
		if (b) v += ld_upto(b + i, part);
		st_upto(dst + i, v, part);
	}
}

// K_NORM: p0 dst, p1 scale or null, p2 x, p3 weight or null, p4 bias or null; i0 n, i1 center; f0 eps. Unit: row.
static void k_norm(const kern_args *a, int lo, int hi) {
	int n = a->i[0];
	for (int u = lo; u < hi; u++) {
		const float *x = (const float *)a->p[2] + (size_t)u * n;
		float mean = a->i[1] ? row_sum(x, n) / (float)n : 0;
		float scale = sqrt_f(row_squares(x, n, mean) / (float)n + a->f[0]);
		scale_row((float *)a->p[0] + (size_t)u * n, x, a->p[3], a->p[4], n, mean, 1.0f / scale);
		if (a->p[1]) ((float *)a->p[1])[u] = scale;
	}
}

// K_AFFINE: p0 dst, p2 x, p3 weight, p4 bias or null; i0 n. Unit: row.
static void k_affine(const kern_args *a, int lo, int hi) {
	int n = a->i[0];
	for (int u = lo; u < hi; u++)
		scale_row((float *)a->p[0] + (size_t)u * n, (const float *)a->p[2] + (size_t)u * n, a->p[3], a->p[4], n, 0, 1);
}

INL void rotate(float *dst, const float *x, const float *cs, int half) {
	int i = 0;
	for (; i + VL <= half; i += VL) {
		vf u = ldf(x + i), v = ldf(x + half + i), c = ldf(cs + i), s = ldf(cs + half + i);
		stf(dst + i, u * c - v * s);
		stf(dst + half + i, v * c + u * s);
	}
	for (; i < half; i++) {
		float u = x[i], v = x[half + i], c = cs[i], s = cs[half + i];
		dst[i] = u * c - v * s, dst[half + i] = v * c + u * s;
	}
}

// K_ROPE: p0 dst, p1 x, p2 table, p3 int32 positions; i0 heads, i1 head dim, i2 rot. Unit: position.
static void k_rope(const kern_args *a, int lo, int hi) {
	int heads = a->i[0], e = a->i[1], rot = a->i[2];
	for (int u = lo; u < hi; u++) {
		const float *cs = (const float *)a->p[2] + (size_t)((const int32_t *)a->p[3])[u] * rot;
		for (int h = 0; h < heads; h++) {
			size_t at = ((size_t)u * heads + h) * e;
			float *dst = (float *)a->p[0] + at;
			const float *x = (const float *)a->p[1] + at;
			rotate(dst, x, cs, rot / 2);
			if (dst != x)
				for (int i = rot; i < e; i++) dst[i] = x[i];
		}
	}
}

// EACH runs STMT for vectors v (and w, from b) of elements lo*CHUNK ... and stores v; n elements in all.
#define EACH(a, b, STMT) \
	for (int64_t i = (int64_t)lo * CHUNK; i < end; i += VL) { \
		int part = end - i < VL ? (int)(end - i) : VL; \
		vf v = ld_upto((const float *)(a) + i, part), w = ld_upto((const float *)(b) + i, part); \
		(void)w; \
		STMT; \
		st_upto(dst + i, v, part); \
	}
// The end of units lo ... hi-1 of n elements; n is split over two ints.
#define SPAN(a) \
	int64_t end = (int64_t)hi * CHUNK, total_ = ((int64_t)(a)->i[1] << 31) | (a)->i[0]; \
	float *dst = (a)->p[0]; \
	if (end > total_) end = total_

// K_ACT: p0 dst, p1 x, p2 factor or null; i0, i1 elements, i2 function; f0 limit of the soft cap. Unit: CHUNK elements.
// Functions: enum above; 4 is limit*tanh(x/limit), 5 is exp (for tests of the polynomial), 6 tanh, 7 erf.
static void k_act(const kern_args *a, int lo, int hi) {
	SPAN(a);
	const float *x = a->p[1], *f = a->p[2];
	float limit = a->f[0];
#define ONE(EXPR) \
	if (f) EACH(x, f, v = (EXPR) * w) \
	else EACH(x, x, v = (EXPR)) \
	break
	switch (a->i[2]) {
	case ACT_SILU: ONE(vact(ACT_SILU, v));
	case ACT_GELU_TANH: ONE(vact(ACT_GELU_TANH, v));
	case ACT_GELU: ONE(vact(ACT_GELU, v));
	case ACT_RELU: ONE(vact(ACT_RELU, v));
	case 4: ONE(set1(limit) * vtanh(v / set1(limit)));
	case 5: ONE(vexp(v));
	case 6: ONE(vtanh(v));
	case 7: ONE(verf(v));
	}
#undef ONE
}

// K_BINARY: p0 dst, p1 a, p2 b; i0, i1 elements, i2: 0 add, 1 multiply. Unit: CHUNK elements.
static void k_binary(const kern_args *a, int lo, int hi) {
	SPAN(a);
	if (a->i[2]) EACH(a->p[1], a->p[2], v *= w)
	else EACH(a->p[1], a->p[2], v += w)
}

// K_SCALE: p0 dst, p1 x; i0, i1 elements; f0 factor.
static void k_scale(const kern_args *a, int lo, int hi) {
	SPAN(a);
	EACH(a->p[1], a->p[1], v *= set1(a->f[0]))
}

// K_FILL: p0 dst gets f0; i0, i1 elements.
static void k_fill(const kern_args *a, int lo, int hi) {
	SPAN(a);
	for (int64_t i = (int64_t)lo * CHUNK; i < end; i++) dst[i] = a->f[0];
}

// K_COPY: p0 dst, p1 x, which may overlap when it runs as one unit; i0, i1 elements.
static void k_copy(const kern_args *a, int lo, int hi) {
	SPAN(a);
	int64_t at = (int64_t)lo * CHUNK;
	__builtin_memmove(dst + at, (const float *)a->p[1] + at, (size_t)(end - at) * 4);
}

#endif
