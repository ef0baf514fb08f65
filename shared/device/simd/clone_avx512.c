//go:build cgo && amd64

#include "clone.h"
#if HAVE_AVX
#define ISA_AVX512
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
#endif
#include "table.h"
#include "pool.h"

const kern_clone kern_avx512 = {table, MR, LANES};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
