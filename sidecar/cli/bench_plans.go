package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/lab"
	"patchbay/shared/plan"
	"patchbay/shared/tensor"
)

// planMeasurement is a plan's time beside the operations that its cones need and the rate at which the
// device multiplies matrices when it does nothing else: the roof.
type planMeasurement struct {
	measurement
	GFLOP float64 `json:"gflop"`
	Rate  float64 `json:"gflops"`        // of the median
	Roof  float64 `json:"roof_gflops"`   // measured just before
	Share float64 `json:"share_of_roof"` // Rate / Roof
}

// peerNames are what scripts that time other systems call the same experiments.
var peerNames = map[string]string{"grid": "patch_grid", "scope": "patchscope_sweep", "lens": "logit_lens"}

// benchPlans times experiments on a model that stays loaded.
func benchPlans(e *env, t target, what []string, reps int, asJSON bool) error {
	if reps < 1 {
		return usage("--reps must be at least 1")
	}
	if err := t.check(); err != nil {
		return err
	}
	o, closeIt, err := t.open(e)
	if err != nil {
		return err
	}
	defer closeIt()
	var all []planMeasurement
	for _, name := range what {
		list, err := benchPlansOf(name, o.Bench.Model.Config().Layers)
		if err != nil {
			return err
		}
		for _, p := range list {
			e.progress("measuring " + p.Name)
			m, err := benchPlan(e.ctx, o.Bench, p, reps)
			if err != nil {
				return err
			}
			m.Model = t.model
			all = append(all, m)
		}
	}
	if peak := peakMemory(); peak > 0 {
		e.say("peak memory of the process: %.0f MiB", peak)
	}
	return showPlans(e, all, asJSON)
}

// benchPlansOf are the plans of a name. Growth varies one of layers, positions and variants at a time.
func benchPlansOf(name string, layers int) (list []lab.SpeedPlan, err error) {
	for _, p := range lab.SpeedPlans() {
		if p.Name == name {
			return []lab.SpeedPlan{p}, nil
		}
	}
	if name != "growth" {
		return nil, usage("--what takes speed, grid, scope, lens, many and growth, not %q", name)
	}
	add := func(layer, back, n int) {
		list = append(list, lab.SpeedPlan{Name: fmt.Sprintf("%d layers, %d positions, %d variants", layers-layer, back, n), Plan: lab.GrowthPlan(layer, -back, n)})
	}
	for _, l := range []int{layers - 1, layers * 2 / 3, layers / 3, 0} {
		add(l, 16, 64)
	}
	for _, back := range []int{1, 4, 8} {
		add(0, back, 64)
	}
	for _, n := range []int{1, 4, 16, 256} {
		add(0, 16, n)
	}
	return list, nil
}

// benchPlan runs a plan once to warm up and reps times to be timed.
func benchPlan(ctx context.Context, b *lab.Bench, p lab.SpeedPlan, reps int) (m planMeasurement, err error) {
	c, err := plan.Check(p.Plan, b.Model, b.Tokens)
	if err != nil {
		return m, err
	}
	info := b.Model.Device().Info()
	if m.Roof, err = roof(b.Model.Device()); err != nil {
		return m, err
	}
	var took []float64
	for range reps + 1 {
		start := time.Now()
		if _, err := plan.Execute(ctx, plan.Env{Model: b.Model, Tokens: b.Tokens, Store: b.Store}, c, plan.Observer{}); err != nil {
			return m, err
		}
		took = append(took, time.Since(start).Seconds())
	}
	what := peerNames[p.Name]
	if what == "" {
		what = p.Name
	}
	base := measurement{Peer: "patchbay-native-" + b.Model.Mode().String(), Threads: info.Threads, Device: info.Name + " " + info.Detail}
	m.measurement = base.of(what, "s", took[1:])
	m.GFLOP = c.Price(info).FLOPs / 1e9
	m.Rate = m.GFLOP / m.Value
	m.Share = m.Rate / m.Roof
	return m, nil
}

// roof is the fastest of many products of matrices of a small model's shape, in GFLOP/s.
func roof(dev device.Device) (float64, error) {
	const T, rows, cols = 512, 1536, 576
	w, err := dev.Load(tensor.F32, rows, cols, device.Sample(tensor.F32, rows, cols, 1))
	if err != nil {
		return 0, err
	}
	defer dev.Unload(w)
	x, err := dev.Alloc(T * (rows + cols))
	if err != nil {
		return 0, err
	}
	defer dev.Free(x)
	best := 0.0
	for start := time.Now(); time.Since(start) < time.Second/2; {
		once := time.Now()
		dev.MatMul(x.Slice(T*cols, T*rows), x.Slice(0, T*cols), T, w, nil, device.Exact)
		best = max(best, 2*T*rows*cols/time.Since(once).Seconds()/1e9)
	}
	return best, nil
}

func showPlans(e *env, all []planMeasurement, asJSON bool) error {
	e.endLine()
	if asJSON {
		enc := json.NewEncoder(e.Out)
		for _, m := range all {
			if err := enc.Encode(m); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "WHAT\tSECONDS\tMIN\tMAX\tN\tGFLOP\tGFLOP/s\tROOF\tSHARE\t")
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%.3g\t%.3g\t%.3g\t%d\t%.3g\t%.0f\t%.0f\t%.0f%%\t\n", m.What, m.Value, m.Min, m.Max, m.N, m.GFLOP, m.Rate, m.Roof, 100*m.Share)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(all) > 0 {
		e.say("%s, %s", all[0].Model, all[0].Device)
	}
	return nil
}
