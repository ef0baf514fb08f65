package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"patchbay/shared/lab"
)

func help(e *env, args []string) error {
	if len(args) == 0 {
		overview(e.Out)
		return nil
	}
	for _, a := range lab.All() {
		if a.Name == args[0] {
			aboutExperiment(e.Out, a)
			return nil
		}
	}
	if args[0] == "run" {
		aboutRun(e.Out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] && c.name != "help" {
			return c.run(e, []string{"-h"})
		}
	}
	if args[0] == "help" {
		overview(e.Out)
		return nil
	}
	return usage("there is neither a command nor an experiment %q; `patchbay help` lists them", args[0])
}

func overview(w io.Writer) {
	fmt.Fprint(w, `Patchbay looks inside language models and changes what it finds there.

`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  patchbay %-9s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, "\nExperiments (patchbay run EXPERIMENT, patchbay help EXPERIMENT):\n\n")
	for _, a := range lab.All() {
		fmt.Fprintf(w, "  %-9s %s\n", a.Name, a.Help)
	}
	fmt.Fprint(w, `
A first look, 98 MB:

  patchbay pull smollm2-135m-instruct
  patchbay run lens --model smollm2-135m-instruct --prompt "The capital of Poland is"

Results go to standard output, progress to standard error. The exit code is 0, or
1 for a failure, 2 for a wrong command line, 3 when something is not there, 4 when
it was refused (too large, no room, not allowed), 130 when you stopped it.
Models lie in the user's cache folder, or in $PATCHBAY_MODELS.
`)
}

func aboutRun(w io.Writer) {
	fmt.Fprint(w, "patchbay run EXPERIMENT --model MODEL [--PARAM VALUE ...] [--json]\n\nRun an experiment and show its result. There are:\n\n")
	for _, a := range lab.All() {
		fmt.Fprintf(w, "  %-9s %s\n", a.Name, a.Help)
	}
	fmt.Fprint(w, "\nEach has parameters of its own: patchbay help EXPERIMENT. For all:\n\n"+common)
}

const common = `  --model MODEL     a model of the list, or the path of a GGUF file or model folder
  --mode MODE       exact (float32's own error, the default) or fast (7e-5)
  --device DEVICE   auto, simd, or ref (plain loops, slow and obviously right)
  --threads N       processors to use; 0, the default, for all
  --max-tokens N    longest text; 0, the default, for 2048 or what the model can
  --preset NAME     take the parameters and the model of an example
  --save-vector F   keep the vector that was made: .gguf (llama.cpp), .safetensors or .json
  --json            print the very JSON that the wire carries
`

// aboutExperiment is made from the registry, so that it cannot be out of date.
func aboutExperiment(w io.Writer, a lab.About) {
	fmt.Fprintf(w, "patchbay run %s --model MODEL [--PARAM VALUE ...]\n\n%s. %s\n", a.Name, a.Title, a.Help)
	if a.Source != "" {
		fmt.Fprintf(w, "Source: %s.\n", a.Source)
	}
	fmt.Fprint(w, "\nParameters:\n\n")
	for _, p := range a.Params {
		fmt.Fprintf(w, "  --%-15s %s\n%20s%s\n", p.Name, p.Help, "", bounds(p))
	}
	fmt.Fprint(w, "\nTexts, edits, lists and vectors may also be @FILE, or @- for standard input. Pairs are CSV\nof two columns or JSON, lists have an entry on each line, vectors are .gguf, .safetensors or .json.\n")
	presetHelp(w, a)
	fmt.Fprint(w, "\nFor all experiments:\n\n"+common)
}

func bounds(p lab.Param) string {
	var parts []string
	switch {
	case len(p.Choices) > 0:
		parts = append(parts, strings.Join(p.Choices, " or "))
	case p.Min != nil && p.Max != nil:
		parts = append(parts, fmt.Sprintf("%s, %v to %v", p.Kind, *p.Min, *p.Max))
	default:
		parts = append(parts, string(p.Kind))
	}
	if d, err := json.Marshal(p.Default); err == nil && string(d) != `""` && string(d) != "null" && string(d) != "[]" {
		parts = append(parts, "default "+string(d))
	}
	return "(" + strings.Join(parts, "; ") + ")"
}
