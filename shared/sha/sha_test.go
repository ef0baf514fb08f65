package sha

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

func TestPlainIsTheStandardLibrary(t *testing.T) {
	data := make([]byte, 1000)
	rand.NewChaCha8([32]byte{1}).Read(data)
	for n := range data {
		p := newPlain()
		for rest := data[:n]; len(rest) > 0; {
			k := min(len(rest), 1+n%97)
			p.Write(rest[:k])
			rest = rest[k:]
			p.Sum(nil) // asking in between changes nothing
		}
		if want := sha256.Sum256(data[:n]); !bytes.Equal(p.Sum(nil), want[:]) {
			t.Fatalf("%d bytes: %x, want %x", n, p.Sum(nil), want)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	b.ReportAllocs()
	data := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	p := newPlain()
	for b.Loop() {
		p.Write(data)
	}
}
