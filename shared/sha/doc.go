// Package sha is SHA-256 for both sides. Natively it is the standard library's, which uses the
// processor's instructions. In a tab it is the plain algorithm of FIPS 180-4, because the
// standard library's carries the whole FIPS 140 module (AES, SHA-3, DRBG and their self-tests)
// into the worker: 40 KB compressed for nothing.
package sha

import "encoding/hex"

// Size is the length of a sum in bytes.
const Size = 32

// Hex is the sum of p as 64 lower-case hexadecimal digits.
func Hex(p []byte) string {
	h := New()
	h.Write(p)
	return hex.EncodeToString(h.Sum(nil))
}
