package simd

import (
	"fmt"
	"math"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/tensor"
)

// settled is what this tab knows of how many threads pay: nothing new after so many tries, or once
// more than one have paid.
var settled struct {
	threads, tries int
	note           string
}

const maxTries = 3

// worthIt is how much faster a larger number of threads must be to be taken.
const worthIt = 1.1

// tune measures how many threads pay, and ends the others. A browser's number of processors says little:
// other tabs use them too, and two of them may be one core. A page that opens keeps them busy itself,
// so one thread is not the last word before some tries.
func (m *module) tune(d *Device) error {
	if kernMeasured() == 0 {
		return nil
	}
	if settled.threads < 2 && settled.tries < maxTries {
		speed, err := m.speeds(d)
		if err != nil {
			return err
		}
		settled.threads, settled.note = best(speed)
		if settled.tries++; settled.threads > 1 || settled.tries == maxTries {
			kernSettle(int32(settled.threads))
		}
	}
	m.use(settled.threads)
	m.note = settled.note
	return nil
}

// best picks the number of threads from the speeds of 1, 2, 4 ... threads, relative to one.
func best(speed []float64) (threads int, note string) {
	at := 0
	for i := range speed {
		if speed[i] > worthIt*speed[at] {
			at = i
		}
	}
	if at == 0 {
		top := 0.0
		for _, s := range speed[1:] {
			top = max(top, s)
		}
		return 1, fmt.Sprintf("measured %.1fx with more", top)
	}
	return 1 << at, fmt.Sprintf("measured %.1fx", speed[at])
}

// How long the largest number of threads is tried, and each smaller one. The first is longer because it
// also warms up, and because helpers that slept all wake on one processor of some machines.
const (
	firstTry = 50 * time.Millisecond
	laterTry = 12 * time.Millisecond
)

// speeds times a token's products and a prompt's with 1, 2, 4 ... threads, largest number first, and
// compares the fastest of each: what else the machine does slows some of them, hardly all.
func (m *module) speeds(d *Device) ([]float64, error) {
	const rows, cols, T = 1536, 576, 32
	w, err := d.Load(tensor.Q4_1, rows, cols, zeros{})
	if err != nil {
		return nil, err
	}
	defer d.Unload(w)
	x, err := d.Alloc(T * (rows + cols))
	if err != nil {
		return nil, err
	}
	defer d.Free(x)
	product := func(n int) float64 {
		start := time.Now()
		d.MatMul(x.Slice(T*cols, n*rows), x.Slice(0, n*cols), n, w, nil, device.Exact)
		return time.Since(start).Seconds()
	}
	var took []float64 // with 1, 2, 4 ... threads
	for n := 1; n <= int(kernThreads()); n *= 2 {
		took = append(took, 0)
	}
	for i, try := len(took)-1, firstTry; i >= 0; i, try = i-1, laterTry {
		m.use(1 << i)
		token, prompt := 1.0, 1.0
		for start := time.Now(); time.Since(start) < try; {
			for range 4 {
				token = min(token, product(1))
			}
			prompt = min(prompt, product(T))
		}
		took[i] = token * prompt
	}
	speed := make([]float64, len(took))
	for i := range took { // one thread may have been held up all the time
		speed[i] = min(math.Sqrt(took[0]/took[i]), float64(int(1)<<i))
	}
	return speed, nil
}
