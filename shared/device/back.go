package device

import "math"

// Backer has the operations that gradients need beyond Device's. Every one takes the gradient dy
// to an operation's result and gives that to its input. Norms, softmax and activation functions
// have symmetric derivatives, so the same calls carry tangents forward.
//
// A device without it is served by HostBack, slowly.
type Backer interface {
	// MatMulT is dst [T, w.Cols] = y [T, w.Rows] times w: what MatMul's x gets.
	MatMulT(dst, y Buffer, T int, w Weight)
	// NormBack is Normalize's: x [T, n] is what was normalised. dst may be dy.
	NormBack(dst, dy, x Buffer, T, n int, eps float32, center bool)
	// SoftmaxBack is dst = p * (dy - sum of p*dy) for rows of p [rows, n]. dst may be dy.
	SoftmaxBack(dst, dy, p Buffer, rows, n int)
	// SoftCapBack is dst = dy * (1 - (y/limit)^2), 0 where y is infinite (masked). dst may be dy.
	SoftCapBack(dst, dy, y Buffer, limit float32)
	// ActBack is dst = dy * f'(x). dst may be dy.
	ActBack(dst, dy, x Buffer, f Act)
	// MixBack adds to dst [S, KVHeads, e] what Mix's values get: of each key, the sum over
	// queries and the heads of its group of pattern [Heads, T, S] times x [T, Heads, e].
	MixBack(dst, pattern, x Buffer, a Attn)
}

// The functions below are the operations on the host: what every Backer must equal.

// NormBackRow is the gradient through (x - mean) / sqrt(mean((x-mean)^2) + eps), where mean is 0
// unless center.
func NormBackRow(dst, dy, x []float32, eps float32, center bool) {
	n, mean, sq := float64(len(x)), 0.0, 0.0
	if center {
		for _, v := range x {
			mean += float64(v) / n
		}
	}
	for _, v := range x {
		sq += (float64(v) - mean) * (float64(v) - mean)
	}
	s := math.Sqrt(sq/n + float64(eps))
	along, level := 0.0, 0.0
	for i, v := range x {
		along += float64(dy[i]) * (float64(v) - mean) / s / n
		level += float64(dy[i]) / n
	}
	if !center {
		level = 0
	}
	for i, v := range x {
		dst[i] = float32((float64(dy[i]) - level - (float64(v)-mean)/s*along) / s)
	}
}

// SoftmaxBackRow is the gradient through a softmax that gave p.
func SoftmaxBackRow(dst, dy, p []float32) {
	sum := 0.0
	for i, v := range p {
		if v != 0 {
			sum += float64(v) * float64(dy[i])
		}
	}
	for i, v := range p {
		if v == 0 { // masked: whatever dy is there
			dst[i] = 0
			continue
		}
		dst[i] = float32(float64(v) * (float64(dy[i]) - sum))
	}
}

// SoftCapBackOne is the gradient through limit*tanh(x/limit), which gave y.
func SoftCapBackOne(dy, y, limit float32) float32 {
	if math.IsInf(float64(y), 0) {
		return 0
	}
	r := float64(y) / float64(limit)
	return float32(float64(dy) * (1 - r*r))
}

// ActSlope is the derivative of an activation function.
func ActSlope(f Act, x float64) float64 {
	switch f {
	case SiLU:
		s := 1 / (1 + math.Exp(-x))
		return s * (1 + x*(1-s))
	case GELUTanh:
		c := math.Sqrt(2 / math.Pi)
		t := math.Tanh(c * (x + 0.044715*x*x*x))
		return 0.5*(1+t) + 0.5*x*(1-t*t)*c*(1+3*0.044715*x*x)
	case GELU:
		return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}
	if x > 0 {
		return 1
	}
	return 0
}

// MixBackRows is MixBack for heads lo ... hi-1 of the key/value heads.
func MixBackRows(dst, pattern, x []float32, a Attn, lo, hi int) {
	e, group := a.HeadDim, a.Heads/a.KVHeads
	sum := make([]float64, e)
	for kv := lo; kv < hi; kv++ {
		for j := range a.S {
			clear(sum)
			for h := kv * group; h < (kv+1)*group; h++ {
				for t := range a.T {
					p := float64(pattern[(h*a.T+t)*a.S+j])
					if p == 0 {
						continue
					}
					for i, v := range x[(t*a.Heads+h)*e:][:e] {
						sum[i] += p * float64(v)
					}
				}
			}
			for i, v := range dst[(j*a.KVHeads+kv)*e:][:e] {
				dst[(j*a.KVHeads+kv)*e+i] = float32(float64(v) + sum[i])
			}
		}
	}
}

