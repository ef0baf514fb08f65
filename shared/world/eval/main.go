// Command eval measures what Pocket shows, technique by technique, each beside its control, with
// this engine's plans on the world's evaluation sets, and writes the table of the model's card.
//
//	go run ./shared/world/eval -model public/models/pocket.gguf [-seed 1] [-only lens,hops]
//
// A few minutes on two cores. The seed must be the one that the text was written with.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"patchbay/shared/world"
)

// row is a line of the table. Details are lines below the table.
type row struct {
	technique, wanted, measured, control string
	met                                  bool
	details                              []string
}

// measures in the order of the table.
var measures = []struct {
	name    string
	measure func(*bench) ([]row, error)
}{
	{"tasks", measureTasks}, {"algebra", measureAlgebra}, {"refusal", measureRefusal}, {"voices", measureVoices},
	{"lens", measureLens}, {"latent", measureLatent}, {"identity", measureIdentity}, {"hops", measureHops},
	{"neuron", measureNeurons}, {"circuit", measureCircuit}, {"linear", measureLinear}, {"sae", measureSAE}, {"years", measureYears},
}

func main() {
	path := flag.String("model", "public/models/pocket.gguf", "the model")
	seed := flag.Uint64("seed", 1, "of the world")
	only := flag.String("only", "", "names of measures, comma-separated; empty: all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := open(ctx, *path, world.New(*seed))
	if err == nil {
		err = b.report(*only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

// report prints the table, then the details.
func (b *bench) report(only string) error {
	var details []string
	fmt.Printf("| technique | wanted | measured | control | met |\n|---|---|---|---|---|\n")
	for _, m := range measures {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		start := time.Now()
		rows, err := m.measure(b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range rows {
			fmt.Printf("| %s | %s | %s | %s | %s |\n", r.technique, r.wanted, r.measured, r.control, map[bool]string{true: "yes", false: "no"}[r.met])
			details = append(details, r.details...)
		}
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", m.name, time.Since(start).Seconds())
	}
	fmt.Println()
	for _, d := range details {
		fmt.Println(d)
	}
	return nil
}
