package token_test

import (
	"strings"
	"testing"

	"patchbay/shared/internal/refdata"
	"patchbay/shared/token"
	"patchbay/shared/weights"
)

const benchText = "In the early days of radio, engineers worked at long desks covered with sockets; every sound in the " +
	"building passed through the patch bay: 3 microphones, 12 tape machines.\n\tif (x == 0) { return y[i] + 1; }\n" +
	"人工智慧模型的內部有許多訊號,我們可以觀察並修改它們。\n"

func BenchmarkEncode(b *testing.B) {
	texts := map[string]string{
		"mixed":   strings.Repeat(benchText, 1<<20/len(benchText)),
		"letters": strings.Repeat("a", 1<<20),
	}
	for _, m := range models {
		tok := load(b, m.id)
		for name, text := range texts {
			b.Run(m.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := tok.Encode(text, token.Options{Special: true}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFromGGUF(b *testing.B) {
	for _, m := range models {
		file, err := weights.Open(refdata.Model(b, m.id))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := token.FromGGUF(file.Meta); err != nil {
					b.Fatal(err)
				}
			}
		})
		file.Close()
	}
}
