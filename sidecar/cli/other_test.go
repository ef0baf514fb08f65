package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second model opens beside the first, by name or path as the first does; what is not there is said.
func TestSecondModel(t *testing.T) {
	const pocket = "../../public/models/pocket.gguf"
	raw, err := os.ReadFile(pocket)
	if err != nil {
		t.Skip(err)
	}
	twin := filepath.Join(t.TempDir(), "twin.gguf")
	if err := os.WriteFile(twin, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "patchscope", "--model", pocket, "--count", "1", "--step", "4", "--other"}
	code, out, errs := patchbay(t, "", append(args, twin)...)
	if code != 0 || !strings.Contains(errs, "loading "+twin+" too") || !strings.Contains(out, "logit lens") {
		t.Errorf("exit %d\n%s\n%s", code, out, errs)
	}
	t.Setenv("PATCHBAY_MODELS", t.TempDir())
	if code, _, errs = patchbay(t, "", append(args, "no-such-model")...); code != ExitNotFound || !strings.Contains(errs, "no-such-model") {
		t.Errorf("a model that is not known: exit %d: %s", code, errs)
	}
	if code, _, errs = patchbay(t, "", append(args, smollm)...); code != ExitNotFound || !strings.Contains(errs, "patchbay pull") {
		t.Errorf("a model that is not on this machine: exit %d: %s", code, errs)
	}
}
