package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
)

// preset finds an example of the experiment by name.
func preset(a lab.About, name string) (lab.Preset, error) {
	var names []string
	for _, p := range a.Presets {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return lab.Preset{}, errs.E("cli.Run", errs.NotFound, "%s has no presets", a.Name)
	}
	return lab.Preset{}, errs.E("cli.Run", errs.NotFound, "%s has no preset %.60q; it has %s", a.Name, name, strings.Join(names, ", "))
}

// over puts the parameters that were given on top of the preset's.
func over(p lab.Preset, given json.RawMessage) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{p.Params, given} {
		if len(raw) == 0 {
			continue
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, errs.E("cli.Run", errs.Invalid, "the parameters: %w", err)
		}
	}
	return json.Marshal(out)
}

// presetHelp lists the examples.
func presetHelp(w io.Writer, a lab.About) {
	if len(a.Presets) == 0 {
		return
	}
	fmt.Fprint(w, "\nPresets (--preset NAME takes its parameters and, without --model, its model):\n\n")
	for _, p := range a.Presets {
		fmt.Fprintf(w, "  %-15s %s, on %s\n", p.Name, p.Title, p.Model)
		if p.Said != "" {
			fmt.Fprintf(w, "%18s%s\n", "", p.Said)
		}
	}
}
