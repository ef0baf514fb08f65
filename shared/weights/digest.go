package weights

import (
	"context"
	"encoding/hex"
	"io"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/sha"
)

// Digest is the SHA-256 of a file, lower-case hexadecimal. ParseDigest is the only constructor,
// so a Digest is never a path (Ollama's CVE-2024-37032).
type Digest string

// ParseDigest accepts 64 hexadecimal digits, with or without "sha256:" before them.
func ParseDigest(s string) (Digest, error) {
	hexed := strings.ToLower(strings.TrimPrefix(s, "sha256:"))
	if b, err := hex.DecodeString(hexed); err != nil || len(b) != sha.Size {
		return "", errs.E("weights.ParseDigest", errs.Invalid, "%q is not a SHA-256: 64 hexadecimal digits", clip(s))
	}
	return Digest(hexed), nil
}

// Short is the first twelve digits, for people.
func (d Digest) Short() string { return string(d[:min(12, len(d))]) }

// Sum reads r to its end and gives its digest and length. It stops when ctx ends; progress, if
// set, is called with the bytes so far, about once per megabyte.
func Sum(ctx context.Context, r io.Reader, progress func(int64)) (Digest, int64, error) {
	h, buf, n := sha.New(), make([]byte, 1<<20), int64(0)
	for {
		if ctx.Err() != nil {
			return "", n, errs.E("weights.Sum", errs.Cancelled, "stopped while checking the file: %w", ctx.Err())
		}
		k, err := io.ReadFull(r, buf)
		h.Write(buf[:k])
		n += int64(k)
		if progress != nil {
			progress(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			d, err := ParseDigest(hex.EncodeToString(h.Sum(nil)))
			return d, n, err
		}
		if err != nil {
			return "", n, errs.E("weights.Sum", errs.Other, "reading the file to check it: %w", err)
		}
	}
}
