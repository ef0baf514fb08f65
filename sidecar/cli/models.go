package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"patchbay/shared/weights/pull"
	"patchbay/shared/wire"
	"patchbay/sidecar/store"
)

func models(e *env, args []string) error {
	f := e.flags("models")
	asJSON := f.Bool("json", false, "print the list as JSON, as the wire carries it")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	infos, err := new(store.Store).List(e.ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.Out).Encode(wire.Models{Models: infos})
	}
	w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tNAME\tSIZE\tHERE\tLICENCE")
	for _, m := range infos {
		here := "no"
		switch {
		case m.Here == m.Size:
			here = "yes"
		case m.Here > 0:
			here = size(m.Here)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.ID, m.Name, size(m.Size), here, m.Licence)
	}
	return w.Flush()
}

func pullModel(e *env, args []string) error {
	f := e.flags("pull")
	from := f.String("from", "", "take the model from this `FILE`; it must be the very same one")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usage("name the model to pull; `patchbay models` lists them")
	}
	stage := ""
	path, err := pull.Pull(e.ctx, names[0], pull.Options{From: *from, Progress: func(p pull.Progress) {
		if e.Terminal {
			e.progress(p.String())
		} else if p.Stage+p.Note != stage {
			stage = p.Stage + p.Note
			fmt.Fprintln(e.Err, p.String())
		}
	}})
	if err != nil {
		return err
	}
	e.endLine()
	fmt.Fprintln(e.Out, path)
	return nil
}
