package lab

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/device/simd"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/nn"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

var loaded = struct {
	sync.Mutex
	bench map[string]*Bench
}{bench: map[string]*Bench{}}

func testDevice(t testing.TB) device.Device {
	if dev, err := simd.New(); err == nil {
		return dev
	}
	t.Log("no simd device in this build; the reference device is slow")
	return ref.New()
}

// bench loads a model of the catalogue once for all tests of the package.
func bench(t testing.TB, id string) *Bench {
	t.Helper()
	path := refdata.Model(t, id)
	loaded.Lock()
	defer loaded.Unlock()
	if b := loaded.bench[id]; b != nil {
		return b
	}
	file := must(weights.Open(path))(t)
	m := must(nn.Load(context.Background(), testDevice(t), file, nn.Options{MaxTokens: 512}))(t)
	loaded.bench[id] = &Bench{Model: m, Tokens: must(token.FromGGUF(file.Meta))(t), Parity: Parity{Model: id}}
	return loaded.bench[id]
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

func readJSON(t testing.TB, v any, elem ...string) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile(refdata.Path(t, elem...)))(t), v); err != nil {
		t.Fatal(err)
	}
}

func run[R any](t testing.TB, b *Bench, name, params string, emit func(Event)) (*Outcome, R) {
	t.Helper()
	out := must(must(Get(name))(t).Run(context.Background(), b, json.RawMessage(params), emit))(t)
	var r R
	if err := json.Unmarshal(out.Result, &r); err != nil {
		t.Fatal(err)
	}
	return out, r
}

func marshal(t testing.TB, v any) string { return string(must(json.Marshal(v))(t)) }

// figure finds a result's figure.
func figureOf(t testing.TB, r Report, name string) Figure {
	t.Helper()
	for _, f := range r.Figures {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no figure %q", name)
	return Figure{}
}

// seriesOf finds a figure's series.
func seriesOf(t testing.TB, f Figure, name string) Series {
	t.Helper()
	for _, s := range f.Series {
		if s.Name.String() == name {
			return s
		}
	}
	t.Fatalf("figure %s has no series %q", f.Name, name)
	return Series{}
}

// refused runs an experiment that must fail, with the words in its error.
func refused(t testing.TB, b *Bench, name, params, words string) {
	t.Helper()
	_, err := must(Get(name))(t).Run(context.Background(), b, json.RawMessage(params), nil)
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s %s: the error is %v; it should say %q", name, params, err, words)
	}
}

// tinyBench loads one. Its vocabulary has no words, so Pocket's tokenizer only names the ids.
func tinyBench(t testing.TB, family string) *Bench {
	t.Helper()
	file := must(weights.Open(refdata.Path(t, "families", family)))(t)
	t.Cleanup(func() { file.Close() })
	file.Meta = nil
	if err := json.Unmarshal(must(os.ReadFile(refdata.Path(t, "families", family, "config.json")))(t), &file.Meta); err != nil {
		t.Fatal(err)
	}
	m := must(nn.Load(t.Context(), testDevice(t), file, nn.Options{}))(t)
	t.Cleanup(m.Close)
	return &Bench{Model: m, Tokens: pocketBench(t).Tokens, Parity: Parity{Model: family}}
}

// pocketBench loads the model of the repository.
func pocketBench(t testing.TB) *Bench {
	t.Helper()
	t.Setenv("PATCHBAY_MODELS", "../../public/models")
	return bench(t, "pocket")
}

func tinyIDs(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(7*i%97 + 3)
	}
	return ids
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-4*max(1, math.Abs(want)) {
		t.Errorf("%s: %.6f, want %.6f", what, got, want)
	}
}
