package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patchbay/shared/lab"
)

// words is a text of a lesson with where it stands.
type words struct{ text, at string }

// lessonWords are the English texts of shared/lab by lesson: the literals in say(...), as its
// sources have them, and what the registry says.
func lessonWords(t *testing.T) map[string][]words {
	t.Helper()
	fset := token.NewFileSet()
	files, err := filepath.Glob("../../shared/lab/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources of the lessons", err)
	}
	parsed := map[string]*ast.File{}
	consts := map[string]ast.Expr{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed[name] = f
		constants(f, consts)
	}
	out := map[string][]words{}
	for name, f := range parsed {
		lesson := lessonOf(filepath.Base(name))
		ast.Inspect(f, func(n ast.Node) bool {
			for _, e := range texts(n) {
				at := filepath.Base(name) + ":" + strconv.Itoa(fset.Position(n.Pos()).Line)
				s, ok := constant(e, consts)
				if !ok {
					t.Errorf("%s: the text is no literal, so that no translation of it can be looked up", at)
				} else if s != "" {
					out[lesson] = append(out[lesson], words{s, at})
				}
			}
			return true
		})
	}
	for _, a := range lab.All() {
		if a.Lesson != nil {
			out[a.Name] = append(out[a.Name], aboutWords(a)...)
		}
	}
	return out
}

// lessonOf is the lesson that a source file belongs to, "lab" for what all share.
func lessonOf(file string) string {
	name := strings.TrimPrefix(strings.TrimSuffix(file, ".go"), "data_")
	name, _, _ = strings.Cut(name, "_")
	if _, own := ownWords[name]; own || name == "lens" || name == "generate" {
		return name
	}
	return "lab"
}

func constants(f *ast.File, into map[string]ast.Expr) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for i := range min(len(v.Names), len(v.Values)) {
					into[v.Names[i].Name] = v.Values[i]
				}
			}
		}
	}
}

// texts are the expressions of a node that hold texts for the reader.
func texts(n ast.Node) []ast.Expr {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return nil
	}
	if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "say" {
		return call.Args[:1]
	}
	return nil
}

// aboutWords are the texts of a registry's entry. Choices are left out: one without a
// translation is shown as it is.
func aboutWords(a lab.About) []words {
	var out []words
	add := func(at, s string) {
		if s != "" {
			out = append(out, words{s, "About of " + a.Name + ", " + at})
		}
	}
	if !Has("lesson." + a.Name) {
		add("title", a.Title)
	}
	add("help", a.Help)
	if l := a.Lesson; l != nil {
		add("idea", l.Idea)
		add("predict", l.Predict)
		add("fails", l.Fails)
		for _, g := range l.Guesses {
			add("guesses", g)
		}
	}
	for _, p := range a.Params {
		if p.Label != "" || !Has("param."+p.Name) {
			add(p.Name, p.Label)
		}
		add(p.Name, p.Help)
	}
	for _, p := range a.Presets {
		add("preset "+p.Name, p.Title)
		add("preset "+p.Name, p.Said)
	}
	return out
}

// constant is a fixed text, put together of several or named, too.
func constant(e ast.Expr, consts map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		a, okA := constant(e.X, consts)
		b, okB := constant(e.Y, consts)
		return a + b, okA && okB && e.Op == token.ADD
	case *ast.Ident:
		if c, ok := consts[e.Name]; ok {
			return constant(c, consts)
		}
	case *ast.ParenExpr:
		return constant(e.X, consts)
	}
	return "", false
}

// ownWords names the file of words and the map in it for each lesson of the registry.
var ownWords = map[string]string{"neuron": "wordsNeuron", "steer": "wordsSteer", "icv": "wordsIcv", "algebra": "wordsAlgebra",
	"language": "wordsLanguage", "residual": "wordsResidual", "patchscope": "wordsPatchscope", "backpatch": "wordsBackpatch"}

// Each text of a lesson has its Chinese, with the same things to fill in.
func TestLessonsSpeakBothLanguages(t *testing.T) {
	all := lessonWords(t)
	for lesson, list := range all {
		t.Run(lesson, func(t *testing.T) {
			if lesson == "lens" || lesson == "generate" {
				t.Skip("pages of our own making have their words in the catalogue")
			}
			if _, err := os.Stat("words_" + lesson + ".go"); err != nil && lesson != "lab" {
				t.Skipf("words_%s.go is not written yet", lesson)
			}
			for _, w := range list {
				zh, ok := spoken[w.text]
				if !ok {
					t.Errorf("%s: no Chinese for %q", w.at, w.text)
					continue
				}
				sameSlots(t, w.at, w.text, zh)
			}
		})
	}
}

func sameSlots(t *testing.T, at, en, zh string) {
	t.Helper()
	a, b := slot.FindAllString(en, -1), slot.FindAllString(zh, -1)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(slices.Compact(a), slices.Compact(b)) {
		t.Errorf("%s: English fills in %v, Chinese %v: %s", at, a, b, zh)
	}
}

// Every file of words is joined, and its Chinese is Traditional.
func TestWordsAreJoinedAndTraditional(t *testing.T) {
	src, err := os.ReadFile("say.go")
	if err != nil {
		t.Fatal(err)
	}
	for lesson, name := range ownWords {
		if _, err := os.Stat("words_" + lesson + ".go"); err == nil && !strings.Contains(string(src), name) {
			t.Errorf("words_%s.go is there and %s is not joined in say.go", lesson, name)
		}
	}
	for en, zh := range spoken {
		if strings.TrimSpace(zh) == "" {
			t.Errorf("%q has an empty Chinese", en)
		}
		traditional(t, en, zh)
	}
}

// The registry's parameters of the pages of our own making have their words in the catalogue.
func TestOwnPagesParametersAreInTheCatalogue(t *testing.T) {
	for _, file := range []string{"lens.go", "generate.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../../shared/lab", file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, _ := kv.Key.(*ast.Ident)
			lit, _ := kv.Value.(*ast.BasicLit)
			if key == nil || lit == nil || key.Name != "Name" {
				return true
			}
			name, _ := strconv.Unquote(lit.Value)
			boxed := name == "prompt" || name == "edits" || name == "lens" || name == "generate" || name == "text"
			if !boxed && (!Has("param."+name) || !Has("help."+name)) && name == strings.ToLower(name) {
				t.Errorf("%s: the parameter %q has no words", file, name)
			}
			return true
		})
	}
}
