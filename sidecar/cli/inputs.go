package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
	"patchbay/shared/lab/vecfile"
)

// readInput reads the file of @FILE, or standard input for @-, up to a limit in bytes.
func readInput(e *env, name string, limit int) ([]byte, error) {
	in := e.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, errs.E("cli.Run", errs.NotFound, "the value @%s cannot be read: %w", name, err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	if err != nil {
		return nil, errs.E("cli.Run", errs.NotFound, "the value @%s cannot be read: %w", name, err)
	}
	if len(raw) > limit {
		return nil, errs.E("cli.Run", errs.TooLarge, "%s has more than the %d bytes that are read: split it", name, limit)
	}
	return raw, nil
}

// listValue is the JSON of a parameter that is a list or a vector: the value itself, or a file's.
func listValue(e *env, d lab.Param, v string) (json.RawMessage, error) {
	name, isFile := strings.CutPrefix(v, "@")
	if !isFile {
		if !json.Valid([]byte(v)) {
			return nil, usage("--%s wants JSON, or @FILE", d.Name)
		}
		return json.RawMessage(v), nil
	}
	if d.Kind == lab.Dir {
		return vectorFile(e, name)
	}
	raw, err := readInput(e, name, lab.MaxParams)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		return nil, errs.E("cli.Run", errs.Invalid, "%s is no UTF-8 text: save it as UTF-8", name)
	}
	if t := bytes.TrimSpace(raw); len(t) > 0 && t[0] == '[' && json.Valid(t) {
		return t, nil
	}
	if d.Kind == lab.Texts {
		return textLines(name, string(raw))
	}
	return pairLines(name, string(raw))
}

// textLines are the lines of a file, empty ones left out.
func textLines(name, text string) (json.RawMessage, error) {
	list := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			list = append(list, line)
		}
	}
	if len(list) > lab.MaxItems {
		return nil, errs.E("cli.Run", errs.TooLarge, "%s has %d lines; at most %d are taken", name, len(list), lab.MaxItems)
	}
	return json.Marshal(list)
}

// heads are what a header row calls two columns.
var heads = []string{"a", "b", "first", "second", "positive", "negative", "pos", "neg", "for", "against", "x", "y", "question", "answer", "input", "output", "with", "without", "toward", "away", "from", "to", "source", "target", "side a", "side b"}

// pairLines reads CSV of two columns: quoted fields, a header row and tabs or semicolons in place
// of commas are all fine.
func pairLines(name, text string) (json.RawMessage, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.Comma = -1, separator(text)
	list := [][]string{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return nil, errs.E("cli.Run", errs.Invalid, "%s: line %d is no CSV (%v): put a text with commas or quotes in double quotes, and double the quotes inside", name, broken.Line, broken.Err)
		}
		if err != nil {
			return nil, errs.E("cli.Run", errs.Invalid, "%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		if len(row) != 2 {
			return nil, errs.E("cli.Run", errs.Invalid, "%s: line %d has %d columns; pairs have two: the first side and the second", name, line, len(row))
		}
		if len(list) == 0 && isHead(row) && line == 1 {
			continue
		}
		if row[0] == "" || row[1] == "" {
			return nil, errs.E("cli.Run", errs.Invalid, "%s: line %d has an empty side; a pair has two texts", name, line)
		}
		if list = append(list, row); len(list) > lab.MaxItems {
			return nil, errs.E("cli.Run", errs.TooLarge, "%s has more than %d pairs; that many are taken at most", name, lab.MaxItems)
		}
	}
	if len(list) == 0 {
		return nil, errs.E("cli.Run", errs.Invalid, "%s holds no pairs: each line is a text of the first side, a comma, and a text of the second", name)
	}
	return json.Marshal(list)
}

// separator is a tab or semicolon where the first line has one and no comma.
func separator(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	for _, c := range ",\t;" {
		if strings.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

func isHead(row []string) bool {
	for _, c := range row {
		if !slices.Contains(heads, strings.ToLower(strings.TrimSpace(c))) {
			return false
		}
	}
	return true
}

// vectorFile reads a vector; FILE#16 is that of layer 16, where a file has several.
func vectorFile(e *env, arg string) (json.RawMessage, error) {
	name, layer, chosen := strings.Cut(arg, "#")
	raw, err := readInput(e, name, vecfile.MaxBytes)
	if err != nil {
		return nil, err
	}
	list, err := vecfile.Read(name, raw)
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, v := range list {
		n := strconv.Itoa(v.Layer)
		if layers = append(layers, n); n == layer || !chosen && len(list) == 1 {
			return json.Marshal(v)
		}
	}
	return nil, errs.E("cli.Run", errs.NotFound, "%s has vectors for the layers %s: choose one, as in @%s#%s", name, strings.Join(layers, ", "), name, layers[len(layers)/2])
}

// saver checks where a vector is to go, before anything runs.
func saver(name string) (func(v []lab.Vector, architecture string, layers int) ([]byte, error), error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gguf":
		return vecfile.GGUF, nil
	case ".safetensors":
		return func(v []lab.Vector, _ string, _ int) ([]byte, error) { return vecfile.Safetensors(v) }, nil
	case ".json":
		return func(v []lab.Vector, _ string, _ int) ([]byte, error) {
			if len(v) == 1 {
				return json.MarshalIndent(v[0], "", "  ")
			}
			return json.MarshalIndent(map[string]any{"vectors": v}, "", "  ")
		}, nil
	}
	return nil, usage("--save-vector wants a file that ends in .gguf, .safetensors or .json, not %q", name)
}

// saveVectors writes what a run made.
func saveVectors(e *env, name string, out *lab.Outcome, b *lab.Bench) error {
	var r struct {
		Vectors []lab.Vector `json:"vectors"`
	}
	if err := json.Unmarshal(out.Result, &r); err != nil {
		return err
	}
	if len(r.Vectors) == 0 {
		return errs.E("cli.Run", errs.Invalid, "this run made no vector, so there is nothing to save in %s", name)
	}
	write, err := saver(name)
	if err != nil {
		return err
	}
	c := b.Model.Config()
	raw, err := write(r.Vectors, c.Arch, c.Layers)
	if err != nil {
		return err
	}
	if err := wholeFile(name, func(w io.Writer) error { _, err := w.Write(raw); return err }); err != nil {
		return err
	}
	e.say("saved %d vector(s) in %s", len(r.Vectors), name)
	return nil
}

// wholeFile writes a file whole or not at all. A killed run leaves no half file that looks whole.
func wholeFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".patchbay-*")
	if err != nil {
		return errs.E("cli.Write", errs.Invalid, "%s cannot be written: %w", name, err)
	}
	defer os.Remove(f.Name())
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errs.E("cli.Write", errs.Other, "%s cannot be written: %w", name, err)
	}
	return nil
}
