//go:build cgo && (amd64 || arm64)

// Plain SSE2 or NEON: what every amd64 and arm64 processor has.
#include "table.h"
#include "pool.h"

const kern_clone kern_generic = {table, MR, LANES};
