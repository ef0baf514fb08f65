// repack.h: from ggml's rows to tiles, and single rows back.
#ifndef REPACK_H
#define REPACK_H
#include "tile.h"

// A block of 32 columns of one row, unpacked: codes without sign and the scales as stored.
typedef struct {
	uint8_t code[32];
	uint8_t scale[4]; // bytes of the scale region, K-quants
	uint16_t d, m;    // halves
} block;

INL uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
INL uint32_t u32(const uint8_t *p) { return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16; }

INL void nibbles(block *k, const uint8_t *q, uint32_t high) {
	for (int j = 0; j < 16; j++) {
		k->code[j] = (uint8_t)((q[j] & 15) | (high >> j & 1) << 4);
		k->code[j + 16] = (uint8_t)(q[j] >> 4 | (high >> (j + 16) & 1) << 4);
	}
}

// The 6-bit scale and minimum of group g of Q4_K and Q5_K.
INL void scale_min(block *k, int g, const uint8_t *q) {
	k->scale[0] = g < 4 ? q[g] & 63 : (uint8_t)((q[g + 4] & 15) | q[g - 4] >> 6 << 4);
	k->scale[1] = g < 4 ? q[g + 4] & 63 : (uint8_t)(q[g + 4] >> 4 | q[g] >> 6 << 4);
}

INL void read_q6(block *k, const uint8_t *p, int g) {
	int h = g / 4, q = g % 4;
	for (int l = 0; l < 32; l++) {
		uint8_t lo = p[h * 64 + (q & 1) * 32 + l] >> (4 * (q >> 1)) & 15, hi = p[128 + h * 32 + l] >> (2 * q) & 3;
		k->code[l] = (uint8_t)(lo | hi << 4);
	}
	k->scale[0] = p[192 + 2 * g], k->scale[1] = p[192 + 2 * g + 1], k->d = u16(p + 208);
}

// Reads block b of a stored row.
INL void read_block(int t, const uint8_t *row, int b, block *k) {
	const uint8_t *p;
	int g = b & 7;
	switch (t) {
	case T_Q4_0: p = row + b * 18, k->d = u16(p), nibbles(k, p + 2, 0); break;
	case T_Q4_1: p = row + b * 20, k->d = u16(p), k->m = u16(p + 2), nibbles(k, p + 4, 0); break;
	case T_Q5_0: p = row + b * 22, k->d = u16(p), nibbles(k, p + 6, u32(p + 2)); break;
	case T_Q5_1: p = row + b * 24, k->d = u16(p), k->m = u16(p + 2), nibbles(k, p + 8, u32(p + 4)); break;
	case T_Q8_0:
		p = row + b * 34, k->d = u16(p);
		for (int j = 0; j < 32; j++) k->code[j] = p[2 + j] ^ 128;
		break;
	case T_Q4_K:
	case T_Q5_K:
		p = row + (size_t)(b >> 3) * (t == T_Q4_K ? 144 : 176);
		k->d = u16(p), k->m = u16(p + 2), scale_min(k, g, p + 4);
		for (int j = 0; j < 32; j++) {
			uint8_t c = p[(t == T_Q4_K ? 16 : 48) + g / 2 * 32 + j] >> (4 * (g & 1)) & 15;
			k->code[j] = t == T_Q4_K ? c : (uint8_t)(c | (p[16 + j] >> g & 1) << 4);
		}
		break;
	case T_Q6_K: read_q6(k, row + (size_t)(b >> 3) * 210, g); break;
	}
}

INL void put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
INL void put32(uint8_t *p, uint32_t v) { put16(p, (uint16_t)v), put16(p + 2, (uint16_t)(v >> 16)); }

