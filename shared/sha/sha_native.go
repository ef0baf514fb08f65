//go:build !js

package sha

import (
	"crypto/sha256"
	"hash"
)

// New makes a running SHA-256.
func New() hash.Hash { return sha256.New() }
