package nn

import "math"

// Rope is one set of rotation frequencies.
type Rope struct {
	Base   float64
	Linear float64 // positions are divided by it; 0 and 1: no scaling
	Llama3 *Llama3Rope
	// Factors divide each frequency, where a file brings them (llama.cpp's rope_freqs).
	Factors []float32
}

// Llama3Rope is the scaling of Llama 3.1: low frequencies are divided by Factor, high ones
// kept, those between blended.
type Llama3Rope struct {
	Factor, Low, High float64
	Original          float64 // context length of the first training
}

// frequencies are the angles per position of the pairs of a head, in radians.
func (r Rope) frequencies(rot int) []float64 {
	out := make([]float64, rot/2)
	for i := range out {
		f := math.Pow(r.Base, -2*float64(i)/float64(rot))
		if r.Llama3 != nil {
			f = r.Llama3.scale(f)
		}
		if r.Linear > 0 {
			f /= r.Linear
		}
		if r.Factors != nil {
			f /= float64(r.Factors[i])
		}
		out[i] = f
	}
	return out
}

// scale is the published blend (transformers, modeling_rope_utils).
func (s *Llama3Rope) scale(f float64) float64 {
	turns := s.Original * f / (2 * math.Pi) // in the first training's context
	switch {
	case turns < s.Low:
		return f / s.Factor
	case turns > s.High:
		return f
	}
	smooth := (turns - s.Low) / (s.High - s.Low)
	return (1-smooth)*f/s.Factor + smooth*f
}

// table holds cos then sin of every position's angles, [positions, rot].
func (r Rope) table(positions, rot int) []float32 {
	freq, out := r.frequencies(rot), make([]float32, positions*rot)
	for p := range positions {
		row := out[p*rot : (p+1)*rot]
		for i, f := range freq {
			s, c := math.Sincos(float64(p) * f)
			row[i], row[rot/2+i] = float32(c), float32(s)
		}
	}
	return out
}
