package tensor

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"patchbay/shared/errs"
)

// TestDecodeGolden compares every stored type, bit for bit, with values that other packages
// decoded (testdata/golden.py).
func TestDecodeGolden(t *testing.T) {
	var golden map[string]struct{ Blocks, Values []byte }
	b, err := os.ReadFile("testdata/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for d := F32; d.Known(); d++ {
		g, ok := golden[d.String()]
		if !ok {
			t.Errorf("%s has no golden values", d)
			continue
		}
		got := make([]float32, len(g.Values)/4)
		Decode(d, got, g.Blocks)
		for i := range got {
			want := math.Float32frombits(binary.LittleEndian.Uint32(g.Values[4*i:]))
			if tol := tolerance(d, want); math.Abs(float64(got[i]-want)) > tol || math.IsInf(float64(got[i]), 0) != math.IsInf(float64(want), 0) {
				t.Fatalf("%s value %d: got %g, want %g", d, i, got[i], want)
			}
		}
	}
}

// tolerance is zero but for the types that add a minimum: numpy rounds twice where Go may fuse.
func tolerance(d DType, want float32) float64 {
	switch d {
	case Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K:
		return 1e-6 * max(1, math.Abs(float64(want)))
	}
	return 0
}

// TestDecodeByHand holds blocks one can compute on paper.
func TestDecodeByHand(t *testing.T) {
	half2 := []byte{0x00, 0x40} // 2.0
	q40 := append(append([]byte{}, half2...), make([]byte, 16)...)
	q40[2], q40[3] = 0xf0, 0x08 // element 0: code 0, element 16: code 15, element 1: code 8
	got := make([]float32, 32)
	Decode(Q4_0, got, q40)
	if got[0] != -16 || got[16] != 14 || got[1] != 0 {
		t.Errorf("Q4_0: got %v %v %v, want -16 14 0", got[0], got[16], got[1])
	}
	q80 := append(append([]byte{}, half2...), make([]byte, 32)...)
	q80[2], q80[33] = 0x80, 0x7f
	Decode(Q8_0, got, q80)
	if got[0] != -256 || got[31] != 254 {
		t.Errorf("Q8_0: got %v %v, want -256 254", got[0], got[31])
	}
}

// TestHalves checks every finite half against its definition.
func TestHalves(t *testing.T) {
	for h := range uint32(1 << 16) {
		exp, frac := int(h>>10&31), float64(h&1023)
		want := math.Ldexp(1+frac/1024, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(frac/1024, -14)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		got := float64(HalfToFloat(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("half %#04x: got %g, want %g", h, got, want)
		}
	}
}

func TestArrayRoundTrip(t *testing.T) {
	want := []float32{1, -2, 0.5, float32(math.Inf(1)), 1e-40, 7}
	a := FromFloat32(want, 2, 3)
	if err := a.Validate(); err != nil {
		t.Fatal(err)
	}
	want[0] = 99 // the array is a copy
	got, err := a.Float32()
	if err != nil || got[0] != 1 || got[4] != 1e-40 || len(got) != 6 || a.Len() != 6 {
		t.Fatalf("got %v, %v", got, err)
	}
	if v := FromFloat32(nil); v.Validate() != nil || len(v.Shape) != 1 || v.Len() != 0 {
		t.Errorf("an empty vector is %+v", v)
	}
	if s := FromFloat32([]float32{3}, []int{}...); s.Validate() != nil {
		t.Errorf("one value is %+v", s)
	}
}

func TestArrayValidate(t *testing.T) {
	huge := 1 << 40
	for _, c := range []struct {
		what string
		a    Array
		kind errs.Kind
	}{
		{"data too short", Array{F32, []int{2, 3}, make([]byte, 20)}, errs.Invalid},
		{"data too long", Array{F16, []int{2}, make([]byte, 5)}, errs.Invalid},
		{"negative dimension", Array{F32, []int{-1, -4}, make([]byte, 16)}, errs.Invalid},
		{"element count overflows", Array{I8, []int{huge, huge}, nil}, errs.TooLarge},
		{"overflow hidden by a zero", Array{I8, []int{huge, huge, 0}, nil}, errs.TooLarge},
		{"byte count overflows", Array{I64, []int{math.MaxInt/8 + 1}, nil}, errs.TooLarge},
		{"half a block", Array{Q4_K, []int{2, 128}, make([]byte, 144)}, errs.Invalid},
		{"scalar of blocks", Array{Q8_0, nil, make([]byte, 34)}, errs.Invalid},
		{"unknown type", Array{DType(200), []int{1}, make([]byte, 1)}, errs.Unsupported},
	} {
		if err := c.a.Validate(); errs.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: got %v, want kind %q", c.what, err, c.kind)
		}
		if _, err := c.a.Float32(); err == nil {
			t.Errorf("%s: decoded all the same", c.what)
		}
	}
}

func TestParseDType(t *testing.T) {
	for d := F32; d.Known(); d++ {
		if got, err := ParseDType(d.String()); got != d || err != nil {
			t.Errorf("%s: got %v, %v", d, got, err)
		}
	}
	if _, err := ParseDType("F8_E4M3"); errs.KindOf(err) != errs.Unsupported {
		t.Errorf("F8_E4M3: got %v", err)
	}
}

func BenchmarkDecodeQ4_1(b *testing.B) { benchDecode(b, Q4_1) }
func BenchmarkDecodeQ6_K(b *testing.B) { benchDecode(b, Q6_K) }
func BenchmarkDecodeF32(b *testing.B)  { benchDecode(b, F32) }

func benchDecode(b *testing.B, d DType) {
	n := 1 << 16
	size, _ := d.RowBytes(n)
	src, dst := make([]byte, size), make([]float32, n)
	b.SetBytes(int64(4 * n))
	b.ReportAllocs()
	for b.Loop() {
		Decode(d, dst, src)
	}
}
