// bytes.h: one row of activations against 4-bit weights, by the instruction of relaxed SIMD that multiplies
// sixteen pairs of bytes and adds neighbours: four columns of four rows at once, twice what 16-bit planes do.
//
// A block of 32 activations becomes x = s*(65536*p2 + 256*p1 + p0), three planes of signed bytes: 24 bits, as
// many as float32 has. Codes need four bits of the seven that the instruction takes without sign on every
// machine, so it is exact, and eight products of a block at most 30720, which 16-bit sums hold. Mode fast
// leaves p0 out, which is one plane of 16 bits.
#ifndef BYTES_H
#define BYTES_H
#include "tile.h"

#if defined(__wasm_relaxed_simd__)
// The types that it serves. The minimum of Q4_0 is -8 times its scale.
INL int by_bytes(int t) { return t == T_Q4_0 || t == T_Q4_1 || t == T_Q4_K; }

// What a block of activations is here. Byte planes lie as the codes do: a word has columns 8c, 8c+4, 8c+1 and
// 8c+5, the next one 8c+2, 8c+6, 8c+3 and 8c+7. The scales of three planes and of two, and the sum of the
// activations, are times 2^80 (see half_bits).
typedef struct {
	int8_t plane[3][32]; // the highest first
	float s[2], sum;
	float pad[5]; // to whole lines
} byte_block;

#define FULL 8355700.0f // the largest is 127*65536 + 127*256 + 127, and rounding may add one or two

// The digits of v by 256 in signed bytes, lowest first; takes one off v.
INL vi digit(vi *v) {
	vi low = *v & 255;
	*v = (*v + 128) >> 8;
	return low;
}

INL void split_bytes(const float *x, byte_block *q) {
	vf top = set1(0), sum = set1(0);
	for (int i = 0; i < 32; i += VL) {
		vf v = ldf(x + i);
		top = vmax(top, vabs(v));
		sum += v;
	}
	float m = hmax(top), total = hsum(sum);
	float inv = m > 1e-30f ? FULL / m : 0; // the reciprocal of less would overflow
	float s = m / FULL + 0 * total;        // an infinity or NaN among x makes the block's share NaN
	q->s[0] = s * 0x1p80f, q->s[1] = s * 0x1p88f, q->sum = total * 0x1p80f;
	for (int g = 0; g < 2; g++) {
		vi v[4];
		UNROLL for (int i = 0; i < 4; i++) v[i] = (vi)wasm_i32x4_relaxed_trunc_f32x4(wasm_f32x4_nearest((v128_t)(ldf(x + 16 * g + 4 * i) * set1(inv))));
		UNROLL for (int p = 2; p >= 0; p--) {
			vi d[4];
			UNROLL for (int i = 0; i < 4; i++) d[i] = digit(&v[i]);
			wasm_v128_store(q->plane[p] + 16 * g, wasm_u16x8_narrow_i32x4((v128_t)(d[0] | d[1] << 8), (v128_t)(d[2] | d[3] << 8)));
		}
	}
}

// The factor that half_bits lacks beyond the 2^80 of the activations.
#define MAKE_UP 0x1p32f

typedef int16_t v8s __attribute__((vector_size(16)));

// A block of sixteen rows.
INL void bytes_block(int t, int P, const uint8_t *tile_, int b, const byte_block *x, vf y[4]) {
	block_at w = find_block(t, tile_, b);
	const uint8_t *code = w.code;
	const int8_t *in = x->plane[0];
	v8s acc[3][4];
	UNROLL for (int p = 0; p < P; p++) UNROLL for (int r = 0; r < 4; r++) acc[p][r] = (v8s){0};
	UNROLL for (int c = 0; c < 4; c++) UNROLL for (int h = 0; h < 2; h++) {
		v128_t a[3];
		UNROLL for (int p = 0; p < P; p++) a[p] = wasm_v128_load32_splat(in + 32 * p + 8 * c + 4 * h);
		UNROLL for (int r = 0; r < 4; r++) {
			vu v = ldu(code + c * 64 + r * 16);
			v = (h ? v >> 4 : v) & 0x0f0f0f0fu;
			UNROLL for (int p = 0; p < P; p++) acc[p][r] += (v8s)wasm_i16x8_relaxed_dot_i8x16_i7x16(a[p], (v128_t)v);
			AFTER(code, in, acc[0][r], acc[1][r], acc[P - 1][r]);
		}
	}
	float s = x->s[3 - P], sum = t == T_Q4_0 ? -8 * x->sum : x->sum;
	if (is_k(t)) s *= 0x1p-112f, sum *= 0x1p-112f; // their scales are not half_bits
	UNROLL for (int r = 0; r < 4; r++) {
		vi low = (vi)wasm_i32x4_dot_i16x8((v128_t)acc[P - 2][r], wasm_i16x8_splat(256)) + (vi)wasm_i32x4_extadd_pairwise_i16x8((v128_t)acc[P - 1][r]);
		vf f = to_f(low), d, m;
		if (P == 3) f = madd(to_f((vi)wasm_i32x4_extadd_pairwise_i16x8((v128_t)acc[0][r])), set1(65536), f);
		if (is_k(t)) d = tile_scale(t, w, 4 * r, 0), m = tile_min(t, w, 4 * r);
		else d = half_bits(w.scale + 8 * r), m = t == T_Q4_0 ? d : half_bits(w.scale + 32 + 8 * r);
		y[r] = madd(f, d * set1(s), y[r]);
		y[r] = madd(m, set1(sum), y[r]);
	}
}

// One tile times a row of nb blocks; out gets its sixteen sums.
INL void bytes_tile(int t, int P, const uint8_t *w, const byte_block *x, int nb, float *out) {
	vf y[4];
	UNROLL for (int r = 0; r < 4; r++) y[r] = set1(0);
	for (int b = 0; b < nb; b++) bytes_block(t, P, w, b, x + b, y);
	UNROLL for (int r = 0; r < 4; r++) stf(out + 4 * r, y[r] * set1(MAKE_UP));
}
#else
INL int by_bytes(int t) { return (void)t, 0; }
#endif

#endif
