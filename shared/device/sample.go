package device

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"patchbay/shared/tensor"
)

// sampleRows is a matrix of seeded random weights in a stored type, for self-tests and benchmarks.
type sampleRows struct {
	rowBytes int
	data     []byte
}

// ReadRows implements RowReader.
func (s sampleRows) ReadRows(dst []byte, row, n int) error {
	copy(dst, s.data[row*s.rowBytes:(row+n)*s.rowBytes])
	return nil
}

// halves lists where a block of a quantised type has its halves; the rest of it is random codes.
var halves = map[tensor.DType][]int{
	tensor.Q4_0: {0}, tensor.Q4_1: {0, 2}, tensor.Q5_0: {0}, tensor.Q5_1: {0, 2}, tensor.Q8_0: {0},
	tensor.Q4_K: {0, 2}, tensor.Q5_K: {0, 2}, tensor.Q6_K: {208},
}

// Sample gives random weights of about unit size divided by sqrt(cols), the same for the same seed. cols must
// be whole blocks of the type.
func Sample(dt tensor.DType, rows, cols int, seed uint64) RowReader {
	rng := rand.New(rand.NewPCG(seed, uint64(dt)))
	rb, err := dt.RowBytes(cols)
	if err != nil {
		panic(err)
	}
	s := sampleRows{rb, make([]byte, rows*rb)}
	size := 1 / math.Sqrt(float64(cols))
	if _, quantised := halves[dt]; quantised {
		sampleBlocks(dt, s.data, size, rng)
	} else {
		sampleFloats(dt, s.data, size, rng)
	}
	return s
}

func sampleFloats(dt tensor.DType, data []byte, size float64, rng *rand.Rand) {
	_, n := dt.Block()
	for i := 0; i < len(data); i += n {
		v := float32(rng.NormFloat64() * size)
		switch dt {
		case tensor.F32:
			binary.LittleEndian.PutUint32(data[i:], math.Float32bits(v))
		case tensor.BF16:
			binary.LittleEndian.PutUint16(data[i:], uint16(math.Float32bits(v)>>16))
		case tensor.F16:
			binary.LittleEndian.PutUint16(data[i:], sampleHalf(v))
		}
	}
}

// sampleBlocks fills everything with random bits and then puts sane scales where scales are.
func sampleBlocks(dt tensor.DType, data []byte, size float64, rng *rand.Rand) {
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], rng.Uint64())
	}
	_, block := dt.Block()
	scale := size * map[tensor.DType]float64{tensor.Q8_0: 1. / 64, tensor.Q4_K: 1. / 256, tensor.Q5_K: 1. / 512, tensor.Q6_K: 1. / 2048}[dt]
	if scale == 0 {
		scale = size / 8
	}
	for i := 0; i < len(data); i += block {
		for _, at := range halves[dt] {
			binary.LittleEndian.PutUint16(data[i+at:], sampleHalf(float32((rng.Float64()*2-1)*scale)))
		}
	}
}

// sampleHalf is a half near v, rounded towards zero, subnormal ones included.
func sampleHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign, exp := uint16(b>>16&0x8000), int(b>>23&255)-112
	if exp <= 0 {
		return sign | uint16(math.Abs(float64(v))*(1<<24))
	}
	return sign | uint16(exp<<10) | uint16(b>>13&1023)
}
