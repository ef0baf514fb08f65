package scene

import "math"

// Theme is the palette of a picture.
type Theme struct {
	Paper, Card, Ink, Soft, Rule Color
	Low, High                    Color // the probability scale, 0 and 1
	Minus                        Color // with Low and High the scale of effects: -1, 0, 1
	Attention, MLP, Edit         Color
}

// The two palettes. The stylesheet has the same values.
var (
	Light = Theme{
		Paper: 0xfbfaf7ff, Card: 0xffffffff, Ink: 0x1c1c1eff, Soft: 0x6b6a66ff, Rule: 0xe4e1daff,
		Low: 0xf4f1eaff, High: 0x0b5e68ff, Minus: 0x6f3c96ff, Attention: 0x2f6db3ff, MLP: 0xb8740aff, Edit: 0xc2255cff,
	}
	Dark = Theme{
		Paper: 0x141416ff, Card: 0x1d1d20ff, Ink: 0xececeeff, Soft: 0xa5a4a0ff, Rule: 0x36363bff,
		Low: 0x2a2a2eff, High: 0x63cdd8ff, Minus: 0xc49bf0ff, Attention: 0x7db2eeff, MLP: 0xe5a94cff, Edit: 0xff6b9cff,
	}
)

// Scale is the colour of v between 0 and 1. Between 0.6 and 0.7 it goes quickly through the
// tones of middle lightness, on which neither black nor white is pleasant to read. The
// stylesheet's ramp has the same bends.
func (t Theme) Scale(v float32) Color {
	bends := [...][2]float32{{0, 0}, {0.6, 0.48}, {0.7, 0.78}, {1, 1}}
	if !(v > 0) { // NaN too
		return t.Low
	}
	for i := 1; i < len(bends); i++ {
		if a, b := bends[i-1], bends[i]; v < b[0] {
			return mix(t.Low, t.High, a[1]+(v-a[0])/(b[0]-a[0])*(b[1]-a[1]))
		}
	}
	return t.High
}

// Diverge is the colour of an effect between -1 and 1: purple takes away, teal adds.
func (t Theme) Diverge(v float32) Color {
	if v < 0 {
		t.High, v = t.Minus, -v
	}
	return t.Scale(v)
}

// On is a text colour that reads on a background, at least 4.5 to 1: white where that is
// enough, else the soft black of the page, else pure black; one of them always is.
func On(back Color) Color {
	const soft, black, white = 0x1c1c1eff, 0x000000ff, 0xffffffff
	switch {
	case Contrast(white, back) >= 4.5:
		return white
	case Contrast(soft, back) >= 4.5:
		return soft
	}
	return black
}

// Contrast is the WCAG contrast ratio of two opaque colours, 1 to 21.
func Contrast(a, b Color) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

func luminance(c Color) float64 {
	r, g, b, _ := c.rgba()
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func (c Color) rgba() (r, g, b, a uint8) {
	return uint8(c >> 24), uint8(c >> 16), uint8(c >> 8), uint8(c)
}

// mix blends two colours channel by channel.
func mix(a, b Color, t float32) Color {
	if !(t > 0) { // NaN too
		return a
	}
	t = min(t, 1)
	out := Color(0)
	for shift := 0; shift < 32; shift += 8 {
		x, y := float32(a>>shift&255), float32(b>>shift&255)
		out |= Color(x+(y-x)*t+0.5) << shift
	}
	return out
}
