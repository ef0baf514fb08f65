package state

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"patchbay/shared/lab"
	"patchbay/shared/lab/vecfile"
)

func vec(name, model, digest string, layer int, values ...float32) lab.Vector {
	return lab.Vector{Name: name, Model: model, Digest: digest, Site: "hook_resid_post", Layer: layer, Values: values}
}

func TestVectorsAreKeptRenamedAndDeleted(t *testing.T) {
	b := newLesson(t)
	out := b.KeepVector(vec("mood", "pocket", "d1", 3, 1, 2))
	saved := slices.IndexFunc(out, func(e Effect) bool { s, ok := e.(Save); return ok && s.Key == "vectors" })
	if saved < 0 {
		t.Fatal("it is not kept in the browser")
	}
	b.do(b.KeepVector(vec("mood", "pocket", "d1", 3, 1, 2)))
	b.do(b.KeepVector(vec("mood", "pocket", "d1", 4, 1, 2)))
	if len(b.Vectors) != 2 || b.Vectors[1].Name != "mood 2" {
		t.Errorf("%+v", b.Vectors)
	}
	b.do(b.RenameVector(1, "mood"))
	b.do(b.RenameVector(0, " "))
	if b.Vectors[0].Name != "mood" || b.Vectors[1].Name != "mood 2" {
		t.Errorf("renamed to %q, %q", b.Vectors[0].Name, b.Vectors[1].Name)
	}
	b.do(b.DropVector(0))
	if len(b.Vectors) != 2 {
		t.Error("one click deletes")
	}
	b.do(b.DropVector(0))
	if len(b.Vectors) != 1 {
		t.Error("two clicks do not delete")
	}
	again := newLesson(t)
	again.OpenVectors(out[saved].(Save).Value)
	if len(again.Vectors) != 1 || !slices.Equal(again.Vectors[0].Values, lab.Floats{1, 2}) {
		t.Errorf("from the browser: %+v", again.Vectors)
	}
	again.OpenVectors("{broken")
	if len(again.Vectors) != 0 {
		t.Error("broken storage gives vectors")
	}
}

// A vector of another model is shown and refused, in words; so is one that a link brought.
func TestStrangeVectorsAreRefused(t *testing.T) {
	b := newLesson(t)
	for want, v := range map[string]lab.Vector{"made on gemma": vec("g", "gemma", "d2", 3, 1, 2), "it belongs to another model": vec("w", "pocket", "d1", 3, 1, 2, 3), "belongs to layer 12": vec("l", "pocket", "d1", 12, 1, 2)} {
		b.OpenVectors("")
		b.do(b.KeepVector(v))
		b.do(b.ChooseVector("vector", 0))
		if b.Page().Params["vector"] != nil || b.Notice == nil || !strings.Contains(b.T(b.Notice.Key, b.Notice.Args...), want) {
			t.Errorf("%s: %v, %+v", v.Name, b.Page().Params["vector"], b.Notice)
		}
	}
	v := vec("g", "gemma", "d2", 3, 1, 2)
	b.Page().Params["vector"] = &v
	if ok, why := b.CanRun(); ok || why != "run.vector" {
		t.Errorf("%v %q", ok, why)
	}
}

func TestVectorStorageIsBounded(t *testing.T) {
	b := newLesson(t)
	for i := range maxVectors + 3 {
		b.do(b.KeepVector(vec("v", "pocket", "d1", i, 1, 2)))
	}
	if len(b.Vectors) != maxVectors || b.Notice.Key != "vectors.many" {
		t.Errorf("%d kept, %+v", len(b.Vectors), b.Notice)
	}
	b.OpenVectors("")
	for i := range 12 {
		b.do(b.KeepVector(vec("big", "pocket", "d1", i, make([]float32, 50_000)...)))
	}
	if b.Notice.Key != "vectors.large" || len(b.Vectors) > 11 {
		t.Errorf("%d kept, %+v", len(b.Vectors), b.Notice)
	}
	b.do(b.Unsaved("vectors"))
	if b.Notice.Key != "vectors.full" || len(b.Vectors) == 0 {
		t.Error("a full browser loses vectors, or keeps silent")
	}
}

// What is exported is imported as it was, in each format, and so is what a result made.
func TestVectorFiles(t *testing.T) {
	b := newLesson(t)
	v := vec("mood: up/down", "pocket", "d1", 3, 1, -2)
	for _, format := range VectorFormats {
		f := b.SaveVector(&v, format)[0].(File)
		if strings.ContainsAny(f.Name, ":/ ") || !strings.HasSuffix(f.Name, "."+format) {
			t.Errorf("the file is called %q", f.Name)
		}
		b.OpenVectors("")
		b.do(b.UploadVectors(f.Name, f.Data))
		if len(b.Vectors) != 1 || b.Vectors[0].Layer != 3 || !slices.Equal(b.Vectors[0].Values, v.Values) || b.Vectors[0].Digest != "d1" {
			t.Errorf("%s gives %+v, %+v", format, b.Vectors, b.Notice)
		}
	}
	raw, _ := json.Marshal(outcomeOf(report()))
	b.OpenVectors("")
	b.do(b.UploadVectors("patchbay-steer.json", raw))
	if len(b.Vectors) != 1 || b.Vectors[0].Name != "mood" {
		t.Errorf("a result gives %+v", b.Vectors)
	}
	for _, data := range []string{"", "{", "[]", "not a vector", `{"name":"x"}`, strings.Repeat("x", MaxFile+1)} {
		b.do(b.UploadVectors("x.json", []byte(data)))
		if len(b.Vectors) != 1 || b.Notice.Key != "vectors.file" && b.Notice.Key != "file.big" {
			t.Errorf("%.20q: %+v", data, b.Notice)
		}
	}
	if _, err := vecfile.Read("x", []byte("GGUF")); err == nil {
		t.Error("half a file is a vector")
	}
}
