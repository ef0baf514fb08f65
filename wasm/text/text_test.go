package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var slot = regexp.MustCompile(`\{\d\}|%\.?\d*[a-z]`)

// Each message is there in both languages and is given the same things to fill in.
func TestBothLanguagesSayTheSame(t *testing.T) {
	for k, m := range catalogue {
		if strings.TrimSpace(m.en) == "" || strings.TrimSpace(m.zh) == "" {
			t.Errorf("%s: a language is missing", k)
		}
		en, zh := slot.FindAllString(m.en, -1), slot.FindAllString(m.zh, -1)
		slices.Sort(en)
		slices.Sort(zh)
		if !slices.Equal(slices.Compact(en), slices.Compact(zh)) {
			t.Errorf("%s: English fills in %v, Chinese %v", k, en, zh)
		}
	}
}

// The Chinese is Traditional, in the words used in Taiwan: no character that only the
// simplified script has, and none of the mainland's terms for these things.
func TestChineseIsTraditional(t *testing.T) {
	for k, m := range catalogue {
		traditional(t, k, m.zh)
	}
}

func traditional(t *testing.T, k, zh string) {
	t.Helper()
	const simplified = "们这说时为对个来会过还没从见让当听问间关开头网电现书长东车马语读写记认识词证译试话该详请调课谁谈论议设许访讲误资费质购选进运远连边达适数据图层"
	if i := strings.IndexAny(zh, simplified); i >= 0 {
		t.Errorf("%s: simplified from %q on", k, zh[i:])
	}
	for _, word := range []string{"信息", "默認", "緩存", "內存", "線程", "激活", "程序", "文件夾", "加載", "運行", "鏈接", "概率"} {
		if strings.Contains(zh, word) {
			t.Errorf("%s: %s is not said so in Taiwan: %s", k, word, zh)
		}
	}
}

var (
	call    = regexp.MustCompile(`\bT\("([^"]+)"`)
	literal = regexp.MustCompile(`"([a-z_]+\.[a-z_.0-9]*)"`)
)

// Each message that the page asks for exists, and no message is left over.
func TestNoMessageIsMissingOrUnused(t *testing.T) {
	used := map[string]bool{}
	var prefixes []string
	for name, src := range sources(t) {
		for _, m := range call.FindAllStringSubmatch(src, -1) {
			if !Has(m[1]) && !strings.HasSuffix(m[1], ".") {
				t.Errorf("%s asks for %q, which is not in the catalogue", name, m[1])
			}
		}
		for _, m := range literal.FindAllStringSubmatch(src, -1) {
			used[m[1]] = true
			if strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1])
			}
		}
	}
	for k := range catalogue {
		if !used[k] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k, p) }) {
			t.Errorf("%q is in the catalogue and nowhere used", k)
		}
	}
}

// sources are the page's own files, generated code left out.
func sources(t *testing.T) map[string]string {
	out := map[string]string{}
	for _, dir := range []string{"../app", "../state"} {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(p, "_gen.go") || strings.HasSuffix(p, "_test.go") {
				return err
			}
			src, err := os.ReadFile(p)
			out[p] = string(src)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestPartsMarkWhatWasFilledIn(t *testing.T) {
	got := Parts(EN, "notice.calm", "12", "3.4")
	var plain string
	var strong []string
	for _, p := range got {
		plain += p.Text
		if p.Strong {
			strong = append(strong, p.Text)
		}
	}
	if plain != T(EN, "notice.calm", "12", "3.4") || !slices.Equal(strong, []string{"12", "3.4"}) {
		t.Errorf("%q, strong %q", plain, strong)
	}
	if T(ZH, "no.such.key") != "no.such.key" || T(EN, "notice.calm") == "" {
		t.Error("a wrong key or missing arguments must not break the page")
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		Bytes(98362432): "98 MB", Bytes(1117320768): "1.12 GB", Bytes(2_300_000): "2.3 MB", Bytes(12): "12 B",
		Prob(0.9667): "0.967", Prob(0.0001): "<0.001", Prob(0): "0.000",
		Sci(2.9e-7): "3e-7", Sci(0): "0", Seconds(0.042): "42 ms", Seconds(0.62): "620 ms", Seconds(12.34): "12.3 s", Seconds(300): "5 min",
		Token(" the\n"): "·the⏎", Token(""): "∅", Token("\u00a0"): "⍽",
		Quote(EN, " Warsaw"): "“Warsaw”", Quote(ZH, " Warsaw"): "「Warsaw」", Quote(EN, " "): "“·”",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPickLanguage(t *testing.T) {
	for tag, want := range map[string]Lang{"zh-TW": ZH, "zh-Hant": ZH, "zh": ZH, "en-GB": EN, "pl": EN, "": EN} {
		if Pick(tag) != want {
			t.Errorf("%q gives %s", tag, Pick(tag))
		}
	}
}
