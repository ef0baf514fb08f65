// Package engine opens the devices of this machine for the command line and the sidecar.
package engine

import (
	"runtime"
	"sync"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
	"patchbay/shared/errs"
)

// Names are the devices that can be asked for.
var Names = []string{"auto", "simd", "ref"}

// opening keeps two openings from setting the number of threads for each other.
var opening sync.Mutex

// Open opens a device: "auto" takes simd where this build and processor have it, else ref.
// threads bounds its workers; 0: all processors.
func Open(name string, threads int) (device.Device, error) {
	if threads < 0 || threads > runtime.NumCPU() {
		return nil, errs.E("engine.Open", errs.Invalid, "%d threads were asked for; this machine has %d processors (0 means all of them)", threads, runtime.NumCPU())
	}
	opening.Lock()
	defer opening.Unlock()
	if threads > 0 { // a device takes as many workers as Go runs threads when it is opened
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	}
	switch name {
	case "ref":
		return ref.New(), nil
	case "simd", "", "auto":
		d, err := simd.New()
		if err == nil {
			return d, nil
		}
		if name == "simd" {
			return nil, err
		}
		return ref.New(), nil
	}
	return nil, errs.E("engine.Open", errs.Invalid, "there is no device %q; there are auto, simd and ref", name)
}

// Close ends a device's threads; what was on it must have been freed.
func Close(d device.Device) {
	if c, ok := d.(interface{ Close() }); ok {
		c.Close()
	}
}

// Checked opens a device and holds it against the oracle. With "auto" a device that computes
// wrongly here gives way to ref, and note says why; otherwise that is an error.
func Checked(name string, threads int) (d device.Device, selfTest float64, note string, err error) {
	if d, err = Open(name, threads); err != nil {
		return nil, 0, "", err
	}
	if d.Info().Name == "ref" {
		return d, 0, "", nil
	}
	if selfTest, err = device.SelfTest(d, ref.New()); err == nil {
		return d, selfTest, "", nil
	}
	Close(d)
	if name != "auto" && name != "" {
		return nil, selfTest, "", err
	}
	return ref.New(), 0, err.Error(), nil
}
