package nn

import (
	"patchbay/shared/device"
	"patchbay/shared/device/simd"
)

func init() {
	devices = append(devices, struct {
		name string
		make func() (device.Device, error)
	}{"simd", func() (device.Device, error) {
		d, err := simd.New()
		if err != nil {
			return nil, err // a typed nil would not be nil
		}
		return d, nil
	}})
}
