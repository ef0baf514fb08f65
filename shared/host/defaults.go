package host

import (
	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/nn"
)

// defaults fills in the real engine where a test has put nothing else.
func (o *Options) defaults() {
	if o.Load == nil {
		o.Load = Open
	}
	if o.Need == nil {
		o.Need = nn.Need
	}
	if o.Plan == nil {
		o.Plan = Plan
	}
	if o.SelfTest == nil {
		o.SelfTest = func(device.Device) (float64, error) { return 0, nil }
	}
	if o.Find == nil {
		o.Find = func(name string) (Runner, error) {
			return nil, errs.E("host.Find", errs.NotFound, "there is no experiment %q", name)
		}
	}
	if o.Abouts == nil {
		o.Abouts = func() []lab.About { return nil }
	}
}
