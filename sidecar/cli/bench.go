package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/lab"
	"patchbay/shared/nn"
	"patchbay/sidecar/engine"
)

// The sizes that other engines are measured with.
const (
	benchPrompt = 128
	benchTokens = 64
)

// benchText is repeated until it has enough tokens; what it says does not matter to the speed.
const benchText = "A patch bay is the panel of a studio where every signal can be tapped and plugged somewhere else. " +
	"Whoever stands in front of it sees at a glance which wire leads where, pulls one out, and hears what is missing. "

// measurement is one line of output; the names are those that scripts comparing engines use.
type measurement struct {
	Peer    string  `json:"peer"`
	What    string  `json:"what"`
	Value   float64 `json:"value"` // median
	Unit    string  `json:"unit"`
	Threads int     `json:"threads"`
	N       int     `json:"n"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Model   string  `json:"model"`
	Device  string  `json:"device"`
	Prompt  int     `json:"prompt,omitempty"`
	Tokens  int     `json:"tokens,omitempty"`
}

func bench(e *env, args []string) error {
	f := e.flags("bench")
	var t target
	t.flags(f)
	f.Lookup("mode").Usage = "exact, fast or both"
	reps := f.Int("reps", 3, "repetitions, each with the model loaded anew")
	prompt := f.String("prompt", "", "a `FILE` with the text to read in place of the built-in one; its first 128 tokens are taken")
	asJSON := f.Bool("json", false, "print a JSON object a line")
	what := f.String("what", "speed", "speed (load, prefill, decode, memory), or some of grid, scope, lens, many, growth, with commas between")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if *what != "speed" {
		return benchPlans(e, t, strings.Split(*what, ","), *reps, *asJSON)
	}
	modes := []string{t.mode}
	if t.mode == "both" {
		modes = []string{"exact", "fast"}
	}
	text := benchText
	if *prompt != "" {
		raw, err := os.ReadFile(*prompt)
		if err != nil {
			return errs.E("cli.Bench", errs.NotFound, "the prompt cannot be read: %w", err)
		}
		text = string(raw)
	}
	if *reps < 1 {
		return usage("--reps must be at least 1")
	}
	var all []measurement
	for _, t.mode = range modes {
		if err := t.check(); err != nil {
			return err
		}
		m, err := benchMode(e, t, text, *reps)
		if err != nil {
			return err
		}
		all = append(all, m...)
	}
	return showBench(e, all, *asJSON)
}

// benchMode measures one mode. Peak memory is the process's, so it is worth most in its own run.
func benchMode(e *env, t target, text string, reps int) ([]measurement, error) {
	dev, selfTest, note, err := engine.Checked(t.device, t.threads)
	if err != nil {
		return nil, err
	}
	defer engine.Close(dev)
	if note != "" {
		e.say("%s; measuring ref", note)
	}
	var load, prefill, decode []float64
	for i := range reps {
		e.progress(fmt.Sprintf("%s: repetition %d of %d", t.mode, i+1, reps))
		l, p, d, err := benchOnce(e, t, dev, selfTest, text)
		if err != nil {
			return nil, err
		}
		load, prefill, decode = append(load, l), append(prefill, p), append(decode, d)
	}
	info := dev.Info()
	base := measurement{Peer: "patchbay-native-" + t.mode, Threads: info.Threads, Model: t.model, Device: info.Name + " " + info.Detail}
	out := []measurement{
		base.of("load", "s", load), base.of("prefill", "tok/s", prefill), base.of("decode", "tok/s", decode),
	}
	out[1].Prompt, out[2].Tokens = benchPrompt, benchTokens
	if peak := peakMemory(); peak > 0 {
		out = append(out, base.of("peak_rss", "MiB", []float64{peak}))
	}
	return out, nil
}

func (m measurement) of(what, unit string, v []float64) measurement {
	slices.Sort(v)
	m.What, m.Unit, m.N, m.Min, m.Max = what, unit, len(v), v[0], v[len(v)-1]
	m.Value = (v[len(v)/2] + v[(len(v)-1)/2]) / 2
	return m
}

// benchOnce loads the model and times a prompt and what follows it, after a few tokens of
// warming up.
func benchOnce(e *env, t target, dev device.Device, selfTest float64, text string) (load, prefill, decode float64, err error) {
	start := time.Now()
	o, err := t.load(e, dev, selfTest, func(v lab.Event) {
		if v.Stage == "measure" { // the model is there; measuring its speed is no part of loading
			load = time.Since(start).Seconds()
		}
	})
	if err != nil {
		return 0, 0, 0, err
	}
	defer o.Close()
	ids, err := benchIDs(o, text)
	if err != nil {
		return 0, 0, 0, err
	}
	if _, _, err = benchTimes(e.ctx, o.Bench.Model, ids[:8], 8); err != nil {
		return 0, 0, 0, err
	}
	first, rest, err := benchTimes(e.ctx, o.Bench.Model, ids, benchTokens+1)
	return load, benchPrompt / first, benchTokens / rest, err
}

// benchTimes gives the seconds until the first token, and from there to the last.
func benchTimes(ctx context.Context, m *nn.Model, ids []int32, count int) (first, rest float64, err error) {
	start := time.Now()
	_, err = nn.Generate(ctx, m, ids, nn.GenerateOptions{Count: count, OnToken: func(nn.Step) error {
		if first == 0 {
			first = time.Since(start).Seconds()
		}
		return nil
	}})
	return first, time.Since(start).Seconds() - first, err
}

func benchIDs(o *host.Opened, text string) ([]int32, error) {
	whole := ""
	for range 2*benchPrompt/max(1, len(text)/8) + 1 {
		whole += text
	}
	tok, err := host.Tokenize(o.Bench.Tokens, whole, false)
	if err != nil {
		return nil, err
	}
	var ids []int32
	for len(ids) < benchPrompt && len(tok.Tokens) > 0 {
		for _, t := range tok.Tokens {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) < benchPrompt {
		return nil, errs.E("cli.Bench", errs.Invalid, "the prompt has no tokens")
	}
	return ids[:benchPrompt], nil
}

func showBench(e *env, all []measurement, asJSON bool) error {
	e.endLine()
	enc := json.NewEncoder(e.Out)
	w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', tabwriter.AlignRight)
	if !asJSON {
		fmt.Fprintln(w, "MODE\tWHAT\tMEDIAN\tMIN\tMAX\tUNIT\tN\t")
	}
	for _, m := range all {
		if asJSON {
			if err := enc.Encode(m); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%.4g\t%.4g\t%.4g\t%s\t%d\t\n", m.Peer[len("patchbay-native-"):], m.What, m.Value, m.Min, m.Max, m.Unit, m.N)
	}
	if asJSON || len(all) == 0 {
		return nil
	}
	if err := w.Flush(); err != nil {
		return err
	}
	e.say("%s, %s; prompt of %d tokens, %d tokens decoded", all[0].Model, all[0].Device, benchPrompt, benchTokens)
	return nil
}
