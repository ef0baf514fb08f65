// tile.h: how weights lie in memory (doc.go draws it). Sixteen rows make a tile; in every
// 64-byte line, 32-bit lane r belongs to row r of the tile. So a vector of codes multiplies a broadcast
// pair of activations, every row sums in its own lane, scales are vectors too, and
// no horizontal sum is ever needed; and unpacking a block to float32 gives
// exactly the panel that the matrix-matrix kernel wants.
//
// A quantised tile is a row of chunks, each a few blocks of 32 columns: their codes, the high bits of those,
// their scales, and the scale of the superblock of 256. So a matrix is read from its first byte to its last,
// which is the one order that the processor's prefetching keeps up with (measured in WebAssembly, which has no
// prefetch instruction: out of memory as fast as out of the cache; with the scales after the tile's codes two
// thirds of that). A float tile is [column][16].
#ifndef TILE_H
#define TILE_H
#include "vec.h"

#define TILE 16

INL int is_float(int t) { return t <= T_BF16; }
INL int is_k(int t) { return t >= T_Q4_K; }
INL int is_8bit(int t) { return t == T_Q8_0; }
INL int high_bits(int t) { return t == T_Q6_K ? 2 : (t == T_Q5_0 || t == T_Q5_1 || t == T_Q5_K); }
INL int has_min(int t) { return t == T_Q4_1 || t == T_Q5_1 || t == T_Q4_K || t == T_Q5_K; }
// Codes are stored without sign; this much is taken off them, exactly, in integers.
INL int code_offset(int t) { return t == T_Q4_0 ? 8 : t == T_Q5_0 ? 16 : t == T_Q8_0 ? 128 : t == T_Q6_K ? 32 : 0; }

INL int code_bytes(int t) { return is_8bit(t) ? 512 : 256; }
INL int high_bytes(int t) { return 64 * high_bits(t); }
INL int scale_bytes(int t) { return t == T_Q4_1 || t == T_Q5_1 ? 64 : 32; }
INL int super_bytes(int t) { return t == T_Q6_K ? 32 : is_k(t) ? 64 : 0; }
INL int elem_bytes(int t) { return t == T_F32 ? 4 : 2; } // of float types
INL size_t line(size_t n) { return (n + 63) & ~(size_t)63; }

// Blocks of a chunk: as many as fill whole lines.
INL int chunk_blocks(int t) { return is_k(t) ? 8 : scale_bytes(t) == 64 ? 1 : 2; }
INL size_t chunk_bytes(int t) { return line((size_t)chunk_blocks(t) * (code_bytes(t) + high_bytes(t) + scale_bytes(t)) + super_bytes(t)); }

// Bytes of a tile of k columns; matmul.go computes the same.
INL size_t tile_bytes(int t, int k) {
	if (is_float(t)) return line((size_t)k * TILE * elem_bytes(t));
	return (size_t)((k / 32 + chunk_blocks(t) - 1) / chunk_blocks(t)) * chunk_bytes(t);
}

// Where the parts of a block are. What follows adds constants to these pointers only, which WebAssembly's
// loads take as their offset.
typedef struct {
	const uint8_t *code, *high, *scale, *super;
} block_at;

// Block b of the tile at p.
INL block_at find_block(int t, const uint8_t *p, int b) {
	int n = chunk_blocks(t), j = b % n;
	p += (size_t)(b / n) * chunk_bytes(t);
	block_at v;
	v.code = p + j * code_bytes(t), p += n * code_bytes(t);
	v.high = p + j * high_bytes(t), p += n * high_bytes(t);
	v.scale = p + j * scale_bytes(t), v.super = p + n * scale_bytes(t);
	return v;
}

typedef uint16_t vuh __attribute__((vector_size(4 * VL)));

// The codes of columns 8c+2s and 8c+2s+1 of the block as the two int16 halves of each lane, for the
// VL rows from ro. c and s are 0..3.
INL vu code_pair(int t, block_at w, int ro, int c, int s) {
	if (is_8bit(t)) {
		vu v = ldu(w.code + (2 * c + (s >> 1)) * 64 + ro * 4);
		return s & 1 ? (vu)((vuh)v >> 8) : v & 0x00ff00ffu;
	}
	vu v = ldu(w.code + c * 64 + ro * 4);
	v = (s ? v >> (4 * s) : v) & 0x000f000fu;
	if (high_bits(t) == 1) {
		vu h = ldu(w.high + ro * 4);
		v |= (h >> (4 * c)) << (4 - s) & 0x00100010u;
	}
	if (high_bits(t) == 2) {
		vu h = ldu(w.high + (c >> 1) * 64 + ro * 4);
		h = c & 1 ? h >> 8 : h;
		v |= (s < 3 ? h << (4 - 2 * s) : h >> 2) & 0x00300030u;
	}
	return v;
}

