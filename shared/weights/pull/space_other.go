//go:build !js && !linux && !darwin && !freebsd

package pull

import (
	"errors"
	"syscall"
)

// available is -1: unknown. A full disk is found when it is full.
func available(string) int64 { return -1 }

// diskFull knows Windows' two codes, too: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}
