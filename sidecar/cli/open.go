package cli

import (
	"context"
	"flag"
	"os"

	"patchbay/shared/device"
	"patchbay/shared/host"
	"patchbay/shared/lab"
	"patchbay/sidecar/engine"
	"patchbay/sidecar/store"
)

// target is the model and device that a command works on.
type target struct {
	model, mode, device string
	threads, max        int
}

func (t *target) flags(f *flag.FlagSet) {
	f.StringVar(&t.model, "model", "", "a `MODEL` of the list, or the path of a GGUF file or model folder")
	f.StringVar(&t.mode, "mode", "exact", "arithmetic: exact (float32's own error) or fast (7e-5)")
	f.StringVar(&t.device, "device", "auto", "auto, simd or ref (plain loops, slow and obviously right)")
	f.IntVar(&t.threads, "threads", 0, "processors to use; 0 for all")
	f.IntVar(&t.max, "max-tokens", 0, "longest text in tokens; 0 for 2048 or what the model can")
}

func (t *target) check() error {
	if t.model == "" {
		return usage("name a model with --model; `patchbay models` lists them")
	}
	if _, err := host.ParseMode(t.mode); err != nil {
		return usage("%v", err)
	}
	return nil
}

// open loads the model. close must be called.
func (t *target) open(e *env) (o *host.Opened, close func(), err error) {
	dev, selfTest, note, err := engine.Checked(t.device, t.threads)
	if err != nil {
		return nil, nil, err
	}
	if note != "" {
		e.say("%s; going on with ref, which is slow", note)
	}
	o, err = t.load(e, dev, selfTest, e.events())
	if err != nil {
		engine.Close(dev)
		return nil, nil, err
	}
	e.endLine()
	others := map[string]*host.Opened{}
	o.Bench.Other = func(_ context.Context, id string) (*lab.Bench, error) {
		if others[id] == nil {
			second := *t
			second.model = id
			e.say("loading %s too", id)
			x, err := second.load(e, dev, selfTest, e.events())
			if err != nil {
				return nil, err
			}
			others[id] = x
		}
		return others[id].Bench, nil
	}
	return o, func() {
		for _, x := range others {
			x.Close()
		}
		o.Close()
		engine.Close(dev)
	}, nil
}

func (t *target) load(e *env, dev device.Device, selfTest float64, progress func(lab.Event)) (*host.Opened, error) {
	mode, err := host.ParseMode(t.mode)
	if err != nil {
		return nil, err
	}
	src, entry, err := store.Open(e.ctx, t.model)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return host.Open(e.ctx, dev, src, host.LoadOptions{ID: entry.ID, Dir: folder(t.model), Mode: mode, MaxTokens: t.max, SelfTest: selfTest, Progress: progress})
}

// folder is path if it is a folder: there a model's tokenizer lies beside it.
func folder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return ""
}
