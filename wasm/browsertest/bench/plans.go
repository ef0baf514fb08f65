package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"patchbay/shared/lab"
)

// plans times sweeps in the tab, of those named, and reports what the renderer took at the peak.
func (m *measured) plans(names string) error {
	if names == "" {
		return nil
	}
	if err := m.tab.Eval(m.load("exact"), nil); err != nil {
		return err
	}
	for _, p := range lab.SpeedPlans() {
		if !strings.Contains(","+names+",", ","+p.Name+",") {
			continue
		}
		raw, err := json.Marshal(p.Plan)
		if err != nil {
			return err
		}
		var r struct{ Seconds float64 }
		_, other, err := m.timed(fmt.Sprintf(`call("plan", {model: %q, mode: "exact", plan: %s}).then((r) => ({seconds: r.seconds}))`, m.model, raw), &r)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		m.add(p.Name, "s", "exact", r.Seconds, other)
		m.add("peak_rss_after_"+p.Name, "MiB", "exact", float64(m.browser.PeakRSS())/(1<<20), 0)
	}
	return nil
}