// HostBack serves any device through the host. Its first error sticks in Err; operations after
// it do nothing.
type HostBack struct {
	Dev Device
	Err error
}

// Back gives the device's own operations, or those of the host.
func Back(dev Device) Backer {
	if b, ok := dev.(Backer); ok {
		return b
	}
	return &HostBack{Dev: dev}
}

// fetch downloads the first n elements.
func (h *HostBack) fetch(b Buffer, n int) []float32 {
	x := make([]float32, n)
	if h.Err == nil {
		h.Err = h.Dev.Download(x, b)
	}
	return x
}

func (h *HostBack) store(dst Buffer, x []float32) {
	if h.Err == nil {
		h.Dev.Upload(dst, x)
	}
}

// hostRows is how many rows of a weight are decoded at a time.
const hostRows = 64

// MatMulT implements Backer.
func (h *HostBack) MatMulT(dst, y Buffer, T int, w Weight) {
	rows, cols := w.Rows(), w.Cols()
	in, sum, out := h.fetch(y, T*rows), make([]float64, T*cols), make([]float32, T*cols)
	tmp, err := h.Dev.Alloc(hostRows * cols)
	if err != nil {
		h.Err = err
		return
	}
	defer h.Dev.Free(tmp)
	for r := 0; r < rows; r += hostRows {
		ids := make([]int32, min(hostRows, rows-r))
		for i := range ids {
			ids[i] = int32(r + i)
		}
		h.Dev.Gather(tmp, w, ids)
		part := h.fetch(tmp, len(ids)*cols)
		for i := range ids {
			AddRow(sum, in[r+i:], part[i*cols:(i+1)*cols], T, rows)
		}
	}
	for i, v := range sum {
		out[i] = float32(v)
	}
	h.store(dst, out)
}

// AddRow adds a row of weights times its part of each of T gradients: sum [T, len(row)], y[t*stride].
func AddRow(sum []float64, y, row []float32, T, stride int) {
	n := len(row)
	for t := range T {
		g := float64(y[t*stride])
		if g == 0 {
			continue
		}
		to := sum[t*n : (t+1)*n]
		for i, v := range row {
			to[i] += g * float64(v)
		}
	}
}

// NormBack implements Backer.
func (h *HostBack) NormBack(dst, dy, x Buffer, T, n int, eps float32, center bool) {
	g, in := h.fetch(dy, T*n), h.fetch(x, T*n)
	for t := 0; t < T*n; t += n {
		NormBackRow(g[t:t+n], g[t:t+n], in[t:t+n], eps, center)
	}
	h.store(dst, g)
}

// SoftmaxBack implements Backer.
func (h *HostBack) SoftmaxBack(dst, dy, p Buffer, rows, n int) {
	g, in := h.fetch(dy, rows*n), h.fetch(p, rows*n)
	for r := 0; r < rows*n; r += n {
		SoftmaxBackRow(g[r:r+n], g[r:r+n], in[r:r+n])
	}
	h.store(dst, g)
}

// SoftCapBack implements Backer.
func (h *HostBack) SoftCapBack(dst, dy, y Buffer, limit float32) {
	g, in := h.fetch(dy, y.Len()), h.fetch(y, y.Len())
	for i := range g {
		g[i] = SoftCapBackOne(g[i], in[i], limit)
	}
	h.store(dst, g)
}

// ActBack implements Backer.
func (h *HostBack) ActBack(dst, dy, x Buffer, f Act) {
	g, in := h.fetch(dy, x.Len()), h.fetch(x, x.Len())
	for i, v := range in {
		g[i] = float32(float64(g[i]) * ActSlope(f, float64(v)))
	}
	h.store(dst, g)
}

// MixBack implements Backer.
func (h *HostBack) MixBack(dst, pattern, x Buffer, a Attn) {
	out := h.fetch(dst, a.S*a.KVHeads*a.HeadDim)
	MixBackRows(out, h.fetch(pattern, a.Heads*a.T*a.S), h.fetch(x, a.T*a.Heads*a.HeadDim), a, 0, a.KVHeads)
	h.store(dst, out)
}
