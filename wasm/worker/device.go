//go:build js

package main

import (
	"syscall/js"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
)

// chosen is the device of this tab with the error of its self-test.
type chosen struct {
	dev  device.Device
	test float64
}

// newDevice takes the SIMD kernels if they start and agree with the oracle. Else the oracle
// itself computes, slowly, and the page is told why.
func newDevice() chosen {
	if why := js.Global().Get("patchbayKernelError"); why.Type() == js.TypeString {
		return plain(why.String())
	}
	dev, err := simd.New()
	if err != nil {
		return plain(err.Error())
	}
	test, err := device.SelfTest(dev, ref.New())
	if err != nil {
		dev.Close()
		return plain(err.Error())
	}
	return chosen{dev, test}
}

func plain(why string) chosen { return chosen{fallback{ref.New(), why}, 0} }

// fallback is the oracle with the reason why it has to serve.
type fallback struct {
	*ref.Device
	why string
}

// Info implements device.Device.
func (f fallback) Info() device.Info {
	i := f.Device.Info()
	i.Detail += ", slow: no SIMD kernels (" + f.why + ")"
	return i
}
