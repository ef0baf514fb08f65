//go:build !js && !(cgo && (amd64 || arm64))

package simd

import "patchbay/shared/errs"

const pieces = 1

func openHost() (host, error) {
	return nil, errs.E("simd.New", errs.Unsupported, "this build has no kernels: it was made without cgo, or for a processor other than amd64 and arm64")
}