// The scale of columns 16g ... of the block (g matters for Q6_K only), for the VL rows from ro.
INL vf tile_scale(int t, block_at w, int ro, int g) {
	switch (t) {
	case T_Q4_1:
	case T_Q5_1:
		return ld_scale(w.scale + ro * 2);
	case T_Q4_K:
	case T_Q5_K:
		return ld_scale(w.super + ro * 2) * ld_u8(w.scale + ro);
	case T_Q6_K:
		return ld_scale(w.super + ro * 2) * ld_i8(w.scale + g * 16 + ro);
	}
	return ld_scale(w.scale + ro * 2);
}

// What is added to every element of the block: the m of Q4_1, minus the minimum of K-quants.
INL vf tile_min(int t, block_at w, int ro) {
	if (is_k(t)) return -ld_scale(w.super + 32 + ro * 2) * ld_u8(w.scale + 16 + ro);
	return ld_scale(w.scale + 32 + ro * 2);
}

// The four parts of a block are a real loop in WebAssembly: unrolled, LLVM runs through the block row by
// row, since it has no registers to run out of, and the processor then reloads every broadcast from the stack.
#if defined(__wasm__)
#define EACH_PART _Pragma("clang loop unroll(disable)")
#else
#define EACH_PART UNROLL
#endif

#if defined(__wasm__)
// LLVM would move all loads of a block to its front, more than there are registers. AFTER has the next loads
// wait for sums, as far as LLVM can tell: their pointers come from here. The lanes that it is shown are
// never used, and engines drop them.
#define LANE0(v) "r"(wasm_i32x4_extract_lane((v128_t)(v), 0))
#define AFTER(code, x, a, b, c) __asm__ volatile("" : "+r"(code), "+r"(x) : LANE0(a), LANE0(b), LANE0(c))

// Halves as float32 with their exponent as it is, which is their value times 2^-112. Subnormal halves, which
// scales hardly ever are, become subnormal floats: slow on some processors, and right.
INL vf half_bits(const uint8_t *p) { return (vf)((vi)wasm_i32x4_load16x4(p) << 13 & set1i((int32_t)0x8fffe000)); }
#endif

// Writes the block as float32, [32][16], VL rows from ro.
INL void decode_block(int t, block_at w, int ro, float *out) {
	vf m = has_min(t) ? tile_min(t, w, ro) : set1(0);
	UNROLL for (int g = 0; g < 2; g++) {
		vf d = tile_scale(t, w, ro, g);
		vf base = has_min(t) ? m : d * set1(-(float)code_offset(t));
		EACH_PART for (int c = 2 * g; c < 2 * g + 2; c++) UNROLL for (int s = 0; s < 4; s++) {
			vu v = code_pair(t, w, ro, c, s);
			float *o = out + (8 * c + 2 * s) * TILE + ro;
			stf(o, madd(to_f((vi)(v & 0xffffu)), d, base));
			stf(o + TILE, madd(to_f((vi)(v >> 16)), d, base));
		}
	}
}

INL vf load_weight(int t, const uint8_t *p, size_t i) {
	if (t == T_F32) return ldf(p + 4 * i);
	return t == T_F16 ? ld_half(p + 2 * i) : ld_bf16(p + 2 * i);
}

// Writes columns k0 ... k0+kc-1 of a tile as float32, [kc][16].
INL void decode_panel(int t, const uint8_t *p, int k0, int kc, float *out) {
	if (is_float(t)) {
		for (int i = 0; i < kc * TILE; i += VL) stf(out + i, load_weight(t, p, (size_t)k0 * TILE + i));
		return;
	}
	for (int b = 0; b < kc / 32; b++)
		UNROLL for (int ro = 0; ro < TILE; ro += VL) decode_block(t, find_block(t, p, k0 / 32 + b), ro, out + (size_t)b * 32 * TILE);
}

// The bodies above fold to straight code once the type is a constant. EACH_QUANT and EACH_FLOAT
// instantiate a macro for each type; the functions so made are not inlined further, or compiling
// one huge function would take minutes.
#define EACH_QUANT(M) M(T_Q4_0) M(T_Q4_1) M(T_Q5_0) M(T_Q5_1) M(T_Q8_0) M(T_Q4_K) M(T_Q5_K) M(T_Q6_K)
#define EACH_FLOAT(M) M(T_F32) M(T_F16) M(T_BF16)

#define PANEL(T) \
	NOINL void panel_##T(const uint8_t *p, int k0, int kc, float *out) { decode_panel(T, p, k0, kc, out); }
EACH_QUANT(PANEL)
EACH_FLOAT(PANEL)
#undef PANEL

static void (*const panel_of[])(const uint8_t *p, int k0, int kc, float *out) = {
#define PANEL(T) [T] = panel_##T,
	EACH_QUANT(PANEL) EACH_FLOAT(PANEL)
#undef PANEL
};

#endif
