package plan

import (
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
)

func testDevice(testing.TB) device.Device { return ref.New() }
