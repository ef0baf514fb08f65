// Command eval measures what Pocket shows, technique by technique, each beside its control, on the
// world's evaluation sets, and writes the table of the model's card. Where there is a lesson on the
// technique it runs that, and the row is what the lesson says; the others have plans here.
//
//	go run ./shared/world/eval -model public/models/pocket.gguf [-seed 1] [-only lens,hops] [-card public/models/pocket.md]
//
// A minute or two on two cores. With -card the table goes into the card, between its two marks. The seed must be the one that the text was written with.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
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
	card := flag.String("card", "", "a file whose measured part is replaced; empty: print it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := open(ctx, *path, world.New(*seed))
	var table bytes.Buffer
	if err == nil {
		err = b.report(*only, &table)
	}
	if err == nil {
		err = publish(*card, table.Bytes())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

// The marks of the card's measured part.
const cardBegin, cardEnd = "<!-- measured -->\n", "<!-- end of measured -->"

// publish prints the table, or puts it in the card.
func publish(card string, table []byte) error {
	if card == "" {
		_, err := os.Stdout.Write(table)
		return err
	}
	old, err := os.ReadFile(card)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(cardBegin))
	_, after, ends := bytes.Cut(rest, []byte(cardEnd))
	if !ok || !ends {
		return fmt.Errorf("%s lacks the marks %q and %q", card, cardBegin, cardEnd)
	}
	return os.WriteFile(card, slices.Concat(before, []byte(cardBegin), []byte("\n"), table, []byte("\n"+cardEnd), after), 0o644)
}

// report writes the table, then the details.
func (b *bench) report(only string, out io.Writer) error {
	var details []string
	fmt.Fprintf(out, "| technique | wanted | measured | control | met |\n|---|---|---|---|---|\n")
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
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", r.technique, r.wanted, r.measured, r.control, map[bool]string{true: "yes", false: "no"}[r.met])
			details = append(details, r.details...)
		}
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", m.name, time.Since(start).Seconds())
	}
	fmt.Fprintln(out)
	for _, d := range details {
		fmt.Fprintln(out, d)
	}
	return nil
}
