//go:build !js && !linux && !darwin && !freebsd

package pull

// available is -1: unknown. A full disk is found when it is full.
func available(string) int64 { return -1 }
