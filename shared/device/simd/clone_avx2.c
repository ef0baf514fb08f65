//go:build cgo && amd64

#include "clone.h"
#if HAVE_AVX
#define ISA_AVX2
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#include "table.h"
#include "pool.h"

const kern_clone kern_avx2 = {table, MR, LANES};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
