// Bench measures the engine in a tab of a real headless Chromium: load, prefill, decode, peak
// memory. It prints a JSON object per line, as the peers' scripts do, so that the figures can
// stand in one table.
//
//	go run ./wasm/browsertest/bench [-reps 3] [-model smollm2-135m-instruct] [-threads 1] [-quiet 45s]
//
// One thread is what a page has that is not cross-origin isolated; -threads 0 has as many as the tab
// itself finds to pay, which the figures then name.
//
// Each repetition is a fresh browser. Prefill is a prompt of 128 tokens up to the first token
// out; decode is the 64 tokens after it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"patchbay/wasm/browsertest"
)

// line is one figure: the median of n repetitions.
type line struct {
	Peer    string  `json:"peer"`
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Threads int     `json:"threads"`
	N       int     `json:"n"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Other   float64 `json:"other_cpus"` // what other processes used meanwhile, the most of all repetitions
	Mode    string  `json:"mode,omitempty"`
	Device  string  `json:"device"`
}

func main() {
	reps := flag.Int("reps", 3, "repetitions, each in a fresh browser")
	model := flag.String("model", "smollm2-135m-instruct", "the model")
	prio := flag.Int("prio", 0, "scheduling priority of the browser; negative needs root")
	quiet := flag.Duration("quiet", 45*time.Second, "how long to wait for an idle machine before each repetition")
	threads := flag.Int("threads", 1, "threads of the tab's engine; 0: what the tab measures, as a visitor has it")
	sweeps := flag.String("plans", "", "sweeps to time in place of all else: some of grid, scope, lens, many, with commas between")
	flag.Parse()
	var all []*measured
	for range *reps {
		m, err := repetition(context.Background(), *model, *sweeps, *threads, *quiet, *prio)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		all = append(all, m)
	}
	out := json.NewEncoder(os.Stdout)
	for _, f := range all[0].figures {
		out.Encode(summary(f, all))
	}
}

// summary is the line of one figure over all repetitions.
func summary(f figure, all []*measured) line {
	l := line{Peer: "patchbay-tab", What: f.what, Unit: f.unit, Mode: f.mode, Threads: all[0].threads, Device: all[0].device, N: len(all)}
	var values []float64
	for _, m := range all {
		for _, g := range m.figures {
			if g.what == f.what && g.mode == f.mode {
				values = append(values, g.value)
				l.Other = max(l.Other, g.other)
			}
		}
	}
	slices.Sort(values)
	l.Min, l.Max, l.Value = values[0], values[len(values)-1], values[len(values)/2]
	if n := len(values); n%2 == 0 {
		l.Value = (values[n/2-1] + values[n/2]) / 2
	}
	return l
}

// figure is one number of one repetition.
type figure struct {
	what, unit, mode string
	value, other     float64
}

type measured struct {
	figures []figure
	threads int
	device  string
	tab     *browsertest.Tab
	browser *browsertest.Browser
	model   string
	start   string // the expression that starts the worker
}

// repetition measures everything once, in a fresh browser with an empty profile.
func repetition(ctx context.Context, model, sweeps string, threads int, quiet time.Duration, prio int) (*measured, error) {
	server, err := browsertest.ServeBare(browsertest.Models())
	if err != nil {
		return nil, err
	}
	defer server.Close()
	browsertest.Quiet(quiet)
	b, err := browsertest.Launch(ctx, "", "")
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if prio != 0 {
		browsertest.Priority(b.PID(), prio)
	}
	m := &measured{browser: b, model: model, start: fmt.Sprintf(`start("?threads=%d")`, threads)}
	if m.tab, err = b.Open(server.URL("127.0.0.1", "/bare.html")); err != nil {
		return nil, err
	}
	peak := func() error { // before the second mode, for which the model is loaded once more
		m.add("peak_rss", "MiB", "exact", float64(b.PeakRSS())/(1<<20), 0)
		return nil
	}
	steps := []func() error{m.cold, m.warm, func() error { return m.speed("exact") }, peak, func() error { return m.speed("fast") }}
	if sweeps != "" {
		steps = []func() error{m.cold, func() error { return m.plans(sweeps) }}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("%w; the page said %q", err, m.tab.Log())
		}
	}
	return m, nil
}

func (m *measured) add(what, unit, mode string, value, other float64) {
	m.figures = append(m.figures, figure{what, unit, mode, value, other})
}

// timed evaluates an expression and gives its seconds and the CPUs that others used.
func (m *measured) timed(expr string, into any) (seconds, other float64, err error) {
	busy := browsertest.WatchCPU(m.browser.PID())
	start := time.Now()
	err = m.tab.Eval(expr, into)
	return time.Since(start).Seconds(), busy(), err
}

// cold is the first visit: the model comes from the server, is verified, stored and loaded.
func (m *measured) cold() error {
	if err := m.tab.Eval(m.start, nil); err != nil {
		return err
	}
	var d struct {
		Threads      int
		Name, Detail string
	}
	s, other, err := m.timed(m.load(""), &d)
	m.threads, m.device = d.Threads, d.Name+", "+d.Detail
	m.add("load_cold", "s", "", s, other)
	return err
}

func (m *measured) load(mode string) string {
	return fmt.Sprintf(`call("load", {model: %q, mode: %q}).then((r) => r.device)`, m.model, mode)
}

// warm is a later visit: a new worker finds the model in the browser's storage.
func (m *measured) warm() error {
	if err := m.tab.Eval(`stop()`, nil); err != nil {
		return err
	}
	s, other, err := m.timed(m.start+`.then(() => `+m.load("")+`)`, nil)
	m.add("load", "s", "", s, other)
	return err
}

// speed measures prefill and decode in one numeric mode, after a short run to warm up.
func (m *measured) speed(mode string) error {
	if err := m.tab.Eval(m.load(mode), nil); err != nil {
		return err
	}
	prompt, err := m.prompt(128)
	if err != nil {
		return err
	}
	run := func(count int) (secs, other float64, tokens int, err error) {
		params, _ := json.Marshal(map[string]any{"prompt": prompt, "count": count, "stop_at_eos": false})
		var r struct {
			Seconds float64
			Result  struct{ Prompt []any }
		}
		_, other, err = m.timed(fmt.Sprintf(`call("run", {model: %q, mode: %q, experiment: "generate", params: %s})`, m.model, mode, params), &r)
		return r.Seconds, other, len(r.Result.Prompt), err
	}
	if _, _, _, err := run(8); err != nil {
		return err
	}
	first, other, tokens, err := run(1)
	if err != nil {
		return err
	}
	m.add("prefill", "tok/s", mode, float64(tokens)/first, other)
	long, other, _, err := run(65)
	m.add("decode", "tok/s", mode, 64/(long-first), other)
	return err
}

// text is long enough for any tokenizer to make 128 tokens of it.
const text = `The old tram depot at the edge of the town had been a bakery, a cinema and a school for pilots before anyone thought of keeping trams in it. On rainy days the whole building hummed, because the roof was made of tin and the drops fell on it in a rhythm that never quite repeated. Mira, who repaired the motors, said that she could tell the time by that sound, and nobody had the heart to ask her how. When the last line closed, she stayed on for a month to put every tool back in its place, and then she wrote down, on the inside of the door, the name of each driver she had known and the number of the tram that he or she had liked best of all`

// prompt is the beginning of text that makes n tokens, or a few less.
func (m *measured) prompt(n int) (string, error) {
	for cut := len(text); cut > 0; cut-- {
		if cut < len(text) && text[cut] != ' ' {
			continue
		}
		var tokens int
		expr := fmt.Sprintf(`call("tokenize", {model: %q, text: %q}).then((r) => r.tokens.length)`, m.model, text[:cut])
		if err := m.tab.Eval(expr, &tokens); err != nil || tokens <= n {
			return text[:cut], err
		}
	}
	return "", fmt.Errorf("no prompt of %d tokens", n)
}
