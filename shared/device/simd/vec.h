// vec.h: one vector of float32 lanes for every instruction set. VL lanes: 16 with AVX-512, 8
// with AVX2, 4 with SSE2, NEON and WebAssembly. What the compilers' vector extensions cannot
// say (fused multiply-add, pairs of int16 multiplied and added, halves) is defined here by
// intrinsics; everything else is plain operators on vectors.
#ifndef VEC_H
#define VEC_H
#include "kern.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define INL static inline __attribute__((always_inline))

#if defined(ISA_AVX512)
#define VL 16
#elif defined(ISA_AVX2)
#define VL 8
#else
#define VL 4
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__wasm__)
#include <wasm_simd128.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef float vf_any __attribute__((vector_size(4 * VL), aligned(4), may_alias));
typedef uint32_t vu_any __attribute__((vector_size(4 * VL), aligned(4), may_alias));

INL vf ldf(const void *p) { return *(const vf_any *)p; }
INL void stf(void *p, vf v) { *(vf_any *)p = v; }
INL vu ldu(const void *p) { return *(const vu_any *)p; }
INL vf to_f(vi v) { return __builtin_convertvector(v, vf); }
INL vf sel(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

#if defined(ISA_AVX512)
INL vf set1(float x) { return _mm512_set1_ps(x); }
INL vi set1i(int32_t x) { return (vi)_mm512_set1_epi32(x); }
INL vf madd(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INL vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
INL vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
INL vi dot2(vi acc, vi a, vi b) { return (vi)_mm512_dpwssd_epi32((__m512i)acc, (__m512i)a, (__m512i)b); }
INL vf ld_half(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INL vf ld_scale(const void *p) { return ld_half(p); }
INL vf ld_u8(const void *p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INL vf ld_i8(const void *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INL vf ld_bf16(const void *p) { return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16); }
#elif defined(ISA_AVX2)
INL vf set1(float x) { return _mm256_set1_ps(x); }
INL vi set1i(int32_t x) { return (vi)_mm256_set1_epi32(x); }
INL vf madd(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INL vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
INL vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
INL vi dot2(vi acc, vi a, vi b) { return acc + (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b); }
INL vf ld_half(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INL vf ld_scale(const void *p) { return ld_half(p); }
INL vf ld_u8(const void *p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p))); }
INL vf ld_i8(const void *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))); }
INL vf ld_bf16(const void *p) { return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16); }
#else

INL vf set1(float x) { return (vf){x, x, x, x}; }
INL vi set1i(int32_t x) { return (vi){x, x, x, x}; }

#if defined(__aarch64__)
INL vf madd(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INL vf vmax(vf a, vf b) { return (vf)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INL vf vmin(vf a, vf b) { return (vf)vminq_f32((float32x4_t)a, (float32x4_t)b); }
INL vi dot2(vi acc, vi a, vi b) {
	int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
	return acc + (vi)vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
}
INL vu ld_u16(const void *p) { uint16x4_t h; __builtin_memcpy(&h, p, 8); return (vu)vmovl_u16(h); }
INL vf ld_u8(const void *p) { const uint8_t *b = p; return to_f((vi){b[0], b[1], b[2], b[3]}); }
INL vf ld_i8(const void *p) { const int8_t *b = p; return to_f((vi){b[0], b[1], b[2], b[3]}); }
#elif defined(__wasm__)
#if defined(__wasm_relaxed_simd__)
INL vf madd(vf a, vf b, vf c) { return (vf)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c); }
#else
INL vf madd(vf a, vf b, vf c) { return a * b + c; }
#endif
INL vf vmax(vf a, vf b) { return (vf)wasm_f32x4_pmax((v128_t)b, (v128_t)a); }
INL vf vmin(vf a, vf b) { return (vf)wasm_f32x4_pmin((v128_t)b, (v128_t)a); }
INL vi dot2(vi acc, vi a, vi b) { return acc + (vi)wasm_i32x4_dot_i16x8((v128_t)a, (v128_t)b); }
INL vu ld_u16(const void *p) { return (vu)wasm_u32x4_load16x4(p); }
INL vf ld_u8(const void *p) { return to_f((vi)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(p)))); }
INL vf ld_i8(const void *p) { return to_f((vi)wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(p)))); }
#else // SSE2
INL vf madd(vf a, vf b, vf c) { return a * b + c; }
INL vf vmax(vf a, vf b) { return _mm_max_ps(a, b); }
INL vf vmin(vf a, vf b) { return _mm_min_ps(a, b); }
INL vi dot2(vi acc, vi a, vi b) { return acc + (vi)_mm_madd_epi16((__m128i)a, (__m128i)b); }
INL vu ld_u16(const void *p) { return (vu)_mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)p), _mm_setzero_si128()); }
INL vf ld_u8(const void *p) { const uint8_t *b = p; return to_f((vi){b[0], b[1], b[2], b[3]}); }
INL vf ld_i8(const void *p) { const int8_t *b = p; return to_f((vi){b[0], b[1], b[2], b[3]}); }
#endif

// A half widened by integer arithmetic: subnormal halves become 2^-14*(1+f) - 2^-14, so that no
// float32 subnormal (slow on many processors) is ever an operand. ld_scale leaves out infinities and NaN,
// which loading refuses in scales.
INL vf ld_scale(const void *p) {
	vi h = (vi)ld_u16(p), m = (h & 0x7fff) << 13, sub = m < 0x800000;
	vf v = (vf)(m + (112 << 23) + (sub & (1 << 23))) - (vf)(sub & (113 << 23));
	return (vf)((vi)v | (h & 0x8000) << 16);
}
INL vf ld_half(const void *p) {
	vi big = ((vi)ld_u16(p) & 0x7c00) == 0x7c00;
	return (vf)((vi)ld_scale(p) | (big & 0x7f800000));
}
INL vf ld_bf16(const void *p) { return (vf)(ld_u16(p) << 16); }
#endif

INL float hsum(vf v) {
	float s = 0;
	UNROLL for (int n = 0; n < VL; n++) s += v[n];
	return s;
}
INL float hmax(vf v) {
	float m = v[0];
	UNROLL for (int n = 1; n < VL; n++) m = v[n] > m ? v[n] : m;
	return m;
}

#define NOINL static __attribute__((noinline, unused))

// The first n <= VL elements, zeros after them. The rare short cases are kept out of line: inlined
// everywhere they would be most of the code.
NOINL void copy_part(float *to, const float *from, int n) {
	for (int j = 0; j < n; j++) to[j] = from[j];
}
INL vf ld_upto(const float *p, int n) {
	if (n == VL) return ldf(p);
	float t[VL] = {0};
	copy_part(t, p, n);
	return ldf(t);
}
INL void st_upto(float *p, vf v, int n) {
	if (n == VL) {
		stf(p, v);
		return;
	}
	float t[VL];
	stf(t, v);
	copy_part(p, t, n);
}

#endif
