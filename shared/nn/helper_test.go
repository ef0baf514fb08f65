package nn

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"patchbay/shared/device"
	"patchbay/shared/device/ref"
	"patchbay/shared/hook"
	"patchbay/shared/internal/refdata"
	"patchbay/shared/weights"
)

// devices are the devices that every comparison runs on. Other files add theirs.
var devices = []struct {
	name string
	make func() (device.Device, error)
}{
	{"ref", func() (device.Device, error) { return ref.New(), nil }},
}

// exhaustive reports whether the long comparisons are asked for.
func exhaustive() bool { return os.Getenv("PATCHBAY_EXHAUSTIVE") != "" }

// each runs a test on every device.
func each(t *testing.T, f func(t *testing.T, dev device.Device)) {
	for _, d := range devices {
		t.Run(d.name, func(t *testing.T) {
			dev, err := d.make()
			if err != nil {
				t.Skip(err)
			}
			if d, ok := dev.(interface{ Close() }); ok {
				t.Cleanup(d.Close)
			}
			before := dev.Used()
			t.Cleanup(func() {
				if left := dev.Used() - before; left != 0 {
					t.Errorf("%d bytes are left on the device", left)
				}
			})
			f(t, dev)
		})
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// openModel loads a model file onto a device, for the length of a test.
func openModel(t testing.TB, dev device.Device, path string) *Model {
	t.Helper()
	file := must[*weights.Model](t)(weights.Open(path))
	t.Cleanup(func() { file.Close() })
	m := must[*Model](t)(Load(context.Background(), dev, file, Options{MaxTokens: 256}))
	t.Cleanup(m.Close)
	return m
}

// golden is a file of reference arrays.
type golden map[string][]float32

func readGolden(t testing.TB, elem ...string) golden {
	t.Helper()
	file := must[*weights.Model](t)(weights.Open(refdata.Path(t, elem...)))
	defer file.Close()
	g := golden{}
	for name, a := range file.Tensors {
		g[name] = must[[]float32](t)(a.Float32())
	}
	return g
}

func (g golden) ids(name string) []int32 {
	var out []int32
	for _, v := range g[name] {
		out = append(out, int32(v))
	}
	return out
}

func readJSON(t testing.TB, into any, elem ...string) {
	t.Helper()
	b := must[[]byte](t)(os.ReadFile(refdata.Path(t, elem...)))
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps the activations it is asked to see and applies edits by site name.
type recorder struct {
	want  func(name string) bool
	got   map[string][]float32
	shape map[string][]int
	edit  map[string]func(x []float32, pos int)
	order []string
	dev   device.Device
}

func record(dev device.Device, want func(name string) bool) *recorder {
	return &recorder{want: want, got: map[string][]float32{}, shape: map[string][]int{}, dev: dev}
}

func (r *recorder) Wants(p hook.Point) bool {
	return r.want(p.String()) || r.edit[p.String()] != nil
}

func (r *recorder) At(_ context.Context, p hook.Point, v Value) error {
	name, x := p.String(), make([]float32, v.Buf.Len())
	if err := r.dev.Download(x, v.Buf); err != nil {
		return err
	}
	if f := r.edit[name]; f != nil {
		f(x, v.Pos)
		r.dev.Upload(v.Buf, x)
	}
	r.got[name], r.shape[name], r.order = x, v.Shape, append(r.order, name)
	return nil
}

func everything(string) bool { return true }
func nothing(string) bool    { return false }

// rowError is the README's measure: the largest error of a row over max(1, its largest value).
// Infinities must stand at the same places.
func rowError(got, want []float32, n int) (float64, error) {
	if len(got) != len(want) || n == 0 || len(want)%n != 0 {
		return 0, fmt.Errorf("%d values where %d are needed, rows of %d", len(got), len(want), n)
	}
	worst := 0.0
	for r := 0; r < len(want); r += n {
		diff, top := 0.0, 1.0
		for i := r; i < r+n; i++ {
			a, b := float64(got[i]), float64(want[i])
			if math.IsInf(b, 0) || math.IsInf(a, 0) {
				if a != b {
					return 0, fmt.Errorf("%g where %g is needed", a, b)
				}
				continue
			}
			if math.IsNaN(a) {
				return 0, fmt.Errorf("NaN at %d", i)
			}
			diff, top = max(diff, math.Abs(a-b)), max(top, math.Abs(b))
		}
		worst = max(worst, diff/top)
	}
	return worst, nil
}

// compare checks one array and returns its error.
func compare(t testing.TB, name string, got, want []float32, row int, tol float64) float64 {
	t.Helper()
	e, err := rowError(got, want, row)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if e > tol {
		t.Errorf("%s: row error %.2g is above %.0g", name, e, tol)
	}
	return e
}

// download fetches a buffer.
func download(t testing.TB, dev device.Device, b device.Buffer) []float32 {
	t.Helper()
	x := make([]float32, b.Len())
	if err := dev.Download(x, b); err != nil {
		t.Fatal(err)
	}
	return x
}

// forward runs one pass without a cache and returns all logits.
func forward(t testing.TB, m *Model, ids []int32, taps Taps) []float32 {
	t.Helper()
	logits := must[device.Buffer](t)(m.Forward(context.Background(), Pass{IDs: ids, Taps: taps, Logits: AllLogits}))
	return download(t, m.dev, logits)
}
