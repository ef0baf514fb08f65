//go:build !linux

package browsertest

// Priority is Linux's alone: elsewhere processes keep the priority they have.
func Priority(root, nice int) {}
