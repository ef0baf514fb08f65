//go:build !js

package plan

// DefaultMemory is what a sweep takes beside the model, in bytes, unless told otherwise.
const DefaultMemory = 512 << 20
