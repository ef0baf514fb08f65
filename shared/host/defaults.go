package host

import (
	"patchbay/shared/device"
	"patchbay/shared/device/ref"
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
		o.SelfTest = func(d device.Device) (float64, error) {
			if d.Info().Name == "ref" {
				return 0, nil // it is the oracle
			}
			return device.SelfTest(d, ref.New())
		}
	}
	if o.Find == nil {
		o.Find = func(name string) (Runner, error) {
			e, err := lab.Get(name)
			if err != nil {
				return nil, err // never a nil *Experiment in an interface
			}
			return e, nil
		}
	}
	if o.Abouts == nil {
		o.Abouts = lab.All
	}
}
