// Package device is the small set of operations the transformer is made of, over opaque
// buffers, so that one engine runs on plain Go loops (device/ref, the oracle), on SIMD kernels
// (device/simd) and later on a GPU.
//
// The methods of Device are the split primitives. A fused operation is an optional interface,
// found by type assertion and tested equal to its split form. The engine (nn) decides which to
// use: fused when nobody looks at what lies between, split where someone does.
//
// Shapes are row-major; T is the number of rows (positions) of the call. Shapes that do not
// fit are a defect of the caller and panic; only what a caller cannot know beforehand (memory,
// reading a file, a lost GPU) is an error.
package device

import (
	"context"

	"patchbay/shared/tensor"
)

// Buffer is a float32 array that lives on a device.
type Buffer interface {
	// Len is the number of float32 elements.
	Len() int
	// Slice is the part of n elements from off; it shares memory and is never freed itself.
	Slice(off, n int) Buffer
}

// Weight is a matrix [Rows, Cols] that lives on a device in its stored type.
type Weight interface {
	Rows() int
	Cols() int
	DType() tensor.DType
}

// RowReader gives the stored bytes of a weight matrix, a few rows at a time, so that a device
// can take a model without a second copy of it in memory.
type RowReader interface {
	// ReadRows fills dst with rows row ... row+n-1; len(dst) is n times the row's size.
	ReadRows(dst []byte, row, n int) error
}

// Mode is the arithmetic of matrix-vector products over quantised weights (DESIGN, Engine).
type Mode uint8

const (
	// Exact has float32's own error: two int16 planes of activations per block of 32.
	Exact Mode = iota
	// Fast uses one plane: relative error about 7e-5. Never used without being named.
	Fast
)

// String is the mode's name as results carry it.
func (m Mode) String() string {
	if m == Fast {
		return "fast"
	}
	return "exact"
}

// Info describes a device to a person and to the planner.
type Info struct {
	Name    string  // "ref", "simd"
	Detail  string  // "avx512 vnni", "wasm relaxed"
	Threads int     // workers that kernels run on
	FLOPS   float64 // estimated matrix-matrix rate, FLOP/s; measured at start, used to cut slices
}

// Act is an activation function.
type Act uint8

// The activation functions of the supported families.
const (
	SiLU     Act = iota
	GELUTanh     // tanh approximation (Gemma, GPT-2)
	GELU         // by erf (GPT-NeoX)
	ReLU
)

// Attn describes one attention call: T query rows over S cached keys. Query row t stands at
// absolute position Pos+t and sees keys j <= Pos+t, of those only j > Pos+t-Window when Window > 0.
type Attn struct {
	T, S           int
	Pos            int
	Heads, KVHeads int // query heads, key/value heads; Heads is a multiple of KVHeads
	HeadDim        int
	Scale          float32 // multiplies q.k
	SoftCap        float32 // cap*tanh(x/cap) when > 0, before the mask
	Window         int
}

// Device runs the primitives. One goroutine uses it at a time (nn holds it for a pass).
type Device interface {
	Info() Info
	// Alloc gives n zeroed float32s, or errs.NoSpace with the bytes needed and available.
	Alloc(n int) (Buffer, error)
	Free(Buffer)
	// Load takes a weight matrix in its stored type.
	Load(dt tensor.DType, rows, cols int, src RowReader) (Weight, error)
	Unload(Weight)
	// Used is the number of bytes that buffers and weights occupy now.
	Used() int64

	Upload(dst Buffer, src []float32)
	// Download waits for all queued work. It is the only point of synchronisation.
	Download(dst []float32, src Buffer) error
	Copy(dst, src Buffer)

	// Gather decodes rows ids of w into dst [len(ids), w.Cols].
	Gather(dst Buffer, w Weight, ids []int32)
	// MatMul is dst [T, w.Rows] = x [T, w.Cols] times w transposed, plus bias [w.Rows] unless nil.
	MatMul(dst, x Buffer, T int, w Weight, bias Buffer, mode Mode)

	// Normalize divides each row of x [T, n] by scale = sqrt(mean(x^2)+eps); with center the
	// row's mean is subtracted first (LayerNorm). scale [T] may be nil. dst may be x.
	Normalize(dst, scale, x Buffer, T, n int, eps float32, center bool)
	// Affine is dst = x*weight + bias by row, x [T, n]; bias may be nil. dst may be x.
	Affine(dst, x, weight, bias Buffer, T, n int)
	// Rope rotates the first rot elements of each head of x [T, heads, headDim], halves against
	// each other, by the angles of table row pos[t]: cos [rot/2] then sin [rot/2]. dst may be x.
	Rope(dst, x Buffer, heads, headDim, rot int, pos []int32, table Buffer)

	// Scores is dst [Heads, T, S] = softcap(scale * q.k), -Inf where masked. q [T, Heads, e], k [S, KVHeads, e].
	Scores(dst, q, k Buffer, a Attn)
	// Softmax over rows of x [rows, n]; a row of -Inf only becomes zeros. dst may be x.
	Softmax(dst, x Buffer, rows, n int)
	// Mix is dst [T, Heads, e] = pattern [Heads, T, S] times v [S, KVHeads, e].
	Mix(dst, pattern, v Buffer, a Attn)

	// Act applies the function to every element. dst may be x.
	Act(dst, x Buffer, f Act)
	Add(dst, a, b Buffer)
	Mul(dst, a, b Buffer)
	Scale(dst, x Buffer, s float32)
	// SoftCap is limit*tanh(x/limit). dst may be x.
	SoftCap(dst, x Buffer, limit float32)
}

// Normer fuses Normalize and Affine.
type Normer interface {
	Norm(dst, x, weight, bias Buffer, T, n int, eps float32, center bool)
}

// Attender fuses Scores, Softmax and Mix without keeping the pattern. z [T, Heads, e].
type Attender interface {
	Attention(z, q, k, v Buffer, a Attn)
}

// Gater fuses dst = act(gate) * up, all of equal length. dst may be gate.
type Gater interface {
	Gate(dst, gate, up Buffer, f Act)
}

// Adder fuses MatMul with the addition to the residual: dst [T, w.Rows] += x w^T + bias.
type Adder interface {
	MatMulAdd(dst, x Buffer, T int, w Weight, bias Buffer, mode Mode)
}

// Ranker summarises rows of logits where they lie, so that whole vocabularies need not travel.
// Without it the caller downloads the rows and uses RankRow.
type Ranker interface {
	// Rank fills out[r] for each of the rows of logits [rows, n]; see RankRow.
	Rank(out []Ranking, logits Buffer, rows, n int, req RankRequest) error
}

// RankRequest says what to report of a row of logits.
type RankRequest struct {
	K      int     // how many of the largest to list
	Tokens []int32 // tokens whose log-probability and rank are wanted
	Final  Buffer  // logits [n] of the distribution to compare with, or nil
}

// Ranking is one row's summary. Natural logarithms throughout.
type Ranking struct {
	IDs      []int32   // [K] largest first, ties by lower id
	LogProbs []float32 // [K]
	TokenLP  []float32 // [len(Tokens)]
	Rank     []int32   // [len(Tokens)], 0 is the largest; ties count by lower id first
	Entropy  float32   // nats
	KL       float32   // KL(final || this row), nats; 0 when Final is nil
	LogZ     float32   // log of the sum of exp(logit)
}

// Yield is called between slices of at most 50 ms: it lets messages in (in a worker) and
// returns ctx's error once it is cancelled.
func Yield(ctx context.Context) error { return yield(ctx) }
