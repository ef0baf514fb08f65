package host

import (
	"context"
	"errors"
	"time"

	"patchbay/shared/device"
	"patchbay/shared/lab"
	"patchbay/shared/nn"
	"patchbay/shared/token"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
)

// Open puts a model on a device and makes the bench that experiments run on: the one way in,
// for the tab, the sidecar and the command line. Stages of progress: "load" (bytes), "measure".
func Open(ctx context.Context, dev device.Device, src *weights.Model, o LoadOptions) (*Opened, error) {
	tok, err := Tokenizer(src, o.Dir)
	if err != nil {
		return nil, err
	}
	m, err := nn.Load(ctx, dev, src, nn.Options{MaxTokens: o.MaxTokens, Mode: o.Mode, Progress: func(done, total int64) {
		o.progress("load", done, total)
	}})
	if err != nil {
		return nil, err
	}
	o.progress("measure", 0, 0)
	speed, err := measure(ctx, m, tok)
	if err != nil {
		m.Close()
		return nil, err
	}
	c := m.Config()
	return &Opened{ID: o.ID, Mode: o.Mode, Layers: c.Layers, Width: c.Width, Vocab: c.Vocab, Speed: speed, Close: m.Close,
		Bench: &lab.Bench{Model: m, Tokens: tok, Parity: parity(dev, src, o)}}, nil
}

func (o LoadOptions) progress(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(lab.Event{Stage: stage, Done: int(done), Total: int(total)})
	}
}

func parity(dev device.Device, src *weights.Model, o LoadOptions) lab.Parity {
	i := dev.Info()
	return lab.Parity{Model: o.ID, Digest: string(src.Digest), Device: i.Name, Detail: i.Detail, Mode: o.Mode.String(), SelfTest: o.SelfTest}
}

// Speed is measured over at most this many tokens and this long, so that loading stays quick.
const (
	measureTokens = 9
	measureTime   = 300 * time.Millisecond
)

var errEnough = errors.New("measured enough")

// measure gives the tokens per second of decoding, the prompt's own pass left out.
func measure(ctx context.Context, m *nn.Model, tok *token.Tokenizer) (float64, error) {
	bos, ok := tok.BOS()
	if !ok {
		bos = 0
	}
	var first, last time.Time
	n := 0
	_, err := nn.Generate(ctx, m, []int32{bos}, nn.GenerateOptions{Count: measureTokens, OnToken: func(nn.Step) error {
		last = time.Now()
		if n == 0 {
			first = last
		}
		if n++; n > 1 && last.Sub(first) > measureTime {
			return errEnough
		}
		return nil
	}})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	if d := last.Sub(first).Seconds(); d > 0 {
		return float64(n-1) / d, nil
	}
	return 0, nil
}

// Tokenizer makes the tokenizer of an opened model. A GGUF file has its own; of a model
// directory dir must be given.
func Tokenizer(src *weights.Model, dir string) (*token.Tokenizer, error) {
	if src.Format == "gguf" {
		return token.FromGGUF(src.Meta)
	}
	return folderTokenizer(dir)
}

// Tokenize gives a text's tokens as the model will read them, its first token included; with
// chat the text is a user's turn in the model's template.
func Tokenize(tok *token.Tokenizer, text string, chat bool) (wire.Tokenized, error) {
	o := token.Options{BOS: true}
	if chat {
		var err error
		if text, err = tok.Chat([]token.Message{{Role: "user", Content: text}}, true); err != nil {
			return wire.Tokenized{}, err
		}
		o = token.Options{Special: true}
	}
	ids, err := tok.Encode(text, o)
	if err != nil {
		return wire.Tokenized{}, err
	}
	out := wire.Tokenized{Tokens: make([]lab.TokenText, len(ids))}
	for i, id := range ids {
		out.Tokens[i] = lab.TokenText{ID: id, Text: tok.Text(id)}
	}
	return out, nil
}
