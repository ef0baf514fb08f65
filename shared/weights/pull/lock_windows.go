package pull

import (
	"errors"
	"path/filepath"
	"syscall"

	"patchbay/shared/errs"
)

// lock takes the model's lock in dir, or says errs.Busy: the file is opened for nobody else to
// open, and the system closes it when the process dies.
func lock(dir, id string) (unlock func(), err error) {
	p := filepath.Join(dir, "."+id+".lock")
	name, err := syscall.UTF16PtrFromString(p)
	if err != nil {
		return nil, errs.E("pull.lock", errs.Invalid, "model folder %s: %w", dir, err)
	}
	const sharingViolation = syscall.Errno(32)
	h, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation):
		return nil, busy(id, p)
	case err != nil:
		return nil, errs.E("pull.lock", errs.Invalid, "cannot write into the model folder: %w", err)
	}
	return func() { syscall.CloseHandle(h) }, nil
}
