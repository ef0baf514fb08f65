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

// work is a kind of device call. Devices run them at different rates.
type work uint8

const (
	products  work = iota // matrix products
	attention             // scores and mix
	elements              // norms, activations, sums, copies
	workKinds
)

// pace cuts work into slices. It believes the device's stated rate first and then the clock.
type pace struct {
	rate  [workKinds]float64 // operations a second
	limit float64            // no rate is believed above it: a GPU's queue takes work at once
	spent time.Duration      // since the last yield, as far as the clock was read
	clock time.Time          // when it was read
	ahead [workKinds]float64 // estimated seconds of the calls since then
}

func newPace(dev device.Device) pace {
	rate := dev.Info().FLOPS
	if !(rate > 0) {
		rate = 1e9
	}
	return pace{rate: [workKinds]float64{rate, rate, rate}, limit: 4 * rate}
}

// resume starts the clock again after a pause that is not the device's doing.
func (p *pace) resume() { p.clock, p.ahead = time.Now(), [workKinds]float64{} }

// step runs one device call of n operations, and lets others in first when the slice is full.
func (p *pace) step(ctx context.Context, kind work, n float64, call func()) error {
	seconds, ahead := n/p.rate[kind], p.sum()
	if p.spent.Seconds()+ahead+seconds > sliceTime.Seconds() && (p.spent > 0 || ahead > 0) {
		p.read()
		if err := device.Yield(ctx); err != nil {
			return err
		}
		p.spent = 0
		p.resume()
	}
	call()
	p.ahead[kind] += seconds
	if p.sum() > 1e-3 {
		p.read()
	}
	return nil
}

func (p *pace) sum() float64 { return p.ahead[products] + p.ahead[attention] + p.ahead[elements] }

// read looks at the clock and learns how fast the device really is: the kinds of work share the
// surprise by their part in the estimate. The clock is not read after every call because in a
// browser that costs as much as a small call.
func (p *pace) read() {
	now := time.Now()
	took, ahead := now.Sub(p.clock), p.sum()
	p.spent += took
	for k, s := range p.ahead {
		if ahead <= 0 || took <= 0 {
			break
		}
		share, seen := s/ahead, min(p.rate[k]*ahead/took.Seconds(), p.limit)
		if seen > p.rate[k]/2 { // else much slower than thought: believe it at once
			share *= 0.3
		}
		p.rate[k] = max((1-share)*p.rate[k]+share*seen, 1)
	}
	p.clock, p.ahead = now, [workKinds]float64{}
}

// rows is how many of n rows, of so many operations each, one call should compute.
func (p *pace) rows(kind work, n int, each float64) int {
	fit := int(min(p.rate[kind]*callTime.Seconds()/max(each, 1), float64(n)))
	if fit >= n {
		return n
	}
	if fit > 8 {
		fit -= fit % 8 // kernels work on a few rows at a time
	}
	return max(fit, 1)
}
