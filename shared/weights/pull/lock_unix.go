//go:build unix

package pull

import (
	"os"
	"path/filepath"
	"syscall"

	"patchbay/shared/errs"
)

// lock takes the model's lock in dir, or says errs.Busy. The system gives it back when the
// process dies, so a killed pull never blocks the next. The lock file stays: removing it would
// let two pulls hold two files of one name.
func lock(dir, id string) (unlock func(), err error) {
	p := filepath.Join(dir, "."+id+".lock")
	f, err := os.OpenFile(p, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, errs.E("pull.lock", errs.Invalid, "cannot write into the model folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, busy(id, p)
	}
	return func() { f.Close() }, nil
}
