package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocument checks that every threat is there and that the tests it names exist.
func TestSecurityDocument(t *testing.T) {
	raw, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := definedTests(t)
	row := regexp.MustCompile("(?m)^\\| (T\\d+) \\|.*\\| (`.*`) \\|$")
	seen := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
		seen[m[1]] = true
		for _, name := range strings.Fields(strings.ReplaceAll(m[2], "`", " ")) {
			if !defined[name] {
				t.Errorf("%s names %s, which is no test", m[1], name)
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d threats have a row, want T1 to T16", len(seen))
	}
}

func definedTests(t *testing.T) map[string]bool {
	t.Helper()
	defined := map[string]bool{}
	decl := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, "_test.go") {
			return err
		}
		src, err := os.ReadFile(p)
		for _, m := range decl.FindAllStringSubmatch(string(src), -1) {
			defined[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return defined
}
