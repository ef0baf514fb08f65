package plan

import (
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
)

// testDevice is the fast device where this build has it, else the oracle.
func testDevice(t testing.TB) device.Device {
	if dev, err := simd.New(); err == nil {
		return dev
	}
	t.Log("no simd device in this build; the reference device is slow")
	return ref.New()
}
