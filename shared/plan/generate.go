package plan

import (
	"patchbay/shared/nn"
)

// options continue a run's prompt and collect its text in o. Tokens are told to the observer
// where the run is alone.
func (x *executor) options(r *run, o *outcome, tell bool) nn.GenerateOptions {
	g := r.gen
	o.stream = x.env.Tokens.Stream()
	opts := nn.GenerateOptions{Count: g.Count, Temperature: g.Temperature, TopK: g.TopK, TopP: g.TopP, Seed: g.Seed}
	if g.StopAtEOS {
		opts.Stop = x.ends
	}
	if tell {
		opts.Progress = func(done, total int) { x.see.progress(r.name, "prefill", done, total) }
	}
	opts.OnToken = func(s nn.Step) error {
		o.generated = append(o.generated, s.ID)
		chunk := ""
		if !x.env.Tokens.IsSpecial(s.ID) {
			chunk = o.stream.Write(s.ID)
		}
		o.text += chunk
		if !tell {
			return nil
		}
		x.see.progress(r.name, "tokens", s.Index+1, g.Count)
		if x.see.Token != nil {
			x.see.Token(r.name, Token{s.ID, s.P, s.Margin, chunk})
		}
		return nil
	}
	return opts
}

// ended completes the text.
func (o *outcome) ended(made *nn.Generated) {
	o.text += o.stream.Flush()
	o.stream = nil
	if o.stop = made.Stop; o.stop == "stop" {
		o.stop = "eos"
	}
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
