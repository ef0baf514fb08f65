package nn

import (
	"context"
	"time"

	"patchbay/shared/device"
)

// sliceTime is how long the device may be busy before the rest of the program gets a turn.
const sliceTime = 50 * time.Millisecond

// callTime is how long one device call should take at most, by estimate: two fit in a slice
// even when the estimate is a little off.
const callTime = sliceTime / 2

// pace cuts work into slices. It believes the device's stated rate first and then the clock.
type pace struct {
	dev   device.Device
	rate  float64       // FLOP/s
	limit float64       // the rate is never believed above it: a GPU's queue takes work at once
	spent time.Duration // since the last yield, as far as the clock was read
	flops float64       // issued since the clock was read
	clock time.Time
}

func newPace(dev device.Device) pace {
	rate := dev.Info().FLOPS
	if !(rate > 0) {
		rate = 1e9
	}
	return pace{dev: dev, rate: rate, limit: 4 * rate}
}

// resume starts the clock again after a pause that is not the device's doing.
func (p *pace) resume() { p.clock, p.flops = time.Now(), 0 }

// step runs one device call of so many FLOPs, and lets others in first when the slice is full.
func (p *pace) step(ctx context.Context, flops float64, call func()) error {
	if p.spent+p.estimate(p.flops+flops) > sliceTime && (p.spent > 0 || p.flops > 0) {
		p.read()
		if err := device.Yield(ctx); err != nil {
			return err
		}
		p.spent = 0
		p.resume()
	}
	call()
	p.flops += flops
	if p.estimate(p.flops) > time.Millisecond {
		p.read()
	}
	return nil
}

func (p *pace) estimate(flops float64) time.Duration {
	return time.Duration(min(flops/p.rate, 3600) * float64(time.Second))
}

// read looks at the clock and learns how fast the device really is. The clock is not read
// after every call because in a browser that costs as much as a small call.
func (p *pace) read() {
	now := time.Now()
	took := now.Sub(p.clock)
	p.spent += took
	if p.flops > 0 && took > 0 {
		seen := min(p.flops/took.Seconds(), p.limit)
		p.rate = max(0.7*p.rate+0.3*seen, min(p.rate, seen), 1)
		if seen < p.rate/2 { // much slower than thought: believe it at once
			p.rate = seen
		}
	}
	p.clock, p.flops = now, 0
}

// rows is how many of n rows, at so many FLOPs each, one call should compute.
func (p *pace) rows(n int, flops float64) int {
	fit := int(min(p.rate*callTime.Seconds()/max(flops, 1), float64(n)))
	if fit >= n {
		return n
	}
	if fit > 8 {
		fit -= fit % 8 // kernels work on a few rows at a time
	}
	return max(fit, 1)
}
