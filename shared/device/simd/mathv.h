// mathv.h: exp, tanh and erf by polynomials, relative error at most 1e-6 (tested).
#ifndef MATHV_H
#define MATHV_H
#include "vec.h"

// exp: 2^n times a polynomial in r, x = n ln 2 + r (Cephes expf). Below -87.3, -Inf included, it is
// exactly 0: masked keys must not weigh anything. Above 88.3 it stays at exp(88.3). NaN stays NaN.
INL vf vexp(vf x) {
	vf c = vmin(vmax(x, set1(-87.3f)), set1(88.3f));
	vf z = madd(c, set1(1.44269504f), set1(12582912.0f)); // 1.5 * 2^23: rounds to an integer in the low bits
	vf n = z - set1(12582912.0f);
	vf r = madd(n, set1(-0.693359375f), c);
	r = madd(n, set1(2.12194440e-4f), r);
	vf p = madd(set1(1.9875691500e-4f), r, set1(1.3981999507e-3f));
	p = madd(p, r, set1(8.3334519073e-3f));
	p = madd(p, r, set1(4.1665795894e-2f));
	p = madd(p, r, set1(1.6666665459e-1f));
	p = madd(p, r, set1(5.0000001201e-1f));
	p = madd(p * r, r, r) + set1(1.0f);
	vf v = p * (vf)(((vi)z << 23) + 0x3f800000);
	v = (vf)((vi)v & (x >= set1(-87.3f)));
	return sel(x == x, v, x);
}

INL vf vabs(vf x) { return (vf)((vi)x & 0x7fffffff); }
INL vf with_sign(vf v, vf of) { return (vf)((vi)v | ((vi)of & (int32_t)0x80000000)); }

// tanh: an odd polynomial near zero, 1 - 2/(exp(2x)+1) elsewhere (Cephes tanhf).
INL vf vtanh(vf x) {
	vf a = vabs(x), s = x * x;
	vf p = madd(set1(-5.70498872745e-3f), s, set1(2.06390887954e-2f));
	p = madd(p, s, set1(-5.37397155531e-2f));
	p = madd(p, s, set1(1.33314422036e-1f));
	p = madd(p, s, set1(-3.33332819422e-1f));
	p = madd(p * s, x, x);
	vf q = set1(1.0f) - set1(2.0f) / (vexp(a + a) + set1(1.0f));
	return sel(a < set1(0.625f), p, with_sign(q, x));
}

// erf: Cephes' polynomial up to 1, Abramowitz and Stegun 7.1.26 (absolute 1.5e-7) beyond.
INL vf verf(vf x) {
	vf a = vabs(x), s = x * x;
	vf p = madd(set1(7.853861353153693e-5f), s, set1(-8.010193625184903e-4f));
	p = madd(p, s, set1(5.188327685732524e-3f));
	p = madd(p, s, set1(-2.685381193529856e-2f));
	p = madd(p, s, set1(1.128358514861418e-1f));
	p = madd(p, s, set1(-3.761262582423300e-1f));
	p = madd(p, s, set1(1.128379165726710e+0f)) * x;
	vf t = set1(1.0f) / madd(a, set1(0.3275911f), set1(1.0f));
	vf q = madd(set1(1.061405429f), t, set1(-1.453152027f));
	q = madd(q, t, set1(1.421413741f));
	q = madd(q, t, set1(-0.284496736f));
	q = madd(q, t, set1(0.254829592f)) * t;
	q = set1(1.0f) - q * vexp(-(a * a));
	return sel(a < set1(1.0f), p, with_sign(q, x));
}

enum { ACT_SILU, ACT_GELU_TANH, ACT_GELU, ACT_RELU };

INL vf vact(int f, vf x) {
	switch (f) {
	case ACT_SILU:
		return x / (set1(1.0f) + vexp(-x));
	case ACT_GELU_TANH: { // 0.5 x (1 + tanh u) = x / (1 + exp(-2u)): no cancellation for negative x
		vf u = x * madd(x * x, set1(2 * 0.7978845608f * 0.044715f), set1(2 * 0.7978845608f));
		return x / (set1(1.0f) + vexp(-u));
	}
	case ACT_GELU:
		return set1(0.5f) * x * (set1(1.0f) + verf(x * set1(0.70710678f)));
	}
	return sel(x != x, x, vmax(x, set1(0.0f)));
}

#endif
