// table.h: the whole kernel source of one instruction set, and its table.
#include "attend.h"
#include "back.h"
#include "repack.h"
#include "rank.h"

static kern_fn *const table[K_COUNT] = {
	k_repack, k_gather, k_planes, k_matvec, k_pack, k_gemm, k_norm, k_affine, k_rope, k_scores, k_softmax,
	k_mix, k_attention, k_act, k_binary, k_scale, k_fill, k_copy, k_rank,
	k_gemm_t, k_norm_back, k_softmax_back, k_act_back, k_mix_back, k_attention_lanes, k_branches,
};
