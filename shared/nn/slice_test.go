package nn

import (
	"context"
	"testing"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/errs"
)

// slow is a device that takes its time: rate FLOP/s of matrix products, as the wall sees it.
type slow struct {
	device.Device
	rate, said float64
	since      time.Duration // device time since the last mark
	longest    time.Duration // longest call
	calls      int
	onCall     func(n int)
}

func (s *slow) Info() device.Info { return device.Info{Name: "slow", FLOPS: s.said} }

func (s *slow) MatMul(dst, x device.Buffer, T int, w device.Weight, bias device.Buffer, mode device.Mode) {
	s.calls++
	if s.onCall != nil {
		s.onCall(s.calls)
	}
	s.Device.MatMul(dst, x, T, w, bias, mode)
	d := time.Duration(float64(2*T*w.Rows()*w.Cols()) / s.rate * float64(time.Second))
	time.Sleep(d)
	s.since += d
	s.longest = max(s.longest, d)
}

// A cancelled pass ends within one slice of 50 ms, leaves the cache as it was and the model
// fit for use; also on a device that is twenty times slower than it says.
func TestCancelWithinASlice(t *testing.T) {
	for _, said := range []float64{1e7, 2e8} {
		dev := &slow{Device: must[device.Device](t)(devices[0].make()), rate: 1e7, said: said}
		m := openFamily(t, dev, "llama", "config.json")
		ids := make([]int32, 60)
		for i := range ids {
			ids[i] = int32(i*i+i) % 128
		}
		want := forward(t, m, ids, nil)
		cache := must[*Cache](t)(m.NewCache(64))
		defer cache.Free()
		if _, err := m.Forward(context.Background(), Pass{IDs: ids[:4], Cache: cache}); err != nil {
			t.Fatal(err)
		}
		used := dev.Used()
		ctx, cancel := context.WithCancel(context.Background())
		dev.calls, dev.onCall = 0, func(n int) {
			if n == 9 {
				dev.since = 0
				cancel()
			}
		}
		_, err := m.Forward(ctx, Pass{IDs: ids[4:], Cache: cache, Logits: AllLogits})
		if errs.KindOf(err) != errs.Cancelled {
			t.Fatalf("a cancelled pass gave %v", err)
		}
		if dev.since > sliceTime {
			t.Errorf("the device worked on for %v after the cancel", dev.since)
		}
		if cache.Len != 4 || dev.Used() != used {
			t.Errorf("the cache holds %d positions and %d bytes were left", cache.Len, dev.Used()-used)
		}
		dev.onCall = nil
		logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: ids[4:], Cache: cache, Logits: AllLogits}))
		compare(t, "logits after a cancel", download(t, dev, logits), want[4*m.cfg.Vocab:], m.cfg.Vocab, 1e-5)
	}
}

// Work that one call cannot do in time is cut into rows.
func TestWorkIsCut(t *testing.T) {
	dev := &slow{Device: must[device.Device](t)(devices[0].make()), rate: 1e7, said: 1e7}
	m := openFamily(t, dev, "llama", "config.json")
	forward(t, m, make([]int32, 100), nil) // the unembedding alone would be 82 ms
	if dev.longest > sliceTime {
		t.Errorf("one call took %v", dev.longest)
	}
}

// crawl is a device that says it is very slow, so that everything is cut as small as can be.
type crawl struct{ device.Device }

func (c crawl) Info() device.Info { return device.Info{Name: "crawl", FLOPS: 1000} }

// However small the pieces, the numbers are the same, seen or not.
func TestCutEqualsWhole(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		for _, family := range []string{"mistral", "gemma2"} {
			m, cut := openFamily(t, dev, family, "config.json"), openFamily(t, crawl{dev}, family, "config.json")
			ids := readGolden(t, "families", family, "expected.safetensors").ids("ids")
			whole, pieces := record(dev, everything), record(dev, everything)
			compare(t, "logits", forward(t, cut, ids, pieces), forward(t, m, ids, whole), m.cfg.Vocab, 1e-5)
			compare(t, "logits of nobody's", forward(t, cut, ids, nil), forward(t, m, ids, nil), m.cfg.Vocab, 1e-5)
			for name, w := range whole.got {
				shape := whole.shape[name]
				compare(t, name, pieces.got[name], w, shape[len(shape)-1], 1e-5)
			}
		}
	})
}

// Generating allocates nothing on the device after the first token, and all goes at the end.
func TestNoChurn(t *testing.T) {
	each(t, func(t *testing.T, dev device.Device) {
		counted := &counter{Device: dev}
		m := openFamily(t, counted, "gemma3_text", "config.json")
		before := dev.Used()
		after := 0
		_, err := Generate(context.Background(), m, []int32{1, 2, 3}, GenerateOptions{Count: 40, OnToken: func(s Step) error {
			switch s.Index {
			case 1:
				counted.allocs = 0
			case 39:
				after = counted.allocs
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if after > 5 { // the tile of attention scores grows with the text now and then
			t.Errorf("%d buffers were taken for 38 tokens", after)
		}
		if grown := dev.Used() - before; grown > 1<<20 {
			t.Errorf("%d bytes are kept after generating", grown)
		}
	})
}

type counter struct {
	device.Device
	allocs int
}

func (c *counter) Alloc(n int) (device.Buffer, error) {
	c.allocs++
	return c.Device.Alloc(n)
}

// Requests that cannot be met are refused before anything is computed.
func TestForwardRefuses(t *testing.T) {
	m := openFamily(t, must[device.Device](t)(devices[0].make()), "gpt2", "config.json")
	cache := must[*Cache](t)(m.NewCache(8))
	defer cache.Free()
	short := must[device.Buffer](t)(m.dev.Alloc(33))
	defer m.dev.Free(short)
	for name, c := range map[string]struct {
		p    Pass
		kind errs.Kind
	}{
		"no tokens":               {Pass{}, errs.Invalid},
		"over the context":        {Pass{IDs: make([]int32, 65)}, errs.TooLarge},
		"over the cache":          {Pass{IDs: make([]int32, 9), Cache: cache}, errs.TooLarge},
		"a negative token":        {Pass{IDs: []int32{-1}}, errs.Invalid},
		"a token of another":      {Pass{IDs: []int32{128}}, errs.Invalid},
		"too many layers":         {Pass{IDs: []int32{1}, Layers: 4}, errs.Invalid},
		"logits in the middle":    {Pass{IDs: []int32{1}, Layers: 2, Logits: LastLogits}, errs.Invalid},
		"a start past the end":    {Pass{From: &From{3, short.Slice(0, 32)}}, errs.Invalid},
		"a crooked residual":      {Pass{From: &From{1, short}}, errs.Invalid},
		"a start at layer -1":     {Pass{From: &From{-1, short.Slice(0, 32)}}, errs.Invalid},
		"a residual of no tokens": {Pass{From: &From{1, short.Slice(0, 0)}}, errs.Invalid},
	} {
		if _, err := m.Forward(context.Background(), c.p); errs.KindOf(err) != c.kind {
			t.Errorf("%s gave %v", name, err)
		}
	}
	if _, err := m.NewCache(65); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("a cache of 65 positions gave %v", err)
	}
}
