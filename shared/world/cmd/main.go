// Command cmd writes the world of a seed: text.bin, the training text with its marks, sets.json,
// the evaluation sets, and truth.json, what holds.
//
//	go run ./shared/world/cmd -out DIR [-seed 1] [-documents 400000]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"patchbay/shared/world"
)

func main() {
	out := flag.String("out", "", "folder to write to; it is made if it does not exist")
	seed := flag.Uint64("seed", 1, "what is drawn")
	documents := flag.Int("documents", 600_000, "documents of training text, about 35 tokens each")
	flag.Parse()
	if *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(world.New(*seed), *out, *documents); err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

// write makes the three files.
func write(w *world.World, dir string, documents int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, v := range map[string]any{"truth.json": w.Truth(), "sets.json": w.Sets()} {
		if err := writeJSON(filepath.Join(dir, name), v); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, "text.bin"))
	if err != nil {
		return err
	}
	if err := w.Text(f, documents); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}
