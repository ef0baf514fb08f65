package plan

import (
	"context"

	"patchbay/shared/nn"
)

// generate runs the prompt and continues it, edits and reads included.
func (x *executor) generate(ctx context.Context, r *run, t *taps, o *outcome) error {
	g, stream := r.gen, x.env.Tokens.Stream()
	opts := nn.GenerateOptions{
		Count: g.Count, Temperature: g.Temperature, TopK: g.TopK, TopP: g.TopP, Seed: g.Seed, Taps: t,
		Progress: func(done, total int) { x.see.progress(r.name, "prefill", done, total) },
	}
	if g.StopAtEOS {
		opts.Stop = x.ends
	}
	opts.OnToken = func(s nn.Step) error {
		o.generated = append(o.generated, s.ID)
		chunk := ""
		if !x.env.Tokens.IsSpecial(s.ID) {
			chunk = stream.Write(s.ID)
		}
		o.text += chunk
		x.see.progress(r.name, "tokens", s.Index+1, g.Count)
		if x.see.Token != nil {
			x.see.Token(r.name, Token{s.ID, s.P, s.Margin, chunk})
		}
		return nil
	}
	out, err := nn.Generate(ctx, x.env.Model, r.ids, opts)
	if err != nil {
		return err
	}
	o.text += stream.Flush()
	if o.stop = out.Stop; o.stop == "stop" {
		o.stop = "eos"
	}
	return nil
}

// ends reports whether a token ends an answer.
func (x *executor) ends(id int32) bool {
	for _, e := range x.env.Tokens.EOS() {
		if e == id {
			return true
		}
	}
	return false
}
