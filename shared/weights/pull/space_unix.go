//go:build linux || darwin || freebsd

package pull

import (
	"errors"
	"syscall"
)

// available is the free space of dir's file system in bytes, or -1 when unknown.
func available(dir string) int64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
