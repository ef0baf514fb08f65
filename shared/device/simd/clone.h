// clone.h: whether clones wider than SSE2 are built. On Windows gcc spills 32-byte vectors to a
// stack that is aligned to 16 only (gcc bug 54412), so only clang builds them there.
#if !defined(_WIN32) || defined(__clang__)
#define HAVE_AVX 1
#else
#define HAVE_AVX 0
#endif
