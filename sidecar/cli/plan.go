package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/host"
	"patchbay/shared/tensor"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
	"patchbay/sidecar/store"
)

func runPlan(e *env, args []string) error {
	f := e.flags("plan")
	var t target
	t.flags(f)
	in := f.String("in", "", "the plan, a JSON `FILE` (docs/plan.md); - for standard input")
	out := f.String("out", "", "the `FILE` for what was read, as safetensors")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if *in == "" || *out == "" {
		return usage("a plan needs --in PLAN.json and --out READS.safetensors")
	}
	raw, err := readPlan(e, *in)
	if err != nil {
		return err
	}
	o, closeIt, err := t.open(e)
	if err != nil {
		return err
	}
	defer closeIt()
	start := time.Now()
	res, tensors, err := host.Plan(e.ctx, o.Bench, raw, e.events())
	if err != nil {
		return err
	}
	res.Seconds = time.Since(start).Seconds()
	e.endLine()
	text, err := json.Marshal(res)
	if err != nil {
		return err
	}
	if err := writeReads(*out, tensors, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.Out, "%s\n", text)
	return err
}

func readPlan(e *env, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(e.In)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, errs.E("cli.Plan", errs.NotFound, "the plan cannot be read: %w", err)
	}
	return raw, nil
}

// writeReads writes the tensors, with the result's JSON as the metadata's "msg", as on the
// wire. The file is whole or not there.
func writeReads(name string, tensors []wire.Tensor, msg []byte) error {
	var named []weights.Named
	for _, t := range tensors {
		named = append(named, weights.Named{Name: t.Name, Array: tensor.Array{DType: t.DType, Shape: t.Shape, Data: t.Data}})
	}
	return wholeFile(name, func(w io.Writer) error {
		return weights.WriteSafetensors(w, named, map[string]string{"msg": string(msg)})
	})
}

func tokenize(e *env, args []string) error {
	f := e.flags("tokenize")
	model := f.String("model", "", "a `MODEL` of the list, or the path of a GGUF file or model folder")
	chat := f.Bool("chat", false, "wrap the text in the model's chat template, as a user's turn")
	asJSON := f.Bool("json", false, "print the JSON that the wire carries")
	texts, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if *model == "" {
		return usage("name a model with --model; `patchbay models` lists them")
	}
	src, _, err := store.Open(e.ctx, *model)
	if err != nil {
		return err
	}
	defer src.Close()
	tok, err := host.Tokenizer(src, folder(*model))
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		raw, err := io.ReadAll(io.LimitReader(e.In, 16<<20))
		if err != nil {
			return err
		}
		texts = []string{string(bytes.TrimSuffix(raw, []byte("\n")))}
	}
	out, err := host.Tokenize(tok, texts[0], *chat)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.Out).Encode(out)
	}
	for _, t := range out.Tokens {
		fmt.Fprintf(e.Out, "%7d  %s\n", t.ID, token(t.Text))
	}
	e.say("%d tokens", len(out.Tokens))
	return nil
}
