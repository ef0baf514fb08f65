package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
)

func run(e *env, args []string) error {
	f := e.flags("run")
	var t target
	t.flags(f)
	asJSON := f.Bool("json", false, "print the very JSON that the wire carries")
	example := f.String("preset", "", "take the parameters, and the model, of this `EXAMPLE`")
	save := f.String("save-vector", "", "keep the vector that was made in this `FILE`: .gguf, .safetensors or .json")
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		if slices.ContainsFunc(args, func(a string) bool { return strings.TrimLeft(a, "-") == "h" || strings.TrimLeft(a, "-") == "help" }) {
			return help(e, []string{"run"})
		}
		return usage("name an experiment first: %s", strings.Join(experimentNames(), ", "))
	}
	x, err := lab.Get(args[0])
	if err != nil {
		return err
	}
	values := paramFlags(f, x.About)
	f.Usage = func() { aboutExperiment(e.Out, x.About) }
	if _, err := parse(f, args[1:], 0); err != nil {
		return err
	}
	var base lab.Preset
	if *example != "" {
		if base, err = preset(x.About, *example); err != nil {
			return err
		}
		if t.model == "" {
			t.model = base.Model
		}
	}
	if err := t.check(); err != nil {
		return err
	}
	if *save != "" {
		if _, err := saver(*save); err != nil {
			return err
		}
	}
	params, err := values.json(e)
	if err == nil {
		params, err = over(base, params)
	}
	if err != nil {
		return err
	}
	o, closeIt, err := t.open(e)
	if err != nil {
		return err
	}
	defer closeIt()
	show := viewOf(x.About, e)
	emit := e.events()
	if !*asJSON && show.partial != nil {
		emit = show.events(emit)
	}
	out, err := x.Run(e.ctx, o.Bench, params, emit)
	e.endLine()
	if err != nil {
		return err
	}
	if *save != "" {
		if err := saveVectors(e, *save, out, o.Bench); err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(e.Out).Encode(out)
	}
	if err := show.result(out); err != nil {
		return err
	}
	p := out.Parity
	e.say("%s on %s (%s), %s, self-test %.1e, %.2f s, %.0f tokens/s decoding", p.Model, p.Device, p.Detail, p.Mode, p.SelfTest, out.Seconds, o.Speed)
	return nil
}

func (e *env) say(format string, args ...any) {
	e.endLine()
	fmt.Fprintf(e.Err, format+"\n", args...)
}

func experimentNames() []string {
	var names []string
	for _, a := range lab.All() {
		names = append(names, a.Name)
	}
	return names
}

// params are the experiment's own flags, as they were given.
type params struct {
	about  lab.About
	values map[string]string
}

// paramFlags makes a flag of every parameter of the experiment.
func paramFlags(f *flag.FlagSet, a lab.About) *params {
	p := &params{a, map[string]string{}}
	for _, d := range a.Params {
		set := func(v string) error { p.values[d.Name] = v; return nil }
		if d.Kind == lab.Bool {
			f.BoolFunc(d.Name, d.Help, set)
		} else {
			f.Func(d.Name, d.Help, set)
		}
	}
	return p
}

// json gives the parameters that were set; the registry completes and checks them.
func (p *params) json(e *env) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, d := range p.about.Params {
		v, ok := p.values[d.Name]
		if !ok {
			continue
		}
		raw, err := p.value(e, d, v)
		if err != nil {
			return nil, err
		}
		out[d.Name] = raw
	}
	return json.Marshal(out)
}

func (p *params) value(e *env, d lab.Param, v string) (json.RawMessage, error) {
	if d.Kind == lab.Text || d.Kind == lab.Edits {
		text, err := fromFile(e, v)
		if err != nil {
			return nil, err
		}
		v = text
	}
	switch d.Kind {
	case lab.Pairs, lab.Texts, lab.Dir:
		return listValue(e, d, v)
	case lab.Int:
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return nil, usage("--%s wants a whole number, not %q", d.Name, v)
		}
	case lab.Float:
		if _, err := strconv.ParseFloat(v, 64); err != nil || !json.Valid([]byte(v)) {
			return nil, usage("--%s wants a number, not %q", d.Name, v)
		}
	case lab.Bool:
		b, err := strconv.ParseBool(v)
		if err != nil {
			return nil, usage("--%s wants true or false, not %q", d.Name, v)
		}
		v = strconv.FormatBool(b)
	case lab.Edits:
		if !json.Valid([]byte(v)) {
			return nil, usage("--%s wants JSON, as docs/plan.md describes it, or @FILE", d.Name)
		}
	default:
		raw, err := json.Marshal(v)
		return raw, err
	}
	return json.RawMessage(v), nil
}

// fromFile reads @FILE, and @- from standard input; other values are themselves.
func fromFile(e *env, v string) (string, error) {
	name, ok := strings.CutPrefix(v, "@")
	if !ok || name == "" {
		return v, nil
	}
	var raw []byte
	var err error
	if name == "-" {
		raw, err = io.ReadAll(io.LimitReader(e.In, lab.MaxParams+1))
	} else {
		raw, err = os.ReadFile(name)
	}
	if err != nil {
		return "", errs.E("cli.Run", errs.NotFound, "the value @%s cannot be read: %w", name, err)
	}
	return strings.TrimSuffix(string(raw), "\n"), nil
}
