package plan

import (
	"sync"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
)

// fast is the one fast device of this process: in a tab the kernels' memory has room for one.
var fast = sync.OnceValues(func() (*simd.Device, error) { return simd.New() })

// testDevice is the fast device where this build has it, else the oracle.
func testDevice(t testing.TB) device.Device {
	dev, err := fast()
	if err != nil {
		t.Logf("the reference device stands in for the fast one: %v", err)
		return ref.New()
	}
	return dev
}