// write_codes and write_scales put one block of row r in its place.
INL void write_codes(int t, block_at w, int r, const uint8_t *c) {
	if (is_8bit(t)) {
		for (int k = 0; k < 32; k += 4) {
			uint8_t *p = (uint8_t *)w.code + k / 4 * 64 + r * 4;
			p[0] = c[k], p[1] = c[k + 2], p[2] = c[k + 1], p[3] = c[k + 3];
		}
		return;
	}
	uint32_t one = 0, two[2] = {0, 0};
	for (int k = 0; k < 32; k += 8) {
		uint32_t v = 0;
		for (int s = 0; s < 4; s++) {
			uint32_t e = c[k + 2 * s], o = c[k + 2 * s + 1], f = (uint32_t)(k / 2 + s);
			v |= (e & 15) << (4 * s) | (o & 15) << (4 * s + 16);
			one |= (e >> 4 & 1) << f | (o >> 4 & 1) << (f + 16);
			two[f / 8] |= (e >> 4 & 3) << (2 * (f % 8)) | (o >> 4 & 3) << (2 * (f % 8) + 16);
		}
		put32((uint8_t *)w.code + k / 8 * 64 + r * 4, v);
	}
	if (high_bits(t) == 1) put32((uint8_t *)w.high + r * 4, one);
	if (high_bits(t) == 2)
		for (int v = 0; v < 2; v++) put32((uint8_t *)w.high + v * 64 + r * 4, two[v]);
}

INL void write_scales(int t, block_at w, int r, const block *k) {
	uint8_t *s = (uint8_t *)w.scale, *u = (uint8_t *)w.super;
	if (is_k(t)) {
		s[r] = k->scale[0], s[16 + r] = k->scale[1];
		put16(u + 2 * r, k->d);
		if (has_min(t)) put16(u + 32 + 2 * r, k->m);
		return;
	}
	put16(s + 2 * r, k->d);
	if (has_min(t)) put16(s + 32 + 2 * r, k->m);
}

INL int finite16(uint16_t h) { return (h & 0x7c00) != 0x7c00; }

// Returns how many scales are not finite.
static int repack_row(int t, const uint8_t *row, uint8_t *dst, int k, int r) {
	if (is_float(t)) {
		int size = elem_bytes(t);
		for (int i = 0; i < k; i++)
			for (int j = 0; j < size; j++) dst[((size_t)i * TILE + r) * size + j] = row[(size_t)i * size + j];
		return 0;
	}
	int bad = 0;
	for (int b = 0; b < k / 32; b++) {
		block v = {.d = 0, .m = 0};
		read_block(t, row, b, &v);
		block_at w = find_block(t, dst, b);
		write_codes(t, w, r, v.code);
		write_scales(t, w, r, &v);
		bad += !finite16(v.d) + !finite16(v.m);
	}
	return bad;
}

// K_REPACK: p0 rows as stored, p1 first tile to fill, p2 int32 per tile: non-finite scales found.
// i0 type, i1 columns, i2 bytes of a stored row, i3 rows given. Unit: tile. Tiles must be zeroed.
static void k_repack(const kern_args *a, int lo, int hi) {
	int t = a->i[0], k = a->i[1];
	for (int u = lo; u < hi; u++) {
		int bad = 0;
		for (int r = 0; r < TILE && u * TILE + r < a->i[3]; r++) {
			const uint8_t *row = (const uint8_t *)a->p[0] + ((size_t)u * TILE + r) * a->i[2];
			uint8_t *dst = (uint8_t *)a->p[1] + u * tile_bytes(t, k);
			bad += repack_row(t, row, dst, k, r);
		}
		((int32_t *)a->p[2])[u] = bad;
	}
}

static void gather_row(int t, const uint8_t *w, int k, int r, float *out) {
	float part[32 * TILE];
	for (int k0 = 0; k0 < k; k0 += 32) {
		int kc = k - k0 < 32 ? k - k0 : 32;
		panel_of[t](w, k0, kc, part);
		for (int j = 0; j < kc; j++) out[k0 + j] = part[j * TILE + r];
	}
}

// K_GATHER: p0 out, p1 weights, p2 int32 ids; i0 type, i1 columns. Unit: id.
static void k_gather(const kern_args *a, int lo, int hi) {
	int t = a->i[0], k = a->i[1];
	for (int u = lo; u < hi; u++) {
		int id = ((const int32_t *)a->p[2])[u];
		const uint8_t *w = (const uint8_t *)a->p[1] + (size_t)(id / TILE) * tile_bytes(t, k);
		gather_row(t, w, k, id % TILE, (float *)a->p[0] + (size_t)u * k);
	}
}

#endif
