package plan

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"sync"
	"testing"

	"patchbay/shared/errs"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/nn"
	"patchbay/shared/tensor"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

var loaded = struct {
	sync.Mutex
	env map[string]Env
}{env: map[string]Env{}}

// bench loads a model of the catalogue once for all tests of the package.
func bench(t testing.TB, id string) Env {
	t.Helper()
	path := refdata.Model(t, id)
	loaded.Lock()
	defer loaded.Unlock()
	if e, ok := loaded.env[id]; ok {
		return e
	}
	file := must(weights.Open(path))(t)
	m := must(nn.Load(context.Background(), testDevice(t), file, nn.Options{MaxTokens: 512}))(t)
	tok := must(token.FromGGUF(file.Meta))(t)
	loaded.env[id] = Env{Model: m, Tokens: tok}
	return loaded.env[id]
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// execute checks and runs a plan.
func execute(t testing.TB, e Env, p *Plan) *Results {
	t.Helper()
	c := must(Check(p, e.Model, e.Tokens))(t)
	return must(Execute(context.Background(), e, c, Observer{}))(t)
}

func floats(t testing.TB, r *Results, name string) []float32 {
	t.Helper()
	a, ok := r.Tensors[name]
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	return must(a.Float32())(t)
}

// rowError is the largest error of a row over max(1, its largest value).
func rowError(got, want []float32) float64 {
	worst, size := 0.0, 1.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		size = max(size, math.Abs(float64(want[i])))
	}
	return worst / size
}

func readJSON(t testing.TB, v any, elem ...string) {
	t.Helper()
	data := must(os.ReadFile(refdata.Path(t, elem...)))(t)
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// shelf is a store in memory.
type shelf map[string]tensor.Array

func (s shelf) Vector(_ context.Context, name string) (tensor.Array, error) {
	a, ok := s[name]
	if !ok {
		return a, errs.E("shelf", errs.NotFound, "there is no vector %q here", name)
	}
	return a, nil
}

// facts is a small model that exists only on paper.
type facts struct{ cfg nn.Config }

func paper() facts {
	return facts{nn.Config{Arch: "llama", Layers: 3, Width: 8, Heads: 4, KVHeads: 2, HeadDim: 2, MLP: 16, Vocab: 300, Context: 64, Gated: true}}
}

func (f facts) Config() nn.Config { return f.cfg }
func (f facts) MaxTokens() int    { return f.cfg.Context }

// words is a tokenizer whose tokens are bytes, BOS first.
type words struct{}

const wordsBOS = 256

func (words) Encode(text string, o token.Options) ([]int32, error) {
	var ids []int32
	if o.BOS {
		ids = append(ids, wordsBOS)
	}
	for _, b := range []byte(text) {
		ids = append(ids, int32(b))
	}
	return ids, nil
}

func (words) Chat(m []token.Message, _ bool) (string, error) {
	return "<" + m[len(m)-1].Content + ">", nil
}
func (words) HasChat() bool { return true }
func (words) Size() int     { return 257 }

func (words) Bytes(id int32) []byte {
	if id < 0 || id > 255 {
		return nil
	}
	return []byte{byte(id)}
}

func (w words) Text(id int32) string { return string(w.Bytes(id)) }

func (words) One(text string) (int32, error) {
	if len(text) != 1 {
		return 0, errs.E("words.One", errs.Invalid, "%q is %d tokens", text, len(text))
	}
	return int32(text[0]), nil
}

func (f facts) Site(p hook.Point) ([]int, bool, error) { return f.cfg.Site(p) }
