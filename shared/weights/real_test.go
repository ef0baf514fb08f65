package weights_test

import (
	"testing"

	"patchbay/shared/internal/refdata"
	"patchbay/shared/tensor"
	"patchbay/shared/weights"
)

// TestRealGGUF opens the catalogue's models that are on this machine and reads what the engine
// and the tokenizer need.
func TestRealGGUF(t *testing.T) {
	for _, e := range weights.Catalogue() {
		t.Run(e.ID, func(t *testing.T) {
			m, err := weights.Open(refdata.Model(t, e.ID))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			arch, err := m.String("general.architecture")
			if err != nil || arch != e.Family {
				t.Errorf("architecture %q, %v; the catalogue says %q", arch, err, e.Family)
			}
			tokens, err := m.Strings("tokenizer.ggml.tokens")
			if err != nil {
				t.Fatal(err)
			}
			kinds, err := m.Ints("tokenizer.ggml.token_type")
			if err != nil || len(kinds) != len(tokens) {
				t.Errorf("%d token types, %v", len(kinds), err)
			}
			embd, err := m.Tensor("token_embd.weight")
			if err != nil {
				t.Fatal(err)
			}
			if width, err := m.Int(arch + ".embedding_length"); err != nil || embd.Rows() != len(tokens) || embd.Cols() != width {
				t.Errorf("embedding is [%d, %d], want [%d, %d], %v", embd.Rows(), embd.Cols(), len(tokens), width, err)
			}
			if m.Size != e.Size {
				t.Errorf("%d bytes, the catalogue says %d", m.Size, e.Size)
			}
			readRows(t, embd)
		})
	}
}

// readRows checks that rows read one by one equal rows read together.
func readRows(t *testing.T, w *weights.Tensor) {
	t.Helper()
	rb, err := w.DType.RowBytes(w.Cols())
	if err != nil {
		t.Fatal(err)
	}
	all, one := make([]byte, 3*rb), make([]byte, rb)
	last := w.Rows() - 3
	if err := w.ReadRows(all, last, 3); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := w.ReadRows(one, last+i, 1); err != nil || string(one) != string(all[i*rb:(i+1)*rb]) {
			t.Errorf("row %d differs, %v", last+i, err)
		}
	}
	if err := w.ReadRows(all, last+1, 3); err == nil {
		t.Error("read beyond the last row")
	}
}

// TestRealSafetensors reads a model directory of the reference.
func TestRealSafetensors(t *testing.T) {
	m, err := weights.Open(refdata.Path(t, "families", "gemma2"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	layers, err := m.Int("num_hidden_layers")
	if err != nil || layers < 1 {
		t.Errorf("%d layers, %v", layers, err)
	}
	w, err := m.Tensor("model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.Float32()
	if err != nil || len(v) != w.Rows()*w.Cols() || w.DType != tensor.F32 {
		t.Errorf("%d values of %v, %v", len(v), w.Shape, err)
	}
}

// BenchmarkOpenGemma is dominated by the vocabulary of 262,144 texts.
func BenchmarkOpenGemma(b *testing.B) {
	path := refdata.Model(b, "gemma3-270m")
	b.ReportAllocs()
	for b.Loop() {
		m, err := weights.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}
